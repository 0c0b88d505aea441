//! The conformance suite over real files, and what faults do to a store.
#![expect(clippy::cast_possible_truncation, reason = "marks and counts are small")]

mod relief;
mod spare;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use chunk::conformance::{self, Engine};
use chunk::{ChunkError, LiveSegment, Owner, Placed, Placement, SegmentId, Store};
use futures_util::future::join_all;
use pages::{BLOCK_SIZE, PageBuf, Payload, Pool, PoolSettings};
use tempfile::TempDir;
use uring::{Fault, Faults, OperationKind};

use crate::{LocalStore, OpenError, Settings};

const ALICE: Owner = Owner(1);
/// Of a small segment: 64 blocks and the head.
const SEGMENT_BYTES: u64 = 65 * BLOCK_SIZE as u64;

fn pool() -> Pool {
    Pool::new(PoolSettings { bytes_max: 8 << 20, huge_pages: false })
}

/// In memory where that is possible: power cuts are played, and real syncs of a busy disk are slow.
fn scratch() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap()
}

fn settings(directory: &Path) -> Settings {
    Settings {
        segment_bytes: SEGMENT_BYTES,
        piece_bytes: 16 * BLOCK_SIZE as u64,
        punch_bytes_min: 16 * BLOCK_SIZE as u64,
        kept_bytes_max: 0,
        plenty_bytes: 0,
        free_bytes_min: 0,
        ..Settings::new(directory.join("store"), 7)
    }
}

fn faulty(directory: &Path, faults: &Arc<Faults>) -> Settings {
    Settings { faults: Some(Arc::clone(faults)), ..settings(directory) }
}

fn open(settings: Settings) -> LocalStore {
    LocalStore::open(settings, pool()).unwrap()
}

/// Aligned blocks filled with one mark.
fn blocks(mark: u8, count: usize) -> Payload {
    let mut buffer = PageBuf::unpooled(count * BLOCK_SIZE);
    buffer.fill(mark);
    buffer.freeze().into()
}

async fn place(store: &LocalStore, mark: u8, count: usize) -> Placed {
    let placed = store.place(ALICE, blocks(mark, count)).await.unwrap();
    assert_eq!(placed.len(), 1);
    placed[0]
}

fn live(placed: &[Placed]) -> Vec<LiveSegment> {
    let mut bitmaps: BTreeMap<SegmentId, Vec<u8>> = BTreeMap::new();
    for run in placed {
        let bitmap = bitmaps.entry(run.placement.segment()).or_default();
        for block in run.placement.block()..run.placement.block() + run.blocks {
            bitmap.resize(bitmap.len().max(block as usize / 8 + 1), 0);
            bitmap[block as usize / 8] |= 1 << (block % 8);
        }
    }
    bitmaps.into_iter().map(|(segment, bitmap)| LiveSegment { segment, owner: ALICE, bitmap }).collect()
}

fn segment_path(directory: &Path, run: Placed) -> std::path::PathBuf {
    directory.join("store/segments").join(format!("{:010x}.seg", run.placement.segment().0))
}

/// Makes stores for the suite; a power cut is real where faults are injected, else only the process "ends".
struct Local {
    direct: bool,
    ring: bool,
    power_cuts: bool,
    seed: RefCell<u64>,
    directories: RefCell<Vec<TempDir>>,
}

impl Local {
    fn new(direct: bool, ring: bool, power_cuts: bool) -> Self {
        Self { direct, ring, power_cuts, seed: RefCell::new(0), directories: RefCell::default() }
    }

    fn faults(&self) -> Option<Arc<Faults>> {
        *self.seed.borrow_mut() += 1;
        self.power_cuts.then(|| Faults::new(*self.seed.borrow()))
    }

    async fn make(&self, bytes_max: Option<u64>) -> LocalStore {
        let directory = if self.power_cuts { scratch() } else { TempDir::new().unwrap() };
        let (direct, ring, faults) = (self.direct, self.ring, self.faults());
        let store = open(Settings { direct, ring, faults, bytes_max, ..settings(directory.path()) });
        self.directories.borrow_mut().push(directory);
        store.recover(Vec::new(), SegmentId(0)).await.unwrap();
        store
    }
}

impl Engine for Local {
    type Store = LocalStore;

    async fn fresh(&self) -> LocalStore {
        self.make(None).await
    }

    async fn small(&self, blocks: u64) -> LocalStore {
        self.make(Some(blocks * BLOCK_SIZE as u64)).await
    }

