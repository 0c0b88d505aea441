//! What is known of an inode.

use std::sync::Arc;

use bytes::Bytes;

use crate::acl::SecurityDescriptor;
use crate::{InodeId, Principal};

/// Kind of an inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileType {
    /// Bytes at offsets.
    Regular,
    /// Names of other inodes.
    Directory,
    /// A path to follow.
    Symlink,
    /// A block device.
    Block,
    /// A character device.
    Character,
    /// A named pipe.
    Fifo,
    /// A named socket.
    Socket,
}

/// A moment: seconds since 1970-01-01 UTC and nanoseconds below 10^9.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Seconds since the epoch; negative before it.
    pub seconds: i64,
    /// Nanoseconds within the second.
    pub nanoseconds: u32,
}

/// Number of a device that a special file stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DeviceNumber {
    /// Driver.
    pub major: u32,
    /// Unit.
    pub minor: u32,
}

/// DOS attribute bits (MS-FSCC 2.6), those that are stored: READONLY 0x1, HIDDEN 0x2, SYSTEM 0x4, ARCHIVE 0x20,
/// OFFLINE 0x1000, NOT_CONTENT_INDEXED 0x2000, SPARSE 0x200.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DosAttributes(pub u32);

/// All attributes of an inode at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// Which inode.
    pub inode: InodeId,
    /// Its kind; never changes.
    pub file_type: FileType,
    /// Permission, set-id and sticky bits (07777).
    pub mode: u32,
    /// Hard links; for a directory 2 plus its sub-directories.
    pub links: u32,
    /// Owner.
    pub owner: Principal,
    /// Owning group.
    pub group: Principal,
    /// Length in bytes.
    pub size: u64,
    /// Bytes of storage that hold its data.
    pub allocated_bytes: u64,
    /// Device of a special file.
    pub device: DeviceNumber,
    /// The file system as clients tell them apart: one for each tree and snapshot.
    pub fsid: u64,
    /// Last read.
    pub accessed: Timestamp,
    /// Last change of the data.
    pub modified: Timestamp,
    /// Last change of data or attributes.
    pub changed: Timestamp,
    /// Creation.
    pub created: Timestamp,
    /// Change counter: higher after each change, never shown twice for different states.
    pub change: u64,
    /// DOS attribute bits.
    pub dos: DosAttributes,
    /// Who may what, where a descriptor was set or inherited: it is in force in place of the mode, whose permission bits
    /// are made from it. `None`: what owner, group and mode say.
    pub descriptor: Option<Arc<SecurityDescriptor>>,
    /// Length of its extended attributes as one list (MS-FSCC 2.4.13 `EaSize`); 0: it has none.
    pub xattr_bytes: u32,
    /// The file that it is a stream of: of a stream only inode, type, size and room are its own, all else is the file's.
    pub stream_of: Option<InodeId>,
}

/// An extended attribute to set. Of two names that differ in the case of ASCII letters only there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XattrChange {
    /// Its name: 1 to [`crate::limits::XATTR_NAME_BYTES_MAX`] bytes without NUL.
    pub name: Bytes,
    /// Its value; `None` removes it, if it is there.
    pub value: Option<Bytes>,
}

/// The attributes that tell whether something changed (RFC 1813 2.6 `wcc_attr`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PreAttributes {
    /// Length in bytes.
    pub size: u64,
    /// Last change of the data.
    pub modified: Timestamp,
    /// Last change of data or attributes.
    pub changed: Timestamp,
    /// Change counter.
    pub change: u64,
}

/// An inode before and after an operation, taken atomically with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Before.
    pub before: PreAttributes,
    /// After.
    pub after: Attributes,
}

/// A time to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetTime {
    /// The server's time.
    Now,
    /// This time; only the owner may.
    To(Timestamp),
}

/// Attributes to set; `None` leaves one as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetAttributes {
    /// Permission, set-id and sticky bits (07777).
    pub mode: Option<u32>,
    /// Owner.
    pub owner: Option<Principal>,
    /// Owning group.
    pub group: Option<Principal>,
    /// Length in bytes.
    pub size: Option<u64>,
    /// Last read.
    pub accessed: Option<SetTime>,
    /// Last change of the data.
    pub modified: Option<SetTime>,
    /// Creation.
    pub created: Option<Timestamp>,
    /// DOS attribute bits.
    pub dos: Option<DosAttributes>,
    /// Who may what: control and DACL, in place of what the mode says and of what would be inherited. Its owner, group and
    /// SACL are not looked at.
    pub descriptor: Option<Arc<SecurityDescriptor>>,
    /// Whether it is overwritten: the extended attributes and streams that are there go first (MS-FSA 2.1.5.1.2.3).
    pub overwrites: bool,
    /// Extended attributes, one after the other.
    pub xattrs: Vec<XattrChange>,
}

impl DosAttributes {
    /// The file may neither be written to nor deleted over SMB.
    pub const READ_ONLY: Self = Self(0x1);
    /// Listings hide it.
    pub const HIDDEN: Self = Self(0x2);
    /// It belongs to the operating system.
    pub const SYSTEM: Self = Self(0x4);
    /// Changed since the last backup.
    pub const ARCHIVE: Self = Self(0x20);

    /// Whether all bits of `other` are set.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl SetAttributes {
    /// Whether it sets or removes extended attributes.
    #[must_use]
    pub fn changes_xattrs(&self) -> bool {
        self.overwrites || !self.xattrs.is_empty()
    }
}

impl XattrChange {
    /// Whether its name is one.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let length = self.name.len();
        length > 0 && length <= crate::limits::XATTR_NAME_BYTES_MAX && !self.name.contains(&0)
    }
}

/// Length of a list of extended attributes with these lengths of names and values (MS-FSCC 2.4.13 `EaSize`).
#[must_use]
pub fn xattr_list_bytes(entries: impl Iterator<Item = (usize, usize)>) -> usize {
    let (mut count, mut bytes) = (0_usize, 4);
    for (name, value) in entries {
        (count, bytes) = (count + 1, bytes + 5 + name + value);
    }
    if count == 0 { 0 } else { bytes }
}

impl Attributes {
    /// The file: the inode, or that whose stream it is.
    #[must_use]
    pub fn file(&self) -> InodeId {
        self.stream_of.unwrap_or(self.inode)
    }

    /// The part that tells whether something changed.
    #[must_use]
    pub fn pre(&self) -> PreAttributes {
        PreAttributes { size: self.size, modified: self.modified, changed: self.changed, change: self.change }
    }

    /// Who may what, with owner and group: what is in force, or what says the same as the mode.
    #[must_use]
    pub fn security(&self) -> SecurityDescriptor {
        let (owner, group) = (&self.owner, &self.group);
        let shown = match &self.descriptor {
            Some(descriptor) => SecurityDescriptor::clone(descriptor),
            None => SecurityDescriptor::from_mode(owner, group, (self.mode, self.is_directory())),
        };
        SecurityDescriptor { owner: Some(owner.clone()), group: Some(group.clone()), ..shown }
    }

    /// Whether it is a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.file_type == FileType::Directory
    }
}

impl Change {
    /// An inode that an operation left as it was.
    #[must_use]
    pub fn none(attributes: Attributes) -> Self {
        Self { before: attributes.pre(), after: attributes }
    }
}
