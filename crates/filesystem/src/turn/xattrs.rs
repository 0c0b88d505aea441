//! Extended attributes: the record of an inode says how long they are together, so one without any is asked for none.

use std::sync::Arc;

use meta::records::{InodeRecord, XattrRecord, XattrValue};
use vfs::limits::{XATTRS_BYTES_MAX, XATTRS_MAX};
use vfs::{FsError, InodeId, SetAttributes, xattr_list_bytes};

use super::{Step, Stop, Turn};
use crate::cache::{Miss, XattrEntry, Xattrs};

impl<K: kv::Engine, C: chunk::Store> Turn<'_, K, C> {
    /// Sets extended attributes of an inode, and their length in its record.
    ///
    /// Errors: `FileTooLarge` (they are too long together, or too many).
    pub(crate) fn set_xattrs(&mut self, inode: InodeId, record: &mut InodeRecord, set: &SetAttributes) -> Step<()> {
        if !set.changes_xattrs() {
            return Ok(());
        }
        let born = self.clock().current;
        let old = self.xattrs(inode, record)?;
        if old.is_empty() && set.xattrs.is_empty() {
            return Ok(());
        }
        let mut entries = if set.overwrites { Vec::new() } else { old.to_vec() };
        for change in &set.xattrs {
            let found = entries.iter().position(|(name, _)| name.eq_ignore_ascii_case(&change.name));
            let found = found.map(|found| entries.remove(found));
            if let Some(value) = &change.value {
                // It keeps the name that it was made with.
                let name = found.map_or_else(|| change.name.clone(), |(name, _)| name);
                entries.push((name, XattrRecord { born, value: XattrValue::Inline(value.clone()) }));
            }
        }
        entries.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        let bytes = xattr_list_bytes(entries.iter().map(|(name, record)| (name.len(), value_of(record).len())));
        if bytes > XATTRS_BYTES_MAX || entries.len() > XATTRS_MAX {
            return Err(FsError::FileTooLarge.into());
        }
        record.xattr_bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.writes.xattrs.put(inode, Some(Arc::new(entries)));
        Ok(())
    }

    /// Removes all extended attributes of an inode that goes.
    pub(super) fn drop_xattrs(&mut self, inode: InodeId, record: &InodeRecord) -> Step<()> {
        if record.xattr_bytes > 0 {
            self.xattrs(inode, record)?;
            self.writes.xattrs.put(inode, Some(Xattrs::default()));
        }
        Ok(())
    }

    fn xattrs(&mut self, inode: InodeId, record: &InodeRecord) -> Step<Xattrs> {
        if let Some(written) = self.writes.xattrs.find(&inode) {
            return Ok(written.unwrap_or_default());
        }
        if record.xattr_bytes == 0 {
            return Ok(Xattrs::default());
        }
        let slot = self.house.records.xattrs.get(&inode).ok_or(Stop::Miss(Miss::Xattrs(inode)))?;
        self.seen.note(slot.version);
        self.writes.xattrs.read(inode, Some(Arc::clone(&slot.value)));
        Ok(slot.value)
    }
}

/// The value of an extended attribute.
pub(crate) fn value_of(record: &XattrRecord) -> &[u8] {
    match &record.value {
        XattrValue::Inline(value) => value,
        // No house has written such yet.
        XattrValue::Inode(_) => &[],
    }
}

/// Name and value of an entry.
pub(crate) fn shown((name, record): &XattrEntry) -> (bytes::Bytes, bytes::Bytes) {
    let value = match &record.value {
        XattrValue::Inline(value) => value.clone(),
        XattrValue::Inode(_) => bytes::Bytes::new(),
    };
    (name.clone(), value)
}