    async fn power_cut(&self, store: LocalStore) -> LocalStore {
        let old = store.0.settings.clone();
        drop(store);
        if let Some(faults) = &old.faults {
            faults.power_cut().unwrap();
        }
        open(Settings { faults: self.faults(), ..old })
    }
}

#[tokio::test]
async fn conforms_over_the_ring() {
    conformance::all(&Local::new(true, true, false)).await;
}

#[tokio::test]
async fn conforms_buffered_and_in_line() {
    conformance::all(&Local::new(false, false, false)).await;
}

#[tokio::test]
async fn conforms_with_power_cuts() {
    conformance::all(&Local::new(true, false, true)).await;
}

#[test]
fn conforms_without_a_runtime() {
    let engine = Local::new(true, true, false);
    let mut suite = Box::pin(conformance::all(&engine));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    while suite.as_mut().poll(&mut context).is_pending() {}
}

#[tokio::test]
async fn a_second_opener_is_refused() {
    let directory = scratch();
    let first = open(settings(directory.path()));
    let second = LocalStore::open(settings(directory.path()), pool());
    assert!(matches!(second, Err(OpenError::Locked(_))));
    drop(first);
    open(settings(directory.path()));
}

#[tokio::test]
async fn a_foreign_or_damaged_superblock_is_refused() {
    let directory = scratch();
    let store = open(settings(directory.path()));
    place(&store, 1, 1).await;
    drop(store);
    let other = LocalStore::open(Settings { store_id: 8, ..settings(directory.path()) }, pool());
    assert!(matches!(other, Err(OpenError::OtherStore { found: 7, expected: 8, .. })));
    let path = directory.path().join("store/superblock");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[60] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let damaged = LocalStore::open(settings(directory.path()), pool());
    assert!(matches!(damaged, Err(OpenError::Superblock { .. })));
    std::fs::remove_file(path).unwrap();
    let missing = LocalStore::open(settings(directory.path()), pool());
    assert!(matches!(missing, Err(OpenError::Superblock { .. })), "segments without a superblock are not overwritten");
}

#[tokio::test]
async fn ids_are_not_reused_after_their_segments_are_gone() {
    let directory = scratch();
    let mut last = None;
    for _ in 0..4 {
        let store = open(settings(directory.path()));
        store.recover(Vec::new(), SegmentId(0)).await.unwrap();
        let run = place(&store, 1, 1).await;
        assert!(last < Some(run.placement.segment()));
        last = Some(run.placement.segment());
    }
}

#[tokio::test]
async fn freed_room_returns_to_the_file_system() {
    use std::os::unix::fs::MetadataExt as _;
    let directory = scratch();
    let store = open(settings(directory.path()));
    let run = place(&store, 1, 40).await;
    store.sync().await.unwrap();
    let path = segment_path(directory.path(), run);
    let before = std::fs::metadata(&path).unwrap().blocks();
    store.free(run.placement, 30).await.unwrap();
    let after = std::fs::metadata(&path).unwrap().blocks();
    assert!(after + 30 * 8 <= before, "{before} sectors before, {after} after");
    assert_eq!(store.read(run.placement.plus(30), 10).await.unwrap(), blocks(1, 10));
    store.free(run.placement.plus(30), 10).await.unwrap();
    assert!(path.exists(), "an open segment stays");
    let rest = store.place(ALICE, blocks(2, 30)).await.unwrap();
    for run in &rest {
        store.free(run.placement, run.blocks).await.unwrap();
    }
    assert!(!path.exists(), "a sealed segment goes with its last block");
    assert_eq!(store.list(None, 10).await.unwrap().len(), 1);
}

/// Free blocks of the store that keep their room.
fn kept(store: &LocalStore) -> u64 {
    crate::store::lock(&store.0.segments).values().map(|segment| segment.kept_blocks()).sum()
}

#[tokio::test]
async fn small_runs_keep_their_room_until_their_neighbours_are_free() {
    let directory = scratch();
    let faults = Faults::new(1);
    let store = open(faulty(directory.path(), &faults));
    let run = place(&store, 1, 40).await;
    for block in (0..40).step_by(2) {
        store.free(run.placement.plus(block), 1).await.unwrap();
    }
    assert_eq!((faults.count(OperationKind::Punch), kept(&store)), (0, 20));
    for block in (1..15).step_by(2) {
        store.free(run.placement.plus(block), 1).await.unwrap();
    }
    assert_eq!((faults.count(OperationKind::Punch), kept(&store)), (0, 27), "15 in a row");
    store.free(run.placement.plus(15), 1).await.unwrap();
    assert_eq!((faults.count(OperationKind::Punch), kept(&store)), (1, 11), "17 in a row went at once");
    assert_eq!(store.read(run.placement.plus(17), 1).await.unwrap(), blocks(1, 1));
}

