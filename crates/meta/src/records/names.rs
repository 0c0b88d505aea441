//! Names and what hangs on them: directory entries, backlinks, extended attributes, descriptors.

use bytes::Bytes;
use vfs::{Epoch, FileType, InodeNumber, Name, ShardId, TreeId};

use super::{Record, Shared};
use crate::RecordError;
use crate::codec::{Field, Reader, Writer, record};

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DentryRecord {
    /// Epoch in which this state was written.
    pub born: Epoch,
    /// The name as it was given.
    pub name: Name,
    /// Tree of the inode it names.
    pub tree: TreeId,
    /// Number of the inode it names.
    pub number: InodeNumber,
    /// Shard of the inode, if that is another one: a junction.
    pub shard: Option<ShardId>,
    /// Kind of the inode.
    pub file_type: FileType,
}

/// One link of a file that has several; the place of the link stands in the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BacklinkRecord {
    /// Epoch in which this state was written.
    pub born: Epoch,
    /// Order of the links: when the home link goes, the lowest becomes home.
    pub sequence: u64,
    /// The name, if it was stored to find paths without reading the directory.
    pub name: Option<Name>,
}

/// A security descriptor, stored once under the hash of its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescriptorRecord {
    /// Epoch in which this state was written.
    pub born: Epoch,
    /// Inodes that point at it.
    pub references: u64,
    /// The descriptor (see [`super::encode_descriptor`]).
    pub descriptor: Bytes,
}

impl Shared for DescriptorRecord {
    fn append(&self, to: &mut Vec<u8>) {
        Record::append(self, to);
    }

    fn bytes_max(&self) -> usize {
        size_of::<Self>() + self.descriptor.len()
    }

    fn check(&self) -> Result<(), RecordError> {
        Self::check(self)
    }
}

/// An extended attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XattrRecord {
    /// Epoch in which this state was written.
    pub born: Epoch,
    /// Its value.
    pub value: XattrValue,
}

/// Value of an extended attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum XattrValue {
    /// Up to 64 KiB, here.
    Inline(Bytes),
    /// Larger ones and streams: the data of an inode.
    Inode(InodeNumber),
}

/// A stream of an inode beside its data (MS-FSCC 2.1.5.1); its bytes are those of an inode that is at home in this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRecord {
    /// Epoch in which this state was written.
    pub born: Epoch,
    /// Its name.
    pub name: Name,
}

/// In a clone: the key it stands for does not exist although the origin has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoneRecord {
    /// Epoch in which it went.
    pub born: Epoch,
}

/// Index entry of an ended state; everything stands in its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExpiryRecord;

impl XattrRecord {
    fn check(&self) -> Result<(), RecordError> {
        match &self.value {
            XattrValue::Inline(value) if value.len() > XATTR_INLINE_BYTES_MAX => {
                Err(RecordError::Invalid("extended attribute"))
            }
            _ => Ok(()),
        }
    }
}

impl DescriptorRecord {
    fn check(&self) -> Result<(), RecordError> {
        if self.descriptor.len() > DESCRIPTOR_BYTES_MAX { Err(RecordError::Invalid("descriptor")) } else { Ok(()) }
    }
}

/// `1 | bytes` or `2 | inode`.
impl Field for XattrValue {
    fn put(&self, to: &mut Writer) {
        match self {
            Self::Inline(value) => {
                1_u8.put(to);
                value.put(to);
            }
            Self::Inode(number) => {
                2_u8.put(to);
                number.put(to);
            }
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        match u8::take(from)? {
            1 => Bytes::take(from).map(Self::Inline),
            2 => InodeNumber::take(from).map(Self::Inode),
            _ => Err(RecordError::Invalid("kind of extended attribute")),
        }
    }
}

record!(DentryRecord, "dentry", |_| Ok(()), born, name, tree, number, shard, file_type);
record!(BacklinkRecord, "backlink", |_| Ok(()), born, sequence, name);
record!(DescriptorRecord, "descriptor", Self::check, born, references, descriptor);
record!(XattrRecord, "xattr", Self::check, born, value);
record!(StreamRecord, "stream", |_| Ok(()), born, name);
record!(GoneRecord, "gone", |_| Ok(()), born);
record!(ExpiryRecord, "expiry", |_| Ok(()),);

/// Largest value of an extended attribute that stands in its record, in bytes.
const XATTR_INLINE_BYTES_MAX: usize = 64 * 1024;
/// Largest security descriptor, in bytes.
pub const DESCRIPTOR_BYTES_MAX: usize = 60 * 1024;
