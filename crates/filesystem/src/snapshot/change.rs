//! Renaming, expiry and locks of snapshots.

use vfs::{ChangeSnapshotRequest, Failure, FsError, Snapshot};

use super::past::Known;
use super::take::require_free;
use crate::Filesystem;
use crate::turn::{Step, Turn};

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_change_snapshot(&self, request: ChangeSnapshotRequest) -> Result<Snapshot, Failure> {
        self.require_written(request.within)?;
        self.mutate(request.within.shard, |turn| change(turn, &request)).await
    }
}

fn change<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    request: &ChangeSnapshotRequest,
) -> Step<Snapshot> {
    let known = turn.shard.past.find(request.id).ok_or(FsError::NotFound)?;
    let mut record = known.record.clone();
    if let Some(name) = &request.name {
        require_free(turn, name, Some(request.id))?;
        record.name = name.clone();
    }
    record.expires = request.expires.unwrap_or(record.expires);
    record.locks = request.locks.unwrap_or(record.locks);
    Ok(turn.put_snapshot(Known { id: request.id, record }))
}
