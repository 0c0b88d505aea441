//! What of requests is recorded, where the zone records: put in when the outcome is known.

mod logon;
mod subject;

use std::sync::atomic::Ordering;

use smb_wire::{Command, Status};
use vfs::Vfs;
use zones::{AuditEvent, AuditObject, AuditRecord, AuditUser, Trail};

pub(crate) use self::logon::{Logon, logged_off, logged_on};
pub(crate) use self::subject::name_before;
use self::subject::{Subject, subjects};
use crate::answer::Answer;
use crate::dispatch::{Call, Refusal};
use crate::open_table::Open;
use crate::tree::Tree;

/// Records what a request came to. `before` is what its open was called before it.
pub(crate) fn tell<V: Vfs>(
    (call, trail): (&Call<'_, V>, &Trail),
    (command, tree): (Command, Option<&Tree>),
    before: Option<AuditObject>,
    outcome: &Result<Answer, Refusal>,
) {
    let status = match outcome {
        Ok(answer) => answer.status,
        Err(Refusal::Status(status)) => *status,
        Err(Refusal::Close) => return,
    };
    if status == Status::STOPPED_ON_SYMLINK {
        // Its client asks again, where the link leads.
        return;
    }
    let made = outcome.as_ref().ok().and_then(|answer| answer.file_id);
    for subject in subjects(call, (command, tree), (status, made), before) {
        record((call, trail), (command, status), subject);
    }
}

fn record<V: Vfs>((call, trail): (&Call<'_, V>, &Trail), (command, status): (Command, Status), subject: Subject) {
    // A file that has nothing more to read was read all the same.
    let is_success = !status.is_error() || (command == Command::READ && status == Status::END_OF_FILE);
    let is_denied = matches!(status, Status::ACCESS_DENIED | Status::PRIVILEGE_NOT_HELD);
    let Some(event) = trail.recorded(subject.event, is_success, is_denied) else { return };
    if subject.open.as_ref().is_some_and(|open| was_told(open, event, is_success)) {
        return;
    }
    let credentials = call.session.credentials();
    trail.put(AuditRecord {
        time: call.door.facts.clock.now(),
        door: DOOR,
        client: call.peer.client,
        session: call.session.id,
        request: call.request.header.message_id,
        user: AuditUser { name: named(&call.session.user), uid: Some(credentials.uid), claimed: None },
        event,
        operation: operation(command),
        status: status.name().unwrap_or("STATUS_UNKNOWN"),
        is_success,
        object: subject
            .object
            .unwrap_or_else(|| subject.open.as_ref().map_or(AuditObject::None, |open| open_object(call, open))),
        to: subject.to,
    });
}

/// Reading, writing and making are told once for each open.
fn was_told(open: &Open, event: AuditEvent, is_success: bool) -> bool {
    let bit = match event {
        AuditEvent::Create => CREATE_TOLD,
        AuditEvent::Read => 0b0010,
        AuditEvent::Write => 0b1000,
        _ => return false,
    };
    let bit = if is_success { bit } else { bit << 1 };
    open.told_events.fetch_or(bit, Ordering::Relaxed) & bit != 0
}

/// What an open is called now.
fn open_object<V: Vfs>(call: &Call<'_, V>, open: &Open) -> AuditObject {
    let named = call.door.vfs.open_state(&call.context(open.inode), open.id).ok().and_then(|state| state.name);
    match named {
        Some((directory, name)) => AuditObject::Child(directory, AuditObject::bounded(name.as_bytes())),
        None => AuditObject::Inode(open.file),
    }
}

fn named(user: &str) -> Option<Box<str>> {
    (!user.is_empty()).then(|| user.into())
}

/// `READ` of `SMB2 READ`.
fn operation(command: Command) -> &'static str {
    command.name().map_or("UNKNOWN", |name| name.trim_start_matches("SMB2 "))
}

/// Of an open that comes back it was told when it was made.
pub(crate) const CREATE_TOLD: u8 = 1 << 6;
const DOOR: &str = "smb";
