//! `/v1/locks`: the lock table, those of one file together.

use std::sync::Arc;

use admin_api::{LOCKS_PATH, List, Lock, LockHolder, LockKind, LockState, Page, Problem, rfc3339};
use vfs::{LockEntry, LockOwner, LockedWhat, Timestamp};
use zones::Zone;

use super::{seconds, served};
use crate::page::Asked;
use crate::window::Desk;

/// Entries from the place that the cursor names; at most [`LISTED_MAX`] of the table are reached.
#[utoipa::path(get, path = LOCKS_PATH, params(Page), summary = "Locks held and waited for, those of one file together.",
    responses((status = 200, body = List<Lock>)))]
pub(crate) fn locks(desk: &Desk, asked: &Asked) -> Result<List<Lock>, Problem> {
    let (zones, now) = (served(desk), desk.sources.now().0);
    let held = desk.sources.figures().house.locks;
    let total = held.held.saturating_add(held.waiting).saturating_add(held.shares);
    // Those of one zone may stand anywhere among the others.
    let wanted = if asked.zone.is_none() { asked.wanted().min(LISTED_MAX) } else { LISTED_MAX };
    let found = desk.sources.locks(wanted);
    let shown = found.iter().map(|entry| lock(entry, zone_of(&zones, entry), now));
    let shown = shown.filter(|lock| asked.is_about(lock.zone.as_deref()));
    Ok(asked.cut(shown, asked.zone.is_none().then_some(total)))
}

fn lock(entry: &LockEntry, zone: Option<&Zone>, now: Timestamp) -> Lock {
    let (kind, offset, length) = match entry.what {
        LockedWhat::Range(range, kind) => {
            let kind = if kind == vfs::LockKind::Shared { LockKind::Shared } else { LockKind::Exclusive };
            (kind, range.offset, Some(range.length).filter(|length| *length > 0))
        }
        LockedWhat::Share { .. } => (LockKind::Share, 0, None),
    };
    Lock {
        zone: zone.map(|zone| zone.name().to_owned()),
        client: entry.client.as_ref().map(|client| LockHolder {
            name: String::from_utf8_lossy(&client.name).into_owned(),
            address: client.address.to_string(),
        }),
        owner: owner(&entry.owner),
        export: zone.and_then(only_export),
        inode: entry.inode.number.0,
        state: match entry.state {
            vfs::LockState::Held => LockState::Held,
            vfs::LockState::Waiting => LockState::Waiting,
        },
        kind,
        offset,
        length,
        since: rfc3339(entry.since.seconds),
        age_s: seconds(entry.since, now),
    }
}

/// The zone that the client came to; else the one whose base the file lies in.
fn zone_of<'a>(zones: &'a [Arc<Zone>], entry: &LockEntry) -> Option<&'a Zone> {
    let came_to = |zone: &&Arc<Zone>| {
        let server = entry.client.as_ref().map(|client| client.server.to_canonical());
        server.is_some_and(|server| zone.definition().addresses().contains(&server))
    };
    let lies_in = |zone: &&Arc<Zone>| zone.root().shard == entry.inode.shard;
    zones.iter().find(came_to).or_else(|| zones.iter().find(lies_in)).map(AsRef::as_ref)
}

/// The export of every file of a zone that has no other.
fn only_export(zone: &Zone) -> Option<String> {
    let (first, rest) = zone.exports().split_first()?;
    let is_only = rest.iter().all(|export| export.id() == first.id());
    is_only.then(|| String::from_utf8_lossy(first.path()).into_owned())
}

/// Number and name that the client gave it, as the NFS door joins them: four bytes of `svid`, then `oh`.
fn owner(owner: &LockOwner) -> String {
    match owner {
        LockOwner::Open(open) => format!("open {}", open.0),
        LockOwner::Nlm { owner, .. } => match owner.split_first_chunk() {
            Some((number, name)) => format!("{} #{}", legible(name), u32::from_be_bytes(*number)),
            None => legible(owner),
        },
    }
}

/// Text when a client wrote text, as Linux does (`pid@host`), else hexadecimal.
fn legible(name: &[u8]) -> String {
    match std::str::from_utf8(name) {
        Ok(text) if text.chars().all(|one| one.is_ascii_graphic() || one == ' ') => text.to_owned(),
        _ => name.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// Entries of the table that can be listed.
const LISTED_MAX: usize = 10_000;
