//! Every key of the store, big-endian, so that byte order is the order of the numbers.
//!
//! ```text
//! shard u32 | tree u32 | tag u8 | what the tag says
//!
//! versioned, in any tree                          of a shard, tree 0                 of the store, shard 2^32-1, tree 0
//! 01 inode       inode                            20 space     version               40 superblock
//! 02 dentry      dir | 00 | hash47 slot16         21 intent    id                    41 fence
//! 03 region      inode | index                    22 reply     client | slot         42 shard    shard
//! 04 usage       dir                              23 snapshot  id                    43 segment  segment
//! 06 xattr       inode | name                     24 tree      tree                  44 pool     pool
//! 07 backlink    inode | tree | dir | cookie      25 quota     dir | kind | owner?   45 lease    shard
//! 08 descriptor  hash                             26 policy    id
//! in any tree                                     27 nlm       client                of a shard and of the store
//! 05 owner usage dir | kind | owner               28 open      open                  2a allocator
//! 09 version     tag.. of the key | died          29 shared    segment | block
//! 0a expiry      died | born | tag.. of the key
//! 0b gone        tag.. of the key                                                    46 next segment
//! 0c stream      inode | stream (versioned)
//! 0d owners      dir
//! ```

mod fold;
mod fold_table;
mod hash;
mod parse;

use std::fmt;

use bytes::Bytes;
pub use fold::{FOLD_TABLE, fold};
pub use hash::{HASH_BITS, NameHasher, SLOT_BITS, cookie_of, next_slot};
use kv::limits::KEY_BYTES_MAX;
pub use parse::{KeyKind, ParsedKey};
use smallvec::SmallVec;
pub use vfs::QuotaDomain;
use vfs::{ClientId, Cookie, Epoch, InodeId, InodeNumber, OpenId, Principal, ShardId, SnapshotId, TreeId};

use crate::codec::{Field, Writer, tags};

/// A key of the store; at most 512 bytes, mostly so few that they need no memory of their own.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(SmallVec<[u8; INLINE_BYTES]>);

/// Keys from `start` up to but without `end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// First key that can be in it.
    pub start: Bytes,
    /// First key that is behind it.
    pub end: Bytes,
}

/// Whose counters or limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnerKind {
    /// A user's.
    User,
    /// A group's.
    Group,
}

impl Key {
    /// Takes bytes for a key; whether they are one of this house only [`Key::parse`] says. `None` if they are empty or
    /// longer than 512.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let fits = !bytes.is_empty() && bytes.len() <= KEY_BYTES_MAX;
        fits.then(|| Self(SmallVec::from_slice(bytes)))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A copy of the bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        Bytes::copy_from_slice(&self.0)
    }

    /// The key as one byte string behind this one begins: every key that starts with these bytes, this one included.
    #[must_use]
    pub fn prefix_range(&self) -> KeyRange {
        KeyRange { start: self.to_bytes(), end: prefix_end(&self.0) }
    }

    /// The same key in another tree of its shard.
    #[must_use]
    pub fn in_tree(&self, tree: TreeId) -> Self {
        let mut key = self.clone();
        put_tree(&mut key.0, tree);
        key
    }

    /// Tag and what follows: the key without its shard and tree.
    fn inner(&self) -> &[u8] {
        self.0.get(PREFIX_BYTES..).unwrap_or_default()
    }

    fn prefix(&self) -> &[u8] {
        self.0.get(..PREFIX_BYTES).unwrap_or_default()
    }
}

impl Clone for Key {
    fn clone(&self) -> Self {
        Self(SmallVec::from_slice(&self.0))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parse() {
            Ok(parsed) => write!(formatter, "{parsed}"),
            Err(_) => self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}")),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Key({self})")
    }
}

