//! The embedded metadata engine: our own log as the journal of an lsm-tree.
//!
//! A commit is durable when its record is in the log: one contiguous, pre-written file that is written with `O_DIRECT`
//! and `O_DSYNC` and recycled ([`log`]). Durable batches go, whole and in order, into the tree's memtable; a checkpoint
//! flushes that to tables and recycles the log below it. After a crash the log is replayed into the tree. After any
//! error the engine answers `Io` until `reopen`, which does the same.
//!
//! Each store has four threads: one writes the log and inserts, one makes checkpoints, one compacts, one ages views.
//! Reads run on the caller's thread.

mod create;
mod directory;
mod engine;
mod errors;
pub mod log;
mod move_log;
mod reply;
mod settings;
mod store;
mod superblock;
#[cfg(test)]
mod tests;
mod view;

pub use engine::LocalEngine;
pub use move_log::LogMoved;
pub use settings::{LogPlace, Settings};
pub use view::LocalView;
