//! Power cuts and failing writes at random points: what was acknowledged stays, the rest is whole or absent.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use kv::{Engine, KvError, View};
use tempfile::TempDir;

use super::{Random, everything, get, on, put, puts, small};
use crate::log::simulated::{Fault, SimulatedDisk};
use crate::{LocalEngine, Settings};

#[tokio::test]
async fn a_power_cut_loses_nothing_acknowledged() {
    let directory = TempDir::new().unwrap();
    let disk = SimulatedDisk::new(3);
    let settings = Settings { memtable_bytes: 1 << 20, ..small(&directory) };
    let mut engine = on(&disk, settings.clone());
    let mut random = Random(11);
    let mut model = BTreeMap::new();
    for round in 0..60_u32 {
        disk.fault_after(random.below(40), Fault::PowerCut);
        let in_flight = write_until_it_fails(&engine, &mut random, &mut model).await;
        disk.power_on();
        if random.below(2) == 0 {
            engine.reopen().await.unwrap();
        } else {
            drop(engine);
            engine = on(&disk, settings.clone());
        }
        let found: BTreeMap<Bytes, Bytes> = everything(&engine).await.into_iter().collect();
        if found != model {
            model.extend(in_flight);
            assert!(found == model, "round {round}: neither the acknowledged state nor that with the last batch");
        }
    }
}

/// Returns the batch that was not acknowledged.
async fn write_until_it_fails(
    engine: &LocalEngine,
    random: &mut Random,
    model: &mut BTreeMap<Bytes, Bytes>,
) -> Vec<(Bytes, Bytes)> {
    loop {
        let count = 1 + random.below(5);
        let batch = puts((0..count).map(|_| (random.below(200).to_be_bytes(), random.value(20_000))));
        match engine.commit(batch.clone()).await {
            Ok(_) => model.extend(batch.puts),
            Err(error) => {
                assert!(matches!(error, KvError::Unknown(_)), "{error}");
                return batch.puts;
            }
        }
    }
}

/// Many commits at once share writes, so that a torn write holds several records.
#[tokio::test]
async fn a_torn_write_of_many_batches_keeps_a_prefix_of_whole_ones() {
    let directory = TempDir::new().unwrap();
    let disk = SimulatedDisk::new(5);
    let engine = Arc::new(on(&disk, small(&directory)));
    let mut random = Random(12);
    let mut acknowledged: Vec<String> = Vec::new();
    for round in 0..60 {
        disk.fault_after(random.below(6), Fault::PowerCut);
        let size = usize::try_from(random.below(6000)).unwrap();
        let commits: Vec<_> = (0..40).map(|at| tokio::spawn(pair(Arc::clone(&engine), round, at, size))).collect();
        let mut failed = Vec::new();
        for commit in commits {
            match commit.await.unwrap() {
                (name, true) => acknowledged.push(name),
                (name, false) => failed.push(name),
            }
        }
        disk.power_on();
        engine.reopen().await.unwrap();
        check_pairs(&engine, &acknowledged, &failed).await;
    }
}

async fn pair(engine: Arc<LocalEngine>, round: u32, at: u32, size: usize) -> (String, bool) {
    let name = format!("{round:03}/{at:03}");
    let value = vec![7; size];
    let batch = puts([(format!("a{name}"), value.clone()), (format!("b{name}"), value)]);
    let outcome = engine.commit(batch).await;
    (name, outcome.is_ok())
}

async fn check_pairs(engine: &LocalEngine, acknowledged: &[String], failed: &[String]) {
    let view = engine.view().await.unwrap();
    for name in acknowledged {
        for half in ["a", "b"] {
            assert!(view.get(format!("{half}{name}").as_bytes()).await.unwrap().is_some(), "{half}{name} is lost");
        }
    }
    for name in failed {
        let a = view.get(format!("a{name}").as_bytes()).await.unwrap();
        let b = view.get(format!("b{name}").as_bytes()).await.unwrap();
        assert_eq!(a, b, "half of {name} is there");
    }
}

#[tokio::test]
async fn a_failing_write_stops_the_store_until_reopen() {
    for (round, number) in [5, 28, 5, 28, 5].into_iter().enumerate() {
        let directory = TempDir::new().unwrap();
        let disk = SimulatedDisk::new(u64::try_from(round).unwrap() * 77 + 1);
        let engine = on(&disk, small(&directory));
        engine.commit(put("kept", "1")).await.unwrap();
        disk.fault_after(0, Fault::TornError(number));
        assert!(matches!(engine.commit(puts([("a", "1"), ("b", "1")])).await, Err(KvError::Unknown(_))));
        assert!(matches!(engine.commit(put("c", "1")).await, Err(KvError::Io(_))));
        assert!(matches!(engine.view().await, Err(KvError::Io(_))));
        engine.reopen().await.unwrap();
        assert_eq!(get(&engine, "kept").await, Some(Bytes::from("1")));
        assert_eq!(get(&engine, "a").await, get(&engine, "b").await);
        assert_eq!(get(&engine, "c").await, None);
        engine.commit(put("c", "2")).await.unwrap();
        engine.reopen().await.unwrap();
        assert_eq!(get(&engine, "c").await, Some(Bytes::from("2")));
    }
}

#[tokio::test]
async fn a_flush_that_fails_loses_nothing() {
    let directory = TempDir::new().unwrap();
    let engine = LocalEngine::open(Settings { memtable_bytes: 100_000, ..small(&directory) }).unwrap();
    let tables = directory.path().join("store/tree/tables");
    std::fs::remove_dir(&tables).unwrap();
    let mut acknowledged = 0;
    while engine.commit(put(format!("{acknowledged:05}"), vec![1; 5000])).await.is_ok() {
        acknowledged += 1;
        assert!(acknowledged < 2000, "the failed flush was not noticed");
    }
    assert!(matches!(engine.view().await, Err(KvError::Io(_))));
    engine.reopen().await.unwrap();
    let found = everything(&engine).await.len();
    assert!(found == acknowledged || found == acknowledged + 1, "{found} of {acknowledged}");
}
