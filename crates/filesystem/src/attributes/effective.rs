//! The attributes that clients see: the submitted record with what writes have changed since.

use meta::records::{DescriptorRef, InodeRecord};
use vfs::{Attributes, InodeId};

use crate::access::{SET_GROUP_ID, SET_USER_ID};
use crate::file::Pending;

/// Merges a record with pending writes.
pub(crate) fn effective(inode: InodeId, record: &InodeRecord, pending: Pending) -> Attributes {
    let size = pending.size.unwrap_or(record.size);
    // What is dirty counts before it is placed, though it may take the place of other blocks: there are tools that take
    // a file without any for one without data.
    let with_dirty = (record.allocated_blocks + pending.dirty_blocks).min(size.div_ceil(BLOCK_BYTES));
    let newer = pending.change > record.change;
    Attributes {
        inode,
        file_type: record.file_type,
        mode: shown_mode(record, pending),
        links: record.links,
        owner: record.owner.clone(),
        group: record.group.clone(),
        size,
        allocated_bytes: record.allocated_blocks.max(with_dirty) * BLOCK_BYTES,
        device: record.device,
        fsid: ((u64::from(inode.shard.0) + 1) << 32) | u64::from(inode.tree.0),
        accessed: record.accessed,
        modified: pending.modified.unwrap_or(record.modified),
        changed: if newer { pending.changed } else { record.changed },
        created: record.created,
        change: record.change.max(pending.change),
        dos: record.dos,
        xattr_bytes: record.xattr_bytes,
        stream_of: record.is_stream().then(|| inode.sibling(record.home_parent)),
        descriptor: record.descriptor.as_ref().map(DescriptorRef::in_force),
    }
}

/// A mode after a write by another than the superuser.
pub(crate) fn without_set_id(mode: u32) -> u32 {
    mode & !(SET_USER_ID | SET_GROUP_ID)
}

fn shown_mode(record: &InodeRecord, pending: Pending) -> u32 {
    let mode = u32::from(record.mode);
    if pending.clear_set_id { without_set_id(mode) } else { mode }
}

const BLOCK_BYTES: u64 = pages::BLOCK_SIZE as u64;
