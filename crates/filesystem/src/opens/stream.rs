//! Opens of streams: they are looked for, made, renamed and removed in their file; rights are those of that.

use locking::{Link, Open};
use vfs::acl::AccessMask;
use vfs::{Disposition, Failure, FsError, InodeId, Name, OpContext, OpenRequest, OpenedHow, RenameStreamRequest};

use super::open::{Existing, Opened, check_overwritten, creates, grant, how_existing, is_pending};
use crate::Filesystem;
use crate::access::{is_read_only, open_rights};
use crate::attributes::{mode_of, without_set_id};
use crate::turn::{Scratch, Step, Stop, Turn};

/// Opens a stream of a file that exists, or makes it.
pub(super) fn open_stream<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    ctx: &OpContext,
    (request, room, name): (&OpenRequest, &Result<(), Failure>, &Name),
    file: Existing,
) -> Step<Opened> {
    let Existing { attributes, link, may_delete, may_list, is_fixed } = file;
    let refuse = |error| Stop::Fail(Failure::with(error, attributes.clone()));
    let inode = attributes.inode;
    let found = turn.find_stream(inode, name)?;
    match (&found, request.disposition) {
        (Some(_), Disposition::Create) => return Err(refuse(FsError::Exists)),
        (None, disposition) if !creates(disposition) => return Err(refuse(FsError::NotFound)),
        _ => {}
    }
    let own = found.as_ref().map(|(stream, name)| (*stream, Link { parent: inode, name: name.clone() }));
    let is_going = own.as_ref().is_some_and(|(stream, link)| is_pending(turn, *stream, Some(link)));
    if is_going || is_pending(turn, inode, link.as_ref()) {
        return Err(refuse(FsError::DeletePending));
    }
    let rights = open_rights(&attributes, &ctx.credentials, (may_delete && !is_fixed, may_list));
    // To delete a stream is to change its file.
    let writes = rights.contains(AccessMask::WRITE_DATA);
    let maximal = if writes { rights.union(AccessMask::DELETE) } else { rights };
    let granted = grant(request, maximal).map_err(refuse)?;
    if request.delete_on_close && is_read_only(&attributes) {
        return Err(refuse(FsError::NotPermitted));
    }
    let opened = Opened { attributes, link: None, how: OpenedHow::Created, granted, maximal, stream_of: None };
    let Some((stream, own_link)) = own else {
        if !maximal.contains(AccessMask::WRITE_DATA) {
            return Err(refuse_opened(&opened, FsError::AccessDenied));
        }
        room.clone()?;
        return make_stream(turn, name, Opened { stream_of: Some((inode, link)), ..opened });
    };
    check_overwritten(request, &opened.attributes, maximal).map_err(|error| refuse_opened(&opened, error))?;
    let record = turn.live(stream)?;
    let attributes = turn.attributes(stream, &record);
    let attributes = turn.whole(attributes)?;
    let how = how_existing(request.disposition);
    Ok(Opened { attributes, how, link: Some(own_link), stream_of: Some((inode, link)), ..opened })
}

/// Makes a stream of the file that was found or made.
pub(super) fn make_stream<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    name: &Name,
    file: Opened,
) -> Step<Opened> {
    let inode = file.attributes.inode;
    let stream = turn.add_stream(inode, name).map_err(|stop| match stop {
        Stop::Fail(failure) => refuse_opened(&file, failure.error),
        other => other,
    })?;
    let record = turn.live(stream)?;
    let attributes = turn.attributes(stream, &record);
    let attributes = turn.whole(attributes)?;
    let stream_of = file.stream_of.or(Some((inode, file.link)));
    Ok(Opened { attributes, link: Some(Link { parent: inode, name: name.clone() }), stream_of, ..file })
}

fn stamp<K: kv::Engine, C: chunk::Store>(turn: &mut Turn<'_, K, C>, (file, stream): (InodeId, InodeId)) -> Step<()> {
    let Some(record) = turn.inode(stream)?.filter(|record| record.links > 0) else { return Ok(()) };
    let Some(old) = turn.inode(file)?.filter(|record| record.links > 0) else { return Ok(()) };
    let (own, whole) = (turn.attributes(stream, &record), turn.attributes(file, &old));
    if own.modified <= own.created || own.modified <= whole.modified {
        return Ok(());
    }
    let mut record = (*old).clone();
    turn.require_past_named(file)?;
    if turn.take_pending(file, &mut record, true) {
        record.mode = mode_of(without_set_id(u32::from(record.mode)));
    }
    record.modified = own.modified;
    record.changed = turn.now;
    record.change = turn.stamp();
    turn.put_inode(file, record);
    Ok(())
}

fn refuse_opened(opened: &Opened, error: FsError) -> Stop {
    Stop::Fail(Failure::with(error, opened.attributes.clone()))
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_rename_stream(&self, ctx: &OpContext, request: RenameStreamRequest) -> Result<(), Failure> {
        let open = self.deleting_open(ctx, request.open)?;
        let file = open.stream_of.ok_or(FsError::WrongType)?;
        self.admit_release()?;
        self.mutate(open.inode.shard, |turn| {
            let link = self.opens.link(&open).0.ok_or(FsError::NotFound)?;
            if link.name == request.to_name {
                return Ok(());
            }
            let target = turn.find_stream(file, &request.to_name)?.filter(|(target, _)| *target != open.inode);
            if let Some((target, _)) = target {
                if !request.replace {
                    return Err(FsError::Exists.into());
                }
                if turn.is_open(target) {
                    return Err(FsError::AccessDenied.into());
                }
                turn.lose_stream(file, target)?;
            }
            turn.rename_stream((file, open.inode), &request.to_name)
        })
        .await
    }

    /// What was written of a stream is told by the times of its file, once an open of it is closed. Nobody waits for it: the
    /// stream has the time itself.
    pub(super) async fn stamp_file_of(&self, open: &Open) {
        let Some(file) = open.stream_of else { return };
        let mut step = |turn: &mut Turn<'_, K, C>| stamp(turn, (file, open.inode));
        if let Err(failure) = self.mutate_once(file.shard, &mut Scratch::default(), &mut step).await {
            tracing::debug!(?file, ?failure, "the times of a file do not tell what was written of its stream");
        }
    }

    /// Removes a stream whose last open is being closed. Says whether it went.
    ///
    /// Errors: `NoSpace`, `Io`.
    pub(super) async fn remove_closed_stream(&self, stream: InodeId, file: InodeId) -> Result<bool, Failure> {
        self.admit_release()?;
        self.mutate(file.shard, |turn| turn.lose_stream(file, stream)).await
    }
}
