//! A log on a device of its own: moved in and out, and refused when it is not the one that was written last.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use kv::{Batch, Engine, JournalEntry, KvError};
use tempfile::TempDir;

use super::{everything, get, put, small};
use crate::move_log::Plan;
use crate::{LocalEngine, LogPlace, Settings};

/// A store with its log in `fast`, and where else it may lie.
struct Devices {
    store: TempDir,
    fast: TempDir,
    other: TempDir,
}

impl Devices {
    fn new() -> Self {
        Self { store: TempDir::new().unwrap(), fast: TempDir::new().unwrap(), other: TempDir::new().unwrap() }
    }

    fn on(&self, place: LogPlace) -> Settings {
        Settings { log_place: place, ..large_enough_for_a_journal(&self.store) }
    }

    fn apart(&self) -> Settings {
        self.on(LogPlace::Apart(self.fast.path().to_owned()))
    }

    /// Opens it with its log apart, puts a key, and closes it.
    async fn live(&self, key: &str) {
        let engine = LocalEngine::open(self.apart()).unwrap();
        engine.commit(put(key, "1")).await.unwrap();
        engine.close().await.unwrap();
    }

    /// The log in `fast`.
    fn log(&self) -> PathBuf {
        only_file(self.fast.path())
    }

    fn superblock(&self) -> PathBuf {
        self.store.path().join("store/superblock")
    }

    fn refusal(&self) -> String {
        refusal(self.apart())
    }
}

fn large_enough_for_a_journal(directory: &TempDir) -> Settings {
    Settings { log_bytes: 16 << 20, ..small(directory) }
}