#[tokio::test]
async fn small_runs_between_given_back_ones_keep_no_room() {
    let directory = scratch();
    let faults = Faults::new(1);
    let store = open(faulty(directory.path(), &faults));
    let run = place(&store, 1, 60).await;
    store.free(run.placement.plus(2), 16).await.unwrap();
    store.free(run.placement.plus(24), 16).await.unwrap();
    assert_eq!((faults.count(OperationKind::Punch), kept(&store)), (2, 0));
    store.free(run.placement.plus(20), 4).await.unwrap();
    assert_eq!((faults.count(OperationKind::Punch), kept(&store)), (2, 4), "two neighbours are live");
    store.free(run.placement.plus(18), 2).await.unwrap();
    assert_eq!((faults.count(OperationKind::Punch), kept(&store)), (3, 0), "no neighbour will join them");
    store.free(run.placement.plus(0), 2).await.unwrap();
    assert_eq!((faults.count(OperationKind::Punch), kept(&store)), (4, 0), "nor those at the start");
    store.free(run.placement.plus(58), 2).await.unwrap();
    assert_eq!((faults.count(OperationKind::Punch), kept(&store)), (4, 2), "what is placed next joins these");
    assert_eq!(store.read(run.placement.plus(40), 18).await.unwrap(), blocks(1, 18));
}

#[tokio::test]
async fn room_of_small_runs_is_free_and_given_back_when_it_is_needed() {
    use std::os::unix::fs::MetadataExt as _;
    let directory = scratch();
    let store = open(settings(directory.path()));
    let run = place(&store, 1, 60).await;
    let sealed = place(&store, 1, 4).await;
    store.sync().await.unwrap();
    let path = segment_path(directory.path(), run);
    let length = std::fs::metadata(&path).unwrap().blocks();
    for block in (0..60).step_by(2) {
        store.free(run.placement.plus(block), 1).await.unwrap();
    }
    // Others use the file system too: a moment in which they do not is waited for.
    let without = || store.0.space.capacity(&store.0.settings, 0).unwrap().free_bytes;
    let mut moments = std::iter::repeat_with(|| (without(), store.capacity().unwrap().free_bytes, without()));
    let (without, with, _) = moments.find(|(before, _, after)| before == after).unwrap();
    assert_eq!(with, without + 30 * BLOCK_SIZE as u64);
    drop(store);
    let store = open(Settings { free_bytes_min: u64::MAX, ..settings(directory.path()) });
    let named: Vec<_> =
        (1..60).step_by(2).map(|block| Placed { placement: run.placement.plus(block), blocks: 1 }).collect();
    store.recover(live(&[named, vec![sealed]].concat()), SegmentId(0)).await.unwrap();
    assert_eq!(kept(&store), 30, "what was free keeps its room");
    assert_eq!(store.place(ALICE, blocks(2, 1)).await, Err(ChunkError::NoSpace), "nothing is enough");
    assert_eq!(kept(&store), 0, "but all was given back");
    assert!(std::fs::metadata(&path).unwrap().blocks() + 29 * 8 <= length);
    assert_eq!(store.read(run.placement.plus(33), 1).await.unwrap(), blocks(1, 1));
    drop(store);
    let store = open(settings(directory.path()));
    store.recover(live(&[Placed { placement: run.placement.plus(33), blocks: 1 }]), SegmentId(0)).await.unwrap();
    assert_eq!(kept(&store), 0, "what was punched in a former life is not counted again");
}

#[tokio::test]
async fn few_syncs_serve_many() {
    let directory = scratch();
    let faults = Faults::new(1);
    let store = open(faulty(directory.path(), &faults));
    for mark in 0..48 {
        place(&store, mark, 1).await;
    }
    join_all((0..48).map(|_| async { store.sync().await.unwrap() })).await;
    let syncs = faults.count(OperationKind::Sync);
    assert_eq!(syncs, 2, "one of the file, one of the directory");
    store.sync().await.unwrap();
    assert_eq!(faults.count(OperationKind::Sync), syncs, "nothing was left to sync");
}