impl KeyRange {
    /// Whether the key is in it.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        self.start <= key && key < self.end
    }

    /// The same range, which lies within one tree and one tag, in another tree of its shard.
    #[must_use]
    pub fn in_tree(&self, tree: TreeId) -> Self {
        let moved = |bound: &Bytes| {
            let mut bound = bound.to_vec();
            put_tree(&mut bound, tree);
            Bytes::from(bound)
        };
        Self { start: moved(&self.start), end: moved(&self.end) }
    }

    /// The rest of the range behind this key.
    #[must_use]
    pub fn after(&self, key: &Key) -> Self {
        let mut start = key.0.to_vec();
        start.push(0);
        Self { start: Bytes::from(start), end: self.end.clone() }
    }
}

/// The inode itself.
#[must_use]
pub fn inode(inode: InodeId) -> Key {
    within(inode, Tag::Inode, |_| ())
}

/// All inodes of a tree.
#[must_use]
pub fn inode_range(shard: ShardId, tree: TreeId) -> KeyRange {
    head(shard, tree, Tag::Inode).prefix_range()
}

/// An entry of a directory; its place is its cookie.
#[must_use]
pub fn dentry(directory: InodeId, cookie: Cookie) -> Key {
    dentries(directory, &cookie.0.to_be_bytes())
}

/// All entries of a directory whose names fold to this hash: at most 65,536.
#[must_use]
pub fn dentry_bucket_range(directory: InodeId, hash47: u64) -> KeyRange {
    let [head @ .., _, _] = cookie_of(hash47, 0).0.to_be_bytes();
    dentries(directory, &head).prefix_range()
}

/// The entries of a directory behind a cookie, in cookie order.
#[must_use]
pub fn dentry_range(directory: InodeId, after: Cookie) -> KeyRange {
    let all = dentries(directory, &[]).prefix_range();
    if after == Cookie::START { all } else { all.after(&dentry(directory, after)) }
}

/// A region of a file.
#[must_use]
pub fn region(inode: InodeId, index: u64) -> Key {
    within(inode, Tag::Region, |key| index.put(key))
}

/// Regions of a file from `first` up to but without `end`; `u64::MAX` has no end.
#[must_use]
pub fn region_range(inode: InodeId, first: u64, end: u64) -> KeyRange {
    let all = within(inode, Tag::Region, |_| ()).prefix_range();
    let end = if end == u64::MAX { all.end } else { region(inode, end).to_bytes() };
    KeyRange { start: region(inode, first).to_bytes(), end }
}

/// The regions of all files of a tree.
#[must_use]
pub fn all_regions_range(shard: ShardId, tree: TreeId) -> KeyRange {
    head(shard, tree, Tag::Region).prefix_range()
}

/// Counters of a directory.
#[must_use]
pub fn usage(directory: InodeId) -> Key {
    within(directory, Tag::Usage, |_| ())
}

/// Counters of a user or group below a directory.
#[must_use]
pub fn owner_usage(directory: InodeId, kind: OwnerKind, owner: &Principal) -> Key {
    within(directory, Tag::OwnerUsage, |key| {
        kind.put(key);
        owner.put(key);
    })
}

/// Counters of all users and groups below a directory.
#[must_use]
pub fn owner_usage_range(directory: InodeId) -> KeyRange {
    within(directory, Tag::OwnerUsage, |_| ()).prefix_range()
}

/// How far the owners below a directory are counted.
#[must_use]
pub fn owners(directory: InodeId) -> Key {
    within(directory, Tag::Owners, |_| ())
}

/// All directories of a tree at which owners are counted.
#[must_use]
pub fn owners_range(shard: ShardId, tree: TreeId) -> KeyRange {
    head(shard, tree, Tag::Owners).prefix_range()
}

/// An extended attribute. Panics on a name that is empty, longer than 255 bytes or holds NUL.
#[must_use]
pub fn xattr(inode: InodeId, name: &[u8]) -> Key {
    let is_name = !name.is_empty() && name.len() <= XATTR_NAME_BYTES_MAX && !name.contains(&0);
    assert!(is_name, "not the name of an extended attribute: {}", name.escape_ascii());
    within(inode, Tag::Xattr, |key| put_name(name, key))
}

