//! Start and reload: from what is on stable storage to a file system that serves.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use kv::Direction;
use locking::{LeaseTable, OpenTable};
use meta::keys::{self, KeyKind};
use meta::records::{AllocatorRecord, IntentRecord, Record, ShardRecord, SnapshotRecord, TreeRecord};
use meta::{Change, Meta, MetaError, ShardClock};
use thiserror::Error;
use vfs::{Clock, Epoch, Failure, FencingEpoch, FsError, InodeId, OpenId, SetAttributes, ShardId};

use crate::admission::KnownRoom;
use crate::cache::RecordCache;
use crate::clone::{CLONES_MAX, KnownClone};
use crate::figures::KnownSpace;
use crate::file::{DataPlane, FileTable};
use crate::load::kind_of;
use crate::opens::Locks;
use crate::replay::ReplayTable;
use crate::revert::Reverts;
use crate::shard::{Shard, ShardState, ShardTable};
use crate::snapshot::{Known, SNAPSHOTS_MAX};
use crate::watch::Watches;
use crate::{Filesystem, Settings};

/// Why a store could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The metadata store failed, is damaged or was made by a house that this one does not understand.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// The data store failed or misses what metadata names.
    #[error(transparent)]
    Chunk(#[from] chunk::ChunkError),
    /// The first shard could not be made.
    #[error("the root of the store could not be made: {0:?}")]
    Root(FsError),
}

/// When a reload is tried again, on the monotonic clock.
#[derive(Debug, Default)]
pub(crate) struct Retry {
    at: Option<Duration>,
    wait: Duration,
}

/// What a file system is put together from.
#[derive(Debug)]
pub struct Parts<K, C> {
    /// The metadata engine.
    pub engine: K,
    /// The block store.
    pub chunks: C,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Bounds.
    pub settings: Settings,
    /// Randomness for a store that is made now: its id and keys.
    pub seed: [u8; 64],
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Opens a store, or makes one if the engines are empty; when it returns, everything acknowledged is there and
    /// blocks that nobody names are free.
    ///
    /// # Errors
    /// In order: `Meta`, `Chunk`, `Root`.
    pub async fn open(parts: Parts<K, C>) -> Result<Self, OpenError> {
        let meta = Meta::open(parts.engine, parts.clock.now(), parts.seed).await?;
        let live = meta.live_segments().await?;
        parts
            .chunks
            .recover(live.segments.iter().map(live_segment).collect(), chunk::SegmentId(live.next_segment))
            .await?;
        let house = Self {
            hasher: meta.hasher(),
            changes: AtomicU64::new(first_change(meta.fencing_epoch())),
            epochs: AtomicU64::new(1),
            data: DataPlane::new(parts.chunks, &parts.settings),
            records: RecordCache::new(parts.settings.records_max(), parts.settings.listing_cache_bytes()),
            shards: ShardTable::default(),
            files: FileTable::new(),
            replies: ReplayTable::default(),
            locks: Locks::new(meta.fencing_epoch()),
            opens: OpenTable::new(first_open(meta.fencing_epoch())),
            leases: LeaseTable::default(),
            watches: Watches::default(),
            reverts: Reverts::default(),
            space: KnownSpace::default(),
            room: KnownRoom::default(),
            turns: RwLock::new(()),
            is_reloading: AtomicBool::new(false),
            retry: Mutex::default(),
            clock: parts.clock,
            settings: parts.settings,
            meta,
        };
        house.replay_journal().await?;
        house.load_shards().await?;
        if house.shards.find(ShardId::ROOT).is_none() {
            house.make_root().await?;
        }
        house.begin_locks().await?;
        house.restore_opens().await?;
        Ok(house)
    }

    /// After the metadata store has failed: drops everything that is not durable and starts again from what is. The
    /// write verifier changes, so clients send again what they did not see committed.
    ///
    /// # Errors
    /// `Meta`.
    pub async fn reload(&self) -> Result<(), OpenError> {
        self.is_reloading.store(true, Ordering::Release);
        self.shards.clear();
        // Whoever has a turn read what is void now; the store accepts nothing until it is reopened.
        drop(self.turns.write().unwrap_or_else(PoisonError::into_inner));
        // The records first: a write that still finds one lands in a buffer that is dropped next.
        self.records.clear();
        self.end_all_opens();
        self.drop_unstable();
        self.meta.reopen().await?;
        self.changes.fetch_max(first_change(self.meta.fencing_epoch()), Ordering::Relaxed);
        // What was taken back may have ended an epoch.
        self.epochs.fetch_add(1, Ordering::AcqRel);
        // Before the shards: what is asked meanwhile must neither miss what is stable nor change it.
        self.replay_journal().await?;
        self.load_shards().await?;
        self.restore_lock_clients().await?;
        self.restore_opens().await?;
        self.is_reloading.store(false, Ordering::Release);
        Ok(())
    }

    /// Reloads if the metadata store has failed; after a reload that failed waits longer each time. Says whether the
    /// house serves.
    pub(crate) async fn reload_if_failed(&self) -> bool {
        if self.meta.serves().await.is_ok() && !self.is_reloading.load(Ordering::Acquire) {
            return true;
        }
        let now = self.clock.monotonic();
        if self.retry().at.is_some_and(|at| now < at) {
            return false;
        }
        match self.reload().await {
            Ok(()) => {
                tracing::warn!("the store was reloaded after a failure; what was not durable is gone");
                *self.retry() = Retry::default();
                true
            }
            Err(error) => {
                let wait = (self.retry().wait * 2).clamp(RELOAD_WAIT_MIN, RELOAD_WAIT_MAX);
                *self.retry() = Retry { at: Some(now + wait), wait };
                tracing::error!(%error, seconds = wait.as_secs(), "the store could not be reloaded; trying again later");
                false
            }
        }
    }

