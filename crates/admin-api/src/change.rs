//! What differs between two snapshots, or between one and now.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What is asked of a directory, as the query of the address: `?to=tuesday&directory=/a&limit=50&cursor=…`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ChangesPage {
    /// The younger snapshot; now when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The directory, below the one that the older snapshot stands on and as that has it; all of it when not given.
    #[param(pattern = "^/")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Most entries: 1 to 1000, 100 when not given.
    #[param(minimum = 1, maximum = 1000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// `next` of the page before; the first page when not given.
    #[param(pattern = "^([0-9a-f]{2})+$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What is asked of a file, as the query of the address: `?file=/a/b&to=tuesday`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RangesPage {
    /// The file, below the directory that the older snapshot stands on and as that has it.
    #[param(pattern = "^/")]
    pub file: String,
    /// The younger snapshot; now when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Most ranges: 1 to 1000, 100 when not given.
    #[param(minimum = 1, maximum = 1000)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// `next` of the page before; the first page when not given.
    #[param(pattern = "^[0-9]{1,19}$")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Something that differs. What has several names is told once, by its first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangedEntry {
    /// Where it is below the directory; where it was, if it is not there any more. `/` is the directory itself.
    pub path: String,
    /// Where it was, if it was moved or renamed. What lies below a directory that was renamed is not told for that.
    pub old_path: Option<String>,
    /// Its inode number, which it keeps.
    pub inode: u64,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: EntryKind,
    /// How it differs.
    pub change: EntryChange,
    /// What of it differs; empty unless `change` is `changed`.
    pub parts: Vec<ChangedPart>,
    /// The size of a file in bytes as it was; `null` if it was not there, or is no file.
    pub size_before: Option<u64>,
    /// The same, as it is.
    pub size_after: Option<u64>,
}

/// How something differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EntryChange {
    /// Made in the directory since, or moved there from elsewhere.
    Created,
    /// Removed from the directory since, or moved elsewhere.
    Removed,
    /// Changed or renamed.
    Changed,
}

/// What something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device.
    Device,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
}

/// What of something differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangedPart {
    /// The name, or the directory that it is in.
    Name,
    /// What a file holds; also if the same bytes were written once more.
    Data,
    /// Owner or group.
    Owner,
    /// Permissions.
    Mode,
    /// The ACL.
    Acl,
    /// DOS attributes.
    Dos,
    /// Any time.
    Times,
    /// Extended attributes.
    Xattrs,
    /// Named streams.
    Streams,
    /// How many names a file has.
    Links,
}

/// A page of ranges in which a file differs. Whoever cuts or extends the older state to the size of the younger and takes
/// over the ranges has the younger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangedRanges {
    /// Some of them, in order.
    pub items: Vec<ChangedRange>,
    /// The cursor of the next page; `null` when this is the last.
    pub next: Option<String>,
    /// The size of the file as it was, in bytes.
    pub size_before: u64,
    /// The same, as it is.
    pub size_after: u64,
}

/// A range of bytes that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangedRange {
    /// Its first byte.
    pub offset: u64,
    /// How many.
    pub length: u64,
    /// Whether it reads as zeros now and takes no space.
    pub hole: bool,
}
