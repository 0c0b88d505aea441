//! Against a model that remembers every state, over an engine that takes its time and shows commits early.

#![expect(clippy::cast_possible_truncation, reason = "small numbers of tests")]

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::join_all;
use kv::{Batch, Direction, Engine, KvError, MemoryEngine, MemoryView, View};
use vfs::{InodeId, InodeNumber, ShardId, Timestamp, TreeId};

use super::*;
use crate::Key;
use crate::keys::{self, KeyRange};
use crate::records::sample::Random;
use crate::records::{Record, Run, SegmentRecord, SpaceRecord};

/// A memory engine that yields at random before and after it does something, and fails when told to.
#[derive(Clone, Default)]
struct SlowEngine {
    below: MemoryEngine,
    random: Arc<AtomicU64>,
    fails: Arc<AtomicBool>,
    /// The next commit is done, and nobody is told so.
    doubts: Arc<AtomicBool>,
    stands: Arc<AtomicBool>,
    commits: Arc<AtomicU64>,
    largest: Arc<AtomicU64>,
}

impl SlowEngine {
    async fn dawdle(&self) {
        let draw = Random(self.random.fetch_add(1, Ordering::Relaxed)).below(4);
        for _ in 0..draw {
            tokio::task::yield_now().await;
        }
    }
}

impl Engine for SlowEngine {
    type View = MemoryView;

    async fn view(&self) -> Result<MemoryView, KvError> {
        self.dawdle().await;
        let view = self.below.view().await;
        self.dawdle().await;
        view
    }

    async fn commit(&self, batch: Batch) -> Result<kv::Version, KvError> {
        self.dawdle().await;
        while self.stands.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
        if self.fails.swap(false, Ordering::Relaxed) {
            return Err(KvError::Io("told to fail".to_owned()));
        }
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.largest.fetch_max(batch.keys() as u64, Ordering::Relaxed);
        let version = self.below.commit(batch).await;
        self.dawdle().await;
        if self.doubts.swap(false, Ordering::Relaxed) {
            return Err(KvError::Unknown("told to fail".to_owned()));
        }
        version
    }

    async fn reopen(&self) -> Result<(), KvError> {
        self.below.reopen().await
    }

    async fn journal(&self, after: u64, bytes_max: usize) -> Result<Vec<kv::JournalEntry>, KvError> {
        self.below.journal(after, bytes_max).await
    }

    fn release_journal(&self, before: u64) {
        self.below.release_journal(before);
    }

    fn journal_bytes_max(&self) -> u64 {
        self.below.journal_bytes_max()
    }

    fn reserve_bytes(&self) -> u64 {
        0
    }

    async fn close(&self) -> Result<(), KvError> {
        Ok(())
    }
}

async fn open(engine: SlowEngine) -> Meta<SlowEngine> {
    Meta::open(engine, Timestamp::default(), [7; 64]).await.unwrap()
}

fn key(number: u64) -> Key {
    keys::inode(InodeId { shard: ShardId(0), tree: TreeId(0), number: InodeNumber(number) })
}

fn all() -> KeyRange {
    keys::inode_range(ShardId(0), TreeId(0))
}

fn put(number: u64, value: u64) -> Change {
    let mut change = Change::new();
    change.put(key(number), Bytes::from(value.to_string()));
    change
}

type State = BTreeMap<Key, Bytes>;

/// Every state there was: the first is that of the version before the first change.
struct Model {
    first: Version,
    states: Vec<State>,
}

impl Model {
    fn submit(&mut self, meta: &Meta<SlowEngine>, change: Change) -> Version {
        let mut state = self.states.last().unwrap().clone();
        for (key, value) in change.writes() {
            match value {
                Some(value) => state.insert(key.clone(), value.clone()),
                None => state.remove(key),
            };
        }
        self.states.push(state);
        let version = meta.submit(change).unwrap();
        assert_eq!(version.0 - self.first.0, self.states.len() as u64 - 1);
        version
    }

    fn between(&self, from: Version, to: Version) -> &[State] {
        &self.states[(from.0 - self.first.0) as usize..=(to.0 - self.first.0) as usize]
    }
}

