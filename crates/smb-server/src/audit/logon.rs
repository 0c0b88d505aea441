//! Who came in, who did not, and who went.

use std::net::IpAddr;

use smb_wire::Status;
use zones::{AuditEvent, AuditObject, AuditRecord, AuditUser, Zone};

use super::{DOOR, named};
use crate::connection::Facts;
use crate::session::Listed;

/// Somebody who wanted to come in.
pub(crate) struct Logon<'a> {
    pub(crate) client: IpAddr,
    /// Message id of the last request.
    pub(crate) request: u64,
    pub(crate) session: u64,
    /// The name that was proved or claimed; empty where there is none.
    pub(crate) user: &'a str,
    pub(crate) uid: Option<u32>,
}

/// Records what a logon came to.
pub(crate) fn logged_on(facts: &Facts, zone: &Zone, logon: &Logon<'_>, status: Status) {
    let Some(trail) = zone.trail() else { return };
    let is_success = !status.is_error();
    let Some(event) = trail.recorded(Some(AuditEvent::Logon), is_success, false) else { return };
    let user: &str = logon.user.char_indices().nth(NAME_MAX).map_or(logon.user, |(end, _)| logon.user.split_at(end).0);
    trail.put(AuditRecord {
        time: facts.clock.now(),
        door: DOOR,
        client: logon.client,
        session: logon.session,
        request: logon.request,
        user: AuditUser { name: named(user), uid: logon.uid, claimed: None },
        event,
        operation: "SESSION_SETUP",
        status: status.name().unwrap_or("STATUS_UNKNOWN"),
        is_success,
        object: AuditObject::None,
        to: AuditObject::None,
    });
}

/// Records that a session ended: its client said so, or its connections were lost.
pub(crate) fn logged_off(facts: &Facts, listed: &Listed) {
    let session = &listed.session;
    let Some(zone) = facts.registry.zone(session.zone) else { return };
    let Some(trail) = zone.trail() else { return };
    let Some(event) = trail.recorded(Some(AuditEvent::Logoff), true, false) else { return };
    trail.put(AuditRecord {
        time: facts.clock.now(),
        door: DOOR,
        client: listed.client.ip().to_canonical(),
        session: session.id,
        request: 0,
        user: AuditUser { name: named(&session.user), uid: Some(session.credentials().uid), claimed: None },
        event,
        operation: "LOGOFF",
        status: "STATUS_SUCCESS",
        is_success: true,
        object: AuditObject::None,
        to: AuditObject::None,
    });
}

/// Characters of a claimed name that are kept.
const NAME_MAX: usize = 256;
