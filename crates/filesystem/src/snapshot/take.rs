//! Taking a snapshot: the epoch ends, and a record says what it is called.

use meta::ShardClock;
use meta::records::{Record, ShardRecord, SnapshotRecord};
use vfs::{Epoch, Failure, FileType, FsError, Name, OpContext, Snapshot, SnapshotId, TakeSnapshotRequest, TreeId};

use super::past::Known;
use crate::Filesystem;
use crate::turn::{Step, Turn};

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_take_snapshot(
        &self,
        _ctx: &OpContext,
        request: TakeSnapshotRequest,
    ) -> Result<Snapshot, Failure> {
        let directory = request.directory;
        self.require_written(directory)?;
        self.mutate(directory.shard, |turn| take(turn, &request)).await
    }
}

fn take<K: kv::Engine, C: chunk::Store>(turn: &mut Turn<'_, K, C>, request: &TakeSnapshotRequest) -> Step<Snapshot> {
    let directory = request.directory;
    let found = turn.passed(directory)?;
    if found.file_type != FileType::Directory {
        return Err(FsError::NotDirectory.into());
    }
    require_free(turn, &request.name, None)?;
    if turn.shard.past.count() >= SNAPSHOTS_MAX {
        return Err(FsError::NoSpace.into());
    }
    let epoch = turn.end_epoch();
    let id = turn.new_snapshot();
    let tree = TreeId::of_snapshot(id).ok_or(FsError::NoSpace)?;
    let record = SnapshotRecord {
        tree: directory.tree,
        root: directory.number,
        epoch,
        name: request.name.clone(),
        fsid: u64::from(tree.0),
        created: turn.now,
        expires: request.expires,
        locks: 0,
        deleting: false,
    };
    Ok(turn.put_snapshot(Known { id, record }))
}

/// A snapshot has the name of an entry, and no other of its shard has it.
///
/// Errors: `InvalidArgument`, `Exists`.
pub(super) fn require_free<K: kv::Engine, C: chunk::Store>(
    turn: &Turn<'_, K, C>,
    name: &Name,
    own: Option<SnapshotId>,
) -> Step<()> {
    if name.as_bytes().len() > vfs::limits::NFS_NAME_BYTES_MAX {
        return Err(FsError::InvalidArgument.into());
    }
    let is_taken = |known: &std::sync::Arc<Known>| known.is_named(name) && Some(known.id) != own;
    if turn.shard.past.all().iter().any(is_taken) { Err(FsError::Exists.into()) } else { Ok(()) }
}

impl<K: kv::Engine, C: chunk::Store> Turn<'_, K, C> {
    /// Ends the current epoch: what is there now is kept from now on. Returns the epoch that ended.
    fn end_epoch(&mut self) -> Epoch {
        let ended = self.present().current;
        let clock = ShardClock { current: Epoch(ended.0 + 1), newest_snapshot: Some(ended) };
        self.set_clock(clock);
        ended
    }

    pub(super) fn set_clock(&mut self, clock: ShardClock) {
        let record = ShardRecord { clock, ..self.shard_record().clone() };
        self.write_plain(meta::keys::shard(self.shard.id), Some(record.encode()));
        self.ended = Some(record);
    }

    /// Writes the record of a snapshot. Returns what is told of it.
    pub(super) fn put_snapshot(&mut self, known: Known) -> Snapshot {
        self.write_plain(meta::keys::snapshot(self.shard.id, known.id), Some(known.record.encode()));
        let told = known.told(self.shard.id);
        self.snapshots.push((known.id, Some(known)));
        told
    }
}

/// Most snapshots of a shard.
pub(crate) const SNAPSHOTS_MAX: usize = 20_000;
