//! Snapshots: what a shard was at the end of an epoch.
//!
//! Taking one ends the current epoch, and touches nothing else. From then on the first change of each record keeps its old
//! state (`meta::versions`); what is buffered of files belongs to the epoch in which it was written, and is named as of
//! that before anything else changes the file (`date`). What is in a snapshot is an inode of a tree of its own, which the
//! caches fill from what was kept (`view`); so everything that reads knows nothing of snapshots.

mod change;
mod changes;
mod date;
mod delete;
mod directory;
mod past;
mod take;
mod trim;
mod view;

pub(crate) use directory::{directory_record, leads_to_past, opens_past, require_ordinary};
pub(crate) use past::{Known, Past};
pub(crate) use take::SNAPSHOTS_MAX;
pub(crate) use view::{Place, require_present};

#[cfg(test)]
mod tests;
