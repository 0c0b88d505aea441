//! What a key says: for messages, and for whoever walks the whole store.

use std::fmt;

use bytes::Bytes;
use vfs::{ClientId, Cookie, Epoch, InodeId, InodeNumber, OpenId, Principal, ShardId, SnapshotId, TreeId};

use super::{Key, OwnerKind, PREFIX_BYTES, QuotaDomain, Tag, Writer};
use crate::RecordError;
use crate::codec::{Field, Reader};

/// A key, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedKey {
    /// Shard in front.
    pub shard: ShardId,
    /// Tree in front.
    pub tree: TreeId,
    /// What it names.
    pub kind: KeyKind,
}

/// What a key names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the constructors of the keys document")]
pub enum KeyKind {
    /// An inode.
    Inode(InodeNumber),
    /// A directory entry.
    Dentry { directory: InodeNumber, cookie: Cookie },
    /// A region of a file.
    Region { inode: InodeNumber, index: u64 },
    /// Counters of a directory.
    Usage(InodeNumber),
    /// Counters of a user or group below a directory.
    OwnerUsage { directory: InodeNumber, kind: OwnerKind, owner: Principal },
    /// How far owners are counted below a directory.
    Owners(InodeNumber),
    /// An extended attribute.
    Xattr { inode: InodeNumber, name: Bytes },
    /// A stream of an inode.
    Stream { inode: InodeNumber, stream: InodeNumber },
    /// A link of an inode.
    Backlink { inode: InodeNumber, tree: TreeId, directory: InodeNumber, cookie: Cookie },
    /// A security descriptor.
    Descriptor([u8; 32]),
    /// An ended state of a key.
    Version { key: Key, died: Epoch },
    /// Index entry of an ended state.
    Expiry { key: Key, born: Epoch, died: Epoch },
    /// In a clone: a key of the origin that does not exist.
    Gone(Key),
    /// What a group did to the blocks of a shard.
    Space(u64),
    /// Something promised.
    Intent(u64),
    /// An answer kept.
    Reply { client: ClientId, slot: u32 },
    /// A snapshot.
    Snapshot(SnapshotId),
    /// A writable clone.
    Tree(TreeId),
    /// Limits below a directory.
    Quota { directory: InodeNumber, domain: QuotaDomain },
    /// A policy.
    Policy(u64),
    /// A client with NLM locks.
    NlmClient(ClientId),
    /// An open that survives a restart.
    Open(OpenId),
    /// How often blocks of a group are named; the first of them.
    Shared { segment: u64, block: u32 },
    /// Numbers handed out.
    Allocator,
    /// The head of the store.
    Superblock,
    /// The number that an owner must know.
    Fence,
    /// A shard.
    Shard(ShardId),
    /// A segment.
    Segment(u64),
    /// The next segment.
    NextSegment,
    /// A pool.
    Pool(u16),
    /// Who owns a shard.
    Lease(ShardId),
}

impl Key {
    /// Takes the key apart.
    ///
    /// # Errors
    /// `Truncated`, `Invalid` or `Trailing`, as the bytes come.
    pub fn parse(&self) -> Result<ParsedKey, RecordError> {
        let mut from = Reader::over(&self.0, "key");
        let shard = Field::take(&mut from)?;
        let tree = Field::take(&mut from)?;
        let kind = take_kind(&mut from, self.prefix())?;
        from.end()?;
        Ok(ParsedKey { shard, tree, kind })
    }
}

impl ParsedKey {
    /// An inode in the shard and tree of this key.
    #[must_use]
    pub fn inode(&self, number: InodeNumber) -> InodeId {
        InodeId { shard: self.shard, tree: self.tree, number }
    }
}

impl fmt::Display for ParsedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.shard == super::STORE {
            return write!(formatter, "{:?}", self.kind);
        }
        write!(formatter, "{:?} of shard {} tree {}", self.kind, self.shard.0, self.tree.0)
    }
}

fn take_kind(from: &mut Reader<'_>, prefix: &[u8]) -> Result<KeyKind, RecordError> {
    match Tag::take(from)? {
        Tag::Version => {
            let length = from.left().checked_sub(size_of::<Epoch>()).ok_or(RecordError::Truncated("key"))?;
            let key = take_inner(from.raw(length)?, prefix)?;
            Ok(KeyKind::Version { key, died: Field::take(from)? })
        }
        Tag::Expiry => {
            let died = Field::take(from)?;
            let born = Field::take(from)?;
            Ok(KeyKind::Expiry { key: take_inner(from.rest(), prefix)?, born, died })
        }
        Tag::Gone => Ok(KeyKind::Gone(take_inner(from.rest(), prefix)?)),
        tag => take_plain(from, tag),
    }
}

