//! A log in memory that loses power, tears writes and fails on demand.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use kv::KvError;

use super::device::LogDevice;
use crate::engine::Disk;

/// The disk; clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct SimulatedDisk {
    state: Arc<Mutex<State>>,
    hooks: Arc<Mutex<Hooks>>,
}

/// Is given what a read has found.
type ReadHook = Box<dyn FnOnce(&mut [u8]) + Send>;

/// What happens at the same time as an access.
#[derive(Default)]
struct Hooks {
    record_write: Option<Box<dyn FnMut(usize) + Send>>,
    read: Option<ReadHook>,
}

/// What happens to a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Some of its sectors reach the disk, then nothing works until `power_on`.
    PowerCut,
    /// Some of its sectors reach the disk, and it fails with this error number.
    TornError(i32),
}

#[derive(Debug)]
struct State {
    bytes: Vec<u8>,
    random: u64,
    /// Record writes until the fault.
    fault: Option<(u64, Fault)>,
    is_dead: bool,
}

impl SimulatedDisk {
    pub(crate) fn new(seed: u64) -> Self {
        let state = State { bytes: Vec::new(), random: seed | 1, fault: None, is_dead: false };
        Self { state: Arc::new(Mutex::new(state)), hooks: Arc::default() }
    }

    /// Calls this in the middle of each record write from now on, with its length.
    pub(crate) fn at_record_writes(&self, hook: impl FnMut(usize) + Send + 'static) {
        self.hooks.lock().unwrap().record_write = Some(Box::new(hook));
    }

    /// Calls this once, with what the next read has found.
    pub(crate) fn at_next_read(&self, hook: impl FnOnce(&mut [u8]) + Send + 'static) {
        self.hooks.lock().unwrap().read = Some(Box::new(hook));
    }

    /// Nothing happens at accesses any more.
    pub(crate) fn drop_hooks(&self) {
        *self.hooks.lock().unwrap() = Hooks::default();
    }

    /// Lets `fault` happen to the record write after this many.
    pub(crate) fn fault_after(&self, record_writes: u64, fault: Fault) {
        self.lock().fault = Some((record_writes, fault));
    }

    pub(crate) fn power_on(&self) {
        let mut state = self.lock();
        state.is_dead = false;
        state.fault = None;
    }

    /// Flips a byte.
    pub(crate) fn damage(&self, offset: usize) {
        self.lock().bytes[offset] ^= 0x40;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Disk for SimulatedDisk {
    fn create(&self, _path: &Path, size_bytes: u64) -> Result<(), KvError> {
        self.lock().bytes = vec![0; usize::try_from(size_bytes).unwrap()];
        Ok(())
    }

    fn open(&self, _path: &Path, _size_bytes: u64) -> Result<Arc<dyn LogDevice>, KvError> {
        Ok(Arc::new(self.clone()))
    }
}

impl LogDevice for SimulatedDisk {
    fn write_at_durable(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        assert_eq!(bytes.as_ptr().align_offset(4096), 0, "the memory is not aligned");
        assert_eq!((bytes.len() % 4096, offset % 4096), (0, 0), "the place is not aligned");
        let offset = usize::try_from(offset).unwrap();
        if is_record(bytes)
            && let Some(hook) = &mut self.hooks.lock().unwrap().record_write
        {
            hook(bytes.len());
        }
        let mut state = self.lock();
        if state.is_dead {
            return Err(io::Error::from_raw_os_error(5));
        }
        match state.due_fault(bytes) {
            None => {
                state.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
                Ok(())
            }
            Some(fault) => {
                state.tear(bytes, offset);
                state.is_dead = fault == Fault::PowerCut;
                Err(io::Error::from_raw_os_error(if let Fault::TornError(number) = fault { number } else { 5 }))
            }
        }
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap();
        let state = self.lock();
        if state.is_dead {
            return Err(io::Error::from_raw_os_error(5));
        }
        bytes.copy_from_slice(&state.bytes[offset..offset + bytes.len()]);
        drop(state);
        let hook = self.hooks.lock().unwrap().read.take();
        if let Some(hook) = hook {
            hook(bytes);
        }
        Ok(())
    }
}

impl State {
    fn due_fault(&mut self, bytes: &[u8]) -> Option<Fault> {
        let (left, fault) = self.fault?;
        if !is_record(bytes) {
            return None;
        }
        self.fault = (left > 0).then(|| (left - 1, fault));
        (left == 0).then_some(fault)
    }

    /// Writes a random choice of the sectors: all, none, or some.
    fn tear(&mut self, bytes: &[u8], offset: usize) {
        let mode = self.next_random() % 4;
        for (index, sector) in bytes.chunks(512).enumerate() {
            let is_written = mode == 0 || (mode > 1 && self.next_random().is_multiple_of(2));
            if is_written {
                let at = offset + index * 512;
                self.bytes[at..at + sector.len()].copy_from_slice(sector);
            }
        }
    }

    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random >> 16
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Hooks").finish_non_exhaustive()
    }
}

fn is_record(bytes: &[u8]) -> bool {
    bytes.starts_with(b"BLR1")
}
