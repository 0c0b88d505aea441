//! What a turn changes, as those see it who watch. It is found from the records that the turn has written, so no operation
//! has to think of it; a record that is missing on the way up is loaded, and the turn run again, as for any other.

use meta::records::{DentryRecord, InodeRecord};
use vfs::{FileType, InodeId, Name, Notice, NoticeKind, WatchFilter};

use super::Observed;
use crate::turn::{Step, Turn, target_of};

/// An entry that came or went.
struct Entry {
    directory: InodeId,
    name: Name,
    target: InodeId,
    filter: WatchFilter,
}

impl Entry {
    fn of(directory: InodeId, dentry: &DentryRecord) -> Self {
        let is_directory = dentry.file_type == FileType::Directory;
        let filter = if is_directory { WatchFilter::DIRECTORY_NAME } else { WatchFilter::FILE_NAME };
        Self { directory, name: dentry.name.clone(), target: target_of(directory, dentry), filter }
    }
}

impl<K: kv::Engine, C: chunk::Store> Turn<'_, K, C> {
    /// Takes note of what this turn changes, if anybody watches. Once: a step after which nothing may miss asks itself when
    /// it has written all.
    pub(crate) fn observe(&mut self) -> Step<()> {
        if !self.is_observed {
            self.require_named()?;
        }
        if self.is_observed || !self.house.watches.is_any() {
            self.is_observed = true;
            return Ok(());
        }
        let (gone, mut come) = self.entries_changed();
        let stays = |entry: &Entry| come.iter().any(|new| new.target == entry.target);
        let (moved, removed): (Vec<_>, Vec<_>) = gone.into_iter().partition(stays);
        for entry in removed {
            self.observe_entry(NoticeKind::Removed, &entry)?;
        }
        for old in moved {
            let Some(place) = come.iter().position(|new| new.target == old.target) else { continue };
            let new = come.swap_remove(place);
            let is_renamed = new.directory == old.directory;
            let (from, to) = if is_renamed { RENAMED } else { MOVED };
            self.observe_entry(from, &old)?;
            self.observe_entry(to, &new)?;
            if new.filter == WatchFilter::FILE_NAME {
                // As Windows tells it of files, which rename is a change of attributes to.
                self.observe_entry(NoticeKind::Modified, &Entry { filter: FILE_MOVED, ..new })?;
            }
        }
        for entry in come {
            self.observe_entry(NoticeKind::Added, &entry)?;
        }
        for (inode, filter) in self.inodes_changed() {
            self.observe_inode(inode, filter)?;
        }
        self.is_observed = true;
        Ok(())
    }

    /// Takes note of that the data of a file has changed.
    pub(crate) fn observe_data(&mut self, inode: InodeId) -> Step<()> {
        self.observed_data = Some(inode);
        Ok(())
    }

    /// Entries that this turn takes away, and those that it adds.
    fn entries_changed(&self) -> (Vec<Entry>, Vec<Entry>) {
        let (mut gone, mut come) = (Vec::new(), Vec::new());
        for touched in self.writes.buckets.written() {
            let (directory, _) = touched.key;
            let old = touched.old.as_deref().map(Vec::as_slice).unwrap_or_default();
            let new = touched.new.as_deref().map(Vec::as_slice).unwrap_or_default();
            let is_in = |entries: &[(vfs::Cookie, DentryRecord)], dentry: &DentryRecord| {
                entries.iter().any(|(_, other)| other.name == dentry.name && other.number == dentry.number)
            };
            let lost = old.iter().filter(|(_, dentry)| !is_in(new, dentry));
            gone.extend(lost.map(|(_, dentry)| Entry::of(directory, dentry)));
            let won = new.iter().filter(|(_, dentry)| !is_in(old, dentry));
            come.extend(won.map(|(_, dentry)| Entry::of(directory, dentry)));
        }
        (gone, come)
    }

    /// Inodes of which this turn changes what people see. Of a directory whose entries change that is told of these.
    fn inodes_changed(&self) -> Vec<(InodeId, WatchFilter)> {
        let is_told = |inode: InodeId| self.writes.buckets.written().any(|touched| touched.key.0 == inode);
        let mut changed = Vec::new();
        for touched in self.writes.inodes.written() {
            if let (Some(old), Some(new)) = (touched.old.as_deref(), touched.new.as_deref())
                && new.links > 0
                && !is_told(touched.key)
            {
                changed.push((touched.key, between(old, new)));
            }
        }
        let written = WatchFilter::SIZE.union(WatchFilter::LAST_WRITE);
        changed.extend(self.observed_data.map(|inode| (inode, written)));
        changed.retain(|(_, filter)| filter.0 != 0);
        changed
    }

    fn observe_inode(&mut self, inode: InodeId, filter: WatchFilter) -> Step<()> {
        let Some((directory, name)) = self.home_name(inode)? else { return Ok(()) };
        self.observe_entry(NoticeKind::Modified, &Entry { directory, name, target: inode, filter })
    }

    /// What a change of an entry is to its directory and to all above.
    fn observe_entry(&mut self, kind: NoticeKind, entry: &Entry) -> Step<()> {
        let (mut at, mut path, mut is_deep) = (entry.directory, vec![entry.name.clone()], false);
        loop {
            let (is_watched, is_watched_below) = self.house.watches.is_watched(at);
            if if is_deep { is_watched_below } else { is_watched } {
                let notice = Notice { kind, path: path.iter().rev().cloned().collect() };
                self.observed.push(Observed { at, is_deep, filter: entry.filter, notice });
            }
            let Some((above, name)) = self.home_name(at)? else { return Ok(()) };
            (at, is_deep) = (above, true);
            path.push(name);
        }
    }

    /// Where an inode is at home, and by which name; nothing for the root of a shard and for one without a name.
    fn home_name(&mut self, inode: InodeId) -> Step<Option<(InodeId, Name)>> {
        if inode == InodeId::root_of(inode.shard) {
            return Ok(None);
        }
        let Some(record) = self.inode(inode)?.filter(|record| record.links > 0) else { return Ok(None) };
        let directory = self.house.above(inode, record.home_parent);
        let name = self.name_at(directory, record.home_cookie)?;
        Ok(name.map(|name| (directory, name)))
    }
}

const RENAMED: (NoticeKind, NoticeKind) = (NoticeKind::RenamedFrom, NoticeKind::RenamedTo);
const MOVED: (NoticeKind, NoticeKind) = (NoticeKind::Removed, NoticeKind::Added);

/// What a new name is to a file, beside the name.
const FILE_MOVED: WatchFilter = WatchFilter::ATTRIBUTES.union(WatchFilter::CREATION);

/// What people see differently.
fn between(old: &InodeRecord, new: &InodeRecord) -> WatchFilter {
    let differ = [
        (old.dos != new.dos, WatchFilter::ATTRIBUTES),
        (old.size != new.size, WatchFilter::SIZE),
        (old.modified != new.modified, WatchFilter::LAST_WRITE),
        (old.accessed != new.accessed, WatchFilter::LAST_ACCESS),
        (old.created != new.created, WatchFilter::CREATION),
        ((old.mode, &old.descriptor) != (new.mode, &new.descriptor), WatchFilter::SECURITY),
        ((&old.owner, &old.group) != (&new.owner, &new.group), WatchFilter::SECURITY),
    ];
    let differing = differ.into_iter().filter(|(differs, _)| *differs);
    differing.fold(WatchFilter::default(), |all, (_, one)| all.union(one))
}
