//! What two houses must agree on.

use std::sync::Arc;

use bytes::Bytes;
use vfs::acl::SecurityDescriptor;
use vfs::{Attributes, DeviceNumber, DosAttributes, FileType, FsError, PreAttributes, Principal, Timestamp};

/// What an operation showed, without what is the house's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Why it failed, if it did; then the rest is empty.
    pub error: Option<FsError>,
    /// Inodes shown, in the order of the reply: the object, then directories.
    pub inodes: Vec<SeenInode>,
    /// What they were before, where the reply tells.
    pub before: Vec<SeenBefore>,
    /// Bytes read, or the target of a link.
    pub data: Option<Bytes>,
    /// Bytes written, rights granted, or a flag as 0 or 1.
    pub number: Option<u64>,
    /// Entries of a listing by name.
    pub entries: Vec<SeenEntry>,
    /// What no house may do whatever another does: a change counter that goes back or stays over a change, a listing
    /// that repeats or leaves out an entry, cookies that do not rise, data less stable than asked for.
    pub faults: Vec<String>,
}

/// Attributes of an inode that every house must show alike.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are as in the attributes of the contract")]
pub struct SeenInode {
    /// Number by the order in which inodes were first seen.
    pub inode: usize,
    pub file_type: FileType,
    pub mode: u32,
    pub links: u32,
    pub owner: Principal,
    pub group: Principal,
    pub size: u64,
    pub device: DeviceNumber,
    pub accessed: Timestamp,
    pub modified: Timestamp,
    pub changed: Timestamp,
    pub created: Timestamp,
    pub dos: DosAttributes,
    pub descriptor: Option<Arc<SecurityDescriptor>>,
    pub xattr_bytes: u32,
}

/// An inode before a change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are as in the attributes of the contract")]
pub struct SeenBefore {
    pub size: u64,
    pub modified: Timestamp,
    pub changed: Timestamp,
}

/// An entry of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are as in the entries of the contract")]
pub struct SeenEntry {
    pub name: Bytes,
    /// Number by the order in which inodes were first seen.
    pub inode: usize,
    pub file_type: FileType,
    pub attributes: Option<SeenInode>,
}

impl SeenInode {
    /// The common part of the attributes of the inode with this number.
    #[must_use]
    pub fn new(inode: usize, attributes: &Attributes) -> Self {
        Self {
            inode,
            file_type: attributes.file_type,
            mode: attributes.mode,
            links: attributes.links,
            owner: attributes.owner.clone(),
            group: attributes.group.clone(),
            size: attributes.size,
            device: attributes.device,
            accessed: attributes.accessed,
            modified: attributes.modified,
            changed: attributes.changed,
            created: attributes.created,
            dos: attributes.dos,
            descriptor: attributes.descriptor.clone(),
            xattr_bytes: attributes.xattr_bytes,
        }
    }
}

impl From<&PreAttributes> for SeenBefore {
    fn from(before: &PreAttributes) -> Self {
        Self { size: before.size, modified: before.modified, changed: before.changed }
    }
}

impl Outcome {
    /// A failure.
    #[must_use]
    pub fn failed(error: FsError) -> Self {
        Self { error: Some(error), ..Self::default() }
    }
}