/// All extended attributes of an inode.
#[must_use]
pub fn xattr_range(inode: InodeId) -> KeyRange {
    within(inode, Tag::Xattr, |_| ()).prefix_range()
}

/// A stream of an inode: an inode of its own.
#[must_use]
pub fn stream(inode: InodeId, stream: InodeNumber) -> Key {
    within(inode, Tag::Stream, |key| stream.put(key))
}

/// All streams of an inode.
#[must_use]
pub fn stream_range(inode: InodeId) -> KeyRange {
    within(inode, Tag::Stream, |_| ()).prefix_range()
}

/// A link of an inode: the place `cookie` in a directory of a tree.
#[must_use]
pub fn backlink(inode: InodeId, tree: TreeId, directory: InodeNumber, cookie: Cookie) -> Key {
    within(inode, Tag::Backlink, |key| {
        tree.put(key);
        directory.put(key);
        cookie.0.put(key);
    })
}

/// All links of an inode.
#[must_use]
pub fn backlink_range(inode: InodeId) -> KeyRange {
    within(inode, Tag::Backlink, |_| ()).prefix_range()
}

/// A security descriptor by the hash of its bytes.
#[must_use]
pub fn descriptor(shard: ShardId, tree: TreeId, hash: &[u8; 32]) -> Key {
    build(shard, tree, Tag::Descriptor, |key| hash.put(key))
}

/// The state of a key that ended in epoch `died`.
#[must_use]
pub fn version(key: &Key, died: Epoch) -> Key {
    let mut to = versions_of(key.prefix(), key.inner());
    died.put(&mut to);
    finish(to)
}

/// The states of a key that ended after `epoch`, oldest first.
#[must_use]
pub fn version_range(key: &Key, epoch: Epoch) -> KeyRange {
    let all = finish(versions_of(key.prefix(), key.inner())).prefix_range();
    KeyRange { start: version(key, Epoch(epoch.0.saturating_add(1))).to_bytes(), end: all.end }
}

/// The states of a key that ended in `epoch` or before.
#[must_use]
pub fn versions_until(key: &Key, epoch: Epoch) -> KeyRange {
    let start = version(key, Epoch(0)).to_bytes();
    KeyRange { start, end: version_range(key, epoch).start }
}

/// The ended states of all keys of a range, which lies within one tree and one tag.
#[must_use]
pub fn version_range_of(range: &KeyRange) -> KeyRange {
    behind_tag(range, Tag::Version)
}

/// Index entry of an ended state.
#[must_use]
pub fn expiry(key: &Key, born: Epoch, died: Epoch) -> Key {
    let mut to = Writer::bare();
    to.raw(key.prefix());
    Tag::Expiry.put(&mut to);
    died.put(&mut to);
    born.put(&mut to);
    to.raw(key.inner());
    finish(to)
}

/// Index entries of states that ended after `after` and not after `until`, by the epoch they ended in.
#[must_use]
pub fn expiry_range(shard: ShardId, tree: TreeId, after: Epoch, until: Epoch) -> KeyRange {
    let bound = |epoch: Epoch| build(shard, tree, Tag::Expiry, |key| epoch.0.saturating_add(1).put(key)).to_bytes();
    KeyRange { start: bound(after), end: bound(until) }
}

/// Index entries of states that ended in one epoch or, up to `until`, after it; of those that ended in the first, the ones that
/// began in `born` or later.
#[must_use]
pub fn expiry_range_from(shard: ShardId, tree: TreeId, (died, born): (Epoch, Epoch), until: Epoch) -> KeyRange {
    let start = build(shard, tree, Tag::Expiry, |key| {
        died.put(key);
        born.put(key);
    });
    KeyRange { start: start.to_bytes(), end: expiry_range(shard, tree, until, until).end }
}