#[tokio::test]
async fn a_failed_sync_is_told_to_everyone_who_may_count_on_it() {
    let directory = scratch();
    let faults = Faults::new(1);
    let store = open(faulty(directory.path(), &faults));
    let kept = place(&store, 1, 2).await;
    store.sync().await.unwrap();
    let waiting = [place(&store, 2, 2).await, place(&store, 3, 2).await];
    let late = place(&store, 4, 2).await;
    faults.fail(OperationKind::Sync, 1, Fault::Error(io::ErrorKind::Other));
    let outcomes = join_all([store.sync(), store.sync(), store.sync()]).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(ChunkError::Io(_)))), "{outcomes:?}");
    assert_eq!(store.read(kept.placement, 2).await.unwrap(), blocks(1, 2));
    assert!(matches!(store.read(late.placement, 1).await, Err(ChunkError::Io(_))));
    let again = place(&store, 5, 2).await;
    assert_ne!(again.placement.segment(), late.placement.segment(), "the segment is abandoned");
    for run in waiting {
        store.free(run.placement, run.blocks).await.unwrap();
    }
    assert!(store.sync().await.is_err(), "who placed `late` has not been told yet");
    store.free(late.placement, late.blocks).await.unwrap();
    store.sync().await.unwrap();
    let files = store.list(None, 10).await.unwrap();
    drop(store);
    faults.power_cut().unwrap();
    let store = open(settings(directory.path()));
    store.recover(live(&[kept, again]), SegmentId(0)).await.unwrap();
    assert_eq!(store.read(kept.placement, 2).await.unwrap(), blocks(1, 2));
    assert_eq!(store.read(again.placement, 2).await.unwrap(), blocks(5, 2));
    assert_eq!(files.len(), 2);
}

#[tokio::test]
async fn a_failed_sync_whose_caller_went_away_is_told_to_the_next() {
    for is_waiting in [false, true] {
        let directory = scratch();
        let faults = Faults::new(1);
        let store = open(faulty(directory.path(), &faults));
        let lost = place(&store, 1, 2).await;
        faults.fail(OperationKind::Sync, 1, Fault::Error(io::ErrorKind::Other));
        let mut dropped = Box::pin(store.sync());
        poll(&mut dropped, 1);
        assert_eq!(faults.count(OperationKind::Sync), 1, "it is in flight");
        let mut next = Box::pin(store.sync());
        poll(&mut next, usize::from(is_waiting));
        drop(dropped);
        let outcome = next.await;
        assert!(matches!(outcome, Err(ChunkError::Io(_))), "{outcome:?}");
        assert!(matches!(store.read(lost.placement, 1).await, Err(ChunkError::Io(_))));
        store.free(lost.placement, lost.blocks).await.unwrap();
        place(&store, 2, 1).await;
        store.sync().await.unwrap();
    }
}

#[tokio::test]
async fn a_sync_that_nobody_drives_does_not_keep_the_store_open() {
    let directory = scratch();
    let store = open(faulty(directory.path(), &Faults::new(1)));
    place(&store, 1, 1).await;
    poll(&mut Box::pin(store.sync()), 1);
    drop(store);
    open(settings(directory.path()));
}

#[tokio::test]
async fn an_entry_that_cannot_be_synced_fails_its_blocks() {
    let directory = scratch();
    let faults = Faults::new(1);
    let store = open(faulty(directory.path(), &faults));
    let lost = place(&store, 1, 1).await;
    // The first sync is the file's, the second the directory's.
    faults.fail(OperationKind::Sync, 2, Fault::Error(io::ErrorKind::Other));
    assert!(matches!(store.sync().await, Err(ChunkError::Io(_))));
    store.free(lost.placement, 1).await.unwrap();
    assert!(!segment_path(directory.path(), lost).exists(), "an abandoned segment goes with its last block");
    place(&store, 2, 1).await;
    store.sync().await.unwrap();
}

#[tokio::test]
async fn a_failed_write_goes_elsewhere() {
    for fault in [Fault::Error(io::ErrorKind::Other), Fault::Torn] {
        let directory = scratch();
        let faults = Faults::new(1);
        let store = open(faulty(directory.path(), &faults));
        let first = place(&store, 1, 2).await;
        faults.fail(OperationKind::Write, 1, fault);
        let second = place(&store, 2, 5).await;
        assert_ne!(first.placement.segment(), second.placement.segment());
        store.sync().await.unwrap();
        assert_eq!(store.read(first.placement, 2).await.unwrap(), blocks(1, 2));
        assert_eq!(store.read(second.placement, 5).await.unwrap(), blocks(2, 5));
        faults.fail_always(OperationKind::Write, io::ErrorKind::Other);
        assert!(matches!(store.place(ALICE, blocks(3, 1)).await, Err(ChunkError::Io(_))));
        faults.heal();
        place(&store, 4, 1).await;
    }
}

