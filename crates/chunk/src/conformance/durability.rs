//! What was synced survives.

use futures_util::future::join_all;

use super::{ALICE, BOB, Engine, expect, live, pattern, place, segments};
use crate::{SegmentId, Store};

pub(super) async fn all<E: Engine>(engine: &E) {
    synced_blocks_survive(engine).await;
    concurrent_syncs_cover_their_callers(engine).await;
}

async fn synced_blocks_survive<E: Engine>(engine: &E) {
    let store = engine.fresh().await;
    let (ours, theirs) = (pattern(1, 70), pattern(2, 5));
    let placed = place(&store, ALICE, ours.clone()).await;
    let other = place(&store, BOB, theirs.clone()).await;
    store.sync().await.expect("sync");
    let unsynced = place(&store, ALICE, pattern(3, 10)).await;
    let store = engine.power_cut(store).await;
    let named = [live(ALICE, &placed), live(BOB, &other)].concat();
    let next = segments(&placed).chain(segments(&other)).chain(segments(&unsynced)).max().map_or(0, |id| id.0 + 1);
    store.recover(named, SegmentId(next)).await.expect("recover");
    expect(&store, &placed, &ours).await;
    expect(&store, &other, &theirs).await;
}

async fn concurrent_syncs_cover_their_callers<E: Engine>(engine: &E) {
    let store = engine.fresh().await;
    let write = async |mark: u64| {
        let payload = pattern(mark, 3);
        let placed = place(&store, ALICE, payload.clone()).await;
        store.sync().await.expect("sync");
        (placed, payload)
    };
    let done = join_all((0..50).map(write)).await;
    let store = engine.power_cut(store).await;
    let all: Vec<_> = done.iter().flat_map(|(placed, _)| placed.clone()).collect();
    store.recover(live(ALICE, &all), SegmentId(0)).await.expect("recover");
    for (placed, payload) in &done {
        expect(&store, placed, payload).await;
    }
}
