//! Key schema, records, snapshot versions, group commit and the overlay of what is not durable yet, over any kv.
//!
//! Keys and records are drawn byte by byte in `docs/on-disk.md`; what stands on a disk once is read for ever. Nothing
//! here touches data, and nothing here knows what an operation is: the floor above decides, this one keeps.

mod change;
pub mod check;
mod codec;
mod error;
pub mod keys;
mod meta;
pub mod records;
mod upgrade;
mod versions;

pub use change::{Change, ChangeSize, SpaceDelta};
pub use codec::RecordError;
pub use error::MetaError;
pub use keys::{Key, ParsedKey};
pub use meta::{BACKLOG_CHANGES_MAX, LiveSegment, LiveSegments, Meta, MetaFigures, Seen, Version};
pub use records::{Record, Versioned};
pub use versions::{Layer, ShardClock};
