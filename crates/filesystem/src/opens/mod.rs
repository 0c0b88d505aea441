//! Opens, and locks and DOS shares of the network lock manager with the clients that hold them, and how these come back
//! after a restart. All live in memory only; what is durable is who may hold locks, and what goes once it is closed.
//!
//! Opens are granted within the shard's turn, as names change, and closed without it. Their share modes bind anonymous
//! operations too; locks and DOS shares of the network lock manager do not.

mod clients;
mod close;
mod conflicts;
mod delete;
mod grace;
mod lease;
mod listing;
mod lock;
mod mandatory;
mod open;
mod persistent;
mod recovery;
mod register;
mod roster;
mod share;
mod stream;
mod symlink;
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
    /// Held while the record of an open is written or deleted.
    kept: Mutex<()>,
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
            kept: Mutex::default(),
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
