//! Identities of things. Each is a type of its own, so that none is mistaken for another.

macro_rules! id {
    ($(#[$meta:meta])* $name:ident($inner:ty)) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);
    };
}

id! {
    /// The unit of ownership, commit order, snapshot clock and counters: the base directory of an access zone. 0 is
    /// the root shard, which holds what lies above all zones.
    ShardId(u32)
}
id! {
    /// A file system within a shard: 0 is the live tree, others below 2^31 are writable clones. Those above stand in no
    /// store: each shows a snapshot, and the highest the directories `.snapshot`.
    TreeId(u32)
}
id! {
    /// Number of an inode, unique in its shard over all trees and never reused.
    InodeNumber(u64)
}
id! {
    /// A granted open.
    OpenId(u64)
}
id! {
    /// A snapshot of a shard.
    SnapshotId(u64)
}
id! {
    /// An access zone, as numbered by the running configuration.
    ZoneId(u32)
}
id! {
    /// The snapshot clock of a shard: raised by one when a snapshot is taken.
    Epoch(u64)
}
id! {
    /// Raised durably at every start, reload and take-over, before the first reply.
    FencingEpoch(u64)
}
id! {
    /// One request as it passes through the house; unique while the process runs.
    OperationId(u64)
}
id! {
    /// A client as the door knows it, stable over reconnects (for NFSv3: derived from its address).
    ClientId(u64)
}
id! {
    /// A session of a door (SMB session, NFS connection).
    SessionId(u64)
}
id! {
    /// Place in a directory listing. 0 starts, 1 is `.`, 2 is `..`, 3 is `.snapshot`, 4-15 are reserved; positive as
    /// a signed 64-bit number and stable while the directory changes.
    Cookie(u64)
}

/// Names one inode in the whole house.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InodeId {
    /// Its shard.
    pub shard: ShardId,
    /// Its tree in the shard.
    pub tree: TreeId,
    /// Its number in the shard.
    pub number: InodeNumber,
}

impl SessionId {
    /// Whose opens are that were there before the house restarted.
    pub const RESTORED: Self = Self(u64::MAX);
}

impl ShardId {
    /// What lies above all zones.
    pub const ROOT: Self = Self(0);
}

impl TreeId {
    /// The tree that is not a clone.
    pub const LIVE: Self = Self(0);
    /// The directories `.snapshot` of the live tree: each has the number of the directory that it is in.
    pub const SNAPSHOTS: Self = Self(u32::MAX);
    const FIRST_SNAPSHOT: u32 = 1 << 31;
    const FIRST_DOOR: u32 = Self::FIRST_SNAPSHOT + (1 << 30);

    /// The tree that shows a snapshot; `None` for numbers that no snapshot has.
    #[must_use]
    pub fn of_snapshot(snapshot: SnapshotId) -> Option<Self> {
        let number = u32::try_from(snapshot.0).ok()?.checked_add(Self::FIRST_SNAPSHOT)?;
        Some(Self(number)).filter(|tree| tree.0 < Self::FIRST_DOOR)
    }

    /// The directories `.snapshot` of a tree that is written: each has the number of the directory that it is in.
    #[must_use]
    pub fn snapshots_of(tree: Self) -> Self {
        if tree == Self::LIVE { Self::SNAPSHOTS } else { Self(Self::FIRST_DOOR.saturating_add(tree.0)) }
    }

    /// The tree in whose directories these directories `.snapshot` are.
    #[must_use]
    pub fn behind_snapshots(self) -> Option<Self> {
        if self == Self::SNAPSHOTS {
            return Some(Self::LIVE);
        }
        self.0.checked_sub(Self::FIRST_DOOR).map(Self)
    }

    /// Whether its inodes are directories `.snapshot`.
    #[must_use]
    pub fn is_snapshots(self) -> bool {
        self.0 >= Self::FIRST_DOOR
    }

    /// Whether a clone may have this number.
    #[must_use]
    pub fn is_clone(self) -> bool {
        self != Self::LIVE && self.0 < Self::CLONES_END
    }

    /// Whether it shows the past, or the way there: nothing in it can be changed.
    #[must_use]
    pub fn is_past(self) -> bool {
        self.0 >= Self::FIRST_SNAPSHOT
    }

    /// The snapshot that it shows.
    #[must_use]
    pub fn snapshot(self) -> Option<SnapshotId> {
        let number = self.0.checked_sub(Self::FIRST_SNAPSHOT).filter(|_| !self.is_snapshots())?;
        Some(SnapshotId(number.into()))
    }

    /// No clone has this number or a higher one.
    pub const CLONES_END: u32 = 1 << 29;
}

impl InodeNumber {
    /// The root directory of every tree.
    pub const ROOT: Self = Self(1);
}

impl InodeId {
    /// The root directory of a shard's live tree.
    #[must_use]
    pub fn root_of(shard: ShardId) -> Self {
        Self { shard, tree: TreeId::LIVE, number: InodeNumber::ROOT }
    }

    /// The inode with another number in the same tree.
    #[must_use]
    pub fn sibling(self, number: InodeNumber) -> Self {
        Self { number, ..self }
    }

    /// The inode with the same number in another tree of its shard.
    #[must_use]
    pub fn in_tree(self, tree: TreeId) -> Self {
        Self { tree, ..self }
    }
}

impl Cookie {
    /// Before the first entry.
    pub const START: Self = Self(0);
    /// The entry `.`.
    pub const DOT: Self = Self(1);
    /// The entry `..`.
    pub const DOT_DOT: Self = Self(2);
    /// The entry `.snapshot`.
    pub const SNAPSHOT: Self = Self(3);
    /// The lowest cookie of a stored entry.
    pub const FIRST_STORED: Self = Self(16);
}
