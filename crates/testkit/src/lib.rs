//! Reference file system in memory, manual clock, faulty engine wrappers, seeds.

mod block_on;
mod clock;
mod copy;
pub mod faulty;
pub mod operations;
pub mod reference;
mod seed;
pub mod vfs_conformance;

pub use block_on::block_on;
pub use clock::ManualClock;
pub use copy::{NodeCopy, TreeCopy, copy_tree};
pub use reference::ReferenceFilesystem;
pub use seed::Random;