fn random_change(random: &mut Random) -> Change {
    let mut change = Change::new();
    for _ in 0..1 + random.below(4) {
        let key = key(random.below(12));
        if random.below(3) == 0 { change.delete(key) } else { change.put(key, Bytes::from(random.word().to_string())) }
    }
    change
}

async fn write_some(meta: &Meta<SlowEngine>, model: &Mutex<Model>, seed: u64) {
    let mut random = Random(seed);
    for _ in 0..40 {
        let version = model.lock().unwrap().submit(meta, random_change(&mut random));
        tokio::task::yield_now().await;
        if random.coin() {
            meta.durable(version).await.unwrap();
            assert!(meta.watermark() >= version);
        }
    }
    meta.durable(meta.submitted()).await.unwrap();
}

async fn read_some(meta: &Meta<SlowEngine>, model: &Mutex<Model>, seed: u64) {
    let mut random = Random(seed);
    let wanted: Vec<Key> = (0..12).map(key).collect();
    for _ in 0..40 {
        let from = meta.submitted();
        if random.coin() {
            let found = meta.read_many(&wanted).await.unwrap();
            let model = model.lock().unwrap();
            let shows = |state: &State| wanted.iter().zip(&found).all(|(key, value)| state.get(key) == value.as_ref());
            assert!(model.between(from, meta.submitted()).iter().any(shows), "no state looked like this");
        } else {
            let limit = 1 + random.below(13) as usize;
            let direction = if random.coin() { Direction::Forward } else { Direction::Backward };
            let found = meta.scan(&all(), limit, direction).await.unwrap();
            let model = model.lock().unwrap();
            let shows = |state: &State| {
                let mut entries: Vec<_> = state.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
                if direction == Direction::Backward {
                    entries.reverse();
                }
                entries.truncate(limit);
                entries == found
            };
            assert!(model.between(from, meta.submitted()).iter().any(shows), "no state looked like this");
        }
        let one = random.below(12);
        let from = meta.submitted();
        let found = meta.read(&key(one)).await.unwrap();
        let model = model.lock().unwrap();
        let shows = |state: &State| state.get(&key(one)) == found.as_ref();
        assert!(model.between(from, meta.submitted()).iter().any(shows), "no state had this value");
    }
}

#[tokio::test]
async fn reads_show_one_moment_while_groups_commit() {
    for seed in 0..60 {
        let engine = SlowEngine::default();
        engine.random.store(seed * 1_000_003, Ordering::Relaxed);
        let meta = open(engine.clone()).await;
        let model = Mutex::new(Model { first: meta.submitted(), states: vec![State::new()] });
        let writers = (0..3).map(|index| write_some(&meta, &model, seed * 10 + index).boxed_local());
        let readers = (0..3).map(|index| read_some(&meta, &model, seed * 10 + 5 + index).boxed_local());
        join_all(writers.chain(readers)).await;
        let last = model.lock().unwrap().states.last().unwrap().clone();
        let stored = engine.below.view().await.unwrap();
        for number in 0..12 {
            assert_eq!(stored.get(key(number).as_bytes()).await.unwrap().as_ref(), last.get(&key(number)));
        }
        assert_eq!(meta.inner.queue().overlay_in(&all()).count(), 0, "everything durable has left the overlay");
    }
}

#[tokio::test]
async fn a_change_is_seen_at_once_and_only_its_wait_commits_it() {
    let engine = SlowEngine::default();
    let meta = open(engine.clone()).await;
    let version = meta.submit(put(1, 5)).unwrap();
    let seen = meta.read_seen(&key(1)).await.unwrap();
    assert_eq!(seen, Seen { value: Some(Bytes::from("5")), version });
    assert_eq!(meta.scan_seen(&all(), 9, Direction::Forward).await.unwrap().version, version);
    assert!(meta.watermark() < version);
    assert_eq!(engine.below.view().await.unwrap().get(key(1).as_bytes()).await.unwrap(), None);
    meta.durable(version).await.unwrap();
    let seen = meta.read_seen(&key(1)).await.unwrap();
    assert_eq!(seen, Seen { value: Some(Bytes::from("5")), version: Version(0) });
    assert_eq!(meta.submit(Change::new()).unwrap(), version, "a change of nothing takes no place");
}

