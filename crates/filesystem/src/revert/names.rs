//! Names of a directory: those that were not there go, those that are missing come back.

use meta::keys::{self, KeyKind};
use meta::records::{DentryRecord, Record};
use vfs::{
    ChangeKind, ChangedEntry, Cookie, Failure, FileType, FsError, InodeId, InodeNumber, LinkRequest, Name, Namespace,
};

use super::pass::{Halt, Outcome, Pass, Place};
use crate::load::kind_of;

impl<K: kv::Engine, C: chunk::Store> Pass<'_, K, C> {
    /// Puts something that differs where it was, and all names in it if it is a directory.
    pub(super) async fn put_names(&mut self, entry: &ChangedEntry, at: &mut Place) -> Outcome<()> {
        if entry.kind == ChangeKind::Created {
            return self.take_away(entry).await;
        }
        let Some(here) = self.place(entry.inode).await? else { return Ok(()) };
        if entry.file_type == FileType::Directory { self.put_entries((entry.inode, here), at).await } else { Ok(()) }
    }

    /// Something that was not there: what its directory, which was, is looked through for takes as well.
    async fn take_away(&mut self, entry: &ChangedEntry) -> Outcome<()> {
        let Some(way) = self.way(self.aim.is(entry.inode)).await? else { return Ok(()) };
        let Some(last) = way.last() else { return Ok(()) };
        let (parent, name) = (self.aim.is(last.parent), last.name.clone());
        if last.parent != self.aim.top.number && !self.belongs(last.parent).await? {
            // It goes with its directory.
            return Ok(());
        }
        if self.find(self.aim.was(last.parent), &name).await?.is_some() {
            // Something else is to have this name.
            return Ok(());
        }
        self.drop_entry((parent, &name), self.aim.is(entry.inode)).await
    }

    /// All names of a directory that was, as it stands there now.
    async fn put_entries(&mut self, (number, here): (InodeNumber, InodeId), at: &mut Place) -> Outcome<()> {
        if let Place::First = at {
            *at = Place::There(BEFORE_ALL);
        }
        while let Place::There(after) = *at {
            *at = match self.drop_some((number, here), after).await? {
                Some(last) => Place::There(last),
                None => Place::Then(BEFORE_ALL),
            };
        }
        while let Place::Then(after) = *at {
            let Some(last) = self.bring_some((number, here), after).await? else { break };
            *at = Place::Then(last);
        }
        Ok(())
    }

    /// Looks at entries that are there. Returns the last of them; `None` when there are no more.
    async fn drop_some(&mut self, (number, here): (InodeNumber, InodeId), after: Cookie) -> Outcome<Option<Cookie>> {
        self.may_look()?;
        let entries = self.entries(here, after).await?;
        let last = entries.last().map(|(cookie, _)| *cookie);
        for (_, entry) in entries {
            let is_same = here.number == number && entry.born <= self.epoch;
            if is_same || self.find(self.aim.was(number), &entry.name).await?.is_some() {
                continue;
            }
            let dropped = self.drop_entry((here, &entry.name), self.aim.is(entry.number)).await;
            self.or_leave_out(Some(&entry.name), dropped)?;
        }
        Ok(last)
    }

    /// Looks at entries that were there. As that.
    async fn bring_some(&mut self, (number, here): (InodeNumber, InodeId), after: Cookie) -> Outcome<Option<Cookie>> {
        self.may_look()?;
        let entries = self.entries(self.aim.was(number), after).await?;
        let Some((last, _)) = entries.last() else { return Ok(None) };
        let last = *last;
        for (cookie, entry) in entries {
            let found = self.find(here, &entry.name).await?;
            if found != Some(self.aim.is(entry.number)) {
                let brought = self.bring((number, here), (cookie, &entry), found).await;
                self.or_leave_out(Some(&entry.name), brought)?;
            }
        }
        Ok(Some(last))
    }

    async fn bring(
        &mut self,
        (number, here): (InodeNumber, InodeId),
        (cookie, entry): (Cookie, &DentryRecord),
        found: Option<InodeId>,
    ) -> Outcome<()> {
        let Some(was) = self.record(self.aim.was(entry.number)).await? else { return Ok(()) };
        let is_home = (was.home_parent, was.home_cookie) == (number, cookie);
        let stands = match self.place(entry.number).await? {
            Some(stands) => stands,
            // It was at home elsewhere: what it holds is that one's business.
            None if self.record(self.aim.is(entry.number)).await?.is_some() => self.aim.is(entry.number),
            None => return self.copy((here, &entry.name), (entry.number, &was), found).await,
        };
        if is_home || found == Some(stands) {
            return Ok(());
        }
        self.clear(here, &entry.name, found).await?;
        self.may_change()?;
        let request = LinkRequest { inode: stands, parent: here, name: entry.name.clone(), replace: false };
        self.house.link(&self.ctx(), request).await?;
        Ok(())
    }

    /// An entry that was not there goes; what it leads to is put where it was, if it was anywhere.
    async fn drop_entry(&mut self, (parent, name): (InodeId, &Name), child: InodeId) -> Outcome<()> {
        if self.belongs(child.number).await? {
            self.place(child.number).await?;
            if self.find(parent, name).await? != Some(child) {
                return Ok(());
            }
        }
        match self.remove(parent, name).await {
            Err(Halt::Failed(failure)) if failure.error == FsError::NotEmpty => {
                Box::pin(self.drop_all_in(child)).await?;
                self.remove(parent, name).await
            }
            Err(Halt::Failed(failure)) if failure.error == FsError::NotFound => Ok(()),
            removed => removed,
        }
    }

    async fn drop_all_in(&mut self, directory: InodeId) -> Outcome<()> {
        let mut after = BEFORE_ALL;
        loop {
            let entries = self.entries(directory, after).await?;
            let Some((last, _)) = entries.last() else { return Ok(()) };
            after = *last;
            for (_, entry) in entries {
                let dropped = self.drop_entry((directory, &entry.name), self.aim.is(entry.number)).await;
                self.or_leave_out(Some(&entry.name), dropped)?;
            }
        }
    }

    /// Entries of a directory behind one; those that lead to clones and zones are passed over.
    async fn entries(&self, directory: InodeId, after: Cookie) -> Result<Vec<(Cookie, DentryRecord)>, Failure> {
        let mut after = after;
        loop {
            let listed = self.house.listed(directory, |directory| keys::dentry_range(directory, after), ENTRIES).await;
            let listed = listed.map_err(|error| self.house.refuse(&error))?.value;
            let is_last = listed.len() < ENTRIES;
            let mut entries = Vec::with_capacity(listed.len());
            for (key, value) in listed {
                let kind = kind_of(&key).map_err(|error| self.house.refuse(&error))?;
                let KeyKind::Dentry { cookie, .. } = kind else { continue };
                after = cookie;
                let entry = DentryRecord::decode_at(&key, &value).map_err(|error| self.house.refuse(&error))?;
                let shown = self.house.shown_in(directory, entry);
                let of_tree = |entry: &DentryRecord| entry.shard.is_none() && entry.tree == self.aim.top.tree;
                entries.extend(shown.filter(of_tree).map(|entry| (cookie, entry)));
            }
            if is_last || !entries.is_empty() {
                return Ok(entries);
            }
        }
    }
}

/// Before the first entry that is stored.
const BEFORE_ALL: Cookie = Cookie(Cookie::FIRST_STORED.0 - 1);
/// Entries that are looked at together.
const ENTRIES: usize = 256;
