//! What files, file systems and descriptors tell of themselves (MS-FSCC 2.4 and 2.5).

mod attributes;
mod ea;
mod entries;

pub use attributes::{FileAttributes, FileTimes, NetworkOpen};
pub use ea::{EaFlags, FullEa, GetEa};
pub use entries::{Entries, Entry, EntryWriter};