fn only_file(folder: &Path) -> PathBuf {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

fn refusal(settings: Settings) -> String {
    match LocalEngine::open(settings) {
        Err(KvError::Damaged(text) | KvError::Io(text)) => text,
        outcome => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn a_store_is_made_with_its_log_apart() {
    let devices = Devices::new();
    devices.live("a").await;
    assert!(!devices.store.path().join("store/log").exists());
    let name = devices.log().file_name().unwrap().to_str().unwrap().to_owned();
    let engine = LocalEngine::open(devices.on(LogPlace::AsLast)).unwrap();
    assert_eq!(name, format!("berth-{:032x}.log", engine.store_id()));
    engine.commit(put("b", "1")).await.unwrap();
    engine.reopen().await.unwrap();
    assert_eq!(everything(&engine).await.len(), 2);
    // A copy of the folder names the same log.
    let second = TempDir::new().unwrap();
    fs::create_dir(second.path().join("store")).unwrap();
    fs::copy(devices.superblock(), second.path().join("store/superblock")).unwrap();
    let refused = refusal(Settings { log_place: LogPlace::AsLast, ..small(&second) });
    assert!(refused.contains("in use"), "{refused}");
}

#[tokio::test]
async fn a_missing_log_is_told_with_where_it_was() {
    let devices = Devices::new();
    devices.live("a").await;
    let (log, aside) = (devices.log(), devices.other.path().join("aside"));
    fs::rename(&log, &aside).unwrap();
    let told = devices.refusal();
    let place = format!("was last in {}", devices.fast.path().display());
    assert!(told.contains(&log.display().to_string()) && told.contains(&place), "{told}");
    assert!(refusal(devices.on(LogPlace::Beside)).contains(&place));
    assert!(fs::read_dir(devices.fast.path()).unwrap().next().is_none(), "nothing was made in its place");
    fs::rename(&aside, &log).unwrap();
    devices.live("b").await;
}

#[tokio::test]
async fn the_log_of_another_store_is_refused() {
    let (devices, others) = (Devices::new(), Devices::new());
    devices.live("a").await;
    others.live("b").await;
    fs::copy(others.log(), devices.log()).unwrap();
    let told = devices.refusal();
    assert!(told.contains("is the log of store"), "{told}");
}

#[tokio::test]
async fn a_log_from_before_the_last_open_is_refused() {
    let devices = Devices::new();
    devices.live("a").await;
    let old = fs::read(devices.log()).unwrap();
    let engine = LocalEngine::open(devices.apart()).unwrap();
    engine.commit(put("b", "1")).await.unwrap();
    drop(engine);
    let newest = fs::read(devices.log()).unwrap();
    fs::write(devices.log(), old).unwrap();
    let told = devices.refusal();
    assert!(told.contains("is an old state of the log"), "{told}");
    fs::write(devices.log(), newest).unwrap();
    assert_eq!(everything(&LocalEngine::open(devices.apart()).unwrap()).await.len(), 2);
}

#[tokio::test]
async fn a_log_that_ends_too_early_is_refused() {
    let devices = Devices::new();
    let engine = LocalEngine::open(devices.apart()).unwrap();
    engine.commit(put("a", "1")).await.unwrap();
    let old = fs::read(devices.log()).unwrap();
    engine.commit(journaled(1)).await.unwrap();
    engine.close().await.unwrap();
    drop(engine);
    fs::write(devices.log(), old).unwrap();
    let told = devices.refusal();
    assert!(told.contains("ends with group") && told.contains("not copied whole"), "{told}");
}

#[tokio::test]
async fn a_folder_older_than_its_log_is_refused() {
    let devices = Devices::new();
    devices.live("a").await;
    let old = fs::read(devices.superblock()).unwrap();
    devices.live("b").await;
    fs::write(devices.superblock(), old).unwrap();
    let told = devices.refusal();
    assert!(told.contains("is newer than the folder of the store"), "{told}");
}

#[tokio::test]
async fn an_open_cut_short_between_its_notes_goes_on() {
    let devices = Devices::new();
    devices.live("a").await;
    let before = fs::read(devices.log()).unwrap();
    let engine = LocalEngine::open(devices.apart()).unwrap();
    drop(engine);
    let after = fs::read(devices.log()).unwrap();
    let directory = crate::directory::Directory::open(&devices.store.path().join("store")).unwrap();
    let mut superblock = crate::superblock::Superblock::read(&directory).unwrap().unwrap();
    superblock.numbered.as_mut().unwrap().is_begun = true;
    superblock.write(&directory).unwrap();
    drop(directory);
    let begun = fs::read(devices.superblock()).unwrap();
    for log in [before, after] {
        fs::write(devices.log(), log).unwrap();
        fs::write(devices.superblock(), &begun).unwrap();
        assert_eq!(everything(&LocalEngine::open(devices.apart()).unwrap()).await.len(), 1);
    }
}

#[tokio::test]
async fn a_log_that_was_moved_by_hand_is_taken() {
    let devices = Devices::new();
    devices.live("a").await;
    let log = devices.log();
    let moved = devices.other.path().join(log.file_name().unwrap());
    fs::copy(&log, moved).unwrap();
    let elsewhere = devices.on(LogPlace::Apart(devices.other.path().to_owned()));
    let engine = LocalEngine::open(elsewhere).unwrap();
    engine.commit(put("b", "1")).await.unwrap();
    engine.close().await.unwrap();
    drop(engine);
    let told = devices.refusal();
    assert!(told.contains("is an old state of the log"), "the file that was left: {told}");
    assert_eq!(everything(&LocalEngine::open(devices.on(LogPlace::AsLast)).unwrap()).await.len(), 2);
}

/// The ways a move ends: cut short after so many steps, or done.
const STEPS: std::ops::RangeInclusive<u32> = 0..=3;

fn move_cut_short(settings: &Settings, steps: u32) {
    let plan = Plan::new(settings).unwrap().unwrap();
    if steps > 0 {
        let copied = plan.copy().unwrap();
        if steps > 1 {
            plan.switch(copied).unwrap();
        }
    }
    if steps > 2 {
        plan.remove_old();
    }
}

#[tokio::test]
async fn a_move_loses_nothing_wherever_it_is_cut_short() {
    for steps in STEPS {
        let devices = Devices::new();
        let engine = LocalEngine::open(devices.on(LogPlace::Beside)).unwrap();
        engine.commit(put("a", "1")).await.unwrap();
        engine.commit(journaled(7)).await.unwrap();
        // Not closed: the groups are in the log alone.
        drop(engine);
        let places = [LogPlace::Apart(devices.fast.path().to_owned()), LogPlace::Beside];
        for to in [places[0].clone(), LogPlace::Apart(devices.other.path().to_owned()), places[1].clone()] {
            let to = devices.on(to);
            move_cut_short(&to, steps);
            if steps < 2 {
                assert!(!refusal(to.clone()).is_empty(), "{steps} steps: the copy does not count yet");
            }
            let engine = LocalEngine::open(devices.on(LogPlace::AsLast)).unwrap();
            assert_eq!(get(&engine, "a").await, Some(Bytes::from("1")), "{steps} steps");
            assert_eq!(engine.journal(0, 1 << 20).await.unwrap(), [entry(7)], "{steps} steps");
            drop(engine);
            // Again, to its end.
            let moved = LocalEngine::move_log(&to).unwrap();
            assert_eq!(moved.from == moved.to, steps >= 2);
            let engine = LocalEngine::open(to).unwrap();
            assert_eq!(engine.journal(0, 1 << 20).await.unwrap(), [entry(7)], "{steps} steps");
        }
    }
}

#[tokio::test]
async fn what_a_move_left_over_is_refused() {
    let devices = Devices::new();
    let beside = devices.on(LogPlace::Beside);
    LocalEngine::open(beside.clone()).unwrap().close().await.unwrap();
    let told = refusal(devices.apart());
    assert!(told.contains("berth store move-log"), "{told}");
    move_cut_short(&devices.apart(), 2);
    let told = refusal(beside);
    assert!(told.contains("is log 0 of this store") && told.contains("goes on in log 1"), "{told}");
    LocalEngine::move_log(&devices.apart()).unwrap();
    assert!(!devices.store.path().join("store/log").exists());
}

#[tokio::test]
async fn a_move_writes_over_nothing_of_others() {
    let (devices, others) = (Devices::new(), Devices::new());
    devices.live("a").await;
    others.live("b").await;
    let stands = devices.other.path().join(devices.log().file_name().unwrap());
    fs::copy(others.log(), &stands).unwrap();
    let elsewhere = devices.on(LogPlace::Apart(devices.other.path().to_owned()));
    let outcome = LocalEngine::move_log(&elsewhere);
    assert!(matches!(&outcome, Err(KvError::Io(text)) if text.contains("is there already")), "{outcome:?}");
    assert_eq!(fs::read(stands).unwrap(), fs::read(others.log()).unwrap());
    assert_eq!(everything(&LocalEngine::open(devices.apart()).unwrap()).await.len(), 1);
}

#[tokio::test]
async fn a_damaged_log_is_not_moved() {
    let devices = Devices::new();
    let engine = LocalEngine::open(devices.apart()).unwrap();
    for key in ["a", "b", "c"] {
        engine.commit(put(key, "1")).await.unwrap();
    }
    drop(engine);
    let mut bytes = fs::read(devices.log()).unwrap();
    bytes[8192 + 85] ^= 1;
    fs::write(devices.log(), bytes).unwrap();
    let outcome = LocalEngine::move_log(&devices.on(LogPlace::Beside));
    assert!(matches!(&outcome, Err(KvError::Damaged(_))), "{outcome:?}");
    assert!(!devices.store.path().join("store/log").exists());
}

fn journaled(sequence: u64) -> Batch {
    Batch { journal: vec![entry(sequence)], ..Batch::default() }
}

fn entry(sequence: u64) -> JournalEntry {
    JournalEntry { sequence, bytes: Bytes::from("kept") }
}
