//! CHANGE_NOTIFY (MS-SMB2 3.3.5.19).

use std::future::poll_fn;
use std::sync::Arc;

use bytes::BytesMut;
use smb_wire::change_notify::{ChangeNotifyFlags, ChangeNotifyRequest};
use smb_wire::codec::{Utf16, decode_body};
use smb_wire::info::{EntryWriter, FileNotify, NotifyAction};
use smb_wire::{OutputResponse, Status};
use tokio::sync::{Mutex, OnceCell};
use vfs::acl::AccessMask;
use vfs::{Notice, NoticeKind, Noticed, Notices, OpContext, Vfs, WatchFilter, WatchRequest};

use crate::answer::Answer;
use crate::create::shown;
use crate::dispatch::Call;
use crate::open_table::Open;
use crate::status;
use crate::tree::Tree;

/// The watch of an open: the first call of it says what is heard, the later ones only ask what was.
pub(crate) type Watch = OnceCell<Watching>;

/// What an open watches.
#[derive(Debug)]
pub(crate) struct Watching {
    notices: Arc<Notices>,
    /// Bytes of an answer that the first call had room for; a change that does not fit is one too much for all.
    bytes_max: usize,
    /// Calls wait in the order in which they came.
    turn: Mutex<()>,
}

/// Tells what changed below a directory since the last call, or waits for it.
///
/// Errors, in order: INVALID_PARAMETER (unreadable, longer than was negotiated or paid for), FILE_CLOSED, INVALID_PARAMETER (no
/// directory), ACCESS_DENIED, DELETE_PENDING, those of the house, and those of a wait: CANCELLED, NOTIFY_CLEANUP (the open
/// went). NOTIFY_ENUM_DIR: more changed than there is room for.
pub(crate) async fn change_notify<V: Vfs>(call: &Call<'_, V>, tree: &Tree) -> Result<Answer, Status> {
    let request: ChangeNotifyRequest = decode_body(&call.request.body).map_err(status::unreadable)?;
    let limit = request.output_length;
    if limit > call.terms.transact_bytes_max || !call.is_paid(limit) {
        return Err(Status::INVALID_PARAMETER);
    }
    let open = call.open(request.file_id, tree)?;
    if !open.is_directory {
        return Err(Status::INVALID_PARAMETER);
    }
    if !open.granted.contains(AccessMask::READ_DATA) {
        return Err(Status::ACCESS_DENIED);
    }
    let ctx = call.context(tree.root().unwrap_or(open.inode));
    if call.door.vfs.open_state(&ctx, open.id).map_err(status::of_error)?.delete_pending {
        return Err(Status::DELETE_PENDING);
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let watching = open.watch.get_or_try_init(|| watch(call, (&ctx, &open), &request)).await?;
    let heard = call.wait(Some(&open), next(watching)).await;
    match heard.map_err(|interrupted| interrupted.status(Status::NOTIFY_CLEANUP))? {
        Noticed::Changes(changes) => Ok(told(&changes, limit.min(watching.bytes_max))),
        Noticed::TooMuch => Ok(too_much()),
        Noticed::Deleted => Err(Status::DELETE_PENDING),
    }
}

async fn watch<V: Vfs>(
    call: &Call<'_, V>,
    (ctx, open): (&OpContext, &Open),
    request: &ChangeNotifyRequest,
) -> Result<Watching, Status> {
    let notices = Arc::<Notices>::default();
    let asked = WatchRequest {
        open: open.id,
        recursive: request.flags.contains(ChangeNotifyFlags::WATCH_TREE),
        filter: WatchFilter(request.filter.bits()),
        notices: Arc::clone(&notices),
    };
    call.door.vfs.watch(ctx, asked).await.map_err(status::of)?;
    let bytes_max = usize::try_from(request.output_length).unwrap_or(usize::MAX);
    Ok(Watching { notices, bytes_max, turn: Mutex::new(()) })
}

async fn next(watching: &Watching) -> Noticed {
    let _turn = watching.turn.lock().await;
    poll_fn(|cx| watching.notices.poll(cx)).await
}

fn told(changes: &[Notice], limit: usize) -> Answer {
    let mut output = BytesMut::new();
    let mut writer = EntryWriter::new(&mut output, limit);
    let all_fit = changes.iter().all(|change| {
        let name = path(change);
        let name = Utf16::from_bytes(&name).unwrap_or_default();
        writer.push(&FileNotify { action: action(change.kind), name })
    });
    if all_fit { Answer::success(&OutputResponse { output: &output }) } else { too_much() }
}

/// The client has to list what is there.
fn too_much() -> Answer {
    Answer::new(Status::NOTIFY_ENUM_DIR, &OutputResponse { output: &[] })
}

fn path(change: &Notice) -> Vec<u8> {
    let mut units: Vec<u16> = Vec::new();
    for (place, name) in change.path.iter().enumerate() {
        if place > 0 {
            units.push(b'\\'.into());
        }
        units.extend(shown(name.as_bytes()));
    }
    units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
}

fn action(kind: NoticeKind) -> NotifyAction {
    match kind {
        NoticeKind::Added => NotifyAction::ADDED,
        NoticeKind::Removed => NotifyAction::REMOVED,
        NoticeKind::Modified => NotifyAction::MODIFIED,
        NoticeKind::RenamedFrom => NotifyAction::RENAMED_OLD_NAME,
        NoticeKind::RenamedTo => NotifyAction::RENAMED_NEW_NAME,
    }
}