    /// A shard.
    ///
    /// Errors: `Io` while the store is being reloaded, `StaleHandle` for a shard that is not here.
    pub(crate) fn shard(&self, id: ShardId) -> Result<Arc<Shard>, Failure> {
        self.shards.find(id).ok_or_else(|| {
            let is_reloading = self.is_reloading.load(Ordering::Acquire);
            Failure::from(if is_reloading { FsError::Io } else { FsError::StaleHandle })
        })
    }

    fn retry(&self) -> MutexGuard<'_, Retry> {
        self.retry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn load_shards(&self) -> Result<(), OpenError> {
        let found = self.meta.scan(&keys::shard_range(), SHARDS_MAX, Direction::Forward).await?;
        let mut shards = Vec::with_capacity(found.len());
        for (key, value) in found {
            let KeyKind::Shard(id) = kind_of(&key)? else { continue };
            let record = ShardRecord::decode_at(&key, &value)?;
            let reserved = self.allocator(id).await?;
            self.load_intents(id).await?;
            let is_sharing = !self.meta.scan(&keys::shared_range(id), 1, Direction::Forward).await?.is_empty();
            let (next_inode, next_intent) = (reserved.next_inode, reserved.next_intent);
            let state =
                ShardState { next_inode, next_intent, reserved, record, is_sharing, kept: 0, drops: 0, marks: 0 };
            let snapshots = self.load_snapshots(id, &state.record.clock).await?;
            let clones = self.load_clones(id).await?;
            shards.push(Shard::new(id, state, (snapshots, clones)));
        }
        // The outcomes first: whoever finds a shard is answered from them.
        let ids: Vec<_> = shards.iter().map(|shard| shard.id).collect();
        self.load_replies(&ids).await?;
        for shard in &shards {
            self.load_quotas(shard).await?;
        }
        shards.into_iter().for_each(|shard| self.shards.add(shard));
        Ok(())
    }

    async fn allocator(&self, id: ShardId) -> Result<AllocatorRecord, MetaError> {
        let key = keys::allocator(id);
        let value = self.meta.read(&key).await?;
        let value = value.ok_or_else(|| MetaError::Incompatible(format!("{key} is missing: run `berth check`")))?;
        AllocatorRecord::decode_at(&key, &value)
    }

    async fn load_snapshots(&self, shard: ShardId, clock: &ShardClock) -> Result<Vec<Known>, MetaError> {
        let found = self.meta.scan(&keys::snapshot_range(shard), SNAPSHOTS_MAX, Direction::Forward).await?;
        let mut snapshots = Vec::with_capacity(found.len());
        for (key, value) in found {
            let KeyKind::Snapshot(id) = kind_of(&key)? else { continue };
            snapshots.push(Known { id, record: SnapshotRecord::decode_at(&key, &value)? });
        }
        let is_known = |epoch: &Epoch| snapshots.iter().any(|known| known.record.epoch == *epoch);
        // Older houses ended epochs for nobody: what was kept for those goes as that of a deleted snapshot does.
        let nameless = clock.newest_snapshot.filter(|newest| !is_known(newest));
        snapshots.extend(nameless.and_then(Known::nameless));
        Ok(snapshots)
    }

    async fn load_clones(&self, shard: ShardId) -> Result<Vec<KnownClone>, MetaError> {
        let found = self.meta.scan(&keys::tree_range(shard), CLONES_MAX, Direction::Forward).await?;
        let mut clones = Vec::with_capacity(found.len());
        for (key, value) in found {
            let KeyKind::Tree(tree) = kind_of(&key)? else { continue };
            clones.push(KnownClone { tree, record: TreeRecord::decode_at(&key, &value)? });
        }
        Ok(clones)
    }

    async fn load_intents(&self, shard: ShardId) -> Result<(), MetaError> {
        let mut range = keys::intent_range(shard);
        loop {
            let page = self.meta.scan(&range, INTENTS_PER_PAGE, Direction::Forward).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            range = range.after(last);
            for (key, value) in page {
                let record = IntentRecord::decode_at(&key, &value)?;
                self.queue_intent(&key, &record);
            }
        }
    }

    async fn make_root(&self) -> Result<(), OpenError> {
        let record = ShardRecord {
            base: Vec::new(),
            parent: InodeId::root_of(ShardId::ROOT),
            clock: ShardClock { current: Epoch(1), newest_snapshot: None },
            fsid: 0,
            created: self.clock.now(),
        };
        let (change, state): (Change, ShardState) = self.new_shard(ShardId::ROOT, record, &SetAttributes::default());
        let version = self.meta.submit(change)?;
        self.settle(version).await.map_err(|failure| OpenError::Root(failure.error))?;
        self.shards.add(Shard::new(ShardId::ROOT, state, (Vec::new(), Vec::new())));
        Ok(())
    }
}

fn live_segment(live: &meta::LiveSegment) -> chunk::LiveSegment {
    chunk::LiveSegment {
        segment: chunk::SegmentId(live.segment),
        owner: chunk::Owner(u64::from(live.shard.0)),
        bitmap: live.bitmap.to_vec(),
    }
}

/// Change numbers start above all that an earlier epoch can have shown.
fn first_change(epoch: FencingEpoch) -> u64 {
    epoch.0 << 40
}

/// Numbers of opens are not used again after a start.
fn first_open(epoch: FencingEpoch) -> OpenId {
    OpenId(epoch.0 << 40)
}

/// Most shards of a store.
const SHARDS_MAX: usize = 65_536;
const INTENTS_PER_PAGE: usize = 1024;
const RELOAD_WAIT_MIN: Duration = Duration::from_millis(200);
const RELOAD_WAIT_MAX: Duration = Duration::from_secs(30);
