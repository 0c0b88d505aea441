//! What differs between two states of a directory: a snapshot, and a younger one or now.

use bytes::Bytes;

#[cfg(doc)]
use crate::Admin;
use crate::{FileType, InodeId, InodeNumber, Name, TreeId};

/// What is asked of a directory, page by page.
#[derive(Clone, Debug)]
pub struct ChangesRequest {
    /// The directory, as the older snapshot has it.
    pub from: InodeId,
    /// The tree of the younger snapshot; now when not given, or when it is the tree that the older was taken of.
    pub to: Option<TreeId>,
    /// Where the page before ended; `None` is the first.
    pub after: Option<ChangesCursor>,
    /// How many entries at most; at least 1, and never more than [`CHANGES_MAX`].
    pub limit: usize,
}

/// Where a page ended. Means nothing to anybody but the house that gave it, and only with the same directory and trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangesCursor(pub Bytes);

/// A page of differences, in no order that means anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangesReply {
    /// Some of them; there may be none on a page that is not the last.
    pub entries: Vec<ChangedEntry>,
    /// Where the next page begins; `None`: this was the last.
    pub next: Option<ChangesCursor>,
}

/// Something that differs. What has several names is told once, under the first of those that it has: its home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedEntry {
    /// Names that lead to it from the directory; as it is called in the younger state, or was in the older if it is not in
    /// that any more. Empty is the directory itself.
    pub path: Vec<Name>,
    /// How it was called in the older state, if it is in another directory now or has another name. What lies below a
    /// directory that was renamed is not told for that.
    pub old_path: Option<Vec<Name>>,
    /// Its number.
    pub inode: InodeNumber,
    /// Its kind.
    pub file_type: FileType,
    /// How it differs.
    pub kind: ChangeKind,
    /// What of it differs, without repetition, in the order of [`ChangedPart`]; empty unless the kind is `Changed`.
    pub parts: Vec<ChangedPart>,
    /// Its size in bytes in the older state, if it is there; of a directory its entries.
    pub size_before: Option<u64>,
    /// The same of the younger.
    pub size_after: Option<u64>,
}

/// How something differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// Only the younger state has it below the directory: made there, or moved there from elsewhere.
    Created,
    /// Only the older state has it below the directory.
    Removed,
    /// Both have it.
    Changed,
}

/// What of something differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangedPart {
    /// The name, or the directory that it is in.
    Name,
    /// What a file holds; also if the same bytes were written once more.
    Data,
    /// Owner or group.
    Owner,
    /// Permission, set-id and sticky bits.
    Mode,
    /// The security descriptor.
    Descriptor,
    /// DOS attributes.
    Dos,
    /// Any time.
    Times,
    /// Extended attributes.
    Xattrs,
    /// Streams, or what they hold.
    Streams,
    /// How many names a file has.
    Links,
}

/// What is asked of a file, page by page.
#[derive(Clone, Debug)]
pub struct ChangedRangesRequest {
    /// The file, as the older snapshot has it.
    pub from: InodeId,
    /// The tree of the younger snapshot; now when not given, or when it is the tree that the older was taken of.
    pub to: Option<TreeId>,
    /// From which byte on.
    pub offset: u64,
    /// How many ranges at most; at least 1, and never more than [`CHANGES_MAX`].
    pub limit: usize,
}

/// A page of ranges in which a file differs. Whoever sets the length of the older state to that of the younger, and
/// takes over these ranges, has the younger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangedRangesReply {
    /// Some of them, in order; none behind the end of the younger state. There may be none on a page that is not the last.
    pub ranges: Vec<ChangedRange>,
    /// The byte from which on the next page tells; `None`: this was the last.
    pub next: Option<u64>,
    /// The size of the file in the older state, in bytes.
    pub size_before: u64,
    /// The same of the younger.
    pub size_after: u64,
}

/// A range of bytes that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangedRange {
    /// Its first byte.
    pub offset: u64,
    /// How many.
    pub length: u64,
    /// Whether it is a hole in the younger state.
    pub is_hole: bool,
}

/// Most entries or ranges of one page of [`Admin::changes`] and [`Admin::changed_ranges`].
pub const CHANGES_MAX: usize = 1000;