/// In a clone: the mark that a key of the origin does not exist.
#[must_use]
pub fn gone(key: &Key) -> Key {
    let mut to = Writer::bare();
    to.raw(key.prefix());
    Tag::Gone.put(&mut to);
    to.raw(key.inner());
    finish(to)
}

/// Such marks of all keys of a range, which lies within one tree and one tag.
#[must_use]
pub fn gone_range_of(range: &KeyRange) -> KeyRange {
    behind_tag(range, Tag::Gone)
}

/// Everything of a tree.
#[must_use]
pub fn tree_range_of(shard: ShardId, tree: TreeId) -> KeyRange {
    let mut to = Writer::bare();
    shard.put(&mut to);
    tree.put(&mut to);
    finish(to).prefix_range()
}

/// What the group that ended with this version did to the blocks of a shard.
#[must_use]
pub fn space(shard: ShardId, version: u64) -> Key {
    build(shard, TreeId::LIVE, Tag::Space, |key| version.put(key))
}

/// Everything about blocks of a shard that has not been folded, oldest first.
#[must_use]
pub fn space_range(shard: ShardId) -> KeyRange {
    head(shard, TreeId::LIVE, Tag::Space).prefix_range()
}

/// Something promised in a shard.
#[must_use]
pub fn intent(shard: ShardId, id: u64) -> Key {
    build(shard, TreeId::LIVE, Tag::Intent, |key| id.put(key))
}

/// Everything promised in a shard, oldest first.
#[must_use]
pub fn intent_range(shard: ShardId) -> KeyRange {
    head(shard, TreeId::LIVE, Tag::Intent).prefix_range()
}

/// The answer kept in a slot of a client.
#[must_use]
pub fn reply(shard: ShardId, client: ClientId, slot: u32) -> Key {
    build(shard, TreeId::LIVE, Tag::Reply, |key| {
        client.put(key);
        slot.put(key);
    })
}

/// The outcomes of all clients' slots.
#[must_use]
pub fn reply_range(shard: ShardId) -> KeyRange {
    head(shard, TreeId::LIVE, Tag::Reply).prefix_range()
}

/// A snapshot of a shard.
#[must_use]
pub fn snapshot(shard: ShardId, id: SnapshotId) -> Key {
    build(shard, TreeId::LIVE, Tag::Snapshot, |key| id.put(key))
}

/// All snapshots of a shard.
#[must_use]
pub fn snapshot_range(shard: ShardId) -> KeyRange {
    head(shard, TreeId::LIVE, Tag::Snapshot).prefix_range()
}

/// A writable clone in a shard.
#[must_use]
pub fn tree(shard: ShardId, tree: TreeId) -> Key {
    build(shard, TreeId::LIVE, Tag::Tree, |key| tree.put(key))
}

/// All writable clones of a shard.
#[must_use]
pub fn tree_range(shard: ShardId) -> KeyRange {
    head(shard, TreeId::LIVE, Tag::Tree).prefix_range()
}

/// Limits below a directory.
#[must_use]
pub fn quota(directory: InodeId, domain: &QuotaDomain) -> Key {
    within(directory, Tag::Quota, |key| domain.put(key))
}

/// All limits of a tree.
#[must_use]
pub fn quota_range(shard: ShardId, tree: TreeId) -> KeyRange {
    head(shard, tree, Tag::Quota).prefix_range()
}

/// A policy of a shard.
#[must_use]
pub fn policy(shard: ShardId, id: u64) -> Key {
    build(shard, TreeId::LIVE, Tag::Policy, |key| id.put(key))
}

/// A client that holds NLM locks in a shard.
#[must_use]
pub fn nlm_client(shard: ShardId, client: ClientId) -> Key {
    build(shard, TreeId::LIVE, Tag::NlmClient, |key| client.put(key))
}

