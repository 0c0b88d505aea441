//! Everything there is.

use std::collections::BTreeMap;

use pages::BLOCK_SIZE;
use vfs::{
    Attributes, DeviceNumber, DosAttributes, FileSystemStatistics, FileType, InodeId, InodeNumber, Principal, ShardId,
    Timestamp, WriteVerifier,
};

use super::inode::{Body, Directory, Inode};
use super::leases::Leases;
use super::locks::Locks;
use super::opens::Opens;
use super::quota::KeptQuota;
use super::watch::Watcher;

/// How much a [`super::ReferenceFilesystem`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryCapacity {
    /// Bytes of data, counted in blocks of 4096.
    pub bytes: u64,
    /// Inodes.
    pub files: u64,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) inodes: BTreeMap<InodeId, Inode>,
    pub(super) capacity: MemoryCapacity,
    pub(super) used_bytes: u64,
    pub(super) locks: Locks,
    pub(super) opens: Opens,
    pub(super) leases: Leases,
    pub(super) watches: Vec<Watcher>,
    pub(super) quotas: Vec<KeptQuota>,
    pub(super) last_number: u64,
    last_shard: u32,
    last_change: u64,
    crashes: u64,
}

impl State {
    /// Only the root directory.
    pub(super) fn new(now: Timestamp) -> Self {
        let root = InodeId::root_of(ShardId::ROOT);
        let mut state = Self {
            inodes: BTreeMap::new(),
            capacity: MemoryCapacity { bytes: 1 << 50, files: 1 << 40 },
            used_bytes: 0,
            locks: Locks::default(),
            opens: Opens::default(),
            leases: Leases::default(),
            watches: Vec::new(),
            quotas: Vec::new(),
            last_number: InodeNumber::ROOT.0,
            last_shard: ShardId::ROOT.0,
            last_change: 0,
            crashes: 0,
        };
        let mut attributes = state.blank(root, FileType::Directory, now);
        attributes.mode = 0o755;
        let body = Body::Directory(Directory::new(root));
        state
            .inodes
            .insert(root, Inode { attributes, body, exclusive: None, xattrs: BTreeMap::new(), streams: Vec::new() });
        state
    }

    /// Attributes of a new inode that belongs to root and that nobody may use.
    pub(super) fn blank(&mut self, inode: InodeId, file_type: FileType, now: Timestamp) -> Attributes {
        Attributes {
            inode,
            file_type,
            mode: 0,
            links: if file_type == FileType::Directory { 2 } else { 1 },
            owner: Principal::Unix(0),
            group: Principal::Unix(0),
            size: 0,
            allocated_bytes: 0,
            device: DeviceNumber::default(),
            fsid: (u64::from(inode.shard.0) << 32 | u64::from(inode.tree.0)) + 1,
            accessed: now,
            modified: now,
            changed: now,
            created: now,
            change: self.next_change(),
            dos: DosAttributes::default(),
            descriptor: None,
            xattr_bytes: 0,
            stream_of: None,
        }
    }

    /// A number no inode ever had.
    pub(super) fn next_number(&mut self) -> InodeNumber {
        self.last_number += 1;
        InodeNumber(self.last_number)
    }

    /// A shard no zone ever had.
    pub(super) fn next_shard(&mut self) -> ShardId {
        self.last_shard += 1;
        ShardId(self.last_shard)
    }

    /// A change counter higher than all before.
    pub(super) fn next_change(&mut self) -> u64 {
        self.last_change += 1;
        self.last_change
    }

    pub(super) fn free_bytes(&self) -> u64 {
        let blocks_bytes = self.capacity.bytes - self.capacity.bytes % BLOCK_SIZE as u64;
        blocks_bytes.saturating_sub(self.used_bytes)
    }

    pub(super) fn free_files(&self) -> u64 {
        self.capacity.files.saturating_sub(self.inodes.len() as u64)
    }

    pub(super) fn statistics(&self) -> FileSystemStatistics {
        FileSystemStatistics {
            total_bytes: self.capacity.bytes,
            free_bytes: self.free_bytes(),
            available_bytes: self.free_bytes(),
            total_files: self.capacity.files,
            free_files: self.free_files(),
            available_files: self.free_files(),
        }
    }

    /// Removes what has neither a name nor an open any more.
    pub(super) fn forget_closed(&mut self) {
        let Self { inodes, opens, used_bytes, .. } = self;
        inodes.retain(|id, inode| {
            let is_there = inode.attributes.links > 0 || opens.holds(*id);
            *used_bytes -= if is_there { 0 } else { inode.attributes.allocated_bytes };
            is_there
        });
    }

    pub(super) fn verifier(&self) -> WriteVerifier {
        WriteVerifier((self.crashes + 1).to_be_bytes())
    }

    pub(super) fn crash(&mut self) {
        self.crashes += 1;
        self.opens.clear();
        self.watches.clear();
        self.locks.free_opens();
        self.forget_closed();
        let Self { inodes, used_bytes, last_change, .. } = self;
        for inode in inodes.values_mut() {
            let Body::File(content) = &mut inode.body else { continue };
            let Some((size, modified)) = content.undo() else { continue };
            *last_change += 1;
            let allocated = content.allocated_bytes();
            *used_bytes = *used_bytes + allocated - inode.attributes.allocated_bytes;
            let attributes = &mut inode.attributes;
            (attributes.size, attributes.modified, attributes.change) = (size, modified, *last_change);
            attributes.allocated_bytes = allocated;
        }
    }
}
