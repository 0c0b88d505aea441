//! Runs changes of files: as other changes of a shard, but with the file's data held from before the first look until
//! the caches show the change, so that nobody sees a record without what is pending or the other way round.

use std::sync::{Arc, MutexGuard};

use meta::Version;
use meta::records::RegionRecord;
use smallvec::SmallVec;
use vfs::{Failure, FsError, InodeId, ShardId};

use super::state::FileData;
use super::{FileState, REGION_BYTES};
use crate::Filesystem;
use crate::cache::{Miss, RegionKey, Seen};
use crate::turn::{Scratch, Step, Stop, Turn};

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Runs a change of a file, whose flush turn the caller holds, until it is submitted; then `publish` brings the
    /// data up to it. The step may run several times, `publish` runs once. What is buffered and older than a snapshot is
    /// named before.
    ///
    /// Errors: what the step fails with, `StaleHandle` for a shard that is not here, `Delay`, `Io` (also after a reload
    /// meanwhile).
    pub(crate) async fn change_file<T: Send>(
        &self,
        (inode, file): (InodeId, &FileState),
        mut step: impl FnMut(&mut Turn<'_, K, C>, &FileData) -> Step<T> + Send,
        publish: impl FnOnce(&mut FileData, &T) + Send,
    ) -> Result<(T, Version), Failure> {
        let mut publish = Some(publish);
        for _ in 0..PAST_MAX {
            self.name_past(inode, file).await?;
            let done = self
                .change_files(
                    (inode.shard, &[file]),
                    |turn, data| {
                        let data = data.first().ok_or(FsError::Io)?;
                        if turn.is_past(inode, data) {
                            return Ok(None);
                        }
                        let value = step(turn, data)?;
                        // Its streams may be written too.
                        turn.require_named_beside(inode)?;
                        Ok(Some(value))
                    },
                    |data, value| {
                        if let (Some(data), Some(value)) = (data.first_mut(), value)
                            && let Some(publish) = publish.take()
                        {
                            publish(data, value);
                        }
                    },
                )
                .await?;
            if let (Some(value), version) = done {
                return Ok((value, version));
            }
        }
        Err(FsError::Delay.into())
    }

    /// As [`Filesystem::change_file`], of several files of a shard at once. The data of all of them is held: nobody who
    /// has the data of a file waits for that of another, unless within the turn.
    pub(crate) async fn change_files<T: Send>(
        &self,
        (shard, files): (ShardId, &[&FileState]),
        mut step: impl FnMut(&mut Turn<'_, K, C>, &[MutexGuard<'_, FileData>]) -> Step<T> + Send,
        publish: impl FnOnce(&mut [MutexGuard<'_, FileData>], &T) + Send,
    ) -> Result<(T, Version), Failure> {
        let generation = self.meta.generation();
        self.meta.room().await.map_err(|error| self.refuse(&error))?;
        let mut scratch = Scratch::default();
        for _ in 0..MISSES_MAX {
            let shard = self.shard(shard)?;
            let stop = {
                let mut turn = Turn::begin(self, &shard, &scratch);
                if self.meta.generation() != generation {
                    // What was listed before the turn is void since a reload.
                    return Err(FsError::Io.into());
                }
                let mut data: SmallVec<[_; 1]> = files.iter().map(|file| file.data()).collect();
                let stepped = step(&mut turn, &data).and_then(|value| turn.adopt_written().map(|()| value));
                match stepped {
                    Ok(value) => {
                        let version = turn.submit()?;
                        publish(&mut data, &value);
                        return Ok((value, version));
                    }
                    Err(stop) => (stop, turn.seen()),
                }
            };
            match stop {
                (Stop::Miss(miss), _) => self.load(miss, &mut scratch).await?,
                (Stop::Past(inode), _) => {
                    // A stream of the file whose flush turn is held; nobody takes these in another order.
                    Box::pin(self.flush(inode)).await?;
                    scratch = Scratch::default();
                }
                (Stop::Again, _) => return Err(FsError::Delay.into()),
                (Stop::Fail(failure), seen) => {
                    // A refusal is an answer too: what it says must not be taken back by a crash.
                    self.settle(seen).await?;
                    return Err(failure);
                }
            }
        }
        Err(FsError::Delay.into())
    }

    /// A region record, from the cache or the store.
    ///
    /// Errors: `Io`.
    pub(crate) async fn region(&self, key: RegionKey, seen: &mut Seen) -> Result<Option<Arc<RegionRecord>>, Failure> {
        for _ in 0..MISSES_MAX {
            if let Some(slot) = self.records.regions.get(&key) {
                seen.note(slot.version);
                return Ok(slot.value);
            }
            self.load(Miss::Region(key), &mut Scratch::default()).await?;
        }
        Err(FsError::Delay.into())
    }

    /// Brings a region record into the cache; of one that cannot exist without asking the store.
    ///
    /// Errors: `Io`.
    pub(crate) async fn prepare_region(&self, key: RegionKey) -> Result<(), Failure> {
        // The ticket comes first: a region that is written after it is not hidden by what the older inode says.
        let ticket = self.records.regions.begin(&key);
        let inode = self.records.inodes.get(&key.0).and_then(|slot| slot.value);
        if inode.is_some_and(|inode| is_absent(&inode, key.1)) {
            self.records.regions.fill((&key, ticket), None, self.meta.watermark());
            return Ok(());
        }
        self.region(key, &mut Seen::default()).await.map(|_| ())
    }
}

/// Whether a region cannot have a record: all live ones lie within the size, but for masked ones.
pub(super) fn is_absent(inode: &meta::records::InodeRecord, index: u64) -> bool {
    let is_behind = index.saturating_mul(REGION_BYTES) >= inode.size;
    inode.allocated_blocks == 0 || (is_behind && inode.masks.is_empty())
}

/// Times what is buffered is named first because another snapshot was taken meanwhile.
const PAST_MAX: usize = 64;
/// Times a change is run again for records that were not in memory.
const MISSES_MAX: usize = 4096;