/// All clients that hold NLM locks in a shard.
#[must_use]
pub fn nlm_client_range(shard: ShardId) -> KeyRange {
    head(shard, TreeId::LIVE, Tag::NlmClient).prefix_range()
}

/// An open of a shard that survives a restart.
#[must_use]
pub fn open(shard: ShardId, open: OpenId) -> Key {
    build(shard, TreeId::LIVE, Tag::Open, |key| open.put(key))
}

/// All opens of a shard that survive a restart.
#[must_use]
pub fn open_range(shard: ShardId) -> KeyRange {
    head(shard, TreeId::LIVE, Tag::Open).prefix_range()
}

/// How often blocks of a group are named, by the placement of its first block.
#[must_use]
pub fn shared(shard: ShardId, placement: u64) -> Key {
    build(shard, TreeId::LIVE, Tag::Shared, |key| {
        (placement >> 24).put(key);
        u32::try_from(placement & 0xff_ffff).unwrap_or_default().put(key);
    })
}

/// All groups of a shard with shared blocks.
#[must_use]
pub fn shared_range(shard: ShardId) -> KeyRange {
    head(shard, TreeId::LIVE, Tag::Shared).prefix_range()
}

/// Numbers handed out in a shard; of the whole store with [`STORE`].
#[must_use]
pub fn allocator(shard: ShardId) -> Key {
    head(shard, TreeId::LIVE, Tag::Allocator)
}

/// The head of the store.
#[must_use]
pub fn superblock() -> Key {
    head(STORE, TreeId::LIVE, Tag::Superblock)
}

/// The number that an owner must know.
#[must_use]
pub fn fence() -> Key {
    head(STORE, TreeId::LIVE, Tag::Fence)
}

/// A shard.
#[must_use]
pub fn shard(shard: ShardId) -> Key {
    build(STORE, TreeId::LIVE, Tag::Shard, |key| shard.put(key))
}

/// All shards.
#[must_use]
pub fn shard_range() -> KeyRange {
    head(STORE, TreeId::LIVE, Tag::Shard).prefix_range()
}

/// A segment.
#[must_use]
pub fn segment(segment: u64) -> Key {
    build(STORE, TreeId::LIVE, Tag::Segment, |key| segment.put(key))
}

/// All segments.
#[must_use]
pub fn segment_range() -> KeyRange {
    head(STORE, TreeId::LIVE, Tag::Segment).prefix_range()
}

/// The next segment.
#[must_use]
pub fn next_segment() -> Key {
    head(STORE, TreeId::LIVE, Tag::NextSegment)
}

/// A pool.
#[must_use]
pub fn pool(pool: u16) -> Key {
    build(STORE, TreeId::LIVE, Tag::Pool, |key| pool.put(key))
}

/// Who owns a shard.
#[must_use]
pub fn lease(shard: ShardId) -> Key {
    build(STORE, TreeId::LIVE, Tag::Lease, |key| shard.put(key))
}

/// Every key from this shard on.
#[must_use]
pub fn from_shard(shard: ShardId) -> KeyRange {
    let mut to = Writer::bare();
    shard.put(&mut to);
    KeyRange { start: to.finish(), end: Bytes::from_static(&[0xff; PREFIX_BYTES + 1]) }
}

/// What stands behind shard and tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    Inode,
    Dentry,
    Region,
    Usage,
    OwnerUsage,
    Xattr,
    Backlink,
    Descriptor,
    Version,
    Expiry,
    Gone,
    Stream,
    Owners,
    Space,
    Intent,
    Reply,
    Snapshot,
    Tree,
    Quota,
    Policy,
    NlmClient,
    Open,
    Shared,
    Allocator,
    Superblock,
    Fence,
    Shard,
    Segment,
    Pool,
    Lease,
    NextSegment,
}

