//! An inode and what it holds.

use std::collections::BTreeMap;

use bytes::Bytes;
use vfs::{Attributes, Cookie, InodeId, Name};

use super::content::Content;

#[derive(Debug)]
pub(super) struct Inode {
    pub(super) attributes: Attributes,
    pub(super) body: Body,
    /// Verifier of the exclusive creation that made it, until attributes are set.
    pub(super) exclusive: Option<[u8; 8]>,
    /// Extended attributes.
    pub(super) xattrs: BTreeMap<Bytes, Bytes>,
    /// Streams beside its data, in the order in which they were made.
    pub(super) streams: Vec<(InodeId, Name)>,
}

#[derive(Debug)]
pub(super) enum Body {
    File(Content),
    Directory(Directory),
    Symlink(Bytes),
    Special,
}

#[derive(Debug)]
pub(super) struct Directory {
    pub(super) parent: InodeId,
    entries: BTreeMap<Name, (Cookie, InodeId)>,
    order: BTreeMap<Cookie, Name>,
    next_cookie: Cookie,
}

impl Inode {
    pub(super) fn directory(&self) -> Option<&Directory> {
        match &self.body {
            Body::Directory(directory) => Some(directory),
            _ => None,
        }
    }

    /// Adds or replaces an entry; nothing on a non-directory.
    pub(super) fn set_entry(&mut self, name: &Name, inode: InodeId) {
        let Body::Directory(directory) = &mut self.body else { return };
        directory.remove(name);
        directory.insert(name.clone(), inode);
        self.attributes.size = directory.len();
    }

    /// Removes an entry; nothing on a non-directory.
    pub(super) fn remove_entry(&mut self, name: &Name) {
        let Body::Directory(directory) = &mut self.body else { return };
        directory.remove(name);
        self.attributes.size = directory.len();
    }

    /// Makes `..` of a directory lead elsewhere.
    pub(super) fn set_parent(&mut self, parent: InodeId) {
        if let Body::Directory(directory) = &mut self.body {
            directory.parent = parent;
        }
    }
}

impl Directory {
    pub(super) fn new(parent: InodeId) -> Self {
        Self { parent, entries: BTreeMap::new(), order: BTreeMap::new(), next_cookie: Cookie::FIRST_STORED }
    }

    pub(super) fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(super) fn child(&self, name: &Name) -> Option<InodeId> {
        self.entries.get(name).map(|(_, inode)| *inode)
    }

    /// Entries by name.
    pub(super) fn children(&self) -> impl Iterator<Item = (&Name, InodeId)> {
        self.entries.iter().map(|(name, (_, inode))| (name, *inode))
    }

    /// Entries after a cookie, by cookie.
    pub(super) fn after(&self, cookie: Cookie) -> impl Iterator<Item = (Cookie, &Name, InodeId)> {
        let later = self.order.range(Cookie(cookie.0.saturating_add(1))..);
        later.filter_map(|(cookie, name)| Some((*cookie, name, self.child(name)?)))
    }

    /// Cookies rise and are never used again, so a listing meets an entry that comes meanwhile at most once.
    fn insert(&mut self, name: Name, inode: InodeId) {
        let cookie = self.next_cookie;
        self.next_cookie = Cookie(cookie.0 + 1);
        self.order.insert(cookie, name.clone());
        self.entries.insert(name, (cookie, inode));
    }

    fn remove(&mut self, name: &Name) {
        if let Some((cookie, _)) = self.entries.remove(name) {
            self.order.remove(&cookie);
        }
    }
}
