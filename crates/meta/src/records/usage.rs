//! What is counted.

use vfs::{Epoch, InodeNumber};

use crate::codec::record;

/// Counters of a directory: itself and everything whose home link lies below it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageRecord {
    /// Epoch in which this state was written.
    pub born: Epoch,
    /// Inodes, the directory itself included.
    pub inodes: u64,
    /// Sizes of files and lengths of symlink targets, modulo 2^64: three sparse files can have more.
    pub application_bytes: u64,
    /// Allocated blocks times 4096.
    pub logical_bytes: u64,
    /// Bytes that the allocated blocks take in the store.
    pub physical_bytes: u64,
    /// Bytes of blocks that only versions name, counted where they were overwritten.
    pub held_bytes: u64,
    /// No directory below is deeper than this; 0 if there is none.
    pub height: u32,
}

/// Counters of one user or group below a directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnerUsageRecord {
    /// Whether everything below has been counted; false while a crawl builds it.
    pub ready: bool,
    /// Inodes owned.
    pub inodes: u64,
    /// Sizes of files and lengths of symlink targets.
    pub application_bytes: u64,
    /// Allocated blocks times 4096.
    pub logical_bytes: u64,
    /// Bytes that the allocated blocks take in the store.
    pub physical_bytes: u64,
}

/// How far the owners of what lies below a directory are counted there. At the root of a shard all are, from the first byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnersRecord {
    /// Inodes with lower numbers are counted.
    pub counted_below: InodeNumber,
    /// Nothing is counted before counters from an earlier time are removed.
    pub is_clearing: bool,
}

/// What something adds to the counters above it; differences are negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charge {
    /// Inodes.
    pub inodes: i64,
    /// Application-logical bytes.
    pub application_bytes: i64,
    /// File-system-logical bytes.
    pub logical_bytes: i64,
    /// Physical bytes.
    pub physical_bytes: i64,
    /// Held bytes; owners are not charged for them.
    pub held_bytes: i64,
}

impl OwnersRecord {
    /// Every inode is counted.
    pub const READY: Self = Self { counted_below: InodeNumber(u64::MAX), is_clearing: false };

    /// Whether what becomes of an inode is counted.
    #[must_use]
    pub fn counts(&self, inode: InodeNumber) -> bool {
        !self.is_clearing && inode < self.counted_below
    }
}

impl UsageRecord {
    /// Adds a charge; `None` if a counter would leave its range, which means that the counters are wrong.
    #[must_use]
    pub fn plus(&self, charge: &Charge) -> Option<Self> {
        Some(Self {
            born: self.born,
            inodes: self.inodes.checked_add_signed(charge.inodes)?,
            application_bytes: self.application_bytes.wrapping_add_signed(charge.application_bytes),
            logical_bytes: self.logical_bytes.checked_add_signed(charge.logical_bytes)?,
            physical_bytes: self.physical_bytes.checked_add_signed(charge.physical_bytes)?,
            held_bytes: self.held_bytes.checked_add_signed(charge.held_bytes)?,
            height: self.height,
        })
    }

    /// The whole of it as a charge, as when a subtree moves. `None` above 2^63.
    #[must_use]
    pub fn charge(&self) -> Option<Charge> {
        Some(Charge {
            inodes: i64::try_from(self.inodes).ok()?,
            application_bytes: self.application_bytes.cast_signed(),
            logical_bytes: i64::try_from(self.logical_bytes).ok()?,
            physical_bytes: i64::try_from(self.physical_bytes).ok()?,
            held_bytes: i64::try_from(self.held_bytes).ok()?,
        })
    }
}

impl OwnerUsageRecord {
    /// Adds a charge, held bytes apart; `None` if a counter would leave its range.
    #[must_use]
    pub fn plus(&self, charge: &Charge) -> Option<Self> {
        Some(Self {
            ready: self.ready,
            inodes: self.inodes.checked_add_signed(charge.inodes)?,
            application_bytes: self.application_bytes.wrapping_add_signed(charge.application_bytes),
            logical_bytes: self.logical_bytes.checked_add_signed(charge.logical_bytes)?,
            physical_bytes: self.physical_bytes.checked_add_signed(charge.physical_bytes)?,
        })
    }

    /// Whether nothing is counted: the record can go.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self { ready: self.ready, ..Self::default() }
    }
}

impl Charge {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// Both together; saturates.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            inodes: self.inodes.saturating_add(other.inodes),
            application_bytes: self.application_bytes.wrapping_add(other.application_bytes),
            logical_bytes: self.logical_bytes.saturating_add(other.logical_bytes),
            physical_bytes: self.physical_bytes.saturating_add(other.physical_bytes),
            held_bytes: self.held_bytes.saturating_add(other.held_bytes),
        }
    }

    /// The opposite.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self {
            inodes: self.inodes.saturating_neg(),
            application_bytes: self.application_bytes.wrapping_neg(),
            logical_bytes: self.logical_bytes.saturating_neg(),
            physical_bytes: self.physical_bytes.saturating_neg(),
            held_bytes: self.held_bytes.saturating_neg(),
        }
    }
}

record!(
    UsageRecord,
    "usage",
    |_| Ok(()),
    born,
    inodes,
    application_bytes,
    logical_bytes,
    physical_bytes,
    held_bytes,
    height,
);
record!(OwnersRecord, "owners", |_| Ok(()), counted_below, is_clearing,);
record!(OwnerUsageRecord, "owner usage", |_| Ok(()), ready, inodes, application_bytes, logical_bytes, physical_bytes,);
