//! CREATE of what is open already: sent again, as its answer was lost (MS-SMB2 3.3.5.9.10), or by a client that comes back
//! to an open that outlived its connection (3.3.5.9.7, 3.3.5.9.12).

use std::sync::Arc;

use smb_wire::Status;
use smb_wire::codec::Utf16;
use smb_wire::create::{CreateAction, CreateRequest};
use vfs::{Attributes, Case, InodeId, LeaseGrant, OpContext, OpenId, TakeOverRequest, Vfs, WalkRequest};

use super::contexts::Wishes;
use super::durable::{Reconnect, owner};
use super::lease::Asked;
use super::name::components;
use super::{Told, answer};
use crate::answer::Answer;
use crate::dispatch::Call;
use crate::durable::{Durable, Waiting};
use crate::open_table::Open;
use crate::status;
use crate::tree::{Disk, Tree};

/// Answers a request that made an open of the session already. What is asked for of oplocks is answered as it would be, and
/// changes nothing.
///
/// Errors: ACCESS_DENIED (not with this lease), FILE_CLOSED, those of the house.
pub(super) async fn replay<V: Vfs>(
    call: &Call<'_, V>,
    (tree, disk): (&Tree, &Disk),
    (request, wishes): (&CreateRequest<'_>, &Wishes<'_>),
    open: &Arc<Open>,
) -> Result<Answer, Status> {
    let asked = Asked::of(call, request, wishes.lease);
    if key_of(asked) != open.lease {
        return Err(Status::ACCESS_DENIED);
    }
    let ctx = call.context(disk.root);
    let take = TakeOverRequest {
        open: open.id,
        from: call.session.session_id(),
        mailbox: Arc::clone(&call.session.mailbox),
        is_away: false,
    };
    let held = call.door.vfs.take_over(&ctx, take).map_err(status::of_error)?;
    let wanted = asked.map_or_else(LeaseGrant::default, |asked| match asked.request().key {
        Some(_) => held,
        None => LeaseGrant { state: held.state.and(asked.request().wanted), ..held },
    });
    let attributes = attributes(call, &ctx, open.inode).await?;
    let persistent = open.durable.clone().filter(|durable| durable.is_persistent);
    let granted = || wishes.durability.and_then(|asked| asked.granted(call, tree, (&attributes, wanted)));
    let durable = persistent.or_else(granted);
    let told = Told { action: open.action, durable: durable.as_ref(), lease: wanted };
    Ok(answer((wishes, asked), open, (&attributes, told)))
}

/// Gives an open back to its client, which lost its connection.
///
/// Errors, in order: OBJECT_NAME_NOT_FOUND (no such open that waits for this client, not by this name or lease),
/// ACCESS_DENIED (another user's), INVALID_PARAMETER (the name leads elsewhere), those of the house.
pub(super) async fn reconnect<V: Vfs>(
    call: &Call<'_, V>,
    (tree, disk): (&Tree, &Disk),
    (request, wishes): (&CreateRequest<'_>, &Wishes<'_>),
    reconnect: Reconnect,
) -> Result<Answer, Status> {
    let (file_id, guid) = match reconnect {
        Reconnect::First(file_id) => (file_id, None),
        Reconnect::Second(again) => (again.file_id, Some(again.create_guid)),
    };
    let id = OpenId(file_id.persistent);
    call.door.adopt_restored();
    let waiting = call.door.facts.parked.find(id).ok_or(Status::OBJECT_NAME_NOT_FOUND)?;
    if guid.is_some_and(|guid| guid != waiting.durable.create_guid.unwrap_or_default()) {
        return Err(Status::OBJECT_NAME_NOT_FOUND);
    }
    take_up(call, (tree, disk), (request, wishes), (id, (CreateAction::OPENED, None))).await
}

/// As [`reconnect`], for an open that is named rightly; it is told what is given.
pub(super) async fn take_up<V: Vfs>(
    call: &Call<'_, V>,
    (tree, disk): (&Tree, &Disk),
    (request, wishes): (&CreateRequest<'_>, &Wishes<'_>),
    (id, (action, durable)): (OpenId, (CreateAction, Option<&Durable>)),
) -> Result<Answer, Status> {
    let parked = &call.door.facts.parked;
    let asked = Asked::lease(call, wishes.lease);
    let waiting = parked.find(id).ok_or(Status::OBJECT_NAME_NOT_FOUND)?;
    check(call, tree, (&waiting, asked))?;
    let ctx = call.context(disk.root);
    if waiting.open.lease.is_some() && leads_to(call, (disk, &ctx), request.name).await != Some(waiting.open.file) {
        return Err(Status::INVALID_PARAMETER);
    }
    let waiting = parked.take(id).ok_or(Status::OBJECT_NAME_NOT_FOUND)?;
    let taken = call.door.take_up(&waiting, (&ctx, &call.session.mailbox)).await;
    let lease = taken.map_err(|_| Status::OBJECT_NAME_NOT_FOUND)?;
    let open = Arc::new(waiting.open.taken_up((tree.id, disk.rights), call.sequence().unwrap_or_default()));
    if let Some(claim) = &open.claim {
        claim.note(&open, call.session.id);
    }
    if let Some(instance) = &open.instance {
        instance.moved(call.session.id, call.terms.client_guid);
    }
    call.session.opens.put(Arc::clone(&open));
    let attributes = attributes(call, &ctx, open.inode).await?;
    Ok(answer((wishes, asked), &open, (&attributes, Told { action, durable, lease })))
}

/// Whether an open waits for this client.
///
/// Errors, in order: OBJECT_NAME_NOT_FOUND, ACCESS_DENIED.
fn check<V>(call: &Call<'_, V>, tree: &Tree, (waiting, asked): (&Waiting, Option<Asked>)) -> Result<(), Status> {
    let (caller, owner) = (owner(call, tree), &waiting.durable.owner);
    let is_of_client = waiting.open.lease.is_none() || owner.client == caller.client;
    let is_of_share = (owner.zone, &owner.share) == (caller.zone, &caller.share);
    if !is_of_client || !is_of_share || key_of(asked) != waiting.open.lease {
        return Err(Status::OBJECT_NAME_NOT_FOUND);
    }
    let is_its_own = owner.user == caller.user && call.session.is_proved();
    if is_its_own { Ok(()) } else { Err(Status::ACCESS_DENIED) }
}

fn key_of(asked: Option<Asked>) -> Option<vfs::LeaseKey> {
    asked.and_then(|asked| asked.request().key)
}

/// The file that a name leads to.
async fn leads_to<V: Vfs>(call: &Call<'_, V>, (disk, ctx): (&Disk, &OpContext), name: Utf16<'_>) -> Option<InodeId> {
    let path = components(name).ok()?.names;
    let request = WalkRequest { start: disk.root, path, case: Case::Insensitive };
    call.door.vfs.walk(ctx, request).await.ok().map(|found| found.attributes.inode)
}

async fn attributes<V: Vfs>(call: &Call<'_, V>, ctx: &OpContext, inode: InodeId) -> Result<Attributes, Status> {
    Ok(call.door.vfs.getattr(ctx, inode).await.map_err(status::of)?.attributes)
}
