//! Injectable faults: errors, torn writes, a full device, and power cuts that take what was not synced.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::fallback;
use crate::file::Inner;
use crate::operation::Operation;

/// What an operation does, as far as faults are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OperationKind {
    /// Opening a file.
    Open,
    /// Reading.
    Read,
    /// Writing.
    Write,
    /// Syncing a file or a directory.
    Sync,
    /// Asking for room.
    Allocate,
    /// Giving room back.
    Punch,
    /// Removing a file.
    Remove,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This error, and nothing is done.
    Error(io::ErrorKind),
    /// A part is written (how much depends on the seed), then an I/O error comes. An error for other operations.
    Torn,
}

/// A plan of faults, shared by all files opened with it. Operations of such files run in line and are told one poll
/// later.
///
/// After [`Faults::power_cut`] the files hold what a device may hold: everything synced, and of the rest what the seed
/// chooses, block by block. What a failed sync covered is lost even if a later sync succeeds.
#[derive(Debug)]
pub struct Faults(Mutex<State>);

impl Faults {
    /// A plan in which nothing fails.
    #[must_use]
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { random: seed, ..State::default() })))
    }

    /// Lets the `nth` operation of this kind from now on fail, counted from 1.
    pub fn fail(&self, kind: OperationKind, nth: u64, fault: Fault) {
        let mut state = self.state();
        let at = state.seen(kind) + nth;
        state.planned.insert((kind, at), fault);
    }

    /// Lets every operation of this kind fail until [`Faults::heal`].
    pub fn fail_always(&self, kind: OperationKind, error: io::ErrorKind) {
        self.state().always.insert(kind, error);
    }

    /// Takes back every planned fault, the bound on space too.
    pub fn heal(&self) {
        let mut state = self.state();
        state.planned.clear();
        state.always.clear();
        state.space_bytes = None;
    }

    /// Lets the files grow by this many bytes more; then `StorageFull`.
    pub fn set_space(&self, bytes: u64) {
        self.state().space_bytes = Some(bytes);
    }

    /// How many operations of this kind have been started.
    #[must_use]
    pub fn count(&self, kind: OperationKind) -> u64 {
        self.state().seen(kind)
    }

    /// Cuts the power: from now on every operation fails, and files and entries that were not synced are lost or torn
    /// as the seed has it. Open the files again with another plan, or none.
    ///
    /// # Errors
    /// Those of the file system while it is put back.
    pub fn power_cut(&self) -> io::Result<()> {
        let mut state = self.state();
        state.dead = true;
        let volatile = std::mem::take(&mut state.volatile);
        for (path, file) in volatile {
            file.lose(&path, &mut state.random)?;
        }
        for path in std::mem::take(&mut state.entries) {
            if coin(&mut state.random) {
                std::fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    pub(crate) fn check(&self, kind: OperationKind) -> io::Result<()> {
        match self.state().next(kind) {
            None => Ok(()),
            Some(Fault::Error(error)) => Err(error.into()),
            Some(Fault::Torn) => Err(io::Error::other("injected fault")),
        }
    }

    pub(crate) fn created(&self, path: &Path) {
        self.state().entries.insert(path.to_owned());
    }

    pub(crate) fn removed(&self, path: &Path) {
        let mut state = self.state();
        state.entries.remove(path);
        state.volatile.remove(path);
    }

    pub(crate) fn entries_synced(&self, directory: &Path) {
        self.state().entries.retain(|path| path.parent() != Some(directory));
    }

    /// Runs an operation as the plan has it.
    pub(crate) fn run(&self, file: &Inner, operation: &mut Operation) -> io::Result<()> {
        let mut state = self.state();
        let fault = state.next(operation.kind());
        if let Some(range) = changed_range(operation) {
            state.remember(&file.path, range)?;
        }
        match (fault, &mut *operation) {
            (Some(Fault::Error(error)), Operation::Sync { .. }) => {
                state.doom(&file.path);
                return Err(error.into());
            }
            (Some(Fault::Error(error)), _) => return Err(error.into()),
            (Some(Fault::Torn), Operation::Write(write)) => {
                let part = pages::BLOCK_SIZE as u64 * state.choose(write.length() as u64 / pages::BLOCK_SIZE as u64);
                let part = write.slices().slice(0, usize::try_from(part).unwrap_or(0));
                let mut torn = Operation::write(part, write.offset, false);
                fallback::run(file.as_fd(), &mut torn)?;
                return Err(io::Error::other("injected torn write"));
            }
            (Some(Fault::Torn), _) => return Err(io::Error::other("injected fault")),
            (None, _) => {}
        }
        state.charge(&file.path, operation)?;
        // A sync is played only: the power cut is played too, and real ones make tests slow.
        if !matches!(operation, Operation::Sync { .. }) {
            fallback::run(file.as_fd(), operation)?;
        }
        let durable = matches!(operation, Operation::Sync { .. })
            || matches!(operation, Operation::Write(write) if write.durable);
        if durable {
            state.synced(&file.path);
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct State {
    random: u64,
    seen: BTreeMap<OperationKind, u64>,
    planned: BTreeMap<(OperationKind, u64), Fault>,
    always: BTreeMap<OperationKind, io::ErrorKind>,
    space_bytes: Option<u64>,
    dead: bool,
    volatile: BTreeMap<PathBuf, Volatile>,
    /// Files that were made and whose directory was not synced since.
    entries: BTreeSet<PathBuf>,
}

impl State {
    fn seen(&self, kind: OperationKind) -> u64 {
        self.seen.get(&kind).copied().unwrap_or(0)
    }

    fn next(&mut self, kind: OperationKind) -> Option<Fault> {
        let seen = self.seen.entry(kind).or_default();
        *seen += 1;
        if self.dead {
            return Some(Fault::Error(io::ErrorKind::NotConnected));
        }
        let always = self.always.get(&kind).map(|error| Fault::Error(*error));
        self.planned.remove(&(kind, *seen)).or(always)
    }

    /// A number from 0 up to `below` exclusive; 0 when there is none.
    fn choose(&mut self, below: u64) -> u64 {
        random(&mut self.random) % below.max(1)
    }

    /// Keeps what a range holds before it changes, once per block since the last sync.
    fn remember(&mut self, path: &Path, (offset, length): (u64, u64)) -> io::Result<()> {
        let file = std::fs::File::open(path)?;
        let now = file.metadata()?.len();
        let volatile = self.volatile.entry(path.to_owned()).or_insert_with(|| Volatile::new(now));
        let end = offset.saturating_add(length).min(now);
        let mut block = offset / BLOCK;
        while block * BLOCK < end {
            if !volatile.before.contains_key(&block) {
                let before = volatile.doomed.remove(&block).map_or_else(|| read_block(&file, block), Ok)?;
                volatile.before.insert(block, before);
            }
            block += 1;
        }
        Ok(())
    }

    fn doom(&mut self, path: &Path) {
        if let Some(volatile) = self.volatile.get_mut(path) {
            let before = std::mem::take(&mut volatile.before);
            volatile.doomed.extend(before);
        }
    }

    fn synced(&mut self, path: &Path) {
        let Some(volatile) = self.volatile.get_mut(path) else { return };
        volatile.before.clear();
        volatile.length = std::fs::metadata(path).map_or(volatile.length, |metadata| metadata.len());
    }

    fn charge(&mut self, path: &Path, operation: &Operation) -> io::Result<()> {
        let (Some(left), Some((offset, length))) = (self.space_bytes, growth_range(operation)) else { return Ok(()) };
        let grows = (offset + length).saturating_sub(std::fs::metadata(path)?.len());
        let left = left.checked_sub(grows).ok_or(io::ErrorKind::StorageFull)?;
        self.space_bytes = Some(left);
        Ok(())
    }
}

/// What a file holds that a power cut may take.
#[derive(Debug)]
struct Volatile {
    /// Length at the last sync.
    length: u64,
    /// Blocks changed since the last sync, as they were then.
    before: BTreeMap<u64, Vec<u8>>,
    /// Blocks that a failed sync covered, as they were before.
    doomed: BTreeMap<u64, Vec<u8>>,
}

impl Volatile {
    fn new(length: u64) -> Self {
        Self { length, before: BTreeMap::new(), doomed: BTreeMap::new() }
    }

    fn lose(self, path: &Path, seed: &mut u64) -> io::Result<()> {
        let file = std::fs::File::options().write(true).open(path)?;
        let chosen = self.before.into_iter().filter(|_| coin(seed)).collect::<Vec<_>>();
        for (block, before) in self.doomed.into_iter().chain(chosen) {
            file.write_all_at(&before, block * BLOCK)?;
        }
        if file.metadata()?.len() > self.length && coin(seed) {
            file.set_len(self.length)?;
        }
        Ok(())
    }
}

fn read_block(file: &std::fs::File, block: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; pages::BLOCK_SIZE];
    let mut done = 0;
    while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, block * BLOCK + done as u64)? {
            0 => break,
            count => done += count,
        }
    }
    bytes.truncate(done);
    Ok(bytes)
}

fn changed_range(operation: &Operation) -> Option<(u64, u64)> {
    match operation {
        Operation::Write(write) => Some((write.offset, write.length() as u64)),
        Operation::Allocate { offset, length, .. } => Some((*offset, *length)),
        Operation::Read(_) | Operation::Sync { .. } => None,
    }
}

fn growth_range(operation: &Operation) -> Option<(u64, u64)> {
    match operation.kind() {
        OperationKind::Write | OperationKind::Allocate => changed_range(operation),
        _ => None,
    }
}

fn coin(seed: &mut u64) -> bool {
    random(seed) & 1 == 1
}

/// SplitMix64.
fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*seed ^ (*seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

const BLOCK: u64 = pages::BLOCK_SIZE as u64;
