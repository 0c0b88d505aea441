//! What every engine must do, as tests that run against any of them: `kv::conformance::all(async || open())`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code that is a library because it runs in the tests of other crates"
)]

pub mod conflicts;
pub mod durability;
pub mod isolation;
pub mod journal;
pub mod limits;
pub mod ranges;

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use bytes::Bytes;

use crate::{Batch, Direction, Engine, Entry, Scan, View};

/// Runs the whole suite. The factory makes a new, empty engine each time.
///
/// # Panics
/// When the engine does not conform.
pub async fn all<E: Engine, F: AsyncFnMut() -> E>(mut factory: F) {
    isolation::all(&mut factory).await;
    ranges::all(&mut factory).await;
    conflicts::all(&mut factory).await;
    limits::all(&mut factory).await;
    durability::all(&mut factory).await;
    journal::all(&mut factory).await;
}

/// Polls all futures until each is done, without a runtime: engines make their own threads, if they need some.
async fn join_all<T>(futures: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<Pin<Box<_>>> = futures.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<T>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(move |context| {
        for (future, result) in waiting.iter_mut().zip(&mut done).filter(|(_, result)| result.is_none()) {
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                *result = Some(value);
            }
        }
        if done.iter().any(Option::is_none) {
            return Poll::Pending;
        }
        Poll::Ready(done.iter_mut().filter_map(Option::take).collect())
    })
    .await
}

fn bytes(text: impl AsRef<[u8]>) -> Bytes {
    Bytes::copy_from_slice(text.as_ref())
}

fn puts<K: AsRef<[u8]>, V: AsRef<[u8]>>(entries: impl IntoIterator<Item = (K, V)>) -> Batch {
    let puts = entries.into_iter().map(|(key, value)| (bytes(key), bytes(value))).collect();
    Batch { puts, ..Batch::default() }
}

fn deletes<K: AsRef<[u8]>>(keys: impl IntoIterator<Item = K>) -> Batch {
    Batch { deletes: keys.into_iter().map(bytes).collect(), ..Batch::default() }
}

fn range(start: impl AsRef<[u8]>, end: impl AsRef<[u8]>) -> Scan {
    Scan { start: bytes(start), end: bytes(end), limit: usize::MAX, direction: Direction::Forward }
}

async fn value(engine: &impl Engine, key: impl AsRef<[u8]>) -> Option<Bytes> {
    engine.view().await.unwrap().get(key.as_ref()).await.unwrap()
}

async fn scan(engine: &impl Engine, scan: Scan) -> Vec<Entry> {
    engine.view().await.unwrap().scan(scan).await.unwrap()
}

fn keys(entries: &[Entry]) -> Vec<&[u8]> {
    entries.iter().map(|(key, _)| &key[..]).collect()
}
