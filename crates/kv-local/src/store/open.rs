//! Opening a store: the tree, replay of the log, and the threads.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use kv::KvError;
use lsm_tree::{AbstractTree, AnyTree, Cache, Config, SequenceNumberCounter};

use super::journal::Journal;
use super::state::{Mark, State};
use super::{Store, checkpoint, commit, compact, tick};
use crate::errors::{from_io, from_tree};
use crate::log::buffer::AlignedBuffer;
use crate::log::device::LogDevice;
use crate::log::numbered::check_identity;
use crate::log::record::{Change, Content, EntryPlace, Record};
use crate::log::recovery::{LogEnd, LogFile, replay};
use crate::log::ring::{Geometry, Ring};
use crate::log::slot::Slot;
use crate::settings::Settings;
use crate::superblock::SuperblockFile;
use crate::view::Views;

/// What is opened.
#[derive(Clone, Debug)]
pub(crate) struct OpenStore<'a> {
    pub(crate) settings: Settings,
    pub(crate) superblock: &'a SuperblockFile,
    pub(crate) store_id: u128,
    pub(crate) log_path: PathBuf,
    pub(crate) tree_path: PathBuf,
    pub(crate) device: Arc<dyn LogDevice>,
}

impl OpenStore<'_> {
    /// Makes the empty tree of a new store.
    pub(crate) fn create_tree(&self) -> Result<(), KvError> {
        self.open_tree(&SequenceNumberCounter::default()).map(drop)
    }

    /// Opens the tree, replays the log into it and starts the threads.
    ///
    /// Errors: `Damaged`, `Io`.
    pub(crate) fn run(self) -> Result<Running, KvError> {
        let store = Arc::new(self.recover()?);
        let mut running = Running { store, threads: Vec::new() };
        running.start("kv-commit", commit::run)?;
        running.start("kv-checkpoint", checkpoint::run)?;
        running.start("kv-compact", compact::run)?;
        running.start("kv-tick", tick::run)?;
        Ok(running)
    }

    fn recover(self) -> Result<Store, KvError> {
        let slot = Slot::read(&*self.device, &self.log_path, self.store_id)?;
        let numbered = self.superblock.with(|superblock| superblock.numbered.clone());
        check_identity(numbered.as_ref(), &slot, &self.log_path)?;
        if !self.tree_path.join("current").exists() {
            return Err(KvError::Damaged(format!("{} holds no tree", self.tree_path.display())));
        }
        let sequence = SequenceNumberCounter::default();
        let tree = self.open_tree(&sequence)?;
        let mut journal = Journal::default();
        let (last, end) = self.replay(&slot, &tree, &mut journal)?;
        let persisted = tree.get_highest_persisted_seqno().unwrap_or(0);
        if let Some(numbered) = numbered {
            numbered.check_end(&end, persisted, &self.log_path)?;
        }
        self.write_again(last, &end, Geometry::new(slot.log_bytes))?;
        let slot = self.begin_epoch(&slot, &end)?;
        let last_group = end.group.max(persisted);
        sequence.set(last_group + 1);
        let views = Views::default();
        views.publish(last_group + 1);
        Ok(Store {
            state: Mutex::new(state(&slot, &end, journal)),
            settings: self.settings,
            store_id: self.store_id,
            log_path: self.log_path,
            tree_path: self.tree_path,
            log_bytes: slot.log_bytes,
            epoch: slot.epoch,
            device: self.device,
            tree,
            sequence,
            views,
            commits: Condvar::new(),
            checkpoints: Condvar::new(),
            compactions: Condvar::new(),
            ticks: Condvar::new(),
        })
    }

    /// Writes the last write that was found once more. Nobody knows how it ended: it may be readable and yet not be on
    /// stable storage, and a power cut must not take it from under what is built on it.
    fn write_again(&self, last: Mark, end: &LogEnd, geometry: Geometry) -> Result<(), KvError> {
        let length = usize::try_from(end.head.saturating_sub(last.position)).unwrap_or(0);
        if length == 0 {
            return Ok(());
        }
        let mut bytes = AlignedBuffer::new(length);
        bytes.set_len(length);
        let offset = geometry.offset(last.position);
        let read = self.device.read_at(bytes.bytes_mut(), offset);
        let written = read.and_then(|()| self.device.write_at_durable(bytes.bytes(), offset));
        written.map_err(|error| from_io("cannot write the end of", &self.log_path, &error))
    }

    /// Raises the epoch in both slots, so that either is enough to read what this open will write, between two notes in
    /// the superblock.
    fn begin_epoch(&self, slot: &Slot, end: &LogEnd) -> Result<Slot, KvError> {
        self.superblock.note(|log| {
            (log.epoch, log.is_begun) = (slot.epoch + 1, true);
            log.group = log.group.max(end.group);
            log.directory = self.settings.log_place.directory(log);
        })?;
        let first = Slot { generation: slot.generation + 1, epoch: slot.epoch + 1, ..*slot };
        first.write(&*self.device, &self.log_path)?;
        let second = Slot { generation: first.generation + 1, ..first };
        second.write(&*self.device, &self.log_path)?;
        self.superblock.note(|log| log.is_begun = false)?;
        Ok(second)
    }

    fn open_tree(&self, sequence: &SequenceNumberCounter) -> Result<AnyTree, KvError> {
        let ignored = SequenceNumberCounter::default();
        Config::new(&self.tree_path, sequence.clone(), ignored)
            .use_cache(Arc::new(Cache::with_capacity_bytes(self.settings.cache_bytes)))
            .open()
            .map_err(|error| from_tree("cannot open the tree in", &self.tree_path, &error))
    }

    /// Replays the log; tells the last write and the end.
    fn replay(&self, slot: &Slot, tree: &AnyTree, journal: &mut Journal) -> Result<(Mark, LogEnd), KvError> {
        let persisted = tree.get_highest_persisted_seqno().unwrap_or(0);
        let log = LogFile { device: &*self.device, path: &self.log_path };
        let mut mark = Mark { position: slot.start, group: slot.previous_group };
        let end = replay(log, slot, |record| {
            let chain = &record.chain;
            if chain.position == chain.write_position {
                mark = Mark { position: chain.position, group: chain.previous_group };
            }
            let content = self.content(record)?;
            let within = usize::try_from(chain.position - mark.position).unwrap_or(usize::MAX);
            let in_write = |entry: &EntryPlace| EntryPlace { at: within.saturating_add(entry.at), ..*entry };
            journal.add_replayed(mark, &content.entries.iter().map(in_write).collect::<Vec<_>>());
            if chain.group > persisted {
                content.changes.iter().for_each(|change| insert(tree, chain.group, change));
            }
            Ok(())
        })?;
        Ok((mark, end))
    }

    fn content<'r>(&self, record: &Record<'r>) -> Result<Content<'r>, KvError> {
        let group = record.chain.group;
        record
            .content()
            .ok_or_else(|| KvError::Damaged(format!("{}: group {group} is not a batch", self.log_path.display())))
    }
}

