//! The journal in a log that wraps, loses power and is recycled.

use std::collections::BTreeMap;

use bytes::Bytes;
use kv::{Batch, Engine, JournalEntry};
use tempfile::TempDir;

use super::{Random, on, puts, small};
use crate::log::device::LogDevice;
use crate::log::simulated::{Fault, SimulatedDisk};
use crate::log::slot::Slot;
use crate::superblock::Superblock;
use crate::{LocalEngine, Settings};

/// What is kept must be there after every power cut, whatever was carried, released and written behind it.
#[tokio::test]
async fn a_power_cut_loses_no_entry() {
    let directory = TempDir::new().unwrap();
    let disk = SimulatedDisk::new(9);
    let settings = Settings { memtable_bytes: 1 << 20, ..small(&directory) };
    let mut engine = on(&disk, settings.clone());
    let mut random = Random(4);
    let mut kept = BTreeMap::new();
    let mut sequence = 0;
    for round in 0..60_u32 {
        disk.fault_after(random.below(60), Fault::PowerCut);
        let in_doubt = write_until_it_fails(&engine, &mut random, (&mut kept, &mut sequence)).await;
        disk.power_on();
        if random.below(2) == 0 {
            engine.reopen().await.unwrap();
        } else {
            drop(engine);
            engine = on(&disk, settings.clone());
        }
        let found = all(&engine).await;
        let lost: Vec<_> = kept.iter().filter(|(sequence, bytes)| found.get(sequence) != Some(bytes)).collect();
        assert!(
            lost.is_empty(),
            "round {round}: lost {:?}",
            lost.iter().map(|(sequence, _)| sequence).collect::<Vec<_>>()
        );
        let newer: Vec<_> = found.range(kept.keys().next_back().map_or(0, |last| last + 1)..).collect();
        assert!(
            newer.iter().all(|(sequence, bytes)| in_doubt.contains(&(**sequence, (*bytes).clone()))),
            "round {round}"
        );
        kept.extend(in_doubt.into_iter().filter(|(sequence, _)| found.contains_key(sequence)));
    }
    let slot = Slot::read(&disk as &dyn LogDevice, directory.path(), engine.store_id()).unwrap();
    assert!(slot.start > 3 * settings.log_bytes, "the log did not wrap enough: {slot:?}");
}

/// Returns the entries of the batch that was not acknowledged.
async fn write_until_it_fails(
    engine: &LocalEngine,
    random: &mut Random,
    (kept, sequence): (&mut BTreeMap<u64, Bytes>, &mut u64),
) -> Vec<(u64, Bytes)> {
    loop {
        let entries: Vec<(u64, Bytes)> = (0..random.below(3))
            .map(|_| {
                *sequence += 1 + random.below(3);
                (*sequence, Bytes::from(random.value(9_000)))
            })
            .collect();
        let journal =
            entries.iter().map(|(sequence, bytes)| JournalEntry { sequence: *sequence, bytes: bytes.clone() });
        let values = (0..random.below(4)).map(|_| (random.below(50).to_be_bytes(), random.value(40_000)));
        let batch = Batch { journal: journal.collect(), ..puts(values.collect::<BTreeMap<_, _>>()) };
        if engine.commit(batch).await.is_err() {
            return entries;
        }
        kept.extend(entries);
        // Entries are kept for long now and then, so that the log has to carry them.
        let bytes: usize = kept.values().map(Bytes::len).sum();
        if bytes > 400_000 && random.below(8) == 0 {
            let before = *kept.keys().nth(kept.len() / 2).unwrap_or(&0);
            *kept = kept.split_off(&before);
            engine.release_journal(before);
        }
    }
}

async fn all(engine: &LocalEngine) -> BTreeMap<u64, Bytes> {
    let mut found = BTreeMap::new();
    let mut after = 0;
    loop {
        let page = engine.journal(after, 100_000).await.unwrap();
        let Some(last) = page.last() else { return found };
        after = last.sequence;
        found.extend(page.into_iter().map(|entry| (entry.sequence, entry.bytes)));
    }
}

#[tokio::test]
async fn a_store_of_before_the_journal_is_marked_when_it_is_opened() {
    let (directory, disk) = (TempDir::new().unwrap(), SimulatedDisk::new(1));
    drop(on(&disk, small(&directory)));
    let folder = crate::directory::Directory::open(&directory.path().join("store")).unwrap();
    let marked = Superblock::read(&folder).unwrap().unwrap();
    Superblock { has_journal: false, ..marked.clone() }.write(&folder).unwrap();
    drop(folder);
    drop(on(&disk, small(&directory)));
    let folder = crate::directory::Directory::open(&directory.path().join("store")).unwrap();
    assert_eq!(Superblock::read(&folder).unwrap(), Some(marked));
}