#[tokio::test]
async fn a_group_is_on_its_way_until_the_engine_has_answered() {
    let engine = SlowEngine::default();
    let meta = open(engine.clone()).await;
    engine.stands.store(true, Ordering::Relaxed);
    let version = meta.submit(put(1, 5)).unwrap();
    assert!(!meta.is_committing(), "nobody waits for it");
    let mut durable = Box::pin(meta.durable(version));
    for begins in [false, true] {
        let is_pending = poll_fn(|context| Poll::Ready(durable.as_mut().poll(context).is_pending())).await;
        assert!(is_pending && meta.is_committing() == begins, "others go first, once");
    }
    engine.stands.store(false, Ordering::Relaxed);
    durable.await.unwrap();
    assert!(!meta.is_committing());
}

#[tokio::test]
async fn waits_share_commits() {
    let engine = SlowEngine::default();
    let meta = open(engine.clone()).await;
    let before = engine.commits.load(Ordering::Relaxed);
    let versions: Vec<Version> = (0..100).map(|number| meta.submit(put(number, 1)).unwrap()).collect();
    join_all(versions.iter().map(|version| meta.durable(*version))).await;
    assert_eq!(engine.commits.load(Ordering::Relaxed) - before, 1);
    assert_eq!(engine.largest.load(Ordering::Relaxed), 100);
}

/// Requests that came in together are polled one after the other, each for the first time.
#[tokio::test]
async fn what_is_asked_in_one_go_is_committed_in_one() {
    let meta = open(SlowEngine::default()).await;
    let before = meta.figures().groups;
    join_all((0..8).map(async |number| meta.durable(meta.submit(put(number, 1)).unwrap()).await.unwrap())).await;
    assert_eq!(meta.figures().groups - before, 1);
}

#[tokio::test]
async fn a_dropped_wait_loses_nothing() {
    let engine = SlowEngine::default();
    let meta = open(engine.clone()).await;
    engine.stands.store(true, Ordering::Relaxed);
    let first = meta.submit(put(1, 1)).unwrap();
    {
        let mut wait = Box::pin(meta.durable(first));
        assert!((&mut wait).now_or_never().is_none());
    }
    let second = meta.submit(put(2, 2)).unwrap();
    engine.stands.store(false, Ordering::Relaxed);
    meta.durable(second).await.unwrap();
    assert_eq!(engine.below.view().await.unwrap().get(key(1).as_bytes()).await.unwrap(), Some(Bytes::from("1")));
}

