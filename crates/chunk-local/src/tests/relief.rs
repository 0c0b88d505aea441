//! Room that is given back where little is left.

use super::*;

/// A store on a file system of whose free room so many quarters would be plenty.
fn with_plenty_at(directory: &Path, faults: &Arc<Faults>, quarters: u64) -> LocalStore {
    let free_bytes = open(settings(directory)).capacity().unwrap().free_bytes;
    open(Settings {
        segment_bytes: 1025 * BLOCK_SIZE as u64,
        kept_bytes_max: 1 << 30,
        plenty_bytes: free_bytes / 4 * quarters,
        ..faulty(directory, faults)
    })
}

/// Less than plenty, and more than a quarter of it.
const SHORT: u64 = 8;
/// Less than a quarter of plenty.
const SCARCE: u64 = 32;

fn punched(faults: &Faults) -> u64 {
    faults.count(OperationKind::Punch)
}

#[tokio::test]
async fn where_room_is_short_it_is_given_back_little_by_little_and_by_nobody_who_writes() {
    let directory = scratch();
    let faults = Faults::new(1);
    let store = with_plenty_at(directory.path(), &faults, SHORT);
    assert!(!store.has_plenty());
    let run = place(&store, 1, 1000).await;
    for block in (0..600).step_by(2) {
        store.free(run.placement.plus(block), 1).await.unwrap();
    }
    store.free(run.placement.plus(700), 10).await.unwrap();
    place(&store, 2, 20).await;
    assert_eq!((punched(&faults), kept(&store)), (0, 310), "whoever grows gives nothing back");
    assert!(store.relieve().await.unwrap());
    assert_eq!((punched(&faults), kept(&store)), (128, 310 - 10 - 127), "the longest first");
    assert!(store.relieve().await.unwrap() && store.relieve().await.unwrap());
    assert_eq!((punched(&faults), kept(&store)), (301, 0));
    assert!(!store.relieve().await.unwrap());
    assert_eq!(store.read(run.placement.plus(599), 101).await.unwrap(), blocks(1, 101));
}

#[tokio::test]
async fn large_runs_go_back_at_once_where_room_is_short() {
    let directory = scratch();
    let faults = Faults::new(1);
    let store = with_plenty_at(directory.path(), &faults, SHORT);
    let run = place(&store, 1, 100).await;
    store.free(run.placement.plus(10), 16).await.unwrap();
    assert_eq!((punched(&faults), kept(&store)), (1, 0));
    store.free(run.placement, 10).await.unwrap();
    assert_eq!((punched(&faults), kept(&store)), (1, 10), "small ones that no neighbour will join wait");
    assert!(store.relieve().await.unwrap());
    assert_eq!((punched(&faults), kept(&store)), (2, 0));
}

#[tokio::test]
async fn sparse_segments_are_left_to_be_moved_while_there_is_enough() {
    let directory = scratch();
    for (quarters, is_given_back) in [(SHORT, false), (SCARCE, true)] {
        let faults = Faults::new(1);
        let store = with_plenty_at(directory.path(), &faults, quarters);
        let run = place(&store, 1, 1000).await;
        place(&store, 2, 24).await;
        place(&store, 3, 1).await;
        store.sync().await.unwrap();
        for block in (0..1000).filter(|block| block % 8 != 0) {
            store.free(run.placement.plus(block), 1).await.unwrap();
        }
        let found = store.list(None, 1).await.unwrap()[0];
        assert_eq!((found.blocks, found.live_blocks, found.kept_blocks), (1024, 149, 875));
        assert!(found.is_sealed && found.is_sparse());
        assert_eq!(store.relieve().await.unwrap(), is_given_back, "{quarters} quarters");
    }
}

#[tokio::test]
async fn who_grows_where_room_is_scarce_gives_back_as_much() {
    let directory = scratch();
    let faults = Faults::new(1);
    let store = with_plenty_at(directory.path(), &faults, SCARCE);
    let run = place(&store, 1, 600).await;
    for block in (0..600).step_by(2) {
        store.free(run.placement.plus(block), 1).await.unwrap();
    }
    let before = kept(&store);
    // 600 of 608 have room: one piece more is sixteen.
    place(&store, 2, 9).await;
    assert_eq!((before, kept(&store), punched(&faults)), (300, 172, 128));
}

#[tokio::test]
async fn with_plenty_nothing_is_given_back() {
    let directory = scratch();
    let faults = Faults::new(1);
    let store = with_plenty_at(directory.path(), &faults, 0);
    let run = place(&store, 1, 100).await;
    store.free(run.placement.plus(10), 50).await.unwrap();
    assert!(store.has_plenty() && !store.relieve().await.unwrap());
    assert_eq!((punched(&faults), kept(&store)), (0, 50));
}
