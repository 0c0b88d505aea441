//! Recovery keeps what is live and forgets the rest.

use std::collections::BTreeSet;

use super::{ALICE, BOB, Engine, expect, live, pattern, place, segments};
use crate::{ChunkError, LiveSegment, Placement, SegmentId, Store};

pub(super) async fn all<E: Engine>(engine: &E) {
    keeps_live_blocks_and_forgets_the_rest(engine).await;
    ids_are_never_used_again(engine).await;
    recovered_segments_are_not_appended_to(engine).await;
    lost_data_is_told(engine).await;
}

async fn keeps_live_blocks_and_forgets_the_rest<E: Engine>(engine: &E) {
    let store = engine.fresh().await;
    let kept = place(&store, ALICE, pattern(1, 50)).await;
    let gone = place(&store, BOB, pattern(2, 50)).await;
    store.sync().await.expect("sync");
    let store = engine.power_cut(store).await;
    let named = kept[0].placement.plus(3);
    let bitmap = live(ALICE, &[crate::Placed { placement: named, blocks: 4 }]);
    store.recover(bitmap, SegmentId(0)).await.expect("recover");
    let part = store.read(named, 4).await.expect("live blocks");
    assert!(part == pattern(1, 50).slice(3 * pages::BLOCK_SIZE, 4 * pages::BLOCK_SIZE), "live blocks changed");
    let listed: Vec<_> = store.list(None, 100).await.expect("list").iter().map(|found| found.segment).collect();
    assert_eq!(listed, [named.segment()], "segments without a live block are forgotten");
    let outcome = store.read(gone[0].placement, 1).await;
    assert!(matches!(outcome, Err(ChunkError::Missing(_))), "a forgotten segment: {outcome:?}");
    store.free(named, 4).await.expect("free what was recovered");
}

async fn ids_are_never_used_again<E: Engine>(engine: &E) {
    let store = engine.fresh().await;
    let mut seen = BTreeSet::new();
    for mark in 0..5 {
        seen.extend(segments(&place(&store, ALICE, pattern(mark, 64)).await));
    }
    store.sync().await.expect("sync");
    let store = engine.power_cut(store).await;
    let next = SegmentId(seen.last().map_or(0, |last| last.0 + 1));
    store.recover(Vec::new(), next).await.expect("recover");
    let again = place(&store, ALICE, pattern(9, 130)).await;
    assert!(segments(&again).all(|id| id >= next), "ids lie at or above the one asked for");
    let store = engine.power_cut(store).await;
    store.recover(Vec::new(), SegmentId(5000)).await.expect("recover");
    let above = place(&store, BOB, pattern(9, 130)).await;
    assert!(segments(&above).all(|id| id.0 >= 5000), "ids lie at or above the one asked for");
}

async fn recovered_segments_are_not_appended_to<E: Engine>(engine: &E) {
    let store = engine.fresh().await;
    let old = place(&store, ALICE, pattern(1, 5)).await;
    store.sync().await.expect("sync");
    let store = engine.power_cut(store).await;
    store.recover(live(ALICE, &old), SegmentId(0)).await.expect("recover");
    let new = place(&store, ALICE, pattern(2, 5)).await;
    assert!(segments(&new).all(|id| !segments(&old).any(|other| other == id)), "a recovered segment was appended to");
    expect(&store, &old, &pattern(1, 5)).await;
    expect(&store, &new, &pattern(2, 5)).await;
}

async fn lost_data_is_told<E: Engine>(engine: &E) {
    let store = engine.fresh().await;
    let placed = place(&store, ALICE, pattern(1, 5)).await;
    store.sync().await.expect("sync");
    let absent = LiveSegment { segment: SegmentId(77_777), owner: ALICE, bitmap: vec![1] };
    let beyond = crate::Placed { placement: Placement::new(placed[0].placement.segment(), 60_000), blocks: 1 };
    let mut store = store;
    for named in [vec![absent], live(ALICE, &[beyond]), live(BOB, &placed)] {
        store = engine.power_cut(store).await;
        let outcome = store.recover(named, SegmentId(0)).await;
        assert!(matches!(outcome, Err(ChunkError::Missing(_))), "lost data: {outcome:?}");
    }
    let store = engine.power_cut(store).await;
    store.recover(live(ALICE, &placed), SegmentId(0)).await.expect("a refused recovery destroys nothing");
    expect(&store, &placed, &pattern(1, 5)).await;
}
