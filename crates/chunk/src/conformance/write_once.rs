//! Placed blocks come back as they were, and never change.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use pages::{BLOCK_SIZE, Payload};

use super::{ALICE, BOB, Engine, expect, pattern, place, places, segments};
use crate::{ChunkError, Owner, Store};

pub(super) async fn all<E: Engine>(engine: &E) {
    round_trips(&engine.fresh().await).await;
    unaligned_is_refused(&engine.fresh().await).await;
    slices_are_joined(&engine.fresh().await).await;
    nothing_is_overwritten(&engine.fresh().await).await;
    owners_do_not_share_segments(&engine.fresh().await).await;
    runs_out_of_space(&engine.small(32).await).await;
}

async fn round_trips<S: Store>(store: &S) {
    for blocks in [1, 2, 3, 8, 63, 64, 65, 200] {
        let payload = pattern(blocks as u64, blocks);
        let placed = place(store, ALICE, payload.clone()).await;
        expect(store, &placed, &payload).await;
    }
    assert!(place(store, ALICE, Payload::new()).await.is_empty(), "no blocks lie nowhere");
}

async fn unaligned_is_refused<S: Store>(store: &S) {
    for length in [1, 511, 4095, 4097, 3 * BLOCK_SIZE + 1] {
        let outcome = store.place(ALICE, vec![7; length].into()).await;
        assert_eq!(outcome, Err(ChunkError::Unaligned(length)));
    }
}

/// Slices of any length and alignment make up the blocks.
async fn slices_are_joined<S: Store>(store: &S) {
    let whole = pattern(3, 9).to_bytes();
    for lengths in [vec![1, 4095], vec![4096, 512, 3584], vec![10_000, 3, 2285], vec![8192, 4096, 4096]] {
        let mut payload = Payload::new();
        let mut from = 0;
        for length in lengths.iter().chain([&BLOCK_SIZE]) {
            payload.push(whole.slice(from..from + length));
            from += length;
        }
        let placed = place(store, ALICE, payload.clone()).await;
        expect(store, &placed, &payload).await;
    }
}

async fn nothing_is_overwritten<S: Store>(store: &S) {
    let mut kept = Vec::new();
    let mut seen = BTreeSet::new();
    for mark in 0..40 {
        let blocks = 1 + usize::try_from(mark % 7).expect("small");
        let payload = pattern(mark, blocks);
        let placed = place(store, ALICE, payload.clone()).await;
        assert!(places(&placed).all(|place| seen.insert(place)), "a place was given twice");
        if mark % 3 == 0 {
            for run in &placed {
                store.free(run.placement, run.blocks).await.expect("free");
            }
            continue;
        }
        kept.push((placed, payload));
    }
    for (placed, payload) in &kept {
        expect(store, placed, payload).await;
    }
}

async fn owners_do_not_share_segments<S: Store>(store: &S) {
    let write = async |number: u64| {
        let owner = Owner(number % 5);
        let payload = pattern(number, 1 + usize::try_from(number % 11).expect("small"));
        let placed = place(store, owner, payload.clone()).await;
        (owner, placed, payload)
    };
    let done = join_all((0..60).map(write)).await;
    let mut all = BTreeSet::new();
    for (owner, placed, payload) in &done {
        expect(store, placed, payload).await;
        assert!(places(placed).all(|place| all.insert(place)), "two callers were given one place");
        let foreign = done.iter().filter(|(other, ..)| other != owner).flat_map(|(_, placed, _)| segments(placed));
        assert!(foreign.into_iter().all(|segment| !segments(placed).any(|own| own == segment)), "owners were mixed");
    }
}

async fn runs_out_of_space<S: Store>(store: &S) {
    let mut placed = Vec::new();
    let refused = loop {
        match store.place(BOB, pattern(placed.len() as u64, 4)).await {
            Ok(runs) => placed.push(runs),
            Err(error) => break error,
        }
        assert!(placed.len() < 1000, "a small store took 4000 blocks");
    };
    assert_eq!(refused, ChunkError::NoSpace);
    assert!(!placed.is_empty(), "a small store takes something");
    store.sync().await.expect("a full store still syncs");
    for (mark, runs) in placed.iter().enumerate() {
        expect(store, runs, &pattern(mark as u64, 4)).await;
    }
    for run in placed.iter().flatten() {
        store.free(run.placement, run.blocks).await.expect("a full store still frees");
    }
    place(store, BOB, pattern(1, 4)).await;
}
