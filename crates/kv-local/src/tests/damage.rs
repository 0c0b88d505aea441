//! Stores that must not open, and creations cut short.

use std::fs;

use bytes::Bytes;
use kv::{Engine, KvError};
use tempfile::TempDir;

use super::{LOG_BYTES, everything, get, on, put, small};
use crate::log::device::LogDevice;
use crate::log::record::Chain;
use crate::log::simulated::SimulatedDisk;
use crate::log::slot::Slot;
use crate::log::write::PendingWrite;
use crate::{LocalEngine, Settings};

/// One record of 4 KiB each, from byte 8192 on.
async fn thirty_records(directory: &TempDir, disk: &SimulatedDisk) {
    let engine = on(disk, small(directory));
    for record in 0..30 {
        engine.commit(put(format!("{record:02}"), "x")).await.unwrap();
    }
}

fn open(directory: &TempDir, disk: &SimulatedDisk) -> Result<LocalEngine, KvError> {
    LocalEngine::open_on(small(directory), Box::new(disk.clone()))
}

#[tokio::test]
async fn a_bad_record_before_good_ones_is_damage() {
    for record in [0, 1, 28] {
        let (directory, disk) = (TempDir::new().unwrap(), SimulatedDisk::new(1));
        thirty_records(&directory, &disk).await;
        let offset = 8192 + record * 4096;
        disk.damage(offset + 85);
        let Err(KvError::Damaged(text)) = open(&directory, &disk) else { panic!("record {record}: it opened") };
        let later = format!("a later one at byte {} is whole", offset + 4096);
        assert!(text.contains("log: the record after group") && text.contains(&later), "{text}");
        disk.damage(offset + 85);
        assert_eq!(everything(&open(&directory, &disk).unwrap()).await.len(), 30);
    }
}

#[tokio::test]
async fn a_bad_last_record_is_the_end() {
    let (directory, disk) = (TempDir::new().unwrap(), SimulatedDisk::new(1));
    thirty_records(&directory, &disk).await;
    disk.damage(8192 + 29 * 4096 + 85);
    let engine = open(&directory, &disk).unwrap();
    assert_eq!(everything(&engine).await.len(), 29);
    engine.commit(put("new", "1")).await.unwrap();
    engine.reopen().await.unwrap();
    assert_eq!(everything(&engine).await.len(), 30);
}

/// A torn write of an earlier open must never be read as the continuation of a later one, even where everything but
/// the epoch fits.
#[tokio::test]
async fn leftovers_of_a_torn_write_stay_dead() {
    let (directory, disk) = (TempDir::new().unwrap(), SimulatedDisk::new(1));
    let engine = on(&disk, small(&directory));
    let previous_group = engine.commit(put("first", "1")).await.unwrap().0;
    let store_id = engine.store_id();
    while Slot::read(&disk, directory.path(), store_id).unwrap().prepared_bytes < LOG_BYTES {
        std::thread::yield_now();
    }
    drop(engine);

    let epoch = Slot::read(&disk, directory.path(), store_id).unwrap().epoch;
    let mut torn = PendingWrite::new();
    torn.add(&put("a", [0; FILLS_A_BLOCK])).unwrap();
    torn.add(&put("b", "leftover")).unwrap();
    let chain = Chain { store_id, epoch, group: 0, position: 4096, write_position: 4096, previous_group };
    let mut groups = previous_group + 1..;
    torn.seal(chain, || groups.next().unwrap()).unwrap();
    disk.write_at_durable(&torn.bytes()[4096..], 8192 + 2 * 4096).unwrap();

    let engine = open(&directory, &disk).unwrap();
    let version = engine.commit(put("c", [0; FILLS_A_BLOCK])).await.unwrap();
    assert_eq!(version.0, previous_group + 1, "the leftover would not fit behind it");
    engine.reopen().await.unwrap();
    assert_eq!(get(&engine, "b").await, None);
    assert!(get(&engine, "c").await.is_some());
}

