//! SESSION_SETUP with BINDING (MS-SMB2 3.3.5.5): a session of another connection is to be reached over this one too.

use std::sync::Arc;

use security::smb::SigningAlgorithm;
use smb_wire::negotiate::{Capabilities, Dialect};
use smb_wire::{HEADER_BYTES, HeaderFlags, Status};

use super::machine::Machine;
use super::negotiate::Terms;
use super::request::Incoming;
use crate::session::{Channel, Session, Standing};

impl Machine {
    /// The session of another connection of the zone that a request is signed with. Who holds its key is answered with it,
    /// also where there is nothing but an error to tell.
    ///
    /// Errors, in order: USER_SESSION_DELETED (no such session), ACCESS_DENIED (wrong signature).
    pub(super) fn elsewhere(&self, incoming: &Incoming<'_>) -> Result<Arc<Channel>, Status> {
        let session = self.facts.sessions.find(incoming.header.session_id);
        let zone = self.zone().map(|zone| zone.id());
        let session = session.filter(|session| Some(session.zone) == zone).ok_or(Status::USER_SESSION_DELETED)?;
        let channel = Channel::unbound(&session);
        let signer = channel.signer.as_ref().ok_or(Status::USER_SESSION_DELETED)?;
        let header = incoming.bytes.first_chunk::<HEADER_BYTES>().ok_or(Status::ACCESS_DENIED)?;
        let is_signed = incoming.header.flags.contains(HeaderFlags::SIGNED);
        let is_right = is_signed && signer.verify(header, [incoming.body]).is_ok();
        if is_right { Ok(Arc::new(channel)) } else { Err(Status::ACCESS_DENIED) }
    }

    /// The session that a connection may join, as its requests are signed until it has.
    ///
    /// Errors, in order: INVALID_PARAMETER (not signed), USER_SESSION_DELETED (no such session in the zone), ACCESS_DENIED
    /// (wrong signature), USER_SESSION_DELETED (it is over), REQUEST_OUT_OF_SEQUENCE (it signs by GMAC and the connection does not), NOT_SUPPORTED (the other way
    /// round), REQUEST_NOT_ACCEPTED (SMB 2), INVALID_PARAMETER (another dialect or cipher), REQUEST_NOT_ACCEPTED (a
    /// client that has one channel), NOT_SUPPORTED (nobody proved who it is).
    pub(super) fn joined(&self, incoming: &Incoming<'_>) -> Result<Arc<Channel>, Status> {
        if !incoming.header.flags.contains(HeaderFlags::SIGNED) {
            return Err(Status::INVALID_PARAMETER);
        }
        let terms = self.terms().ok_or(Status::INVALID_PARAMETER)?;
        let channel = self.elsewhere(incoming)?;
        let session = &channel.session;
        if session.life.is_over() {
            return Err(Status::USER_SESSION_DELETED);
        }
        is_alike(terms, session)?;
        if session.standing == Standing::Proved { Ok(channel) } else { Err(Status::NOT_SUPPORTED) }
    }
}

/// Whether a connection agreed on what the first one of a session did.
fn is_alike(terms: &Terms, session: &Session) -> Result<(), Status> {
    let first = &*session.terms;
    let by_gmac = |terms: &Terms| terms.signing == SigningAlgorithm::AesGmac;
    match (by_gmac(first), by_gmac(terms)) {
        (true, false) => return Err(Status::REQUEST_OUT_OF_SEQUENCE),
        (false, true) => return Err(Status::NOT_SUPPORTED),
        _ => {}
    }
    if matches!(terms.dialect, Dialect::SMB_2_0_2 | Dialect::SMB_2_1) {
        return Err(Status::REQUEST_NOT_ACCEPTED);
    }
    if (terms.dialect, terms.cipher) != (first.dialect, first.cipher) {
        return Err(Status::INVALID_PARAMETER);
    }
    if !terms.capabilities.contains(Capabilities::MULTI_CHANNEL) {
        return Err(Status::REQUEST_NOT_ACCEPTED);
    }
    Ok(())
}
