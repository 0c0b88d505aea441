//! What differs, as it is told.

use admin_api::{ChangedEntry, ChangedPart, ChangedRange, ChangedRanges, EntryChange, EntryKind};
use vfs::{ChangeKind, ChangedRangesReply, ChangesCursor, FileType};

use crate::problem::Refused;
use crate::snapshots::answer::{path_text, problem};

pub(super) fn entry(entry: &vfs::ChangedEntry) -> ChangedEntry {
    let is_file = entry.file_type == FileType::Regular;
    ChangedEntry {
        path: path_text(&entry.path),
        old_path: entry.old_path.as_deref().map(path_text),
        inode: entry.inode.0,
        kind: kind(entry.file_type),
        change: match entry.kind {
            ChangeKind::Created => EntryChange::Created,
            ChangeKind::Removed => EntryChange::Removed,
            ChangeKind::Changed => EntryChange::Changed,
        },
        parts: entry.parts.iter().copied().map(part).collect(),
        size_before: entry.size_before.filter(|_| is_file),
        size_after: entry.size_after.filter(|_| is_file),
    }
}

pub(super) fn ranges_told(told: &ChangedRangesReply) -> ChangedRanges {
    let range =
        |range: &vfs::ChangedRange| ChangedRange { offset: range.offset, length: range.length, hole: range.is_hole };
    ChangedRanges {
        items: told.ranges.iter().map(range).collect(),
        next: told.next.map(|next| next.to_string()),
        size_before: told.size_before,
        size_after: told.size_after,
    }
}

/// A cursor as a text: its bytes in hexadecimal.
pub(super) fn text_of(cursor: &ChangesCursor) -> String {
    cursor.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Errors: 400.
pub(super) fn cursor_of(text: &str) -> Result<ChangesCursor, Refused> {
    let digits: Option<Vec<_>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let bytes = digits.filter(|digits| digits.len().is_multiple_of(2)).map(|digits| {
        let pairs = digits.as_chunks().0.iter();
        pairs.map(|[high, low]| u8::try_from(high << 4 | low).unwrap_or_default()).collect::<Vec<_>>()
    });
    let wrong = || problem(400, "Bad Request", "cursor: it is no `next` of a page of this list".to_owned());
    bytes.map(|bytes| ChangesCursor(bytes.into())).ok_or_else(wrong)
}

fn kind(file_type: FileType) -> EntryKind {
    match file_type {
        FileType::Regular => EntryKind::File,
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Symlink,
        FileType::Block | FileType::Character => EntryKind::Device,
        FileType::Fifo => EntryKind::Fifo,
        FileType::Socket => EntryKind::Socket,
    }
}

fn part(part: vfs::ChangedPart) -> ChangedPart {
    match part {
        vfs::ChangedPart::Name => ChangedPart::Name,
        vfs::ChangedPart::Data => ChangedPart::Data,
        vfs::ChangedPart::Owner => ChangedPart::Owner,
        vfs::ChangedPart::Mode => ChangedPart::Mode,
        vfs::ChangedPart::Descriptor => ChangedPart::Acl,
        vfs::ChangedPart::Dos => ChangedPart::Dos,
        vfs::ChangedPart::Times => ChangedPart::Times,
        vfs::ChangedPart::Xattrs => ChangedPart::Xattrs,
        vfs::ChangedPart::Streams => ChangedPart::Streams,
        vfs::ChangedPart::Links => ChangedPart::Links,
    }
}
