//! Opens, share reservations and byte-range locks: who is granted, who waits and who is in the way.
//!
//! Values without I/O, clock and waiting, held under short locks of their own. [`OpenTable`] is all opens of the house,
//! [`LockTable`] all their share reservations and all locks, [`LeaseTable`] what clients may cache. Durable opens join
//! with the door that speaks them.

mod byte_range;
mod cycle;
mod effects;
mod inode_locks;
mod lease;
mod lease_table;
mod open_table;
mod parted;
mod pending;
mod share_mode;
mod table;
#[cfg(test)]
mod tests;

pub use byte_range::{ByteRangeLocks, LOCKS_MAX, LockRefusal, MandatoryLock, RangeLock, Span};
pub use lease::{BREAK_TIMEOUT, Beside, FileLeases, Intrusion};
pub use lease_table::{LeaseTable, NewLease};
pub use open_table::{
    Closing, HOUSE_OPENS_MAX, Link, NewOpen, Open, OpenTable, Persistent, SESSION_OPENS_MAX, TooManyOpens,
};
pub use pending::WAITERS_MAX;
pub use share_mode::{HeldShare, SHARES_MAX, ShareRefusal, ShareReservation, ShareReservations};
pub use table::{CLIENT_ENTRIES_MAX, ENTRIES_MAX, LockTable, Locked, MandatoryRefusal, Refusal, SHARD_ENTRIES_MAX};
