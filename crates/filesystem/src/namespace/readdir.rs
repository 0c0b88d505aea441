//! READDIR: pages of a directory in cookie order, which is the order of the keys.

use bytes::Bytes;
use kv::Direction;
use meta::keys::{self, KeyKind};
use meta::records::{DentryRecord, InodeRecord, Record};
use vfs::limits::READDIR_ENTRIES_MAX;
use vfs::{Cookie, DirectoryEntry, Failure, FileType, FsError, InodeId, OpContext, ReaddirReply, ReaddirRequest};

use super::lookup::require_directory;
use crate::Filesystem;
use crate::access::{READ, require};
use crate::cache::Seen;
use crate::load::kind_of;
use crate::turn::target_of;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_readdir(&self, ctx: &OpContext, request: ReaddirRequest) -> Result<ReaddirReply, Failure> {
        self.require_live(ctx, FsError::StaleHandle)?;
        let mut seen = Seen::default();
        let record = self.live(request.directory, &mut seen).await?;
        let directory = self.attributes(request.directory, &record);
        require_directory(&directory)?;
        let refuse = |error| Failure::with(error, directory.clone());
        require(&directory, &ctx.credentials, READ).map_err(refuse)?;
        let is_reserved = request.after > Cookie::DOT_DOT && request.after < Cookie::FIRST_STORED;
        if is_reserved || i64::try_from(request.after.0).is_err() {
            return Err(refuse(FsError::BadCookie));
        }
        let limit = request.entries_max.clamp(1, READDIR_ENTRIES_MAX);
        let mut entries = self.dots(ctx, &request, &mut seen).await?;
        entries.truncate(limit);
        let end = if entries.len() < limit {
            let wanted = limit - entries.len();
            let stored = self.stored_entries(&request, wanted, &mut seen).await?;
            let end = stored.len() < wanted;
            entries.extend(stored);
            end
        } else {
            false
        };
        if request.attributes {
            self.add_attributes(&mut entries, &mut seen).await?;
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
        Ok(dots)
    }

    async fn stored_entries(
        &self,
        request: &ReaddirRequest,
        limit: usize,
        seen: &mut Seen,
    ) -> Result<Vec<DirectoryEntry>, Failure> {
        let after = request.after.max(Cookie(Cookie::FIRST_STORED.0 - 1));
        let range = keys::dentry_range(request.directory, after);
        let scanned = self.meta.scan_seen(&range, limit, Direction::Forward).await;
        let found = scanned.map_err(|error| self.refuse(&error))?;
        seen.note(found.version);
        let mut entries = Vec::with_capacity(found.value.len());
        for (key, value) in found.value {
            let Ok(KeyKind::Dentry { cookie, .. }) = kind_of(&key) else { continue };
            let dentry = DentryRecord::decode_at(&key, &value).map_err(|error| self.refuse(&error))?;
            entries.push(DirectoryEntry {
                inode: target_of(request.directory, &dentry),
                name: dentry.name.to_bytes(),
                file_type: dentry.file_type,
                cookie,
                attributes: None,
            });
        }
        Ok(entries)
    }

    /// Adds the attributes of all entries; inodes that are not in memory are read together, in order of their keys.
    async fn add_attributes(&self, entries: &mut [DirectoryEntry], seen: &mut Seen) -> Result<(), Failure> {
        let mut missing: Vec<InodeId> = entries.iter().map(|entry| entry.inode).collect();
        missing.retain(|inode| self.records.inodes.get(inode).is_none());
        missing.sort_unstable();
        missing.dedup();
        self.load_inodes(&missing).await?;
        for entry in entries {
            let record = self.inode(entry.inode, seen).await?.filter(|record| record.links > 0);
            entry.attributes = record.map(|record| self.attributes(entry.inode, &record));
        }
        Ok(())
    }

    async fn load_inodes(&self, missing: &[InodeId]) -> Result<(), Failure> {
        let tickets: Vec<_> = missing.iter().map(|inode| self.records.inodes.begin(inode)).collect();
        let wanted: Vec<_> = missing.iter().map(|inode| keys::inode(*inode)).collect();
        let found = self.meta.read_many(&wanted).await.map_err(|error| self.refuse(&error))?;
        for (((inode, ticket), key), value) in missing.iter().zip(tickets).zip(&wanted).zip(found) {
            let record = value.map(|value| InodeRecord::decode_at(key, &value)).transpose();
            let record = record.map_err(|error| self.refuse(&error))?;
            self.records.inodes.fill((inode, ticket), record.map(std::sync::Arc::new), self.meta.watermark());
        }
        Ok(())
    }
}
