//! Writable clones: trees that show a snapshot where they have nothing of their own.
//!
//! Making one writes the record of its tree, the inode of its root and an entry that leads to it, whatever is below. What
//! is read in a clone and was never written there is read from its origin, at the epoch of the snapshot that it was made of
//! (`meta::Layer`); the first change of a record puts one of its own before that, and the first removal a mark that it
//! is gone. Which of the two a record is its birth says: an origin shows nothing younger than its snapshot, and a clone
//! writes nothing as old. Only what it has itself is counted, charged and freed in a clone: blocks that were written
//! before it was made are those of the origin, whose snapshot stays until the clone is gone.

mod adopt;
mod create;
mod delete;
mod table;

pub(crate) use create::CLONES_MAX;
pub(crate) use table::{Clones, KnownClone};
