//! Rings on the runtime thread, and a pread twin for machines without io_uring or O_DIRECT.
//!
//! An operation is submitted to the ring of whatever runtime thread polls it first. The ring is polled through the
//! runtime (`AsyncFd`): operations are pushed while the tasks of one tick run and go to the kernel in one call. Buffers
//! are owned by the operation until the kernel is done with them, so a future may be dropped at any time.
//! Where there is no tokio runtime (with I/O enabled), no io_uring, or the file is not opened for direct I/O, the
//! same calls run in line.
#![allow(unsafe_code, reason = "the kernel gets pointers into buffers that the ring owns; every block says why")]

mod directory;
mod fallback;
mod faults;
mod file;
mod operation;
mod pending;
mod probe;
mod ring;

pub use directory::Directory;
pub use faults::{Fault, Faults, OperationKind};
pub use file::{Create, File, OpenHow};
pub use probe::{Unavailable, probe};

#[cfg(test)]
mod tests;
