//! Injectable faults: errors, torn writes, slowness, a full device, and power cuts that take what was not synced.

mod volatile;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::fallback;
use crate::file::Inner;
use crate::operation::Operation;
use volatile::Volatile;

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
    /// Giving a file another name.
    Rename,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This error, and nothing is done.
    Error(io::ErrorKind),
    /// A part is written (nothing and everything included, as the seed has it), then an I/O error comes. An error for
    /// other operations.
    Torn,
}

/// A plan of faults, shared by all files opened with it. Operations of such files run in line and are told one poll
/// later, or more where they are slow.
///
/// After [`Faults::power_cut`] the files hold what a device may hold: everything synced, and of the rest what the seed
/// chooses, block by block and in some blocks sector by sector. What a failed sync covered is lost even if a later sync
/// succeeds.
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

    /// Lets operations of this kind fail by chance: `per_million` of a million.
    pub fn fail_by_chance(&self, kind: OperationKind, per_million: u32, fault: Fault) {
        self.state().chances.insert(kind, (per_million, fault));
    }

    /// Makes `per_million` of a million operations slow: they are done up to `polls_max` polls late; a sync is done at
    /// once and told late, so that it covers nothing that was written after it began.
    pub fn slow_by_chance(&self, per_million: u32, polls_max: u32) {
        self.state().slowness = (per_million, polls_max);
    }

    /// Lets the power fail in the `nth` operation of any kind from now on, counted from 1: of a write a part is done,
    /// and no operation succeeds any more. [`Faults::power_cut`] then takes what was not synced. `u64::MAX` is never.
    pub fn cut_power_at(&self, nth: u64) {
        let mut state = self.state();
        state.cut_at = Some(state.begun.saturating_add(nth));
    }

    /// Whether the power is off.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.state().dead
    }

    /// Takes back every planned fault, slowness and the bound on space too, but not a power cut.
    pub fn heal(&self) {
        let mut state = self.state();
        state.planned.clear();
        state.always.clear();
        state.chances.clear();
        state.slowness = (0, 0);
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
        // The last first: a name that a file keeps, it had before.
        for (from, to) in std::mem::take(&mut state.renames).into_iter().rev() {
            if coin(&mut state.random) && to.exists() {
                std::fs::rename(to, from)?;
            }
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

    /// Errors: `NotConnected` when the power is off.
    pub(crate) fn check_power(&self) -> io::Result<()> {
        if self.state().dead { Err(io::ErrorKind::NotConnected.into()) } else { Ok(()) }
    }

    /// How many polls late the next operation is.
    pub(crate) fn lateness(&self) -> u32 {
        let mut state = self.state();
        let (per_million, polls_max) = state.slowness;
        if !state.chance(per_million) {
            return 0;
        }
        let polls = state.choose(u64::from(polls_max));
        u32::try_from(polls).unwrap_or(0).saturating_add(1)
    }

    pub(crate) fn created(&self, path: &Path) {
        self.state().entries.insert(path.to_owned());
    }

    pub(crate) fn removed(&self, path: &Path) {
        let mut state = self.state();
        state.entries.remove(path);
        state.volatile.remove(path);
        state.renames.retain(|(_, to)| to != path);
    }

    pub(crate) fn renamed(&self, from: &Path, to: &Path) {
        let mut state = self.state();
        if let Some(volatile) = state.volatile.remove(from) {
            state.volatile.insert(to.to_owned(), volatile);
        }
        // A file of which no name is durable yet may be lost whatever it is called.
        if state.entries.remove(from) {
            state.entries.insert(to.to_owned());
        } else {
            state.renames.push((from.to_owned(), to.to_owned()));
        }
    }

    pub(crate) fn entries_synced(&self, directory: &Path) {
        let mut state = self.state();
        state.entries.retain(|path| path.parent() != Some(directory));
        state.renames.retain(|(_, path)| path.parent() != Some(directory));
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
                let blocks = write.length() as u64 / BLOCK;
                let part = BLOCK * state.choose(blocks + 1);
                let part = write.slices().slice(0, usize::try_from(part).unwrap_or(0));
                let mut torn = Operation::write(part, write.offset, false);
                fallback::run(file.as_fd(), &mut torn)?;
                return Err(io::Error::other("injected torn write"));
            }
            (Some(Fault::Torn), _) => return Err(io::Error::other("injected fault")),
            (None, _) => {}
        }
        state.charge(&file.path, operation)?;
        // What is synced is played only: the power cut is played too, and real syncs make tests slow.
        match operation {
            Operation::Sync { .. } => state.synced(&file.path),
            Operation::Write(write) if write.durable => {
                let range = (write.offset, write.length() as u64);
                let mut volatile = Operation::write(write.slices().clone(), write.offset, false);
                fallback::run(file.as_fd(), &mut volatile)?;
                state.range_synced(&file.path, range);
            }
            _ => fallback::run(file.as_fd(), operation)?,
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
    /// Faults in a million.
    chances: BTreeMap<OperationKind, (u32, Fault)>,
    /// Slow operations in a million, and how many polls late they are at most.
    slowness: (u32, u32),
    /// Operations of all kinds so far.
    begun: u64,
    /// The operation in which the power fails.
    cut_at: Option<u64>,
    space_bytes: Option<u64>,
    dead: bool,
    volatile: BTreeMap<PathBuf, Volatile>,
    /// Files that were made and whose directory was not synced since.
    entries: BTreeSet<PathBuf>,
    /// Names that files had and have, whose directory was not synced since, in order.
    renames: Vec<(PathBuf, PathBuf)>,
}

impl State {
    fn seen(&self, kind: OperationKind) -> u64 {
        self.seen.get(&kind).copied().unwrap_or(0)
    }

    fn next(&mut self, kind: OperationKind) -> Option<Fault> {
        let seen = self.seen.entry(kind).or_default();
        *seen += 1;
        let seen = *seen;
        self.begun += 1;
        if self.dead {
            return Some(Fault::Error(io::ErrorKind::NotConnected));
        }
        if self.cut_at.is_some_and(|at| self.begun >= at) {
            self.dead = true;
            return Some(Fault::Torn);
        }
        let always = self.always.get(&kind).map(|error| Fault::Error(*error));
        self.planned.remove(&(kind, seen)).or(always).or_else(|| self.by_chance(kind))
    }

    fn by_chance(&mut self, kind: OperationKind) -> Option<Fault> {
        let (per_million, fault) = self.chances.get(&kind).copied()?;
        self.chance(per_million).then_some(fault)
    }

    fn chance(&mut self, per_million: u32) -> bool {
        per_million > 0 && self.choose(1_000_000) < u64::from(per_million)
    }

    /// A number from 0 up to `below` exclusive; 0 when there is none.
    fn choose(&mut self, below: u64) -> u64 {
        random(&mut self.random) % below.max(1)
    }

    /// Keeps what a range holds before it changes, once per block since the last sync.
    fn remember(&mut self, path: &Path, range: (u64, u64)) -> io::Result<()> {
        let file = std::fs::File::open(path)?;
        let now = file.metadata()?.len();
        let volatile = self.volatile.entry(path.to_owned()).or_insert_with(|| Volatile::new(now));
        volatile.remember(&file, range)
    }

    fn doom(&mut self, path: &Path) {
        if let Some(volatile) = self.volatile.get_mut(path) {
            volatile.doom();
        }
    }

    fn synced(&mut self, path: &Path) {
        if let Some(volatile) = self.volatile.get_mut(path) {
            volatile.synced(length_of(path));
        }
    }

    fn range_synced(&mut self, path: &Path, range: (u64, u64)) {
        if let Some(volatile) = self.volatile.get_mut(path) {
            volatile.range_synced(range);
        }
    }

    fn charge(&mut self, path: &Path, operation: &Operation) -> io::Result<()> {
        let (Some(left), Some((offset, length))) = (self.space_bytes, growth_range(operation)) else { return Ok(()) };
        let grows = (offset + length).saturating_sub(std::fs::metadata(path)?.len());
        let left = left.checked_sub(grows).ok_or(io::ErrorKind::StorageFull)?;
        self.space_bytes = Some(left);
        Ok(())
    }
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

fn length_of(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|metadata| metadata.len())
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
