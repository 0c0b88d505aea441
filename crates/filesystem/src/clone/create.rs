//! Making a clone: one record, one inode, one entry.

use std::sync::Arc;

use meta::keys;
use meta::records::{DentryRecord, InodeRecord, Record, TreeRecord, UsageRecord};
use vfs::limits::{DEPTH_MAX as DIRECTORIES_MAX, DIRECTORY_LINKS_MAX};
use vfs::{CloneTree, Failure, FileType, FsError, InodeId, MakeCloneRequest, Name, OpContext};

use super::table::{DEPTH_MAX, KnownClone, totals_of};
use crate::Filesystem;
use crate::snapshot::{Known, require_ordinary};
use crate::turn::{Step, Turn, of_record};

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_make_clone(&self, ctx: &OpContext, request: MakeCloneRequest) -> Result<CloneTree, Failure> {
        self.require_written(request.parent)?;
        require_ordinary(ctx, &request.entry)?;
        if request.source.shard != request.parent.shard {
            return Err(FsError::CrossDevice.into());
        }
        self.mutate(request.parent.shard, |turn| make(turn, &request)).await
    }

    pub(crate) fn do_clones(&self, within: InodeId) -> Result<Vec<CloneTree>, FsError> {
        let shard = self.shards.find(within.shard).ok_or(FsError::StaleHandle)?;
        Ok(shard.clones.all().iter().map(|known| known.told(shard.id, &shard.past)).collect())
    }
}

fn make<K: kv::Engine, C: chunk::Store>(turn: &mut Turn<'_, K, C>, request: &MakeCloneRequest) -> Step<CloneTree> {
    let snapshot = request.source.tree.snapshot().and_then(|id| turn.shard.past.find(id)).ok_or(FsError::NotFound)?;
    let source = turn.inode(request.source)?.filter(|record| record.links > 0).ok_or(FsError::NotFound)?;
    let parent = turn.directory(request.parent)?;
    if source.file_type != FileType::Directory {
        return Err(FsError::NotDirectory.into());
    }
    require_free_name(turn, &request.name)?;
    if turn.find(request.parent, &request.entry)?.is_some() {
        return Err(FsError::Exists.into());
    }
    let depth = turn.shard.clones.layers(snapshot.record.tree, None).len();
    if parent.links >= DIRECTORY_LINKS_MAX || depth > DEPTH_MAX || turn.shard.clones.count() >= CLONES_MAX {
        return Err(FsError::TooManyLinks.into());
    }
    let height = turn.usage(request.source)?.height;
    if turn.chain(request.parent)?.len() + height as usize > DIRECTORIES_MAX as usize {
        return Err(FsError::TooDeep.into());
    }
    turn.raise(request.parent, height)?;
    let tree = turn.new_tree();
    let root = InodeId { tree, ..request.source };
    hang(turn, (root, &source), (request, height))?;
    let clone = KnownClone { tree, record: record_of(turn, (request, &snapshot), depth) };
    turn.write_plain(keys::tree(turn.shard.id, tree), Some(clone.record.encode()));
    let told = clone.told(turn.shard.id, &turn.shard.past);
    turn.clones.push((tree, Some(clone)));
    Ok(told)
}

/// The root of a clone and the entry that leads to it: all that is its own at first.
fn hang<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    (root, source): (InodeId, &Arc<InodeRecord>),
    (request, height): (&MakeCloneRequest, u32),
) -> Step<()> {
    let parent = request.parent;
    let dentry = DentryRecord {
        born: turn.clock().current,
        name: request.entry.clone(),
        tree: root.tree,
        number: root.number,
        shard: None,
        file_type: FileType::Directory,
    };
    let mut record = InodeRecord { home_parent: parent.number, change: turn.stamp(), ..(**source).clone() };
    record.home_cookie = turn.add_dentry(parent, dentry)?;
    record.changed = turn.now;
    let application_bytes = record.xattr_bytes.into();
    turn.put_usage(root, Some(UsageRecord { inodes: 1, application_bytes, height, ..UsageRecord::default() }));
    let chain = turn.chain(parent)?;
    turn.charge_each(&chain, of_record(&record))?;
    turn.charge_owners((root, &chain), &record, of_record(&record))?;
    turn.begin_owners(totals_of(root), &record)?;
    turn.put_inode(root, record);
    turn.touch_directory(parent, 1, 1)?;
    Ok(())
}

fn record_of<K: kv::Engine, C: chunk::Store>(
    turn: &Turn<'_, K, C>,
    (request, snapshot): (&MakeCloneRequest, &Known),
    depth: usize,
) -> TreeRecord {
    TreeRecord {
        origin: snapshot.record.tree,
        epoch: snapshot.record.epoch,
        root: request.source.number,
        depth: u8::try_from(depth).unwrap_or(u8::MAX),
        // As clients tell it: from shard and tree.
        fsid: 0,
        name: request.name.clone(),
        created: turn.now,
        parent: request.parent.tree,
        first_own: turn.next_inode(),
        deleting: false,
    }
}

/// A clone has the name of an entry, and no other of its shard has it.
///
/// Errors: `InvalidArgument`, `Exists`.
fn require_free_name<K: kv::Engine, C: chunk::Store>(turn: &Turn<'_, K, C>, name: &Name) -> Step<()> {
    if name.as_bytes().len() > vfs::limits::NFS_NAME_BYTES_MAX {
        return Err(FsError::InvalidArgument.into());
    }
    let is_taken = |known: &Arc<KnownClone>| !known.record.deleting && known.record.name == *name;
    if turn.shard.clones.all().iter().any(is_taken) { Err(FsError::Exists.into()) } else { Ok(()) }
}

/// Most clones of a shard.
pub(crate) const CLONES_MAX: usize = 4096;