#[tokio::test]
async fn another_wait_goes_on_when_the_one_that_polls_is_dropped() {
    let engine = SlowEngine::default();
    let meta = Arc::new(open(engine.clone()).await);
    engine.stands.store(true, Ordering::Relaxed);
    let version = meta.submit(put(1, 1)).unwrap();
    let wait = |meta: Arc<Meta<SlowEngine>>| tokio::spawn(async move { meta.durable(version).await });
    let (polling, waiting) = (wait(Arc::clone(&meta)), wait(Arc::clone(&meta)));
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    polling.abort();
    tokio::task::yield_now().await;
    engine.stands.store(false, Ordering::Relaxed);
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn large_backlogs_are_split_between_changes() {
    let engine = SlowEngine::default();
    let meta = open(engine.clone()).await;
    let before = engine.commits.load(Ordering::Relaxed);
    for round in 0..5 {
        let mut change = Change::new();
        (0..1500).for_each(|number| change.put(key(round * 1500 + number), Bytes::from_static(b"x")));
        meta.submit(change).unwrap();
    }
    meta.durable(meta.submitted()).await.unwrap();
    assert_eq!(engine.commits.load(Ordering::Relaxed) - before, 3, "2 + 2 + 1 changes");
    assert_eq!(engine.largest.load(Ordering::Relaxed), 3000);
}

#[tokio::test]
async fn a_change_above_the_limits_is_refused_whole() {
    let meta = open(SlowEngine::default()).await;
    let mut keys_too_many = Change::new();
    (0..4097).for_each(|number| keys_too_many.put(key(number), Bytes::new()));
    let mut bytes_too_many = Change::new();
    (0..17).for_each(|number| bytes_too_many.put(key(number), Bytes::from(vec![0; 64 * 1024])));
    let mut value_too_long = Change::new();
    value_too_long.put(key(1), Bytes::from(vec![0; 64 * 1024 + 1]));
    let mut runs_too_many = Change::new();
    (0..4097).for_each(|run| runs_too_many.released(ShardId(0), (1 << 24) | (run * 2), 1));
    for change in [keys_too_many, bytes_too_many, value_too_long, runs_too_many] {
        assert!(matches!(meta.submit(change), Err(MetaError::TooLarge { .. })));
    }
    assert_eq!(meta.read(&key(1)).await.unwrap(), None);
}

#[tokio::test]
async fn a_failed_commit_takes_back_and_refuses_until_reopened() {
    let engine = SlowEngine::default();
    let meta = open(engine.clone()).await;
    let kept = meta.submit(put(1, 1)).unwrap();
    meta.durable(kept).await.unwrap();
    engine.fails.store(true, Ordering::Relaxed);
    let lost = meta.submit(put(1, 2)).unwrap();
    let (one, other) = tokio::join!(meta.durable(lost), meta.durable(lost));
    assert!(matches!((one, other), (Err(MetaError::Failed(_)), Err(MetaError::Failed(_)))));
    assert!(matches!(meta.submit(put(1, 3)), Err(MetaError::Failed(_))));
    assert!(matches!(meta.read(&key(1)).await, Err(MetaError::Failed(_))));
    assert!(matches!(meta.room().await, Err(MetaError::Failed(_))));
    let (epoch, generation) = (meta.fencing_epoch(), meta.generation());
    meta.reopen().await.unwrap();
    assert_eq!((meta.fencing_epoch().0, meta.generation()), (epoch.0 + 1, generation + 1));
    assert_eq!(meta.read(&key(1)).await.unwrap(), Some(Bytes::from("1")));
    assert!(meta.durable(lost).await.is_err(), "what was taken back never becomes durable");
    meta.durable(kept).await.unwrap();
    let next = meta.submit(put(1, 4)).unwrap();
    assert!(next > lost);
    meta.durable(next).await.unwrap();
}

fn kept(number: u64, entry: &str) -> Change {
    let mut change = put(number, number);
    change.keep_in_journal(Bytes::copy_from_slice(entry.as_bytes()));
    change
}

#[tokio::test]
async fn the_journal_keeps_changes_by_version_until_they_are_released() {
    let engine = SlowEngine::default();
    let meta = open(engine.clone()).await;
    let first = meta.submit(kept(1, "one")).unwrap();
    meta.submit(put(2, 2)).unwrap();
    let mut alone = Change::new();
    alone.keep_in_journal(Bytes::from_static(b"three"));
    let third = meta.submit(alone).unwrap();
    assert_eq!(third.0, first.0 + 2, "an entry alone is a change too");
    assert_eq!(meta.journal(Version(0), usize::MAX).await.unwrap(), []);
    meta.durable(third).await.unwrap();
    let expected = [(first, Bytes::from_static(b"one")), (third, Bytes::from_static(b"three"))];
    assert_eq!(meta.journal(Version(0), usize::MAX).await.unwrap(), expected);
    assert_eq!(meta.journal(first, usize::MAX).await.unwrap(), expected[1..]);
    drop(meta);
    let meta = open(engine).await;
    assert_eq!(meta.journal(Version(0), usize::MAX).await.unwrap(), expected);
    assert!(meta.submitted() > third, "versions of another life are below");
    meta.release_journal(third);
    assert_eq!(meta.journal(Version(0), usize::MAX).await.unwrap().last(), Some(&expected[1]));
}

#[tokio::test]
async fn what_a_failed_commit_takes_back_is_not_in_the_journal() {
    let engine = SlowEngine::default();
    let meta = open(engine.clone()).await;
    let first = meta.submit(kept(1, "one")).unwrap();
    meta.durable(first).await.unwrap();
    engine.fails.store(true, Ordering::Relaxed);
    let second = meta.submit(kept(2, "two")).unwrap();
    assert!(meta.durable(second).await.is_err());
    meta.reopen().await.unwrap();
    let third = meta.submit(kept(3, "three")).unwrap();
    meta.durable(third).await.unwrap();
    let found: Vec<_> = meta.journal(Version(0), usize::MAX).await.unwrap().into_iter().map(|entry| entry.0).collect();
    assert_eq!(found, [first, third]);
}

#[tokio::test]
async fn entries_of_the_journal_count_in_a_group_and_have_a_longest() {
    let meta = open(SlowEngine::default()).await;
    let long = |bytes| {
        let mut change = Change::new();
        change.keep_in_journal(Bytes::from(vec![1; bytes]));
        change
    };
    let most = kv::limits::JOURNAL_ENTRY_BYTES_MAX;
    assert!(matches!(meta.submit(long(most + 1)), Err(MetaError::TooLarge { .. })));
    let before = meta.figures().groups;
    for _ in 0..16 {
        meta.submit(long(most)).unwrap();
    }
    meta.durable(meta.submitted()).await.unwrap();
    assert_eq!(meta.journal(Version(0), usize::MAX).await.unwrap().len(), 16);
    assert_eq!(meta.figures().groups - before, 3, "seven of the longest fit into a batch");
}

#[tokio::test]
async fn a_second_owner_fences_the_first() {
    let engine = SlowEngine::default();
    let first = open(engine.clone()).await;
    let second = open(engine.clone()).await;
    assert_eq!(second.store_id(), first.store_id());
    assert!(second.fencing_epoch() > first.fencing_epoch());
    assert!(second.submitted() > first.submitted(), "versions rise over owners");
    let version = first.submit(put(1, 1)).unwrap();
    assert_eq!(first.durable(version).await, Err(MetaError::Fenced));
    assert_eq!(first.reopen().await, Err(MetaError::Fenced), "the store is not taken back");
    let version = second.submit(put(1, 2)).unwrap();
    second.durable(version).await.unwrap();
}

/// The commit of a reopen may be done although it failed: the epoch found then is the owner's own.
#[tokio::test]
async fn a_reopen_in_doubt_does_not_fence_its_owner() {
    let engine = SlowEngine::default();
    let meta = open(engine.clone()).await;
    let version = meta.submit(put(1, 1)).unwrap();
    meta.durable(version).await.unwrap();
    let epoch = meta.fencing_epoch();
    engine.doubts.store(true, Ordering::Relaxed);
    assert!(matches!(meta.reopen().await, Err(MetaError::Engine(KvError::Unknown(_)))));
    engine.fails.store(true, Ordering::Relaxed);
    assert!(meta.reopen().await.is_err());
    meta.reopen().await.unwrap();
    assert_eq!(meta.fencing_epoch().0, epoch.0 + 2, "one is lost");
    assert_eq!(meta.read(&key(1)).await.unwrap(), Some(Bytes::from("1")));
    let second = open(engine.clone()).await;
    assert_eq!(meta.reopen().await, Err(MetaError::Fenced));
    second.reopen().await.unwrap();
}

#[tokio::test]
async fn stores_of_another_house_are_refused() {
    let engine = SlowEngine::default();
    let meta = open(engine.clone()).await;
    let good = meta.superblock().clone();
    let changed = [
        Superblock { incompatible: 1 << 40, ..good.clone() },
        Superblock { read_only_compatible: 2, ..good.clone() },
        Superblock { region_bytes: 1 << 20, ..good.clone() },
        Superblock { hash_bits: 48, ..good.clone() },
        Superblock { fold_table: 9, ..good.clone() },
    ];
    for superblock in changed {
        let puts = vec![(keys::superblock().to_bytes(), superblock.encode())];
        engine.below.commit(Batch { puts, ..Batch::default() }).await.unwrap();
        let refused = Meta::open(engine.clone(), Timestamp::default(), [7; 64]).await.map(|_| ());
        assert!(matches!(refused, Err(MetaError::Incompatible(_))), "{refused:?}");
    }
    let newer = Superblock { compatible: 1 << 63, ..good };
    let puts = vec![(keys::superblock().to_bytes(), newer.encode())];
    engine.below.commit(Batch { puts, ..Batch::default() }).await.unwrap();
    open(engine).await;
}

/// A run of one segment.
fn name_and_release(random: &mut Random, live: &mut BTreeMap<u64, Vec<bool>>, next: &mut BTreeMap<u64, u64>) -> Change {
    let mut change = Change::new();
    for _ in 0..1 + random.below(3) {
        let segment = 1 + random.below(90);
        let bits = live.entry(segment).or_default();
        let first = next.entry(segment).or_default();
        let blocks = 1 + random.below(20);
        if random.coin() || *first == 0 {
            change.named(ShardId(2), segment << 24 | *first, blocks as u32);
            bits.resize((*first + blocks) as usize, true);
            *first += blocks;
        } else if let Some(block) = bits.iter().position(|live| *live) {
            change.released(ShardId(2), segment << 24 | block as u64, 1);
            bits[block] = false;
        }
    }
    change
}

fn live_of(found: &LiveSegments) -> BTreeMap<u64, Vec<bool>> {
    let bits = |segment: &LiveSegment| {
        let mut bits: Vec<bool> =
            segment.bitmap.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1)).collect();
        bits.truncate(bits.iter().rposition(|live| *live).map_or(0, |last| last + 1));
        bits
    };
    found.segments.iter().map(|segment| (segment.segment, bits(segment))).collect()
}