/// Length of the value that makes the record of a one-byte key exactly one block long.
const FILLS_A_BLOCK: usize = 4096 - 80 - 6 - 1;

#[tokio::test]
async fn one_bad_slot_is_survived_and_two_are_damage() {
    for bad_slots in [&[0][..], &[1], &[0, 1]] {
        let (directory, disk) = (TempDir::new().unwrap(), SimulatedDisk::new(1));
        thirty_records(&directory, &disk).await;
        for slot in bad_slots {
            disk.damage(slot * 4096 + 20);
        }
        match open(&directory, &disk) {
            Ok(engine) => assert_eq!((bad_slots.len(), everything(&engine).await.len()), (1, 30)),
            Err(KvError::Damaged(text)) => assert!(bad_slots.len() == 2 && text.contains("slot"), "{text}"),
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_missing_tree_or_superblock_is_damage() {
    let directory = TempDir::new().unwrap();
    let store = directory.path().join("store");
    drop(LocalEngine::open(small(&directory)).unwrap());
    fs::rename(store.join("tree"), directory.path().join("elsewhere")).unwrap();
    assert!(matches!(LocalEngine::open(small(&directory)), Err(KvError::Damaged(_))));
    fs::rename(directory.path().join("elsewhere"), store.join("tree")).unwrap();
    fs::remove_file(store.join("superblock")).unwrap();
    let outcome = LocalEngine::open(small(&directory));
    assert!(matches!(&outcome, Err(KvError::Damaged(text)) if text.contains("superblock")), "{outcome:?}");
}

#[tokio::test]
async fn a_log_of_another_size_is_damage() {
    let directory = TempDir::new().unwrap();
    drop(LocalEngine::open(small(&directory)).unwrap());
    let log = fs::OpenOptions::new().write(true).open(directory.path().join("store/log")).unwrap();
    log.set_len(LOG_BYTES - 4096).unwrap();
    assert!(matches!(LocalEngine::open(small(&directory)), Err(KvError::Damaged(_))));
}

#[tokio::test]
async fn a_creation_cut_short_is_begun_anew() {
    use crate::directory::Directory;
    use crate::superblock::Superblock;
    let directory = TempDir::new().unwrap();
    let store = directory.path().join("store");
    let parts = Directory::open(&store).unwrap();
    Superblock::new(LOG_BYTES, None).unwrap().write(&parts).unwrap();
    fs::write(store.join("log"), "half").unwrap();
    drop(parts);
    let engine = LocalEngine::open(small(&directory)).unwrap();
    engine.commit(put("a", "1")).await.unwrap();
    let store_id = engine.store_id();
    drop(engine);
    let engine = LocalEngine::open(small(&directory)).unwrap();
    assert_eq!(engine.store_id(), store_id);
    assert_eq!(get(&engine, "a").await, Some(Bytes::from("1")));
}

#[tokio::test]
async fn a_second_opener_is_refused() {
    let directory = TempDir::new().unwrap();
    let engine = LocalEngine::open(small(&directory)).unwrap();
    let outcome = LocalEngine::open(small(&directory));
    assert!(matches!(&outcome, Err(KvError::Io(text)) if text.contains("in use")), "{outcome:?}");
    drop(engine);
    LocalEngine::open(small(&directory)).unwrap();
}

#[tokio::test]
async fn the_log_size_of_the_creation_stays() {
    let directory = TempDir::new().unwrap();
    let engine = LocalEngine::open(small(&directory)).unwrap();
    engine.commit(put("a", "1")).await.unwrap();
    drop(engine);
    let engine = LocalEngine::open(Settings { log_bytes: 2 * LOG_BYTES, ..small(&directory) }).unwrap();
    assert_eq!(get(&engine, "a").await, Some(Bytes::from("1")));
    assert!(LocalEngine::open(Settings { log_bytes: 5000, ..small(&directory) }).is_err());
}
