//! Listings.

use bytes::Bytes;
use vfs::acl::AccessMask;
use vfs::limits::READDIR_ENTRIES_MAX;
use vfs::{
    Attributes, Cookie, DirectoryEntry, Failure, FsError, InodeId, ListedAttributes, ReaddirReply, ReaddirRequest,
};

use super::permission::{READ, rights};
use super::turn::Turn;

const COOKIE_MAX: u64 = i64::MAX as u64;

impl Turn<'_> {
    pub(super) fn readdir(&self, request: &ReaddirRequest) -> Result<ReaddirReply, Failure> {
        let (id, after) = (request.directory, request.after);
        let directory = self.directory(id)?;
        self.require(id, READ)?;
        let is_reserved = after > Cookie::SNAPSHOT && after < Cookie::FIRST_STORED;
        self.ensure(!is_reserved && after.0 <= COOKIE_MAX, id, FsError::BadCookie)?;
        let dots = [(Cookie::DOT, Bytes::from_static(b"."), id), {
            (Cookie::DOT_DOT, Bytes::from_static(b".."), self.parent_of(id, directory))
        }];
        let stored = directory.after(after).map(|(cookie, name, inode)| (cookie, name.to_bytes(), inode));
        let mut rest = dots.into_iter().filter(|(cookie, ..)| *cookie > after).chain(stored).peekable();
        let mut entries = Vec::new();
        let most = request.entries_max.clamp(1, READDIR_ENTRIES_MAX);
        while let Some((cookie, name, inode)) = rest.next_if(|_| entries.len() < most) {
            entries.push(self.entry(request, name, (cookie, inode))?);
        }
        let end = rest.peek().is_none();
        Ok(ReaddirReply { entries, end, directory: self.attributes(id)?.clone() })
    }

    fn entry(
        &self,
        request: &ReaddirRequest,
        name: Bytes,
        (cookie, inode): (Cookie, InodeId),
    ) -> Result<DirectoryEntry, Failure> {
        let found = self.attributes(inode)?;
        let is_told = match request.attributes {
            ListedAttributes::None => false,
            ListedAttributes::All => true,
            ListedAttributes::OfReadable => cookie < Cookie::FIRST_STORED || self.may_read(found),
        };
        let attributes = is_told.then(|| found.clone());
        Ok(DirectoryEntry { name, inode, file_type: found.file_type, cookie, attributes })
    }

    /// Data, attributes and descriptor.
    fn may_read(&self, found: &Attributes) -> bool {
        rights(&self.ctx.credentials, found).contains(AccessMask::MODE_READ.union(AccessMask::ALWAYS))
    }
}
