//! What a file, directory or anything else is, apart from its names and data.

use bytes::Bytes;
use smallvec::SmallVec;
use vfs::limits::SYMLINK_BYTES_MAX;
use vfs::{Cookie, DeviceNumber, DosAttributes, Epoch, FileType, InodeNumber, Principal, Timestamp};

use super::{DescriptorRef, Record, Shared};
use crate::RecordError;
use crate::codec::{Field, Reader, Writer, fields, tags};

/// An inode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InodeRecord {
    /// Epoch in which this state was written.
    pub born: Epoch,
    /// Its kind; never changes.
    pub file_type: FileType,
    /// Permission, set-id and sticky bits (07777).
    pub mode: u16,
    /// Owner.
    pub owner: Principal,
    /// Owning group.
    pub group: Principal,
    /// Security descriptor, by the hash of its bytes; none: what the mode says.
    pub descriptor: Option<DescriptorRef>,
    /// DOS attribute bits.
    pub dos: DosAttributes,
    /// Last read.
    pub accessed: Timestamp,
    /// Last change of the data.
    pub modified: Timestamp,
    /// Last change of data or attributes.
    pub changed: Timestamp,
    /// Creation.
    pub created: Timestamp,
    /// Change counter.
    pub change: u64,
    /// Bytes of a file, length of a symlink's target, entries of a directory.
    pub size: u64,
    /// Hard links; of a directory 2 plus its sub-directories; 0: an orphan that an intent removes.
    pub links: u32,
    /// Whether it ever had more than one name, so that backlinks may exist.
    pub ever_linked: bool,
    /// Directory of the home link, where it is charged; of a directory its parent; of a shard's root itself.
    pub home_parent: InodeNumber,
    /// Place of the home link in that directory; 0 for the root of a shard and for an orphan.
    pub home_cookie: Cookie,
    /// Device of a special file.
    pub device: DeviceNumber,
    /// 4 KiB blocks named by its live region records, masked ones included.
    pub allocated_blocks: u64,
    /// Bytes that these blocks take in the store.
    pub stored_bytes: u64,
    /// Generation that region records written now carry; raised by every new mask.
    pub mask_generation: u32,
    /// Ranges of regions whose older records read as holes; at most [`INODE_MASKS_MAX`].
    pub masks: SmallVec<[Mask; 1]>,
    /// Tier its new blocks go to; 0 is the default.
    pub tier: u16,
    /// Where its data is.
    pub archive: ArchiveState,
    /// Until when it can be neither changed nor removed.
    pub retained_until: Option<Timestamp>,
    /// Legal holds on it.
    pub holds: u32,
    /// Verifier of the exclusive create that made it (RFC 1813 3.3.8).
    pub create_verifier: Option<[u8; 8]>,
    /// Length of its extended attributes as one list (MS-FSCC 2.4.13 `EaSize`); 0: it has none.
    pub xattr_bytes: u32,
    /// Where a symlink leads; empty for all others.
    pub symlink: Bytes,
    /// How many streams it has beside its data.
    pub streams: u32,
    /// What the journal keeps of the file up to this version is void: the records hold it, or something newer.
    pub journal_floor: u64,
    /// What the journal keeps of the file up to this version brings no mode and no time of modification: they were set
    /// since.
    pub attributes_floor: u64,
}

/// A range of regions that was cut off before its records were removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mask {
    /// First region of the range.
    pub first_region: u64,
    /// First region behind the range.
    pub end_region: u64,
    /// Records with a lower generation read as a hole.
    pub generation: u32,
    /// Epoch in which the range was cut: the masked records died then.
    pub epoch: Epoch,
}

/// Where the data of a file is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArchiveState {
    /// In the pools.
    #[default]
    Online,
    /// In the pools and in the archive.
    Copied,
    /// Only in the archive.
    Archived,
}

impl InodeRecord {
    /// Whether a region record with this generation reads as a hole.
    #[must_use]
    pub fn is_masked(&self, region: u64, generation: u32) -> bool {
        let covers = |mask: &Mask| (mask.first_region..mask.end_region).contains(&region);
        self.masks.iter().any(|mask| covers(mask) && generation < mask.generation)
    }

    /// When a region with this generation was cut off, if it reads as a hole.
    #[must_use]
    pub fn cut_at(&self, region: u64, generation: u32) -> Option<Epoch> {
        let covers = |mask: &&Mask| (mask.first_region..mask.end_region).contains(&region);
        let cut = self.masks.iter().filter(covers).filter(|mask| generation < mask.generation);
        cut.map(|mask| mask.epoch).min()
    }

