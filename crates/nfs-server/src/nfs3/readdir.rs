//! READDIR (RFC 1813 3.3.16), and what it shares with READDIRPLUS.

use nfs_wire::nfs3::{Entry3, Filename, Nfsstat3, PostOpAttr, Readdir, ReaddirArgs, ReaddirOk, Verifier};
use vfs::limits::READDIR_ENTRIES_MAX;
use vfs::{Attributes, Cookie, DirectoryEntry, InodeId, ListedAttributes, ReaddirRequest, Vfs};

use super::Answer;
use super::attributes::post_op;
use super::call::{Call, Refused};

impl<V: Vfs> Answer<V> for Readdir {
    type Resok = ReaddirOk;
    type Resfail = PostOpAttr;

    async fn answer(call: &Call<'_, V>, args: ReaddirArgs) -> Result<ReaddirOk, Refused> {
        let directory = call.open(&args.dir).await?;
        let limit = bytes_max(args.count, call.door.settings.io_bytes_max);
        let request = ReaddirRequest {
            directory: directory.inode,
            after: Cookie(args.cookie),
            entries_max: entries_max(limit, Entry3::entry_size(NAME_BYTES_EXPECTED)),
            attributes: ListedAttributes::None,
        };
        let reply = call.door.vfs.readdir(&directory.ctx, request).await?;
        let dir_attributes = post_op(&reply.directory);
        let mut room = Room::new(limit, ReaddirOk::base_size(&dir_attributes));
        let fitting = reply.entries.into_iter().take_while(|entry| room.take(Entry3::entry_size(entry.name.len())));
        let entries: Vec<_> =
            fitting.filter_map(|entry| entry3(entry, (&reply.directory, directory.ctx.root))).collect();
        room.check()?;
        let eof = reply.end && !room.is_full();
        Ok(ReaddirOk { dir_attributes, cookieverf: COOKIE_VERIFIER, entries: entries.into_iter().collect(), eof })
    }
}

/// Room for entries in a reply: what does not fit is left for the next call.
pub(super) struct Room {
    left: Option<usize>,
    is_full: bool,
    taken: usize,
}

impl Room {
    /// What a limit leaves beside the fixed part of the reply.
    pub(super) fn new(limit: usize, base: usize) -> Self {
        Self { left: limit.checked_sub(base), is_full: false, taken: 0 }
    }

    /// Takes room for one more entry, or says that there is none.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        match self.left.and_then(|left| left.checked_sub(bytes)) {
            Some(left) if !self.is_full => {
                self.left = Some(left);
                self.taken += 1;
                true
            }
            _ => {
                self.is_full = true;
                false
            }
        }
    }

    /// Whether an entry did not fit.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Errors: TOOSMALL when not even the fixed part fits, or there was an entry and not one fits: the client would
    /// ask the same again for ever.
    pub(super) fn check(&self) -> Result<(), Refused> {
        let is_too_small = self.left.is_none() || (self.is_full && self.taken == 0);
        if is_too_small { Err(Nfsstat3::Toosmall.into()) } else { Ok(()) }
    }
}

/// The limit of a reply: what the client says, within what the house sends.
pub(super) fn bytes_max(count: u32, io_bytes_max: u32) -> usize {
    usize::try_from(count.min(io_bytes_max)).unwrap_or(usize::MAX)
}

/// How many entries to ask for: about as many as fit.
pub(super) fn entries_max(limit: usize, entry_bytes: usize) -> usize {
    (limit / entry_bytes + 1).min(READDIR_ENTRIES_MAX)
}

/// The number shown for an entry. What lies above the root of the export is not shown, whatever the house says.
pub(super) fn file_id(entry: &DirectoryEntry, (directory, root): (&Attributes, InodeId)) -> u64 {
    let is_outside = &entry.name[..] == b".." && directory.inode == root;
    if is_outside { root.number.0 } else { entry.inode.number.0 }
}

fn entry3(entry: DirectoryEntry, place: (&Attributes, InodeId)) -> Option<Entry3> {
    let fileid = file_id(&entry, place);
    Some(Entry3 { fileid, name: Filename::new(entry.name).ok()?, cookie: entry.cookie.0 })
}

/// Cookies stay valid while the directory changes, so there is nothing to verify; a verifier made from the mtime would
/// break every listing under change.
pub(super) const COOKIE_VERIFIER: Verifier = [0; 8];
/// Length of a name that is reckoned with.
pub(super) const NAME_BYTES_EXPECTED: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_exact_and_never_underflows() {
        let mut room = Room::new(100, 40);
        assert!(room.take(60) && !room.take(1));
        assert!(room.check().is_ok());
        let mut room = Room::new(100, 40);
        assert!(!room.take(61) && !room.take(1), "what comes after an entry that does not fit is left out too");
        assert_eq!(room.check().unwrap_err().status, Nfsstat3::Toosmall);
        assert_eq!(Room::new(39, 40).check().unwrap_err().status, Nfsstat3::Toosmall);
        assert!(Room::new(40, 40).check().is_ok(), "an empty directory needs no room for entries");
    }
}