#[tokio::test]
async fn a_full_device_says_so_and_loses_nothing() {
    let directory = scratch();
    let faults = Faults::new(1);
    let store = open(faulty(directory.path(), &faults));
    let first = place(&store, 1, 10).await;
    faults.set_space(20 * BLOCK_SIZE as u64);
    let mut placed = vec![first];
    let refused = loop {
        match store.place(ALICE, blocks(1, 10)).await {
            Ok(runs) => placed.extend(runs),
            Err(error) => break error,
        }
    };
    assert_eq!(refused, ChunkError::NoSpace);
    store.sync().await.unwrap();
    for run in &placed {
        assert_eq!(store.read(run.placement, run.blocks).await.unwrap(), blocks(1, run.blocks as usize));
    }
    faults.heal();
    store.place(ALICE, blocks(2, 200)).await.unwrap();
}

#[tokio::test]
async fn a_reserve_of_room_is_left_to_others() {
    let directory = scratch();
    let store = open(Settings { free_bytes_min: u64::MAX, ..settings(directory.path()) });
    assert_eq!(store.place(ALICE, blocks(1, 1)).await, Err(ChunkError::NoSpace));
    assert_eq!(store.capacity().unwrap().free_bytes, 0);
}

#[tokio::test]
async fn dropped_calls_leave_no_trace() {
    let directory = scratch();
    let faults = Faults::new(1);
    let store = open(faulty(directory.path(), &faults));
    let kept = place(&store, 1, 1).await;
    for polls in 1..30 {
        let mut dropped = Box::pin(store.place(ALICE, blocks(2, 30)));
        poll(&mut dropped, polls);
        drop(dropped);
        let mut dropped = Box::pin(store.sync());
        poll(&mut dropped, polls % 5);
    }
    let used = store.0.space.capacity(&Settings { bytes_max: Some(1 << 40), ..settings(directory.path()) }, 0);
    let after = place(&store, 3, 1).await;
    store.sync().await.unwrap();
    assert!(used.is_ok());
    drop(store);
    faults.power_cut().unwrap();
    let store = open(settings(directory.path()));
    store.recover(live(&[kept, after]), SegmentId(0)).await.unwrap();
    assert_eq!(store.read(kept.placement, 1).await.unwrap(), blocks(1, 1));
    assert_eq!(store.read(after.placement, 1).await.unwrap(), blocks(3, 1));
}

/// Polls a few times at most; ready or not.
fn poll<F: Future + Unpin>(future: &mut F, times: usize) {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for _ in 0..times {
        if std::pin::Pin::new(&mut *future).poll(&mut context).is_ready() {
            return;
        }
    }
}

#[tokio::test]
async fn cold_writers_are_sealed_beyond_the_bound() {
    let directory = scratch();
    let store = open(Settings { writers_max: 3, read_handles_max: 2, ..settings(directory.path()) });
    let mut placed = Vec::new();
    for round in 0..3_u8 {
        for owner in 0..8 {
            placed.push((round, store.place(Owner(owner), blocks(round, 2)).await.unwrap()[0]));
        }
    }
    assert!(store.0.writers.lock().unwrap().len() <= 3);
    store.sync().await.unwrap();
    for (round, run) in placed {
        assert_eq!(store.read(run.placement, 2).await.unwrap(), blocks(round, 2));
    }
}

/// Runs and what fills them.
type Marked = Vec<(u8, Placed)>;

/// One life of a store under a seed: whatever was synced and not freed must be there after a power cut.
async fn live_and_die(seed: u64, kept_bytes_max: u64) {
    let directory = scratch();
    let (mut random, mut durable) = (seed, Vec::<(u8, Placed)>::new());
    for life in 0..4 {
        let faults = Faults::new(seed * 10 + life);
        let store = open(Settings { kept_bytes_max, ..faulty(directory.path(), &faults) });
        let named: Vec<_> = durable.iter().map(|(_, run)| *run).collect();
        store.recover(live(&named), SegmentId(0)).await.unwrap();
        for (mark, run) in &durable {
            let found = store.read(run.placement, run.blocks).await.unwrap();
            assert_eq!(found, blocks(*mark, run.blocks as usize), "seed {seed}, life {life}");
        }
        let mut volatile = Vec::new();
        for _ in 0..90 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            step(&store, &faults, (random >> 33, &mut durable, &mut volatile)).await;
        }
        drop(store);
        faults.power_cut().unwrap();
    }
}