#[tokio::test]
async fn folding_space_changes_nothing_but_the_records() {
    let engine = SlowEngine::default();
    let mut random = Random(5);
    let (mut live, mut next) = (BTreeMap::new(), BTreeMap::new());
    let mut meta = open(engine.clone()).await;
    let mut reserved = 0;
    for round in 0..12 {
        for _ in 0..30 {
            let version = meta.submit(name_and_release(&mut random, &mut live, &mut next)).unwrap();
            if random.coin() {
                meta.durable(version).await.unwrap();
            }
        }
        let (folded, version) = meta.fold_space(random.below(20) as usize).await.unwrap();
        meta.durable(version.max(meta.submitted())).await.unwrap();
        assert!(folded <= 20);
        if round % 3 == 0 {
            drop(meta);
            meta = open(engine.clone()).await;
        }
        let found = meta.live_segments().await.unwrap();
        let mut expected = live.clone();
        expected
            .values_mut()
            .for_each(|bits| bits.truncate(bits.iter().rposition(|live| *live).map_or(0, |last| last + 1)));
        expected.retain(|_, bits| !bits.is_empty());
        assert_eq!(live_of(&found), expected);
        assert!(found.next_segment > reserved && found.next_segment > *next.keys().max().unwrap());
        reserved = found.next_segment;
    }
    while meta.fold_space(100).await.unwrap().0 > 0 {
        meta.durable(meta.submitted()).await.unwrap();
    }
    meta.durable(meta.submitted()).await.unwrap();
    assert!(meta.scan(&keys::space_range(ShardId(2)), 9, Direction::Forward).await.unwrap().is_empty());
    for (key, value) in meta.scan(&keys::segment_range(), 999, Direction::Forward).await.unwrap() {
        assert_eq!(SegmentRecord::decode_at(&key, &value).unwrap().shard, ShardId(2));
    }
}

