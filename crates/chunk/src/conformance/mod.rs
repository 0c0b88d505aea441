//! What every store must do, as tests that every engine runs: `conformance::all(&engine).await`.
//!
//! What a read of a *freed* block gives is left open (an error, zeros or the old bytes): nobody names it any more.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "these are tests, run by the engines")]

mod durability;
mod listing;
mod ranges;
mod recovery;
mod write_once;

use std::future::Future;

use pages::{BLOCK_SIZE, Payload};

use crate::{LiveSegment, Owner, Placed, Placement, SegmentId, Store};

/// How the suite makes stores of one engine.
pub trait Engine {
    /// The engine under test.
    type Store: Store;

    /// A new, empty store, already recovered with nothing live. Its segments should be small (about 64 blocks), so
    /// that the suite crosses from one to the next.
    fn fresh(&self) -> impl Future<Output = Self::Store>;

    /// As [`Engine::fresh`], with room for about `blocks` blocks.
    fn small(&self, blocks: u64) -> impl Future<Output = Self::Store>;

    /// Ends `store` as hard as the engine's tests can (a power cut that keeps only what was synced, if possible) and
    /// opens it again, not yet recovered.
    fn power_cut(&self, store: Self::Store) -> impl Future<Output = Self::Store>;
}

/// Runs every test of the suite, one after the other; panics at the first that fails.
pub async fn all<E: Engine>(engine: &E) {
    write_once::all(engine).await;
    ranges::all(engine).await;
    durability::all(engine).await;
    listing::all(engine).await;
    recovery::all(engine).await;
}

/// `blocks` blocks that no other `mark` gives.
fn pattern(mark: u64, blocks: usize) -> Payload {
    let mut bytes = vec![0; blocks * BLOCK_SIZE];
    for (index, word) in bytes.chunks_exact_mut(8).enumerate() {
        let value = mark.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(index as u64);
        word.copy_from_slice(&value.to_le_bytes());
    }
    bytes.into()
}

async fn place<S: Store>(store: &S, owner: Owner, payload: Payload) -> Vec<Placed> {
    let blocks = payload.len() / BLOCK_SIZE;
    let placed = store.place(owner, payload).await.expect("place");
    let total: usize = placed.iter().map(|run| run.blocks as usize).sum();
    assert_eq!(total, blocks, "place must say where every block lies");
    assert!(placed.iter().all(|run| run.blocks > 0), "no empty runs");
    placed
}

async fn read<S: Store>(store: &S, placed: &[Placed]) -> Payload {
    let mut all = Payload::new();
    for run in placed {
        all.append(store.read(run.placement, run.blocks).await.expect("read"));
    }
    all
}

async fn expect<S: Store>(store: &S, placed: &[Placed], payload: &Payload) {
    assert!(read(store, placed).await == *payload, "the bytes of {placed:?} changed");
}

/// The places of all blocks of some runs, one by one.
fn places(placed: &[Placed]) -> impl Iterator<Item = Placement> {
    placed.iter().flat_map(|run| (0..run.blocks).map(|block| run.placement.plus(block)))
}

/// What durable metadata would say is live if it named exactly these runs.
fn live(owner: Owner, placed: &[Placed]) -> Vec<LiveSegment> {
    let mut segments: Vec<LiveSegment> = Vec::new();
    for place in places(placed) {
        let position = segments.iter().position(|live| live.segment == place.segment()).unwrap_or_else(|| {
            segments.push(LiveSegment { segment: place.segment(), owner, bitmap: Vec::new() });
            segments.len() - 1
        });
        let (byte, bit) = (place.block() as usize / 8, place.block() % 8);
        let bitmap = &mut segments[position].bitmap;
        bitmap.resize(bitmap.len().max(byte + 1), 0);
        bitmap[byte] |= 1 << bit;
    }
    segments
}

fn segments(placed: &[Placed]) -> impl Iterator<Item = SegmentId> {
    placed.iter().map(|run| run.placement.segment())
}

const ALICE: Owner = Owner(1);
const BOB: Owner = Owner(2);
