//! READDIR: pages of a directory in cookie order, which is the order of the keys.

use std::sync::Arc;

use bytes::Bytes;
use meta::keys::{self, KeyKind};
use meta::records::{DentryRecord, InodeRecord, Record};
use vfs::limits::READDIR_ENTRIES_MAX;
use vfs::{
    Attributes, Cookie, DirectoryEntry, Failure, FileType, FsError, InodeId, ListedAttributes, OpContext, ReaddirReply,
    ReaddirRequest, TreeId,
};

use super::lookup::require_directory;
use crate::Filesystem;
use crate::access::{READ, may_read, require};
use crate::cache::{DirectoryState, Listed, ListedRun, Seen};
use crate::load::kind_of;
use crate::turn::target_of;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_readdir(&self, ctx: &OpContext, request: ReaddirRequest) -> Result<ReaddirReply, Failure> {
        let mut seen = Seen::default();
        let record = self.live(request.directory, &mut seen).await?;
        let directory = self.attributes(request.directory, &record);
        require_directory(&directory)?;
        let refuse = |error| Failure::with(error, directory.clone());
        require(&directory, &ctx.credentials, READ).map_err(refuse)?;
        let is_reserved = request.after > Cookie::SNAPSHOT && request.after < Cookie::FIRST_STORED;
        if is_reserved || i64::try_from(request.after.0).is_err() {
            return Err(refuse(FsError::BadCookie));
        }
        let limit = request.entries_max.clamp(1, READDIR_ENTRIES_MAX);
        let mut entries = self.dots(ctx, &request, &mut seen).await?;
        entries.truncate(limit);
        let end = if entries.len() < limit {
            let wanted = limit - entries.len();
            let (stored, end) = self.stored_entries((&request, &record), wanted, &mut seen).await?;
            entries.extend(stored);
            end
        } else {
            false
        };
        if request.attributes != ListedAttributes::None {
            self.add_attributes(&mut entries, &mut seen).await?;
        }
        if request.attributes == ListedAttributes::OfReadable {
            hide_unreadable(ctx, &mut entries);
        }
        // Every change of an entry changes the directory too: what was listed is covered by its newest version.
        self.live(request.directory, &mut seen).await?;
        self.settle(seen.0).await?;
        Ok(ReaddirReply { entries, end, directory })
    }

    async fn dots(
        &self,
        ctx: &OpContext,
        request: &ReaddirRequest,
        seen: &mut Seen,
    ) -> Result<Vec<DirectoryEntry>, Failure> {
        let entry = |name: &'static [u8], inode: InodeId, cookie| DirectoryEntry {
            name: Bytes::from_static(name),
            inode,
            file_type: FileType::Directory,
            cookie,
            attributes: None,
        };
        let mut dots = Vec::with_capacity(2);
        if request.after < Cookie::DOT {
            dots.push(entry(b".", request.directory, Cookie::DOT));
        }
        if request.after < Cookie::DOT_DOT {
            let parent = self.parent(ctx, request.directory, seen).await?;
            dots.push(entry(b"..", parent, Cookie::DOT_DOT));
        }
        dots.extend(self.door_entry(ctx, request.directory, request.after));
        Ok(dots)
    }

    /// Entries behind those that the house makes up, and whether they are the last.
    async fn stored_entries(
        &self,
        (request, record): (&ReaddirRequest, &InodeRecord),
        limit: usize,
        seen: &mut Seen,
    ) -> Result<(Vec<DirectoryEntry>, bool), Failure> {
        let mut after = request.after.max(Cookie(Cookie::FIRST_STORED.0 - 1));
        if request.directory.tree.is_snapshots() {
            return Box::pin(self.past_entries(request.directory, after, limit)).await;
        }
        let state = DirectoryState { change: record.change, generation: self.meta.generation() };
        let mut entries = Vec::with_capacity(limit);
        while entries.len() < limit {
            let run = match self.records.listings.find(request.directory, state, after) {
                Some(run) => run,
                None => self.scan_entries((request.directory, state), after, limit - entries.len()).await?,
            };
            seen.note(run.version);
            let found = run.behind(after);
            let taken = found.len().min(limit - entries.len());
            entries.extend(found.iter().take(taken).cloned().map(entry_of));
            if taken == found.len() && run.is_end {
                return Ok((entries, true));
            }
            after = entries.last().map_or(after, |last| last.cookie);
        }
        Ok((entries, false))
    }

    /// Reads entries behind a cookie, so many or somewhat more, and keeps them if the directory has not changed meanwhile.
    async fn scan_entries(
        &self,
        (directory, state): (InodeId, DirectoryState),
        after: Cookie,
        wanted: usize,
    ) -> Result<Arc<ListedRun>, Failure> {
        let limit = wanted.max(SCANNED_MIN);
        let range = |directory| keys::dentry_range(directory, after);
        let scanned = self.listed(directory, range, limit).await;
        let found = scanned.map_err(|error| self.refuse(&error))?;
        let is_end = found.value.len() < limit;
        let mut listed = Vec::with_capacity(found.value.len());
        for (key, value) in found.value {
            let Ok(KeyKind::Dentry { cookie, .. }) = kind_of(&key) else { continue };
            let dentry = DentryRecord::decode_at(&key, &value).map_err(|error| self.refuse(&error))?;
            let Some(dentry) = self.shown_in(directory, dentry) else { continue };
            let inode = target_of(directory, &dentry);
            listed.push(Listed { cookie, inode, file_type: dentry.file_type, name: dentry.name.to_bytes() });
        }
        let run = Arc::new(ListedRun::new(after, listed, (is_end, found.version)));
        let current = self.records.inodes.get(&directory).and_then(|slot| slot.value);
        if current.is_some_and(|current| current.change == state.change) && self.meta.generation() == state.generation {
            self.records.listings.put(directory, state, &run);
        }
        Ok(run)
    }

    /// Adds the attributes of all entries; inodes that are not in memory are read together, in order of their keys.
    async fn add_attributes(&self, entries: &mut [DirectoryEntry], seen: &mut Seen) -> Result<(), Failure> {
        let mut missing = Vec::new();
        for (index, entry) in entries.iter_mut().enumerate() {
            match self.records.inodes.get(&entry.inode) {
                _ if entry.inode.tree != TreeId::LIVE => {
                    let record = self.inode(entry.inode, seen).await?;
                    entry.attributes = self.attributes_of(entry.inode, record);
                }
                Some(slot) => {
                    seen.note(slot.version);
                    entry.attributes = self.attributes_of(entry.inode, slot.value);
                }
                None => missing.push((entry.inode, index)),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        missing.sort_unstable();
        let mut inodes: Vec<_> = missing.iter().map(|(inode, _)| *inode).collect();
        inodes.dedup();
        self.load_inodes(&inodes).await?;
        for (inode, index) in missing {
            let record = self.inode(inode, seen).await?;
            if let Some(entry) = entries.get_mut(index) {
                entry.attributes = self.attributes_of(inode, record);
            }
        }
        Ok(())
    }

    /// The attributes of an inode that still has a name.
    fn attributes_of(&self, inode: InodeId, record: Option<Arc<InodeRecord>>) -> Option<Attributes> {
        record.filter(|record| record.links > 0).map(|record| self.attributes(inode, &record))
    }

    async fn load_inodes(&self, missing: &[InodeId]) -> Result<(), Failure> {
        let tickets: Vec<_> = missing.iter().map(|inode| self.records.inodes.begin(inode)).collect();
        let wanted: Vec<_> = missing.iter().map(|inode| keys::inode(*inode)).collect();
        let found = self.meta.read_many(&wanted).await.map_err(|error| self.refuse(&error))?;
        for (((inode, ticket), key), value) in missing.iter().zip(tickets).zip(&wanted).zip(found) {
            let record = value.map(|value| InodeRecord::decode_at(key, &value)).transpose();
            let mut record = record.map_err(|error| self.refuse(&error))?.map(Arc::new);
            if let Some(record) = &mut record {
                self.load_descriptor_of(*inode, record).await.map_err(|error| self.refuse(&error))?;
            }
            self.records.inodes.fill((inode, ticket), record, self.meta.watermark());
        }
        Ok(())
    }
}

/// What the caller may not read is told without attributes.
fn hide_unreadable(ctx: &OpContext, entries: &mut [DirectoryEntry]) {
    for entry in entries.iter_mut().filter(|entry| entry.cookie >= Cookie::FIRST_STORED) {
        entry.attributes.take_if(|attributes| !may_read(attributes, &ctx.credentials));
    }
}

fn entry_of(listed: Listed) -> DirectoryEntry {
    let Listed { cookie, inode, file_type, name } = listed;
    DirectoryEntry { name, inode, file_type, cookie, attributes: None }
}

/// Entries that are read at once at least: who asks for few goes on soon.
const SCANNED_MIN: usize = 256;
