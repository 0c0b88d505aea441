//! How fields of records become bytes: big-endian, fixed widths, counted lists. Readers never panic and allocate only
//! for bytes that are there.

use std::sync::Arc;

use bytes::Bytes;
use smallvec::{Array, SmallVec};
use thiserror::Error;
use vfs::{
    ClientId, Cookie, DeviceNumber, DosAttributes, Epoch, FencingEpoch, FileType, InodeId, InodeNumber, Name, OpenId,
    Principal, ShardId, Sid, SnapshotId, Timestamp, TreeId,
};

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum RecordError {
    /// The record ends too early.
    #[error("{0} record ends too early")]
    Truncated(&'static str),
    /// The first byte names a format that this house does not know.
    #[error("{record} record has format {found}, which is not known")]
    Format {
        /// Kind of the record.
        record: &'static str,
        /// The first byte.
        found: u8,
    },
    /// Bytes follow the record.
    #[error("{0} record is followed by bytes that do not belong to it")]
    Trailing(&'static str),
    /// A field has a value it cannot have.
    #[error("invalid {0}")]
    Invalid(&'static str),
}

/// Puts fields one behind the other.
#[derive(Debug)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Behind what stands in `to` already, which [`Writer::into_bytes`] gives back.
    pub(crate) fn behind(to: &mut Vec<u8>, format: u8) -> Self {
        let mut bytes = std::mem::take(to);
        bytes.push(format);
        Self { bytes }
    }

    /// Without a format byte.
    pub(crate) fn bare() -> Self {
        Self { bytes: Vec::with_capacity(KEY_CAPACITY) }
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn finish(self) -> Bytes {
        Bytes::from(self.bytes)
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Takes fields off the front.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    record: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Checks the format byte in front.
    pub(crate) fn open(bytes: &'a [u8], record: &'static str, format: u8) -> Result<Self, RecordError> {
        let (&found, rest) = bytes.split_first().ok_or(RecordError::Truncated(record))?;
        if found != format {
            return Err(RecordError::Format { record, found });
        }
        Ok(Self { record, rest })
    }

    /// Over bytes without a format byte.
    pub(crate) fn over(bytes: &'a [u8], record: &'static str) -> Self {
        Self { record, rest: bytes }
    }

    /// What is left, taken.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn raw(&mut self, length: usize) -> Result<&'a [u8], RecordError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(RecordError::Truncated(self.record))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(RecordError::Truncated(self.record))?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn end(&self) -> Result<(), RecordError> {
        if self.rest.is_empty() { Ok(()) } else { Err(RecordError::Trailing(self.record)) }
    }
}

/// Something with one fixed way to be written.
pub(crate) trait Field: Sized {
    fn put(&self, to: &mut Writer);
    fn take(from: &mut Reader<'_>) -> Result<Self, RecordError>;
}

macro_rules! integers {
    ($($type:ty),+) => {$(
        impl Field for $type {
            fn put(&self, to: &mut Writer) {
                to.raw(&self.to_be_bytes());
            }

            fn take(from: &mut Reader<'_>) -> Result<Self, RecordError> {
                from.array().map(<$type>::from_be_bytes)
            }
        }
    )+};
}
integers!(u8, u16, u32, u64, u128, i64);

macro_rules! wrapped {
    ($($type:ident),+) => {$(
        impl Field for $type {
            fn put(&self, to: &mut Writer) {
                self.0.put(to);
            }

            fn take(from: &mut Reader<'_>) -> Result<Self, RecordError> {
                Field::take(from).map($type)
            }
        }
    )+};
}
wrapped!(ClientId, Cookie, DosAttributes, Epoch, FencingEpoch, InodeNumber, OpenId, ShardId, SnapshotId, TreeId);

/// Gives an enum without content its bytes.
macro_rules! tags {
    ($type:ident, $what:literal, $($variant:ident = $tag:literal),+ $(,)?) => {
        impl crate::codec::Field for $type {
            fn put(&self, to: &mut crate::codec::Writer) {
                let tag: u8 = match self {
                    $(Self::$variant => $tag,)+
                };
                crate::codec::Field::put(&tag, to);
            }

            fn take(from: &mut crate::codec::Reader<'_>) -> Result<Self, crate::RecordError> {
                match <u8 as crate::codec::Field>::take(from)? {
                    $($tag => Ok(Self::$variant),)+
                    _ => Err(crate::RecordError::Invalid($what)),
                }
            }
        }
    };
}
pub(crate) use tags;

/// A part of a record: its fields in this order.
macro_rules! fields {
    ($type:ident, $($field:ident),+ $(,)?) => {
        impl crate::codec::Field for $type {
            fn put(&self, to: &mut crate::codec::Writer) {
                $(crate::codec::Field::put(&self.$field, to);)+
            }

            fn take(from: &mut crate::codec::Reader<'_>) -> Result<Self, crate::RecordError> {
                Ok(Self { $($field: crate::codec::Field::take(from)?),+ })
            }
        }
    };
}
pub(crate) use fields;

/// A record of format 1: the format byte, then its fields in this order. What `check` refuses is neither written nor
/// read.
macro_rules! record {
    ($type:ident, $name:literal, $check:expr, $($field:ident),* $(,)?) => {
        crate::codec::record!(format 1, $type, $name, $check, $($field),*);
    };
    (format $format:literal, $type:ident, $name:literal, $check:expr, $($field:ident),* $(,)?) => {
        impl crate::records::Record for $type {
            const NAME: &'static str = $name;

            fn append(&self, to: &mut Vec<u8>) {
                let check: fn(&Self) -> Result<(), crate::RecordError> = $check;
                assert_eq!(check(self), Ok(()), concat!("a ", $name, " record that must not be written"));
                #[allow(unused_mut, reason = "a record may have no field")]
                let mut behind = crate::codec::Writer::behind(to, $format);
                $(crate::codec::Field::put(&self.$field, &mut behind);)*
                *to = behind.into_bytes();
            }

            fn decode(bytes: &[u8]) -> Result<Self, crate::RecordError> {
                let check: fn(&Self) -> Result<(), crate::RecordError> = $check;
                #[allow(unused_mut, reason = "a record may have no field")]
                let mut from = crate::codec::Reader::open(bytes, $name, $format)?;
                let record = Self { $($field: crate::codec::Field::take(&mut from)?),* };
                from.end()?;
                check(&record)?;
                Ok(record)
            }
        }
    };
}
pub(crate) use record;

tags!(FileType, "file type", Regular = 1, Directory = 2, Symlink = 3, Block = 4, Character = 5, Fifo = 6, Socket = 7,);
fields!(InodeId, shard, tree, number);
fields!(DeviceNumber, major, minor);

impl Field for bool {
    fn put(&self, to: &mut Writer) {
        u8::from(*self).put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        match u8::take(from)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(RecordError::Invalid("truth value")),
        }
    }
}

impl<const N: usize> Field for [u8; N] {
    fn put(&self, to: &mut Writer) {
        to.raw(self);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        from.array()
    }
}

impl<T: Field> Field for Option<T> {
    fn put(&self, to: &mut Writer) {
        self.is_some().put(to);
        if let Some(value) = self {
            value.put(to);
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        if bool::take(from)? { T::take(from).map(Some) } else { Ok(None) }
    }
}

/// A count of four bytes, then the bytes.
impl Field for Bytes {
    fn put(&self, to: &mut Writer) {
        put_count(self.len(), to);
        to.raw(self);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        let length = take_count(from)?;
        from.raw(length).map(Self::copy_from_slice)
    }
}

/// A count of four bytes, then the parts.
impl<T: Field> Field for Vec<T> {
    fn put(&self, to: &mut Writer) {
        put_count(self.len(), to);
        self.iter().for_each(|part| part.put(to));
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        let count = take_count(from)?;
        let mut parts = Self::new();
        for _ in 0..count {
            parts.push(T::take(from)?);
        }
        Ok(parts)
    }
}

/// As a `Vec`.
impl<A: Array> Field for SmallVec<A>
where
    A::Item: Field,
{
    fn put(&self, to: &mut Writer) {
        put_count(self.len(), to);
        self.iter().for_each(|part| part.put(to));
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        let count = take_count(from)?;
        let mut parts = Self::new();
        for _ in 0..count {
            parts.push(A::Item::take(from)?);
        }
        Ok(parts)
    }
}

impl Field for Name {
    fn put(&self, to: &mut Writer) {
        self.to_bytes().put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        Self::new(Bytes::take(from)?).map_err(|_| RecordError::Invalid("name"))
    }
}

impl Field for Timestamp {
    fn put(&self, to: &mut Writer) {
        self.seconds.put(to);
        self.nanoseconds.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        let time = Self { seconds: Field::take(from)?, nanoseconds: Field::take(from)? };
        if time.nanoseconds < 1_000_000_000 { Ok(time) } else { Err(RecordError::Invalid("nanoseconds")) }
    }
}

/// `1 | id` for a Unix id; `2 | authority, 6 bytes | count | sub-authorities` for a security identifier.
impl Field for Principal {
    fn put(&self, to: &mut Writer) {
        match self {
            Self::Unix(id) => {
                1_u8.put(to);
                id.put(to);
            }
            Self::Sid(sid) => {
                2_u8.put(to);
                put_sid(sid, to);
            }
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        match u8::take(from)? {
            1 => u32::take(from).map(Self::Unix),
            2 => take_sid(from).map(Self::Sid),
            _ => Err(RecordError::Invalid("kind of principal")),
        }
    }
}

fn put_sid(sid: &Sid, to: &mut Writer) {
    let count = u8::try_from(sid.sub_authorities.len()).unwrap_or(u8::MAX);
    assert!(count <= SUB_AUTHORITIES_MAX && sid.authority < 1 << 48, "a security identifier out of its bounds");
    let [_, _, authority @ ..] = sid.authority.to_be_bytes();
    to.raw(&authority);
    count.put(to);
    sid.sub_authorities.iter().for_each(|part| part.put(to));
}

fn take_sid(from: &mut Reader<'_>) -> Result<Arc<Sid>, RecordError> {
    let [a, b, c, d, e, f] = from.array()?;
    let authority = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
    let count = u8::take(from)?;
    if count > SUB_AUTHORITIES_MAX {
        return Err(RecordError::Invalid("count of sub-authorities"));
    }
    let mut sub_authorities = SmallVec::new();
    for _ in 0..count {
        sub_authorities.push(u32::take(from)?);
    }
    Ok(Arc::new(Sid { authority, sub_authorities }))
}

fn put_count(count: usize, to: &mut Writer) {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    assert!(count < u32::MAX, "a list of more than 2^32 parts");
    count.put(to);
}

fn take_count(from: &mut Reader<'_>) -> Result<usize, RecordError> {
    usize::try_from(u32::take(from)?).map_err(|_| RecordError::Invalid("count"))
}

/// MS-DTYP 2.4.2.
const SUB_AUTHORITIES_MAX: u8 = 15;
/// Most keys fit into this without growing.
const KEY_CAPACITY: usize = 48;
