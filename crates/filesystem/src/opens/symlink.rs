//! Putting a symbolic link in the place of an empty file or directory that is open.

use bytes::Bytes;
use locking::{Link, Open};
use meta::records::InodeRecord;
use vfs::acl::AccessMask;
use vfs::{Attributes, Case, Failure, FileType, FsError, MakeSymlinkRequest, OpContext, SetAttributes};

use crate::Filesystem;
use crate::namespace::{NewInode, Prepared, create_new, lose_name};
use crate::snapshot::require_present;
use crate::turn::{Step, Turn};

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_make_symlink(
        &self,
        ctx: &OpContext,
        request: MakeSymlinkRequest,
    ) -> Result<Attributes, Failure> {
        let open = self.opens.find(ctx.session, request.open).ok_or(FsError::BadOpen)?;
        require_present(open.inode)?;
        if open.granted().0 & MAY_MAKE.0 == 0 {
            return Err(FsError::AccessDenied.into());
        }
        if open.stream_of.is_some() {
            return Err(FsError::WrongType.into());
        }
        self.admit_growth(ctx)?;
        let Link { parent, name } = self.opens.link(&open).0.ok_or(FsError::NotFound)?;
        self.mutate_removing(parent.shard, (parent, &name, Case::Sensitive), |turn, victim| {
            turn.spare_parent(open.lease);
            make_symlink(turn, ctx, (&open, &request.target), victim)
        })
        .await
    }
}

fn make_symlink<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    ctx: &OpContext,
    (open, target): (&Open, &Bytes),
    victim: Prepared<'_>,
) -> Step<Attributes> {
    // By the name that it has now: another may have renamed it meanwhile.
    let Link { parent, name } = turn.house.opens.link(open).0.ok_or(FsError::NotFound)?;
    let found = turn.find(parent, &name)?;
    let found = found.filter(|found| found.target == open.inode && found.dentry.shard.is_none());
    let found = found.ok_or(FsError::NotFound)?;
    let record = turn.live(open.inode)?;
    let shown = turn.attributes(open.inode, &record);
    let refuse = |error| Failure::with(error, shown.clone());
    let is_directory = match record.file_type {
        FileType::Regular => false,
        FileType::Directory => true,
        _ => return Err(refuse(FsError::WrongType).into()),
    };
    if shown.size > 0 || !is_alone(&record) {
        return Err(refuse(FsError::NotEmpty).into());
    }
    turn.remove_dentry(parent, found.cookie)?;
    lose_name(turn, parent, &found, victim)?;
    turn.touch_directory(parent, -1, -i64::from(is_directory))?;
    let directory = turn.live(parent)?;
    let above = turn.attributes(parent, &directory);
    let attributes = SetAttributes { mode: Some(LINK_MODE), ..SetAttributes::default() };
    let new = NewInode { target: target.clone(), ..NewInode::of(FileType::Symlink, attributes) };
    Ok(create_new(turn, ctx, (&above, &name), &new)?.attributes)
}

/// Whether it has no other name, no data and no stream.
fn is_alone(record: &InodeRecord) -> bool {
    let links = if record.file_type == FileType::Directory { 2 } else { 1 };
    record.links == links && record.allocated_blocks == 0 && record.streams == 0
}

/// Either lets an open become a link (MS-FSA 2.1.5.10.37).
const MAY_MAKE: AccessMask = AccessMask(AccessMask::WRITE_DATA.0 | AccessMask::WRITE_ATTRIBUTES.0);
/// Nobody looks at the mode of a link.
const LINK_MODE: u32 = 0o777;
