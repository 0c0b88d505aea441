use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use bytes::Bytes;
use chunk::{ChunkError, MemoryStore, Owner, Store};
use kv::{Batch, Engine, KvError, MemoryEngine, View};

use super::*;
use crate::block_on;

fn put(key: &'static str) -> Batch {
    Batch { puts: vec![(Bytes::from(key), Bytes::from(key))], ..Batch::default() }
}

fn has(engine: &MemoryEngine, key: &str) -> bool {
    block_on(async { engine.view().await.unwrap().get(key.as_bytes()).await.unwrap().is_some() })
}

#[test]
fn wrappers_without_faults_conform() {
    block_on(kv::conformance::all(async || FaultyEngine::new(MemoryEngine::new(), Faults::none())));
    let delayed = FaultRates { delay_percent: 50, delay_polls_max: 3, ..FaultRates::default() };
    block_on(kv::conformance::all(async || FaultyEngine::new(MemoryEngine::new(), Faults::seeded(1, delayed))));
}

#[test]
fn the_nth_commit_fails_and_the_engine_wants_to_be_reopened() {
    let (inner, faults) = (MemoryEngine::new(), Faults::none());
    let engine = FaultyEngine::new(inner.clone(), faults.clone());
    faults.fail(FaultPoint::Commit, 2, Fault::NoSpace);
    faults.fail(FaultPoint::Commit, 3, Fault::Io);
    block_on(engine.commit(put("a"))).unwrap();
    assert_eq!(block_on(engine.commit(put("b"))), Err(KvError::NoSpace));
    assert!(matches!(block_on(engine.commit(put("b"))), Err(KvError::Io(_))));
    assert!(matches!(block_on(engine.commit(put("b"))), Err(KvError::Io(_))), "until it is reopened");
    assert!(matches!(block_on(engine.view()), Err(KvError::Io(_))));
    block_on(engine.reopen()).unwrap();
    assert!(has(&inner, "a") && !has(&inner, "b"));
    faults.fail(FaultPoint::Commit, 1, Fault::UnknownApplied);
    faults.fail(FaultPoint::Commit, 2, Fault::UnknownLost);
    assert!(matches!(block_on(engine.commit(put("applied"))), Err(KvError::Unknown(_))));
    block_on(engine.reopen()).unwrap();
    assert!(matches!(block_on(engine.commit(put("lost"))), Err(KvError::Unknown(_))));
    assert!(has(&inner, "applied") && !has(&inner, "lost"));
    assert_eq!(faults.calls(FaultPoint::Commit), 6);
}

#[test]
fn a_power_cut_catches_calls_under_way() {
    let rates = FaultRates { delay_percent: 100, delay_polls_max: 50, ..FaultRates::default() };
    let (mut applied, mut lost) = (0, 0);
    for seed in 0..40 {
        let (inner, faults) = (MemoryEngine::new(), Faults::seeded(seed, rates));
        let engine = FaultyEngine::new(inner.clone(), faults.clone());
        let mut commit = pin!(engine.commit(put("a")));
        let mut context = Context::from_waker(Waker::noop());
        let is_done = (0..25).any(|_| commit.as_mut().poll(&mut context).is_ready());
        faults.cut_power();
        if !is_done {
            assert!(matches!(block_on(commit), Err(KvError::Io(_))), "nobody learns what was done");
        }
        faults.restore_power();
        if has(&inner, "a") { applied += 1 } else { lost += 1 }
    }
    assert!(applied > 0 && lost > 0, "{applied} applied, {lost} lost");
}

#[test]
fn a_power_cut_loses_what_was_not_synced() {
    let faults = Faults::none();
    let store = FaultyStore::over_memory(MemoryStore::default(), faults.clone());
    let place = || block_on(store.place(Owner(1), vec![1; 4096].into())).unwrap()[0].placement;
    let kept = place();
    block_on(store.sync()).unwrap();
    let gone = place();
    faults.cut_power();
    assert!(matches!(block_on(store.read(kept, 1)), Err(ChunkError::Io(_))));
    faults.restore_power();
    block_on(store.read(kept, 1)).unwrap();
    assert!(matches!(block_on(store.read(gone, 1)), Err(ChunkError::Missing(_))));
    let unsynced = place();
    faults.fail(FaultPoint::Sync, 1, Fault::Io);
    assert!(matches!(block_on(store.sync()), Err(ChunkError::Io(_))));
    assert!(matches!(block_on(store.read(unsynced, 1)), Err(ChunkError::Missing(_))), "a failed sync loses too");
    faults.fail(FaultPoint::Place, 1, Fault::NoSpace);
    assert_eq!(block_on(store.place(Owner(1), vec![1; 4096].into())), Err(ChunkError::NoSpace));
}

#[test]
fn chance_is_decided_by_the_seed() {
    let rates = FaultRates { io_percent: 30, no_space_percent: 30, ..FaultRates::default() };
    let outcomes = |seed| {
        let store = FaultyStore::new(MemoryStore::default(), Faults::seeded(seed, rates));
        let place = |_| block_on(store.place(Owner(1), vec![1; 4096].into())).err();
        (0..50).map(place).collect::<Vec<_>>()
    };
    assert_eq!(outcomes(3), outcomes(3));
    assert_ne!(outcomes(3), outcomes(4));
    for wanted in [None, Some(ChunkError::NoSpace), Some(ChunkError::Io("planned: fault".to_owned()))] {
        assert!(outcomes(3).contains(&wanted), "{wanted:?}");
    }
}

#[test]
fn delays_end() {
    let rates = FaultRates { delay_percent: 100, delay_polls_max: 9, ..FaultRates::default() };
    let engine = FaultyEngine::new(MemoryEngine::new(), Faults::seeded(2, rates));
    let mut commit = pin!(engine.commit(put("a")));
    let mut polls = 0;
    while commit.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
        polls += 1;
    }
    assert!((1..=18).contains(&polls), "{polls}");
}