fn insert(tree: &AnyTree, group: u64, change: &Change<'_>) {
    let _sizes = match change {
        Change::Delete(key) => tree.remove(*key, group),
        Change::Put(key, value) => tree.insert(*key, *value, group),
    };
}

fn state(slot: &Slot, end: &LogEnd, journal: Journal) -> State {
    let geometry = Geometry::new(slot.log_bytes);
    let has_wrapped = end.head >= geometry.area_bytes();
    let written = if has_wrapped { slot.log_bytes } else { geometry.offset(end.head) };
    State {
        queue: VecDeque::new(),
        waiting_for_queue: Vec::new(),
        stopping: false,
        failure: None,
        is_out_of_space: false,
        ring: Ring { geometry, start: slot.start, head: end.head, prepared_bytes: slot.prepared_bytes.max(written) },
        last_group: end.group,
        rotation: None,
        flushed: Mark { position: slot.start, group: slot.previous_group },
        journal,
        is_log_wanted: false,
        compaction_wanted: true,
    }
}

/// A store and its threads.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) store: Arc<Store>,
    threads: Vec<JoinHandle<()>>,
}

impl Running {
    /// Ends the threads and expires the views. A clean stop also flushes the memtable. Every file is closed when this
    /// returns `Ok`.
    ///
    /// The last group in the log is returned.
    ///
    /// Errors: `NoSpace`, `Io`; the store is stopped all the same, and nothing is lost.
    pub(crate) fn stop(mut self, is_clean: bool) -> Result<u64, KvError> {
        self.stop_threads();
        let flushed = match is_clean && self.store.lock().failure.is_none() {
            true => checkpoint::finish(&self.store),
            false => Ok(()),
        };
        let store = Arc::clone(&self.store);
        let last_group = store.lock().last_group;
        drop(self);
        release(store)?;
        flushed.map(|()| last_group)
    }

    fn stop_threads(&mut self) {
        self.store.stop();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the metadata store panicked");
            }
        }
        self.store.views.expire_all();
    }

    fn start(&mut self, name: &str, work: fn(&Store)) -> Result<(), KvError> {
        let store = Arc::clone(&self.store);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let guard = FailOnPanic(&store);
            work(guard.0);
        });
        self.threads.push(thread.map_err(|error| KvError::Io(format!("cannot start {name}: {error}")))?);
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop_threads();
    }
}

/// The tree must be gone before its directory is opened again: a table of an old one removes its file when it drops.
fn release(store: Arc<Store>) -> Result<(), KvError> {
    for _ in 0..RELEASE_TRIES_MAX {
        if Arc::strong_count(&store) == 1 {
            return Ok(());
        }
        store.views.expire_all();
        std::thread::sleep(Duration::from_millis(1));
    }
    Err(KvError::Io("the metadata store is still being read; try again".to_owned()))
}

/// A thread that panics takes the store out of service rather than leaving callers waiting.
struct FailOnPanic<'a>(&'a Store);

impl Drop for FailOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(&KvError::Io("a thread of the metadata store panicked".to_owned()));
        }
    }
}

/// Milliseconds that a stop waits for calls under way.
const RELEASE_TRIES_MAX: u32 = 10_000;
