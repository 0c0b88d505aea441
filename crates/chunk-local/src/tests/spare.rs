//! Files that are used again, and room that waits to be given back.

use super::*;
use crate::segment::Run;

fn keeping(directory: &Path, faults: &Arc<Faults>) -> LocalStore {
    open(Settings { kept_bytes_max: 2 * SEGMENT_BYTES, free_bytes_min: 1, ..faulty(directory, faults) })
}

/// A full segment, closed and synced; what closed it is the block that comes second.
async fn full(store: &LocalStore) -> (Placed, Placed) {
    let run = place(store, 1, 64).await;
    let next = place(store, 2, 1).await;
    store.sync().await.unwrap();
    (run, next)
}

fn spares(store: &LocalStore) -> usize {
    crate::store::lock(&store.0.spares).len()
}

#[tokio::test]
async fn the_file_of_a_free_segment_becomes_that_of_the_next() {
    let directory = scratch();
    let faults = Faults::new(1);
    let store = keeping(directory.path(), &faults);
    let (old, next) = full(&store).await;
    store.free(old.placement, 64).await.unwrap();
    assert_eq!((spares(&store), kept(&store)), (1, 0));
    assert!(store.read(old.placement, 1).await.is_err() && store.free(old.placement, 1).await.is_err());
    let rest = place(&store, 3, 63).await;
    let (allocated, taken) = (faults.count(OperationKind::Allocate), store.taken_bytes().unwrap());
    let new = place(&store, 4, 64).await;
    assert_eq!(faults.count(OperationKind::Allocate), allocated, "no room was asked for");
    assert_eq!(store.taken_bytes(), Some(taken + SEGMENT_BYTES), "but what counted as free is taken");
    assert!(!segment_path(directory.path(), old).exists() && segment_path(directory.path(), new).exists());
    assert_eq!(faults.count(OperationKind::Remove) + faults.count(OperationKind::Punch), 0);
    assert!(store.read(old.placement, 1).await.is_err(), "the old blocks are nowhere");
    store.sync().await.unwrap();
    drop(store);
    faults.power_cut().unwrap();
    let store = open(settings(directory.path()));
    store.recover(live(&[next, rest, new]), SegmentId(0)).await.unwrap();
    assert_eq!(store.read(new.placement, 64).await.unwrap(), blocks(4, 64));
    assert_eq!(store.read(rest.placement, 63).await.unwrap(), blocks(3, 63));
}

#[tokio::test]
async fn a_file_that_something_may_still_come_into_is_not_used_again() {
    let directory = scratch();
    let faults = Faults::new(1);
    let store = keeping(directory.path(), &faults);
    place(&store, 1, 60).await;
    let mut dropped = Box::pin(store.place(ALICE, blocks(2, 4)));
    poll(&mut dropped, 1);
    drop(dropped);
    let (given_up, _) = full(&store).await;
    let first = Placed { placement: Placement::new(SegmentId(given_up.placement.segment().0 - 1), 0), blocks: 60 };
    store.free(first.placement, 60).await.unwrap();
    assert_eq!((spares(&store), faults.count(OperationKind::Remove)), (0, 1));
    store.free(given_up.placement, 20).await.unwrap();
    store.0.make_room(u64::MAX).await.unwrap_err();
    assert_eq!(faults.count(OperationKind::Punch), 1);
    store.free(given_up.placement.plus(20), 44).await.unwrap();
    assert_eq!((spares(&store), faults.count(OperationKind::Remove)), (0, 2), "it has holes");
}

#[tokio::test]
async fn who_still_knows_a_segment_that_is_gone_gives_nothing_of_its_file_back() {
    let directory = scratch();
    let store = keeping(directory.path(), &Faults::new(1));
    let (old, _) = full(&store).await;
    let known = store.0.segment(old.placement.segment()).unwrap();
    store.free(old.placement, 64).await.unwrap();
    assert_eq!((spares(&store), known.kept_blocks()), (1, 0));
    place(&store, 3, 63).await;
    let new = place(&store, 4, 64).await;
    assert_eq!(spares(&store), 0);
    let whole = Run { start: 0, blocks: 64 };
    assert!(known.take_kept(usize::MAX).is_empty(), "these blocks are another segment's now");
    assert!(known.take_around(whole, 1).is_none());
    assert_eq!(store.read(new.placement, 64).await.unwrap(), blocks(4, 64));
}