#[tokio::test]
async fn a_fold_that_is_too_large_leaves_the_rest_for_the_next() {
    let meta = open(SlowEngine::default()).await;
    let mut change = Change::new();
    (1..=200).for_each(|segment| change.named(ShardId(0), segment << 24, 3));
    meta.durable(meta.submit(change).unwrap()).await.unwrap();
    let mut change = Change::new();
    (1..=200).for_each(|segment| change.released(ShardId(0), segment << 24, 1));
    meta.durable(meta.submit(change).unwrap()).await.unwrap();
    let mut folds = 0;
    loop {
        let (_, version) = meta.fold_space(10).await.unwrap();
        meta.durable(version).await.unwrap();
        let left = meta.scan(&keys::space_range(ShardId(0)), 9, Direction::Forward).await.unwrap();
        folds += 1;
        assert!(folds < 20, "folding ends");
        if left.is_empty() {
            break;
        }
        assert!(left.iter().all(|(key, value)| SpaceRecord::decode_at(key, value).unwrap().runs() > 0));
    }
    assert!(folds > 1);
    let live = meta.live_segments().await.unwrap();
    assert_eq!(live.segments.len(), 200);
    assert!(live.segments.iter().all(|segment| segment.bitmap == [0b110]));
}

/// Space records as groups leave them: in each shard so many, each with these runs of one block.
async fn leave_space(meta: &Meta<SlowEngine>, (shards, records): (u32, u64), runs: impl Fn(u64, u64) -> Vec<u64>) {
    for shard in 0..shards {
        let mut change = Change::new();
        for number in 0..records {
            let run = |placement| Run { placement, blocks: 1 };
            let named = runs(u64::from(shard), number).into_iter().map(run).collect();
            change.put_record(keys::space(ShardId(shard), number), &SpaceRecord { named, released: Vec::new() });
        }
        meta.durable(meta.submit(change).unwrap()).await.unwrap();
    }
}

