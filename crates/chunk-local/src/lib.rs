//! Blocks on local disks: append-only segments over uring.
//!
//! A segment is a file of one owner: a header block, then data blocks in the order they were placed, whatever files
//! they belong to. Blocks are never overwritten while they are live; freed runs are punched out when there is much of them
//! or room is short. When every block of a sealed segment is freed, its file becomes that of a new one, or is removed. Layouts are in `layout.rs`, byte by byte.

mod align;
mod error;
mod free;
mod handles;
mod layout;
mod place;
mod read;
mod recover;
mod segment;
mod settings;
mod space;
mod spare;
mod store;
mod superblock;
mod sync;

pub use settings::{OpenError, Settings};
pub use store::LocalStore;

#[cfg(test)]
mod tests;
