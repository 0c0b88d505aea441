//! OPLOCK_BREAK: what clients are told of a lease that is taken back (MS-SMB2 3.3.4.6, 3.3.4.7), and what they answer
//! (3.3.5.22).

use std::sync::Arc;

use smb_wire::Status;
use smb_wire::codec::decode_body;
use smb_wire::create::{LeaseState as WireState, OplockLevel};
use smb_wire::oplock_break::{
    BreakAcknowledgment, LeaseBreakAcknowledgment, LeaseBreakFlags, LeaseBreakNotification, OplockBreak,
};
use vfs::{AcknowledgementRefusal, BreakAcknowledgement, LeaseBreak, LeaseKey, LeaseOwner, LeaseState, OpContext, Vfs};

use crate::answer::Answer;
use crate::connection::Replies;
use crate::create::{level_of, state_of, wire_state};
use crate::dispatch::Call;
use crate::open_table::Open;
use crate::session::Session;
use crate::status;
use crate::tree::Tree;

/// The notification of a break.
pub(crate) fn notification(session: &Arc<Session>, open: &Open, told: &LeaseBreak) -> Replies {
    let answer = match told.owner {
        LeaseOwner::Open(_) => Answer::success(&OplockBreak { level: level_of(told.to), file_id: open.file_id }),
        LeaseOwner::Key(key) => Answer::success(&LeaseBreakNotification {
            new_epoch: told.epoch.unwrap_or_default(),
            flags: if told.must_acknowledge { LeaseBreakFlags::ACK_REQUIRED } else { LeaseBreakFlags::empty() },
            lease_key: key.key.to_le_bytes(),
            current_state: wire_state(told.from),
            new_state: wire_state(told.to),
        }),
    };
    Replies::unasked(answer, session.must_encrypt.then(|| Arc::clone(session)))
}

/// A client has let go what it was asked to.
///
/// Errors, of an oplock: INVALID_PARAMETER (unreadable, a lease), FILE_CLOSED, INVALID_OPLOCK_PROTOCOL (it would keep more than was
/// left, or nothing was asked). Of a lease: OBJECT_NAME_NOT_FOUND, UNSUCCESSFUL (nothing was asked),
/// REQUEST_NOT_ACCEPTED.
pub(crate) fn acknowledge<V: Vfs>(call: &Call<'_, V>, tree: &Tree) -> Result<Answer, Status> {
    let request: BreakAcknowledgment = decode_body(&call.request.body).map_err(status::unreadable)?;
    match request {
        BreakAcknowledgment::Oplock(oplock) => acknowledge_oplock(call, tree, &oplock),
        BreakAcknowledgment::Lease(lease) => acknowledge_lease(call, tree, &lease),
    }
}

fn acknowledge_oplock<V: Vfs>(call: &Call<'_, V>, tree: &Tree, request: &OplockBreak) -> Result<Answer, Status> {
    let open = call.open(request.file_id, tree)?;
    let kept = match request.level {
        OplockLevel::NONE => LeaseState::NONE,
        OplockLevel::LEASE => return Err(Status::INVALID_PARAMETER),
        level => state_of(level).ok_or(Status::INVALID_OPLOCK_PROTOCOL)?,
    };
    call.session.answered(LeaseOwner::Open(open.id));
    let ctx = call.context(tree.root().unwrap_or(open.inode));
    let acknowledgement = |kept| BreakAcknowledgement { owner: LeaseOwner::Open(open.id), kept };
    let kept = call.door.vfs.acknowledge_break(&ctx, acknowledgement(kept)).map_err(|refusal| match refusal {
        AcknowledgementRefusal::Unknown | AcknowledgementRefusal::NotBreaking => Status::INVALID_OPLOCK_PROTOCOL,
        AcknowledgementRefusal::TooMuch => {
            // The break is over all the same, and nothing is left.
            let _ = call.door.vfs.acknowledge_break(&ctx, acknowledgement(LeaseState::NONE));
            Status::INVALID_OPLOCK_PROTOCOL
        }
    })?;
    Ok(Answer::success(&OplockBreak { level: level_of(kept), file_id: request.file_id }))
}

fn acknowledge_lease<V: Vfs>(
    call: &Call<'_, V>,
    tree: &Tree,
    request: &LeaseBreakAcknowledgment,
) -> Result<Answer, Status> {
    let client = u128::from_le_bytes(call.terms.client_guid.0);
    let key = LeaseKey { zone: call.zone.id(), client, key: u128::from_le_bytes(request.lease_key) };
    let kept = LeaseState {
        read: request.state.contains(WireState::READ),
        handle: request.state.contains(WireState::HANDLE),
        write: request.state.contains(WireState::WRITE),
    };
    call.session.answered(LeaseOwner::Key(key));
    let ctx: OpContext = call.context(tree.root().unwrap_or_default());
    let acknowledgement = BreakAcknowledgement { owner: LeaseOwner::Key(key), kept };
    let kept = call.door.vfs.acknowledge_break(&ctx, acknowledgement).map_err(|refusal| match refusal {
        AcknowledgementRefusal::Unknown => Status::OBJECT_NAME_NOT_FOUND,
        AcknowledgementRefusal::NotBreaking => Status::UNSUCCESSFUL,
        AcknowledgementRefusal::TooMuch => Status::REQUEST_NOT_ACCEPTED,
    })?;
    Ok(Answer::success(&LeaseBreakAcknowledgment { lease_key: request.lease_key, state: wire_state(kept) }))
}