async fn space_left(meta: &Meta<SlowEngine>, shard: u32) -> usize {
    meta.scan(&keys::space_range(ShardId(shard)), 2000, Direction::Forward).await.unwrap().len()
}

#[tokio::test]
async fn folds_of_many_shards_fit_into_a_change() {
    let meta = open(SlowEngine::default()).await;
    leave_space(&meta, (9, 1100), |shard, number| vec![((shard + 1) << 24) | (number * 2)]).await;
    let expected = meta.live_segments().await.unwrap().segments;
    assert_eq!(expected.len(), 9);
    let mut folds = 0;
    loop {
        let (folded, version) = meta.fold_space(1024).await.unwrap();
        meta.durable(version).await.unwrap();
        if folded == 0 {
            break;
        }
        folds += 1;
    }
    assert!((5..=10).contains(&folds), "{folds}");
    for shard in 0..9 {
        assert_eq!(space_left(&meta, shard).await, 0);
    }
    assert_eq!(meta.live_segments().await.unwrap().segments, expected);
}

#[tokio::test]
async fn folds_of_large_records_fit_into_a_change_and_pass_no_shard_over() {
    let meta = open(SlowEngine::default()).await;
    // More segments in each record than a change holds, and all records together larger than a change.
    let runs = |shard: u64, _| (0..4000).map(|run| (1 + shard * 100 + run % 100) << 24 | (run / 100 * 2)).collect();
    leave_space(&meta, (24, 1), runs).await;
    let expected = meta.live_segments().await.unwrap().segments;
    assert_eq!(expected.len(), 2400);
    let mut folds = 0;
    let mut left = vec![1; 24];
    while left.contains(&1) {
        let (_, version) = meta.fold_space(1024).await.unwrap();
        meta.durable(version).await.unwrap();
        folds += 1;
        assert!(folds < 100, "folding ends");
        left = join_all((0..24).map(|shard| space_left(&meta, shard))).await;
        assert!(folds > 24 || !left.contains(&0), "each shard has its turn before one has its second");
    }
    assert_eq!(meta.live_segments().await.unwrap().segments, expected);
}

#[tokio::test]
async fn two_folds_at_once_are_one() {
    let meta = open(SlowEngine::default()).await;
    let mut change = Change::new();
    change.named(ShardId(0), 1 << 24, 3);
    meta.durable(meta.submit(change).unwrap()).await.unwrap();
    let (one, other) = tokio::join!(meta.fold_space(9), meta.fold_space(9));
    assert_eq!(one.unwrap().0 + other.unwrap().0, 1);
}

#[tokio::test]
async fn callers_wait_for_room() {
    let meta = open(SlowEngine::default()).await;
    for number in 0..=BACKLOG_CHANGES_MAX as u64 {
        meta.submit(put(number % 9, number)).unwrap();
    }
    meta.room().await.unwrap();
    assert!(meta.watermark() > Version(1 << 40), "something was committed to make room");
}