fn take_plain(from: &mut Reader<'_>, tag: Tag) -> Result<KeyKind, RecordError> {
    match tag {
        Tag::Superblock => Ok(KeyKind::Superblock),
        Tag::Fence => Ok(KeyKind::Fence),
        Tag::NextSegment => Ok(KeyKind::NextSegment),
        Tag::Allocator => Ok(KeyKind::Allocator),
        Tag::Shard => Field::take(from).map(KeyKind::Shard),
        Tag::Segment => Field::take(from).map(KeyKind::Segment),
        Tag::Pool => Field::take(from).map(KeyKind::Pool),
        Tag::Lease => Field::take(from).map(KeyKind::Lease),
        Tag::Space => Field::take(from).map(KeyKind::Space),
        Tag::Intent => Field::take(from).map(KeyKind::Intent),
        Tag::Reply => Ok(KeyKind::Reply { client: Field::take(from)?, slot: Field::take(from)? }),
        Tag::Snapshot => Field::take(from).map(KeyKind::Snapshot),
        Tag::Tree => Field::take(from).map(KeyKind::Tree),
        Tag::Policy => Field::take(from).map(KeyKind::Policy),
        Tag::NlmClient => Field::take(from).map(KeyKind::NlmClient),
        Tag::Open => Field::take(from).map(KeyKind::Open),
        Tag::Shared => Ok(KeyKind::Shared { segment: Field::take(from)?, block: Field::take(from)? }),
        Tag::Descriptor => Field::take(from).map(KeyKind::Descriptor),
        tag => take_of_inode(from, tag),
    }
}

fn take_of_inode(from: &mut Reader<'_>, tag: Tag) -> Result<KeyKind, RecordError> {
    let number: InodeNumber = Field::take(from)?;
    match tag {
        Tag::Inode => Ok(KeyKind::Inode(number)),
        Tag::Dentry => Ok(KeyKind::Dentry { directory: number, cookie: take_stream_cookie(from)? }),
        Tag::Region => Ok(KeyKind::Region { inode: number, index: Field::take(from)? }),
        Tag::Usage => Ok(KeyKind::Usage(number)),
        Tag::Owners => Ok(KeyKind::Owners(number)),
        Tag::OwnerUsage => {
            let kind = Field::take(from)?;
            Ok(KeyKind::OwnerUsage { directory: number, kind, owner: Field::take(from)? })
        }
        Tag::Xattr => Ok(KeyKind::Xattr { inode: number, name: take_name(from)? }),
        Tag::Stream => Ok(KeyKind::Stream { inode: number, stream: Field::take(from)? }),
        Tag::Backlink => Ok(KeyKind::Backlink {
            inode: number,
            tree: Field::take(from)?,
            directory: Field::take(from)?,
            cookie: Field::take(from).map(Cookie)?,
        }),
        Tag::Quota => Ok(KeyKind::Quota { directory: number, domain: Field::take(from)? }),
        _ => Err(RecordError::Invalid("tag of a key")),
    }
}

fn take_stream_cookie(from: &mut Reader<'_>) -> Result<Cookie, RecordError> {
    if u8::take(from)? != 0 {
        return Err(RecordError::Invalid("stream of a directory"));
    }
    match u64::take(from)? {
        cookie if cookie < Cookie::FIRST_STORED.0 || cookie > i64::MAX as u64 => Err(RecordError::Invalid("cookie")),
        cookie => Ok(Cookie(cookie)),
    }
}

fn take_name(from: &mut Reader<'_>) -> Result<Bytes, RecordError> {
    let mut name = Vec::new();
    loop {
        match u8::take(from)? {
            0 => match u8::take(from)? {
                0 => return Ok(Bytes::from(name)),
                0xff => name.push(0),
                _ => return Err(RecordError::Invalid("escape in a name")),
            },
            byte => name.push(byte),
        }
    }
}

/// The key that a version or its index entry stands for: it must be whole, and no such thing itself.
fn take_inner(inner: &[u8], prefix: &[u8]) -> Result<Key, RecordError> {
    let mut from = Reader::over(inner, "key");
    let tag = Tag::take(&mut from)?;
    take_plain(&mut from, tag)?;
    from.end()?;
    debug_assert_eq!(prefix.len(), PREFIX_BYTES, "a key that was taken apart has a prefix");
    let mut key = Writer::bare();
    key.raw(prefix);
    key.raw(inner);
    Key::from_bytes(&key.into_bytes()).ok_or(RecordError::Invalid("length of a key"))
}

/// `1` everything, `2 | owner` a user, `3 | owner` a group, `4` every user, `5` every group.
impl Field for QuotaDomain {
    fn put(&self, to: &mut Writer) {
        match self {
            Self::Directory => 1_u8.put(to),
            Self::User(owner) => {
                2_u8.put(to);
                owner.put(to);
            }
            Self::Group(owner) => {
                3_u8.put(to);
                owner.put(to);
            }
            Self::EveryUser => 4_u8.put(to),
            Self::EveryGroup => 5_u8.put(to),
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        match u8::take(from)? {
            1 => Ok(Self::Directory),
            2 => Field::take(from).map(Self::User),
            3 => Field::take(from).map(Self::Group),
            4 => Ok(Self::EveryUser),
            5 => Ok(Self::EveryGroup),
            _ => Err(RecordError::Invalid("kind of quota")),
        }
    }
}
