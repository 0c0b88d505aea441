//! Putting what was in the snapshot where it was.

use std::sync::Arc;

use meta::keys::{self, KeyKind};
use meta::records::{DentryRecord, InodeRecord};
use vfs::limits::DEPTH_MAX;
use vfs::{
    Case, Cookie, CreateHow, CreateRequest, Failure, FileType, FsError, InodeId, InodeNumber, LookupName,
    LookupRequest, MkdirRequest, MknodRequest, Name, Namespace, NodeKind, OpContext, RemoveKind, RemoveRequest,
    RenameRequest, SetAttributes, SymlinkRequest,
};

use super::pass::{Outcome, Pass};
use crate::cache::Seen;
use crate::load::{BACKLINKS_MAX, kind_of};

/// A step of the way from the directory to something below it.
pub(super) struct Below {
    pub(super) parent: InodeNumber,
    pub(super) name: Name,
    number: InodeNumber,
}

impl<K: kv::Engine, C: chunk::Store> Pass<'_, K, C> {
    /// Puts something where it was, and the directories above it. Returns what stands there; `None` if it was not below
    /// the directory.
    pub(super) async fn place(&mut self, number: InodeNumber) -> Outcome<Option<InodeId>> {
        let Some(way) = self.way(self.aim.was(number)).await? else { return Ok(None) };
        let mut at = self.aim.top;
        for Below { number, name, .. } in way {
            at = self.place_in(at, (number, &name)).await?;
        }
        Ok(Some(at))
    }

    async fn place_in(&mut self, parent: InodeId, (number, name): (InodeNumber, &Name)) -> Outcome<InodeId> {
        let was = self.record(self.aim.was(number)).await?.ok_or(FsError::StaleHandle)?;
        let is = self.aim.is(number);
        let found = self.find(parent, name).await?;
        if found == Some(is) {
            return Ok(is);
        }
        if let Some((above, own)) = self.name_below(is).await? {
            self.clear(parent, name, found).await?;
            self.rename((above, &own), (parent, name)).await?;
            return Ok(is);
        }
        if let Some(found) = found
            && self.stands_in(found, (number, &was)).await?
        {
            return Ok(found);
        }
        self.clear(parent, name, found).await?;
        self.make(parent, name, (number, &was)).await
    }

    /// The way down to something: `None` if the directory is not above it.
    pub(super) async fn way(&self, to: InodeId) -> Result<Option<Vec<Below>>, Failure> {
        let (mut way, mut at) = (Vec::new(), to);
        while at.number != self.aim.top.number {
            let Some(record) = self.record(at).await? else { return Ok(None) };
            if at.number == self.aim.root || way.len() > DEPTH_MAX as usize || record.is_stream() {
                return Ok(None);
            }
            let (parent, cookie) = (at.sibling(record.home_parent), record.home_cookie);
            let Some(name) = self.name_at((parent, cookie)).await? else { return Ok(None) };
            way.push(Below { parent: parent.number, name, number: at.number });
            at = parent;
        }
        way.reverse();
        Ok(Some(way))
    }

    /// A name of something below the directory: its home, if that is there.
    async fn name_below(&self, is: InodeId) -> Result<Option<(InodeId, Name)>, Failure> {
        if let Some(home) = self.way(is).await?.and_then(|mut way| way.pop()) {
            return Ok(Some((self.aim.is(home.parent), home.name)));
        }
        if self.record(is).await?.is_none_or(|record| record.links < 2 || record.file_type == FileType::Directory) {
            return Ok(None);
        }
        for (directory, cookie) in self.links(is).await? {
            let name = self.name_at((directory, cookie)).await?;
            if let (Some(_), Some(name)) = (self.way(directory).await?, name) {
                return Ok(Some((directory, name)));
            }
        }
        Ok(None)
    }

    /// The places of the names of something that has several.
    async fn links(&self, inode: InodeId) -> Result<Vec<(InodeId, Cookie)>, Failure> {
        let listed = self.house.listed(inode, keys::backlink_range, BACKLINKS_MAX).await;
        let places = listed.map_err(|error| self.house.refuse(&error))?.value.into_iter().map(|(key, _)| {
            let kind = kind_of(&key).map_err(|error| self.house.refuse(&error))?;
            let KeyKind::Backlink { directory, cookie, .. } = kind else { return Ok(None) };
            Ok(Some((inode.sibling(directory), cookie)))
        });
        places.filter_map(Result::transpose).collect()
    }

    /// Whether the snapshot shows it below the directory.
    pub(super) async fn belongs(&self, number: InodeNumber) -> Result<bool, Failure> {
        Ok(self.way(self.aim.was(number)).await?.is_some())
    }

    /// A record of something that has a name.
    pub(super) async fn record(&self, inode: InodeId) -> Result<Option<Arc<InodeRecord>>, Failure> {
        let record = self.house.inode(inode, &mut Seen::default()).await?;
        Ok(record.filter(|record| record.links > 0))
    }

    /// What a name leads to.
    pub(super) async fn find(&self, parent: InodeId, name: &Name) -> Result<Option<InodeId>, Failure> {
        let request = LookupRequest { parent, name: LookupName::Child(name.clone()), case: Case::Sensitive };
        match self.house.lookup(&self.ctx(), request).await {
            Ok(found) => Ok(Some(found.attributes.inode)),
            Err(failure) if failure.error == FsError::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    pub(super) fn ctx(&self) -> OpContext {
        OpContext { priority: vfs::Priority::Low, ..OpContext::internal(self.aim.top) }
    }

    /// Whether something that was not there then can become what was: it is of the same kind, and has no name but those.
    pub(super) async fn stands_in(
        &self,
        found: InodeId,
        (number, was): (InodeNumber, &InodeRecord),
    ) -> Result<bool, Failure> {
        let Some(is) = self.record(found).await?.filter(|_| found.tree == self.aim.top.tree) else {
            return Ok(false);
        };
        let is_alike = (is.file_type, is.device, &is.symlink) == (was.file_type, was.device, &was.symlink);
        if !is_alike || found.number == number || self.belongs(found.number).await? {
            return Ok(false);
        }
        Ok(is.links == 1 || is.file_type == FileType::Directory || self.has_names_of(found, number).await?)
    }

    async fn has_names_of(&self, found: InodeId, number: InodeNumber) -> Result<bool, Failure> {
        for (directory, cookie) in self.links(found).await? {
            let name = self.name_at((directory, cookie)).await?;
            let (Some(way), Some(name)) = (self.way(directory).await?, name) else { return Ok(false) };
            let names = way.iter().map(|below| &below.name).chain([&name]);
            if self.was_at(names).await? != Some(number) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What stood at the end of a way then.
    async fn was_at(&self, names: impl Iterator<Item = &Name>) -> Result<Option<InodeNumber>, Failure> {
        let mut at = self.aim.past;
        for name in names {
            let is_directory = |record: &Arc<InodeRecord>| record.file_type == FileType::Directory;
            if self.record(at).await?.as_ref().is_none_or(|record| !is_directory(record)) {
                return Ok(None);
            }
            let Some(next) = self.find(at, name).await? else { return Ok(None) };
            at = next;
        }
        Ok(Some(at.number))
    }

    async fn name_at(&self, (directory, cookie): (InodeId, Cookie)) -> Result<Option<Name>, Failure> {
        let entry = self.house.stored::<DentryRecord>(directory, |directory| keys::dentry(directory, cookie)).await;
        Ok(entry.map_err(|error| self.house.refuse(&error))?.value.map(|entry| entry.name.clone()))
    }

    /// Takes away what has a name that something else is to have: out of the way, if it is needed or not empty.
    pub(super) async fn clear(&mut self, parent: InodeId, name: &Name, found: Option<InodeId>) -> Outcome<()> {
        let Some(found) = found else { return Ok(()) };
        if (found.shard, found.tree) != (parent.shard, parent.tree) {
            // A clone or a zone hangs there.
            return Err(FsError::NotPermitted.into());
        }
        if !self.belongs(found.number).await? {
            match self.remove(parent, name).await {
                Err(super::pass::Halt::Failed(failure)) if failure.error == FsError::NotEmpty => {}
                removed => return removed,
            }
        }
        let aside = Name::new(format!(".reverting-{:x}", found.number.0).into_bytes().into());
        let aside = aside.map_err(|_| FsError::InvalidArgument)?;
        self.rename((parent, name), (parent, &aside)).await
    }

    pub(super) async fn remove(&mut self, parent: InodeId, name: &Name) -> Outcome<()> {
        self.may_change()?;
        let request = RemoveRequest { parent, name: name.clone(), kind: RemoveKind::Any };
        self.house.remove(&self.ctx(), request).await?;
        Ok(())
    }

    async fn rename(&mut self, from: (InodeId, &Name), to: (InodeId, &Name)) -> Outcome<()> {
        self.may_change()?;
        let request = RenameRequest {
            from_parent: from.0,
            from_name: from.1.clone(),
            to_parent: to.0,
            to_name: to.1.clone(),
            replace: false,
        };
        self.house.rename(&self.ctx(), request).await?;
        Ok(())
    }

    /// Makes something anew. Who may what is as it was before anything is in it.
    pub(super) async fn make(
        &mut self,
        parent: InodeId,
        name: &Name,
        (number, was): (InodeNumber, &InodeRecord),
    ) -> Outcome<InodeId> {
        self.may_change()?;
        let (name, ctx) = (name.clone(), self.ctx());
        // Nobody may look before the descriptor is there.
        let attributes = SetAttributes {
            mode: Some(0),
            owner: Some(was.owner.clone()),
            group: Some(was.group.clone()),
            ..SetAttributes::default()
        };
        let node = |kind| MknodRequest { parent, name: name.clone(), kind, attributes: attributes.clone() };
        let made = match was.file_type {
            FileType::Regular => {
                let how = CreateHow::Guarded(attributes);
                self.house.create(&ctx, CreateRequest { parent, name, how }).await?
            }
            FileType::Directory => self.house.mkdir(&ctx, MkdirRequest { parent, name, attributes }).await?,
            FileType::Symlink => {
                let target = was.symlink.clone();
                self.house.symlink(&ctx, SymlinkRequest { parent, name, target, attributes }).await?
            }
            FileType::Fifo => self.house.mknod(&ctx, node(NodeKind::Fifo)).await?,
            FileType::Socket => self.house.mknod(&ctx, node(NodeKind::Socket)).await?,
            FileType::Block => self.house.mknod(&ctx, node(NodeKind::Block(was.device))).await?,
            FileType::Character => self.house.mknod(&ctx, node(NodeKind::Character(was.device))).await?,
        };
        let made = made.attributes.inode;
        self.give_attributes((number, made)).await?;
        Ok(made)
    }
}
