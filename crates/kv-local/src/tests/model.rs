//! Random operations against a sorted map.

use std::collections::BTreeMap;

use bytes::Bytes;
use kv::{Batch, Direction, Engine, KvError, Scan, Token, View};
use tempfile::TempDir;

use super::{LOG_BYTES, Random, everything, on, small};
use crate::log::DATA_START;
use crate::log::simulated::SimulatedDisk;
use crate::log::slot::Slot;
use crate::{LocalEngine, Settings};

type Model = BTreeMap<Bytes, Bytes>;

#[tokio::test]
async fn equals_a_sorted_map_over_many_laps_and_reopens() {
    for seed in 1..4 {
        let directory = TempDir::new().unwrap();
        let disk = SimulatedDisk::new(seed);
        let settings = Settings { memtable_bytes: 300_000, ..small(&directory) };
        let engine = on(&disk, settings);
        let mut model = Model::new();
        let mut random = Random(seed);
        for _ in 0..1200 {
            step(&engine, &mut model, &mut random).await;
        }
        assert_eq!(everything(&engine).await, entries(&model), "seed {seed}");
        let slot = Slot::read(&disk, directory.path(), engine.store_id()).unwrap();
        assert!(slot.start / (LOG_BYTES - DATA_START) >= 3, "the log did not wrap enough: {slot:?}");
    }
}

async fn step(engine: &LocalEngine, model: &mut Model, random: &mut Random) {
    match random.below(100) {
        0 => engine.reopen().await.unwrap(),
        1 => engine.close().await.unwrap(),
        2..10 => compare(engine, model, random).await,
        _ => {}
    }
    if engine.view().await.is_err() {
        engine.reopen().await.unwrap();
    }
    let batch = batch(model, random);
    let expected = batch.expect.iter().position(|(key, value)| model.get(key) != value.as_ref());
    let outcome = engine.commit(batch.clone()).await;
    match expected {
        Some(index) => assert_eq!(outcome, Err(KvError::Conflict(index))),
        None => {
            outcome.unwrap();
            apply(model, batch);
        }
    }
}

fn key(random: &mut Random) -> Bytes {
    Bytes::from(random.below(400).to_be_bytes()[4..].to_vec())
}

fn batch(model: &Model, random: &mut Random) -> Batch {
    let mut batch = Batch::default();
    for _ in 0..random.below(6) {
        batch.puts.push((key(random), Bytes::from(random.value(9000))));
    }
    for _ in 0..random.below(3) {
        batch.deletes.push(key(random));
    }
    if random.below(3) == 0 {
        let expected = key(random);
        let value = if random.below(4) == 0 { Some(Bytes::from("wrong")) } else { model.get(&expected).cloned() };
        batch.expect.push((expected, value));
    }
    if random.below(4) == 0 {
        batch.token = Some(Token { key: Bytes::from("token"), value: Bytes::from(random.value(20)) });
    }
    batch
}

fn apply(model: &mut Model, batch: Batch) {
    for key in batch.deletes {
        model.remove(&key);
    }
    model.extend(batch.puts);
    model.extend(batch.token.map(|token| (token.key, token.value)));
}

async fn compare(engine: &LocalEngine, model: &Model, random: &mut Random) {
    let Ok(view) = engine.view().await else { return };
    let asked = key(random);
    assert_eq!(view.get(&asked).await.unwrap(), model.get(&asked).cloned());
    let (start, end) = (key(random), key(random));
    let limit = usize::try_from(random.below(20)).unwrap();
    let direction = if random.below(2) == 0 { Direction::Forward } else { Direction::Backward };
    let found = view.scan(Scan { start: start.clone(), end: end.clone(), limit, direction }).await.unwrap();
    let range = entries(model).into_iter().filter(|(key, _)| *key >= start && *key < end);
    let expected: Vec<_> = match direction {
        Direction::Forward => range.take(limit).collect(),
        Direction::Backward => range.rev().take(limit).collect(),
    };
    assert_eq!(found, expected);
}

fn entries(model: &Model) -> Vec<(Bytes, Bytes)> {
    model.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}
