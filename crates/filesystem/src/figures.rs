//! How the house is doing.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use vfs::{HouseFigures, JobFigures, LogFigures, SharingFigures, SpaceFigures};

use crate::Filesystem;

/// Room as it was asked for last, with the time on the monotonic clock: the file system is not asked each time.
#[derive(Debug, Default)]
pub(crate) struct KnownSpace(Mutex<Option<(Duration, SpaceFigures)>>);

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) fn figures_now(&self) -> HouseFigures {
        let mut caches = self.records.figures();
        caches.push(self.data.cache.figures());
        caches.push(self.replies.figures());
        HouseFigures {
            caches,
            read_ahead: self.data.ahead.figures(),
            damaged_blocks: self.data.damaged.load(Ordering::Relaxed),
            dirty_bytes: self.data.dirty.used(),
            dirty_bytes_max: self.data.dirty.max(),
            log: self.log_figures(),
            space: self.space_figures(),
            evacuation: self.data.evacuation.figures(),
            sharing: SharingFigures {
                bytes: self.data.shared_bytes.load(Ordering::Relaxed),
                refused: self.data.unshared.load(Ordering::Relaxed),
            },
            jobs: self.job_figures(),
            locks: self.lock_figures(),
            reloads: self.meta.generation(),
        }
    }

    fn job_figures(&self) -> Vec<JobFigures> {
        let now = self.clock.monotonic();
        vec![
            self.data.intents.figures(),
            self.data.scattered.figures(now),
            self.data.evacuation.job_figures(),
            self.reverts.figures(),
        ]
    }

    fn log_figures(&self) -> LogFigures {
        let (committed, engine) = (self.meta.figures(), self.meta.engine().figures());
        LogFigures {
            groups: committed.groups,
            changes: committed.changes,
            bytes_used: engine.log_bytes_used,
            bytes_max: engine.log_bytes_max,
        }
    }

    /// At most a second old.
    fn space_figures(&self) -> SpaceFigures {
        let now = self.clock.monotonic();
        let mut known = self.space.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, figures)) = *known
            && now < at + SPACE_AGE_MAX
        {
            return figures;
        }
        // A store that does not say how much room it has is logged there, and shown as full.
        let room = self.room().unwrap_or_default();
        let segments = self.data.chunks.figures().segments;
        let figures = SpaceFigures { total_bytes: room.total_bytes, free_bytes: room.available_bytes, segments };
        *known = Some((now, figures));
        figures
    }
}

const SPACE_AGE_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chunk::{MemorySettings, MemoryStore};
    use kv::MemoryEngine;
    use testkit::{ManualClock, block_on};
    use vfs::{
        Admin, CacheFigures, CreateHow, CreateRequest, FileIo, InodeId, Name, Namespace, OpContext, ReadRequest,
        SetAttributes, ShardId, Stability, Via, WriteRequest,
    };

    use super::*;
    use crate::{Parts, Settings};

    type House = Filesystem<MemoryEngine, MemoryStore>;

    async fn open(clock: &Arc<ManualClock>) -> House {
        let settings = Settings { memory_bytes: 4 << 20, ballast_bytes: 1 << 20, ..Settings::default() };
        let chunks = MemoryStore::new(MemorySettings { blocks_max: 1 << 12, segment_blocks: 64 });
        let clock = Arc::clone(clock) as Arc<dyn vfs::Clock>;
        Filesystem::open(Parts { engine: MemoryEngine::default(), chunks, clock, settings, seed: [3; 64] })
            .await
            .unwrap()
    }

    fn cache(figures: &HouseFigures, name: &str) -> CacheFigures {
        *figures.caches.iter().find(|cache| cache.name == name).unwrap()
    }

    fn root() -> OpContext {
        OpContext::internal(InodeId::root_of(ShardId::ROOT))
    }

    async fn create(house: &House) -> InodeId {
        let how = CreateHow::Guarded(SetAttributes::default());
        let request = CreateRequest { parent: root().root, name: Name::try_from("file").unwrap(), how };
        house.create(&root(), request).await.unwrap().attributes.inode
    }

    async fn write(house: &House, inode: InodeId) {
        let data = vec![1; 3 * pages::BLOCK_SIZE].into();
        let request = WriteRequest { inode, via: Via::Anonymous, offset: 0, data, stability: Stability::Unstable };
        house.write(&root(), request).await.unwrap();
    }

    async fn read(house: &House, inode: InodeId) {
        let request = ReadRequest { inode, via: Via::Anonymous, offset: 0, length: 3 * 4096 };
        house.read(&root(), request).await.unwrap();
    }

    #[test]
    fn data_moves_from_dirty_to_the_cache_of_blocks() {
        block_on(async {
            let house = open(&Arc::new(ManualClock::standing())).await;
            let inode = create(&house).await;
            write(&house, inode).await;
            let dirty = house.figures();
            assert_eq!((dirty.dirty_bytes, dirty.dirty_bytes_max), (3 * 4096, 1 << 20));
            house.flush_all().await.unwrap();
            house.data.cache.clear();
            let before = house.figures();
            assert_eq!((before.dirty_bytes, cache(&before, "block").bytes), (0, 0));
            read(&house, inode).await;
            let cold = house.figures();
            let (was, is) = (cache(&before, "block"), cache(&cold, "block"));
            // Three blocks that were read together are one piece in a buffer of 16 KiB.
            assert_eq!((is.entries, is.bytes, is.hits - was.hits, is.misses - was.misses), (1, 16_384, 0, 3));
            assert_eq!(is.bytes_max, 2 << 20);
            read(&house, inode).await;
            let warm = cache(&house.figures(), "block");
            assert_eq!((warm.entries, warm.hits - is.hits, warm.misses), (1, 3, is.misses));
        });
    }

    #[test]
    fn records_hit_and_miss_and_changes_are_counted() {
        block_on(async {
            let house = open(&Arc::new(ManualClock::standing())).await;
            let before = house.figures();
            create(&house).await;
            let after = house.figures();
            assert!(after.log.groups > before.log.groups && after.log.changes > before.log.changes);
            assert!(after.log.changes >= after.log.groups);
            let (was, is) = (cache(&before, "inode"), cache(&after, "inode"));
            assert!(is.entries > was.entries && is.hits > was.hits && is.misses > was.misses, "{was:?} {is:?}");
            assert_eq!(after.reloads, 0);
            house.reload().await.unwrap();
            let reloaded = house.figures();
            assert_eq!((reloaded.reloads, cache(&reloaded, "inode").entries), (1, 0));
            assert!(reloaded.log.changes >= after.log.changes, "counters only rise");
        });
    }

    #[test]
    fn space_is_asked_for_once_a_second() {
        block_on(async {
            let clock = Arc::new(ManualClock::standing());
            let house = open(&clock).await;
            let inode = create(&house).await;
            let empty = house.figures().space;
            assert_eq!(empty, SpaceFigures { total_bytes: 16 << 20, free_bytes: 15 << 20, segments: empty.segments });
            write(&house, inode).await;
            assert_eq!(house.figures().space, empty, "within the second");
            clock.advance(SPACE_AGE_MAX);
            assert_eq!(house.figures().space.free_bytes, empty.free_bytes - 3 * 4096);
        });
    }
}