async fn step(store: &LocalStore, faults: &Faults, world: (u64, &mut Marked, &mut Marked)) {
    let (random, durable, volatile) = world;
    let mark = (random % 251) as u8;
    match random % 16 {
        0..8 => {
            let placed = store.place(ALICE, blocks(mark, 1 + (random / 16 % 20) as usize)).await.unwrap_or_default();
            volatile.extend(placed.into_iter().map(|run| (mark, run)));
        }
        8..12 => match store.sync().await {
            Ok(()) => durable.append(volatile),
            Err(_) => {
                for (_, run) in volatile.drain(..) {
                    store.free(run.placement, run.blocks).await.unwrap();
                }
            }
        },
        12..14 if !durable.is_empty() => {
            let (_, run) = durable.swap_remove(random as usize / 16 % durable.len());
            store.free(run.placement, run.blocks).await.unwrap();
        }
        14 if random / 16 % 4 == 0 => faults.fail(OperationKind::Rename, 1, Fault::Error(io::ErrorKind::Other)),
        14 => faults.fail(OperationKind::Sync, 1 + random / 16 % 3, Fault::Error(io::ErrorKind::Other)),
        15 => faults.fail(OperationKind::Write, 1 + random / 16 % 3, Fault::Torn),
        _ => {}
    }
}

#[tokio::test]
async fn synced_blocks_survive_power_cuts() {
    for seed in 0..6 {
        live_and_die(seed, 0).await;
        live_and_die(seed, 4 * SEGMENT_BYTES).await;
    }
}

#[tokio::test]
async fn data_lost_behind_our_back_is_told() {
    let directory = scratch();
    let store = open(settings(directory.path()));
    let run = place(&store, 1, 4).await;
    store.sync().await.unwrap();
    drop(store);
    let path = segment_path(directory.path(), run);
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_len(4 * BLOCK_SIZE as u64).unwrap();
    let recover = async || open(settings(directory.path())).recover(live(&[run]), SegmentId(0)).await;
    assert!(matches!(recover().await, Err(ChunkError::Missing(_))), "one block is cut off");
    file.set_len(5 * BLOCK_SIZE as u64).unwrap();
    assert_eq!(recover().await, Ok(()));
    std::os::unix::fs::FileExt::write_all_at(&file, b"x", 100).unwrap();
    assert!(matches!(recover().await, Err(ChunkError::Missing(_))), "the header is damaged");
    let absent = Placed { placement: Placement::new(SegmentId(99), 0), blocks: 1 };
    let outcome = open(settings(directory.path())).recover(live(&[absent]), SegmentId(0)).await;
    assert!(matches!(outcome, Err(ChunkError::Missing(_))));
    assert!(path.exists(), "a refused recovery destroys nothing");
}

#[tokio::test]
async fn figures_count_segments() {
    let directory = scratch();
    let store = open(settings(directory.path()));
    assert_eq!(store.figures().segments, 0);
    let first = place(&store, 1, 64).await;
    place(&store, 2, 1).await;
    assert_eq!(store.figures().segments, 2);
    store.free(first.placement, first.blocks).await.unwrap();
    assert_eq!(store.figures().segments, 1, "a segment goes with its last block");
}

#[tokio::test]
async fn what_is_taken_from_the_file_system_is_counted() {
    let directory = scratch();
    let store = open(settings(directory.path()));
    assert_eq!(store.taken_bytes(), Some(0));
    let path = segment_path(directory.path(), place(&store, 1, 1).await);
    let length = || std::fs::metadata(&path).unwrap().len();
    assert_eq!(store.taken_bytes(), Some(length()));
    for _ in 0..30 {
        place(&store, 1, 1).await;
    }
    assert!(length() > 17 * BLOCK_SIZE as u64, "it has grown");
    assert_eq!(store.taken_bytes(), Some(length()));
    drop(store);
    let bounded = Settings { bytes_max: Some(1 << 30), ..settings(directory.path()) };
    assert_eq!(open(bounded).taken_bytes(), None, "the bound has to be looked at each time");
}
