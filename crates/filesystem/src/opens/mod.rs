//! Locks and DOS shares of the network lock manager, the clients that hold them, and how they come back after a
//! restart. Locks live in memory only; what is durable is who may hold some.
//!
//! Such locks bind those who ask for locks, not reads and writes.

mod clients;
mod grace;
mod listing;
mod lock;
mod recovery;
mod register;
mod roster;
mod share;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use locking::LockTable;
use vfs::FencingEpoch;

use self::register::Register;

/// Everything about locks of a house.
#[derive(Debug)]
pub(crate) struct Locks {
    table: LockTable,
    register: Mutex<Register>,
    /// The NSM state number of this life.
    state: u32,
    /// When the background last looked after the clients.
    looked: Mutex<Option<Duration>>,
}

impl Locks {
    /// No locks and no clients yet.
    pub(crate) fn new(epoch: FencingEpoch) -> Self {
        Self {
            table: LockTable::new(),
            register: Mutex::default(),
            state: state_number(epoch),
            looked: Mutex::default(),
        }
    }

    fn register(&self) -> MutexGuard<'_, Register> {
        self.register.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// NSM state numbers are odd while the host is up, and rise (Open Group C702, chapter 11): every start raises the epoch.
fn state_number(epoch: FencingEpoch) -> u32 {
    let low = u32::try_from(epoch.0 & u64::from(u32::MAX)).unwrap_or_default();
    low.wrapping_mul(2) | 1
}