#[tokio::test]
async fn a_file_that_nobody_waits_for_any_more_goes() {
    let directory = scratch();
    let store = keeping(directory.path(), &Faults::new(1));
    let files = || std::fs::read_dir(directory.path().join("store/segments")).unwrap().count();
    for is_reused in [false, true] {
        let (old, next) = full(&store).await;
        place(&store, 3, 63).await;
        if is_reused {
            store.free(old.placement, 64).await.unwrap();
            assert_eq!(spares(&store), 1);
        }
        let before = files() - spares(&store);
        let mut dropped = Box::pin(store.place(ALICE, blocks(2, 4)));
        poll(&mut dropped, 1);
        drop(dropped);
        assert_eq!(files(), before, "reused: {is_reused}");
        store.free(next.placement, 1).await.unwrap();
    }
}

#[tokio::test]
async fn a_spare_file_that_cannot_be_renamed_or_opened_is_given_up() {
    for kind in [OperationKind::Rename, OperationKind::Open] {
        let directory = scratch();
        let faults = Faults::new(1);
        let store = keeping(directory.path(), &faults);
        let (old, _) = full(&store).await;
        store.free(old.placement, 64).await.unwrap();
        place(&store, 3, 63).await;
        faults.fail(kind, 1, Fault::Error(io::ErrorKind::Other));
        let new = place(&store, 4, 64).await;
        assert_eq!(store.read(new.placement, 64).await.unwrap(), blocks(4, 64));
        assert_eq!(std::fs::read_dir(directory.path().join("store/segments")).unwrap().count(), 2, "{kind:?}");
    }
}

#[tokio::test]
async fn spare_files_count_as_free_and_go_when_room_is_needed() {
    let directory = scratch();
    let faults = Faults::new(1);
    let store = keeping(directory.path(), &faults);
    let mut segments = Vec::new();
    for _ in 0..3 {
        segments.push(place(&store, 1, 64).await);
    }
    place(&store, 2, 1).await;
    store.sync().await.unwrap();
    for run in &segments {
        store.free(run.placement, 64).await.unwrap();
    }
    assert_eq!((spares(&store), faults.count(OperationKind::Remove)), (2, 1), "as many as may be");
    assert_eq!(store.0.spare_blocks(), 128);
    store.0.make_room(u64::MAX).await.unwrap_err();
    assert_eq!((spares(&store), faults.count(OperationKind::Remove)), (0, 3));
}

#[tokio::test]
async fn large_runs_keep_their_room_until_there_is_much_of_it() {
    let directory = scratch();
    let faults = Faults::new(1);
    let store = keeping(directory.path(), &faults);
    let mut segments = Vec::new();
    for _ in 0..6 {
        segments.push(place(&store, 1, 64).await);
    }
    store.sync().await.unwrap();
    for run in &segments[..4] {
        store.free(run.placement.plus(16), 32).await.unwrap();
    }
    assert_eq!((faults.count(OperationKind::Punch), kept(&store)), (0, 128), "two segments' worth");
    store.free(segments[0].placement.plus(48), 16).await.unwrap();
    assert_eq!((faults.count(OperationKind::Punch), kept(&store)), (1, 96), "the oldest, with its neighbours");
    store.free(segments[1].placement, 16).await.unwrap();
    store.free(segments[1].placement.plus(48), 16).await.unwrap();
    assert_eq!((spares(&store), kept(&store)), (1, 64), "a whole segment went before its turn");
    store.free(segments[4].placement.plus(16), 32).await.unwrap();
    assert_eq!(faults.count(OperationKind::Punch), 1, "what went with its segment makes room for others");
    store.free(segments[5].placement.plus(16), 32).await.unwrap();
    assert_eq!(faults.count(OperationKind::Punch), 2);
    assert_eq!(store.read(segments[0].placement, 16).await.unwrap(), blocks(1, 16));
}

#[tokio::test]
async fn what_nobody_needed_is_given_back() {
    let directory = scratch();
    let faults = Faults::new(1);
    let store = keeping(directory.path(), &faults);
    let (free, next) = full(&store).await;
    store.free(free.placement, 64).await.unwrap();
    store.free(next.placement, 1).await.unwrap();
    let run = place(&store, 3, 40).await;
    store.free(run.placement, 32).await.unwrap();
    store.give_back_kept().await.unwrap();
    assert_eq!((spares(&store), kept(&store)), (1, 33), "it has only just become free");
    let later = place(&store, 4, 20).await;
    store.free(later.placement, 16).await.unwrap();
    store.give_back_kept().await.unwrap();
    assert_eq!((spares(&store), kept(&store), faults.count(OperationKind::Punch)), (0, 16, 1));
    store.give_back_kept().await.unwrap();
    assert_eq!((kept(&store), faults.count(OperationKind::Punch)), (0, 2));
    assert_eq!(store.read(later.placement.plus(16), 4).await.unwrap(), blocks(4, 4));
}
