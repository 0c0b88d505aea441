//! Watches: each operation says what it changed when it is over, and whoever watches is told.

use std::sync::Arc;

use vfs::acl::AccessMask;
use vfs::{
    Attributes, Failure, FsError, InodeId, Name, Notice, NoticeKind, Notices, OpenId, WatchFilter, WatchRequest,
};

use super::inode::Inode;
use super::turn::Turn;

/// A directory that is watched.
#[derive(Clone, Debug)]
pub(super) struct Watcher {
    directory: InodeId,
    open: OpenId,
    recursive: bool,
    filter: WatchFilter,
    notices: Arc<Notices>,
}

/// What an operation has changed so far.
#[derive(Debug, Default)]
pub(super) struct Changes {
    gone: Vec<Entry>,
    come: Vec<Entry>,
    modified: Vec<(InodeId, WatchFilter)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    directory: InodeId,
    name: Name,
    target: InodeId,
    is_directory: bool,
}

type Entries = Vec<(Name, InodeId)>;

impl Turn<'_> {
    /// As [`vfs::Watch::watch`].
    pub(super) fn watch(&mut self, request: WatchRequest) -> Result<(), Failure> {
        let (directory, granted) = self.opened(request.open)?;
        if !self.attributes(directory)?.is_directory() {
            return Err(FsError::NotDirectory.into());
        }
        if !granted.contains(AccessMask::READ_DATA) {
            return Err(FsError::AccessDenied.into());
        }
        let WatchRequest { open, recursive, filter, notices } = request;
        self.state.watches.push(Watcher { directory, open, recursive, filter, notices });
        Ok(())
    }

    /// An open is over, and its watches with it.
    pub(super) fn end_watches_of(&mut self, open: OpenId) {
        self.state.watches.retain(|watcher| watcher.open != open);
    }

    /// A directory is marked for deletion.
    pub(super) fn end_watches_at(&self, directory: InodeId) {
        let there = self.state.watches.iter().filter(|watcher| watcher.directory == directory);
        there.for_each(|watcher| watcher.notices.end());
    }

    pub(super) fn entries_of(&self, id: InodeId) -> Entries {
        let directory = self.state.inodes.get(&id).and_then(Inode::directory);
        let children = directory.into_iter().flat_map(|directory| directory.children());
        children.map(|(name, target)| (name.clone(), target)).collect()
    }

    /// Takes note of what a step did to an inode.
    pub(super) fn note_change(&mut self, id: InodeId, (before, entries): (&Attributes, &Entries)) {
        let after = self.entries_of(id);
        if *entries == after {
            let attributes = self.state.inodes.get(&id).map(|inode| inode.attributes.clone());
            if let Some(attributes) = attributes.filter(|after| after.links > 0) {
                self.changes.modified.push((id, WatchFilter::between(before, &attributes)));
            }
            return;
        }
        let entry = |(name, target): &(Name, InodeId)| {
            let is_directory = self.state.inodes.get(target).is_some_and(|inode| inode.attributes.is_directory());
            Entry { directory: id, name: name.clone(), target: *target, is_directory }
        };
        let gone: Vec<_> = entries.iter().filter(|one| !after.contains(one)).map(entry).collect();
        let come: Vec<_> = after.iter().filter(|one| !entries.contains(one)).map(entry).collect();
        self.changes.gone.extend(gone);
        self.changes.come.extend(come);
    }

    /// Tells who watches what this operation did.
    pub(super) fn tell(&mut self) {
        let Changes { gone, mut come, modified } = std::mem::take(&mut self.changes);
        let mut told = Vec::new();
        let (moved, removed): (Vec<_>, Vec<_>) =
            gone.into_iter().partition(|entry| come.iter().any(|new| new.target == entry.target));
        told.extend(removed.into_iter().map(|entry| (NoticeKind::Removed, entry)));
        for entry in moved {
            match come.iter().position(|new| new.target == entry.target).map(|place| come.remove(place)) {
                Some(new) if new.directory == entry.directory => {
                    told.push((NoticeKind::RenamedFrom, entry));
                    told.push((NoticeKind::RenamedTo, new.clone()));
                    told.extend((!new.is_directory).then_some((NoticeKind::Modified, new)));
                }
                Some(new) => {
                    told.push((NoticeKind::Removed, entry));
                    told.push((NoticeKind::Added, new.clone()));
                    told.extend((!new.is_directory).then_some((NoticeKind::Modified, new)));
                }
                None => told.push((NoticeKind::Removed, entry)),
            }
        }
        told.extend(come.into_iter().map(|entry| (NoticeKind::Added, entry)));
        let mut all: Vec<_> = told.into_iter().map(|(kind, entry)| (kind, filter_of(kind, &entry), entry)).collect();
        for (id, filter) in modified.into_iter().filter(|(_, filter)| filter.0 != 0) {
            all.extend(self.name_of(id).map(|entry| (NoticeKind::Modified, filter, entry)));
        }
        for watcher in self.state.watches.clone() {
            let heard: Vec<_> = all
                .iter()
                .filter_map(|(kind, filter, entry)| self.as_heard(&watcher, (*kind, *filter, entry)))
                .collect();
            watcher.notices.put(&heard);
        }
    }

    fn as_heard(&self, watcher: &Watcher, (kind, filter, entry): (NoticeKind, WatchFilter, &Entry)) -> Option<Notice> {
        let mut path = vec![entry.name.clone()];
        let mut at = entry.directory;
        while at != watcher.directory {
            let above = self.name_of(at)?;
            path.insert(0, above.name);
            at = above.directory;
        }
        let is_heard = filter.meets(watcher.filter) && (watcher.recursive || path.len() == 1);
        is_heard.then_some(Notice { kind, path })
    }

    /// A name of an inode within its shard: the only one of a directory.
    fn name_of(&self, id: InodeId) -> Option<Entry> {
        let is_directory = self.state.inodes.get(&id)?.attributes.is_directory();
        let mut directories = self.state.inodes.iter().filter(|(at, _)| at.shard == id.shard);
        directories.find_map(|(at, inode)| {
            let (name, _) = inode.directory()?.children().find(|(_, target)| *target == id)?;
            Some(Entry { directory: *at, name: name.clone(), target: id, is_directory })
        })
    }
}

fn filter_of(kind: NoticeKind, entry: &Entry) -> WatchFilter {
    match kind {
        // A file that has a new name.
        NoticeKind::Modified => WatchFilter::ATTRIBUTES.union(WatchFilter::CREATION),
        _ if entry.is_directory => WatchFilter::DIRECTORY_NAME,
        _ => WatchFilter::FILE_NAME,
    }
}
