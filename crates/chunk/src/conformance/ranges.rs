//! Reads of parts, and of what is not there.

use super::{ALICE, Engine, pattern, place, places};
use crate::{ChunkError, Placement, SLICE_BLOCKS_MAX, SegmentId, Store};

pub(super) async fn all<E: Engine>(engine: &E) {
    parts_of_runs(&engine.fresh().await).await;
    slices_can_be_kept_one_by_one(&engine.fresh().await).await;
    what_was_never_placed_is_missing(&engine.fresh().await).await;
    freeing_a_part_leaves_the_rest(&engine.fresh().await).await;
}

async fn parts_of_runs<S: Store>(store: &S) {
    let payload = pattern(1, 20);
    let placed = place(store, ALICE, payload.clone()).await;
    for (index, place) in places(&placed).enumerate() {
        let block = store.read(place, 1).await.expect("read of one block");
        assert!(block == payload.slice(index * pages::BLOCK_SIZE, pages::BLOCK_SIZE), "block {index} differs");
    }
    let run = placed[0];
    for (from, blocks) in [(0, run.blocks), (0, 1), (run.blocks - 1, 1), (run.blocks / 2, run.blocks - run.blocks / 2)]
    {
        let part = store.read(run.placement.plus(from), blocks).await.expect("read of a part");
        let (offset, length) = (from as usize * pages::BLOCK_SIZE, blocks as usize * pages::BLOCK_SIZE);
        assert!(part == payload.slice(offset, length), "{blocks} blocks from {from} differ");
    }
}

async fn slices_can_be_kept_one_by_one<S: Store>(store: &S) {
    let placed = place(store, ALICE, pattern(3, 60)).await;
    for run in placed {
        let mut at = run.placement.block();
        for slice in store.read(run.placement, run.blocks).await.expect("read of a run").slices() {
            assert!(slice.len().is_multiple_of(pages::BLOCK_SIZE), "a slice of {} bytes", slice.len());
            let end = at + u32::try_from(slice.len() / pages::BLOCK_SIZE).expect("a few blocks");
            let is_within = at / SLICE_BLOCKS_MAX == (end - 1) / SLICE_BLOCKS_MAX;
            assert!(is_within, "a slice of blocks {at} to {end} of a segment");
            at = end;
        }
    }
}

async fn what_was_never_placed_is_missing<S: Store>(store: &S) {
    let run = place(store, ALICE, pattern(1, 2)).await[0];
    let places = [
        (Placement::new(SegmentId((1 << 40) - 1), 0), 1),
        (run.placement.plus(run.blocks), 1),
        (run.placement, run.blocks + 1),
        (Placement::new(run.placement.segment(), (1 << 24) - 1), 1),
        (Placement::new(run.placement.segment(), (1 << 24) - 1), u32::MAX),
    ];
    for (place, blocks) in places {
        let outcome = store.read(place, blocks).await;
        assert!(matches!(outcome, Err(ChunkError::Missing(_))), "read of {place:?} + {blocks}: {outcome:?}");
        let outcome = store.free(place, blocks).await;
        assert!(matches!(outcome, Err(ChunkError::Missing(_))), "free of {place:?} + {blocks}: {outcome:?}");
    }
}

async fn freeing_a_part_leaves_the_rest<S: Store>(store: &S) {
    let payload = pattern(5, 30);
    let placed = place(store, ALICE, payload.clone()).await;
    let all: Vec<_> = places(&placed).collect();
    for place in all.iter().step_by(3) {
        store.free(*place, 1).await.expect("free");
    }
    for (index, place) in all.iter().enumerate().filter(|(index, _)| index % 3 != 0) {
        let block = store.read(*place, 1).await.expect("a neighbour of freed blocks");
        assert!(block == payload.slice(index * pages::BLOCK_SIZE, pages::BLOCK_SIZE), "block {index} differs");
    }
}