tags!(
    Tag,
    "tag of a key",
    Inode = 0x01,
    Dentry = 0x02,
    Region = 0x03,
    Usage = 0x04,
    OwnerUsage = 0x05,
    Xattr = 0x06,
    Backlink = 0x07,
    Descriptor = 0x08,
    Version = 0x09,
    Expiry = 0x0a,
    Gone = 0x0b,
    Stream = 0x0c,
    Owners = 0x0d,
    Space = 0x20,
    Intent = 0x21,
    Reply = 0x22,
    Snapshot = 0x23,
    Tree = 0x24,
    Quota = 0x25,
    Policy = 0x26,
    NlmClient = 0x27,
    Open = 0x28,
    Shared = 0x29,
    Allocator = 0x2a,
    Superblock = 0x40,
    Fence = 0x41,
    Shard = 0x42,
    Segment = 0x43,
    Pool = 0x44,
    Lease = 0x45,
    NextSegment = 0x46,
);
tags!(OwnerKind, "kind of owner", User = 1, Group = 2);

fn build(shard: ShardId, tree: TreeId, tag: Tag, body: impl FnOnce(&mut Writer)) -> Key {
    let mut key = Writer::bare();
    shard.put(&mut key);
    tree.put(&mut key);
    tag.put(&mut key);
    body(&mut key);
    finish(key)
}

fn head(shard: ShardId, tree: TreeId, tag: Tag) -> Key {
    build(shard, tree, tag, |_| ())
}

fn within(inode: InodeId, tag: Tag, body: impl FnOnce(&mut Writer)) -> Key {
    build(inode.shard, inode.tree, tag, |key| {
        inode.number.put(key);
        body(key);
    })
}

fn dentries(directory: InodeId, cookie: &[u8]) -> Key {
    within(directory, Tag::Dentry, |key| {
        0_u8.put(key);
        key.raw(cookie);
    })
}

fn versions_of(prefix: &[u8], inner: &[u8]) -> Writer {
    let mut to = Writer::bare();
    to.raw(prefix);
    Tag::Version.put(&mut to);
    to.raw(inner);
    to
}

/// The keys that are made of a tag and those of a range.
fn behind_tag(range: &KeyRange, tag: Tag) -> KeyRange {
    let shift = |bound: &Bytes| {
        let (prefix, inner) = bound.split_at_checked(PREFIX_BYTES).unwrap_or((bound, &[]));
        let mut to = Writer::bare();
        to.raw(prefix);
        tag.put(&mut to);
        to.raw(inner);
        to.finish()
    };
    KeyRange { start: shift(&range.start), end: shift(&range.end) }
}

fn put_tree(key: &mut [u8], tree: TreeId) {
    key.iter_mut().skip(size_of::<u32>()).zip(tree.0.to_be_bytes()).for_each(|(to, byte)| *to = byte);
}

fn put_name(name: &[u8], key: &mut Writer) {
    for &byte in name {
        byte.put(key);
        if byte == 0 {
            0xff_u8.put(key);
        }
    }
    key.raw(&[0, 0]);
}

fn finish(key: Writer) -> Key {
    let bytes = key.into_bytes();
    assert!(bytes.len() <= KEY_BYTES_MAX, "a key longer than {KEY_BYTES_MAX} bytes");
    Key(SmallVec::from_slice(&bytes))
}

/// The lowest byte string above all that start with these bytes.
fn prefix_end(bytes: &[u8]) -> Bytes {
    let mut end = bytes.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Bytes::from(end);
        }
    }
    Bytes::from_static(&[0xff; PREFIX_BYTES + 1])
}

/// Stands where a shard would, in keys that belong to the whole store.
pub const STORE: ShardId = ShardId(u32::MAX);
/// The keys of inodes, entries, regions, counters and outcomes are shorter.
const INLINE_BYTES: usize = 32;
const PREFIX_BYTES: usize = 8;
const XATTR_NAME_BYTES_MAX: usize = 255;

#[cfg(test)]
mod tests;
