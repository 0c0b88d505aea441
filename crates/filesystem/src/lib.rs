//! The file system: namespace, files, extents, caches, space; the only production implementation of [`vfs`].
//!
//! It stands on two contracts, [`kv`] (by way of [`meta`]) and [`chunk`], and is the only place where they meet. Every
//! change of names and attributes is one function within its shard's turn (see `turn`); data is buffered per file
//! and flushed to blocks that are never overwritten (see `file`).

mod access;
mod admission;
mod attributes;
mod cache;
mod clone;
mod contract;
mod figures;
mod file;
mod gc;
mod jobs;
mod load;
mod namespace;
mod opens;
mod quota;
mod recovery;
mod replay;
mod revert;
mod settings;
mod shard;
mod snapshot;
mod turn;
mod watch;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use locking::{LeaseTable, OpenTable};
use meta::keys::NameHasher;
use meta::{Meta, MetaError};
pub use recovery::{OpenError, Parts};
pub use settings::Settings;
use vfs::{Clock, Failure, FsError};

use crate::admission::KnownRoom;
use crate::cache::RecordCache;
use crate::figures::KnownSpace;
use crate::file::{DataPlane, FileTable};
use crate::opens::Locks;
use crate::recovery::Retry;
use crate::replay::ReplayTable;
use crate::revert::Reverts;
use crate::shard::ShardTable;
use crate::watch::Watches;

/// A file system on a metadata engine and a block store.
pub struct Filesystem<K: kv::Engine, C: chunk::Store> {
    meta: Meta<K>,
    data: DataPlane<C>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    records: RecordCache,
    shards: ShardTable,
    files: FileTable,
    replies: ReplayTable,
    locks: Locks,
    opens: OpenTable,
    leases: LeaseTable,
    watches: Watches,
    reverts: Reverts,
    space: KnownSpace,
    room: KnownRoom,
    hasher: NameHasher,
    changes: AtomicU64,
    /// How often an epoch of any shard has ended since the start, and one: whoever buffers data looks at it.
    epochs: AtomicU64,
    /// Held shared by every turn, so that a reload can wait for those in progress.
    turns: RwLock<()>,
    is_reloading: AtomicBool,
    retry: Mutex<Retry>,
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// The superblock of the store: its id and the keys that seal file handles.
    #[must_use]
    pub fn superblock(&self) -> &meta::records::Superblock {
        self.meta.superblock()
    }

    /// The next change number of any inode: unique and rising over restarts.
    pub(crate) fn next_change(&self) -> u64 {
        self.changes.fetch_add(1, Ordering::Relaxed)
    }

    /// What an operation answers when the store failed; the reason goes to the log once.
    pub(crate) fn refuse(&self, error: &MetaError) -> Failure {
        tracing::error!(%error, "the metadata store failed");
        FsError::Io.into()
    }
}

impl<K: kv::Engine, C: chunk::Store> fmt::Debug for Filesystem<K, C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Filesystem").field("settings", &self.settings).finish_non_exhaustive()
    }
}
