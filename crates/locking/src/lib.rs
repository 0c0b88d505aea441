//! Share reservations and byte-range locks of one inode: who is granted and who is in the way.
//!
//! Values without I/O, clock and waiting: the owner of an inode's state calls them under its own lock. Queues of
//! waiting locks, leases and durable opens join with the doors that speak them.

mod byte_range;
mod share_mode;

pub use byte_range::{ByteRangeLocks, HeldLock, LOCKS_MAX, LockRefusal, Span};
pub use share_mode::{SHARES_MAX, ShareRefusal, ShareReservation, ShareReservations};
