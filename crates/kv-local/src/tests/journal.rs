//! The journal in a log that wraps, loses power and is recycled.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

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
        // Entries are kept for long now and then, so that the log has to carry them.
        let bytes: usize = kept.values().map(Bytes::len).sum();
        let is_release_due = bytes > 400_000 && random.below(8) == 0;
        let release = async {
            if is_release_due {
                let before = *kept.keys().nth(kept.len() / 2).unwrap_or(&0);
                *kept = kept.split_off(&before);
                engine.release_journal(before);
            }
        };
        // At the same time: the log may be carrying just then.
        let (committed, ()) = tokio::join!(engine.commit(batch), release);
        if committed.is_err() {
            return entries;
        }
        kept.extend(entries);
    }
}

/// The older half of all entries is released in the middle of each write that carries some.
#[tokio::test]
async fn what_is_released_while_entries_are_carried_takes_no_other_along() {
    let (directory, disk) = (TempDir::new().unwrap(), SimulatedDisk::new(1));
    let settings = Settings { memtable_bytes: 1 << 20, ..small(&directory) };
    let engine = Arc::new(on(&disk, settings.clone()));
    let seen = Arc::new(Mutex::new(Seen::default()));
    disk.at_record_writes({
        let (engine, seen) = (Arc::clone(&engine), Arc::clone(&seen));
        move |bytes| {
            if bytes > BATCH_BYTES_MAX
                && let Some(before) = seen.lock().unwrap().note_carry()
            {
                engine.release_journal(before);
            }
        }
    });
    for sequence in 1..=1000_u64 {
        let bytes = Bytes::from(sequence.to_be_bytes().repeat(500));
        let journal = vec![JournalEntry { sequence, bytes: bytes.clone() }];
        engine.commit(Batch { journal, ..puts([("key", vec![7; 40_000])]) }).await.unwrap();
        seen.lock().unwrap().kept.insert(sequence, bytes);
    }
    disk.drop_hooks();
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    assert!(seen.carries > 5, "{} writes carried entries", seen.carries);
    assert!(all(&engine).await == seen.kept);
    drop(engine);
    let found = all(&on(&disk, settings)).await;
    assert!(seen.kept.iter().all(|(sequence, bytes)| found.get(sequence) == Some(bytes)));
}

/// A batch of the test takes less; what carries the entries of many takes more.
const BATCH_BYTES_MAX: usize = 60_000;

/// What is to be kept, and how often it was carried.
#[derive(Default)]
struct Seen {
    kept: BTreeMap<u64, Bytes>,
    carries: u64,
}

impl Seen {
    fn note_carry(&mut self) -> Option<u64> {
        self.carries += 1;
        let before = *self.kept.keys().nth(self.kept.len() / 2)?;
        self.kept = self.kept.split_off(&before);
        Some(before)
    }
}

#[tokio::test]
async fn an_entry_that_was_released_and_overwritten_while_it_was_read_is_no_damage() {
    let (directory, disk) = (TempDir::new().unwrap(), SimulatedDisk::new(1));
    let engine = Arc::new(on(&disk, small(&directory)));
    for sequence in 1..=9 {
        let journal = vec![JournalEntry { sequence, bytes: Bytes::from(vec![7; 5000]) }];
        engine.commit(Batch { journal, ..Batch::default() }).await.unwrap();
    }
    let releasing = Arc::clone(&engine);
    disk.at_next_read(move |found| {
        releasing.release_journal(5);
        found.fill(0);
    });
    assert!(all(&engine).await.keys().copied().eq(5..=9));
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