    /// Whether it is the data of a stream: it is at home in the inode whose stream it is, not in a directory.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.links > 0 && self.file_type == FileType::Regular && self.home_cookie == Cookie::START
    }

    /// The lowest format that can say it.
    fn format(&self) -> u8 {
        match self {
            _ if self.streams > 0 => FORMAT_STREAMS,
            _ if self.journal_floor > 0 || self.attributes_floor > 0 => FORMAT_FLOORS,
            _ => FORMAT,
        }
    }

    fn check(&self) -> Result<(), RecordError> {
        let is_ordered = |mask: &Mask| mask.first_region < mask.end_region && mask.generation <= self.mask_generation;
        let is_symlink = self.file_type == FileType::Symlink;
        match self {
            _ if self.mode > 0o7777 => Err(RecordError::Invalid("mode")),
            _ if self.masks.len() > INODE_MASKS_MAX => Err(RecordError::Invalid("count of masks")),
            _ if !self.masks.iter().all(is_ordered) => Err(RecordError::Invalid("mask")),
            _ if self.symlink.len() > SYMLINK_BYTES_MAX => Err(RecordError::Invalid("symlink target")),
            _ if !is_symlink && !self.symlink.is_empty() => Err(RecordError::Invalid("symlink target")),
            _ => Ok(()),
        }
    }
}

impl Shared for InodeRecord {
    fn append(&self, to: &mut Vec<u8>) {
        Record::append(self, to);
    }

    fn bytes_max(&self) -> usize {
        FIXED_BYTES_MAX + self.masks.len() * size_of::<Mask>() + self.symlink.len()
    }

    fn check(&self) -> Result<(), RecordError> {
        Self::check(self)
    }
}

/// The fields of all formats, in this order.
macro_rules! head_fields {
    ($($field:ident),+ $(,)?) => {
        impl InodeRecord {
            fn put_fields(&self, to: &mut Writer) {
                $(self.$field.put(to);)+
            }

            fn take_fields(from: &mut Reader<'_>) -> Result<Self, RecordError> {
                Ok(Self { $($field: Field::take(from)?,)+ streams: 0, journal_floor: 0, attributes_floor: 0 })
            }
        }
    };
}

tags!(ArchiveState, "archive state", Online = 0, Copied = 1, Archived = 2);
fields!(Mask, first_region, end_region, generation, epoch);

/// Format 1 has no floors, which are 0 then; it is still written where they are. Format 2 has no streams.
impl Record for InodeRecord {
    const NAME: &'static str = "inode";

    fn append(&self, to: &mut Vec<u8>) {
        assert_eq!(self.check(), Ok(()), "an inode record that must not be written");
        let format = self.format();
        let mut behind = Writer::behind(to, format);
        self.put_fields(&mut behind);
        if format >= FORMAT_FLOORS {
            self.journal_floor.put(&mut behind);
            self.attributes_floor.put(&mut behind);
        }
        if format == FORMAT_STREAMS {
            self.streams.put(&mut behind);
        }
        *to = behind.into_bytes();
    }

    fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let known = [FORMAT_FLOORS, FORMAT_STREAMS];
        let format = bytes.first().copied().filter(|format| known.contains(format)).unwrap_or(FORMAT);
        let mut from = Reader::open(bytes, Self::NAME, format)?;
        let mut record = Self::take_fields(&mut from)?;
        if format >= FORMAT_FLOORS {
            record.journal_floor = Field::take(&mut from)?;
            record.attributes_floor = Field::take(&mut from)?;
        }
        if format == FORMAT_STREAMS {
            record.streams = Field::take(&mut from)?;
        }
        from.end()?;
        record.check()?;
        match (record.format() == format, format) {
            (true, _) => Ok(record),
            (false, FORMAT_STREAMS) => Err(RecordError::Invalid("streams")),
            (false, _) => Err(RecordError::Invalid("floors")),
        }
    }
}

head_fields!(
    born,
    file_type,
    mode,
    owner,
    group,
    descriptor,
    dos,
    accessed,
    modified,
    changed,
    created,
    change,
    size,
    links,
    ever_linked,
    home_parent,
    home_cookie,
    device,
    allocated_blocks,
    stored_bytes,
    mask_generation,
    masks,
    tier,
    archive,
    retained_until,
    holds,
    create_verifier,
    xattr_bytes,
    symlink,
);

/// More than everything but masks and symlink takes: two security identifiers of 68 bytes, and some 300.
const FIXED_BYTES_MAX: usize = 512;
const FORMAT: u8 = 1;
const FORMAT_FLOORS: u8 = 2;
const FORMAT_STREAMS: u8 = 3;
/// Most masks of one inode; a further cut waits until an intent has been worked off.
pub const INODE_MASKS_MAX: usize = 16;
