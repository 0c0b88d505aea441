//! The directories `.snapshot`: each shows, by their names, the snapshots in which the directory that it is in was already.

use std::sync::Arc;

use bytes::Bytes;
use meta::records::InodeRecord;
use vfs::{
    Case, Cookie, DirectoryEntry, Disposition, Failure, FileType, FsError, InodeId, Name, OpContext, OpenRequest,
    OpenTarget, TreeId,
};

use super::past::Known;
use crate::Filesystem;
use crate::cache::Seen;

/// The name of such a directory.
pub(crate) const DIRECTORY_NAME: &[u8] = b".snapshot";

/// Its record, from that of the directory that it is in: whoever may read that may read this, and nobody may write.
pub(crate) fn directory_record(record: &InodeRecord) -> InodeRecord {
    InodeRecord {
        mode: record.mode & READABLE,
        size: 0,
        links: 2,
        descriptor: None,
        xattr_bytes: 0,
        streams: 0,
        ..record.clone()
    }
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// What a name that leads to the past stands for: `.snapshot` in a directory, a snapshot in that.
    ///
    /// Errors: `NotFound` (no such snapshot), `Io`.
    pub(crate) async fn past_entry(&self, directory: InodeId, (name, case): (&Name, Case)) -> Result<InodeId, Failure> {
        if !directory.tree.is_snapshots() {
            return Ok(directory.in_tree(TreeId::snapshots_of(directory.tree)));
        }
        self.snapshot_in(directory, (name, case)).await?.ok_or_else(|| FsError::NotFound.into())
    }

    async fn snapshot_in(&self, door: InodeId, (name, case): (&Name, Case)) -> Result<Option<InodeId>, Failure> {
        let Some(tree) = door.tree.behind_snapshots() else { return Ok(None) };
        let all = self.shard(door.shard)?.past.of_tree(tree);
        let exact = all.iter().rev().find(|known| known.is_named(name));
        let folded = meta::keys::fold(name.as_bytes());
        let is_alike = |known: &&Arc<Known>| {
            case == Case::Insensitive
                && !known.record.deleting
                && meta::keys::fold(known.record.name.as_bytes()) == folded
        };
        match exact.or_else(|| all.iter().rev().find(is_alike)) {
            Some(known) => self.past_in(door.in_tree(tree), known).await,
            None => Ok(None),
        }
    }

    /// The entries of such a directory behind a cookie, at most so many, and whether they are the last. The cookie of a
    /// snapshot is its number.
    ///
    /// Errors: `Io`.
    pub(crate) async fn past_entries(
        &self,
        door: InodeId,
        after: Cookie,
        limit: usize,
    ) -> Result<(Vec<DirectoryEntry>, bool), Failure> {
        let tree = door.tree.behind_snapshots().ok_or(FsError::StaleHandle)?;
        let all = self.shard(door.shard)?.past.of_tree(tree);
        let mut entries = Vec::new();
        for known in all.iter().filter(|known| !known.record.deleting) {
            let cookie = Cookie(Cookie::FIRST_STORED.0 + known.id.0);
            if cookie <= after {
                continue;
            }
            if entries.len() == limit {
                return Ok((entries, false));
            }
            if let Some(inode) = self.past_in(door.in_tree(tree), known).await? {
                let name = Bytes::copy_from_slice(known.record.name.as_bytes());
                entries.push(DirectoryEntry { name, inode, file_type: FileType::Directory, cookie, attributes: None });
            }
        }
        Ok((entries, true))
    }

    /// The entry `.snapshot` itself, where it is listed.
    pub(crate) fn door_entry(&self, ctx: &OpContext, directory: InodeId, after: Cookie) -> Option<DirectoryEntry> {
        let is_listed = ctx.snapshots.accessible && ctx.snapshots.listed && directory == ctx.root;
        (is_listed && after < Cookie::SNAPSHOT).then(|| DirectoryEntry {
            name: Bytes::from_static(DIRECTORY_NAME),
            inode: directory.in_tree(TreeId::snapshots_of(directory.tree)),
            file_type: FileType::Directory,
            cookie: Cookie::SNAPSHOT,
            attributes: None,
        })
    }

    /// The record of an inode of the past.
    ///
    /// Errors: `Io`.
    pub(crate) async fn past_inode(
        &self,
        inode: InodeId,
        seen: &mut Seen,
    ) -> Result<Option<Arc<InodeRecord>>, Failure> {
        if let Some(tree) = inode.tree.behind_snapshots() {
            let within = Box::pin(self.inode(inode.in_tree(tree), seen)).await?;
            let within = within.filter(|record| record.file_type == FileType::Directory);
            return Ok(within.map(|record| Arc::new(directory_record(&record))));
        }
        let record = self.cached_inode(inode, seen).await?;
        // Behind the look into the cache: what was there is not shown any more once the snapshot goes.
        Ok(record.filter(|_| self.known(inode).is_some()))
    }

    /// Makes a request that leads to the past one of the inode there, which makes and overwrites nothing.
    ///
    /// Errors: as [`Filesystem::past_entry`]; `StaleHandle`, `ReadOnly`.
    pub(crate) async fn open_in_past(&self, ctx: &OpContext, request: &mut OpenRequest) -> Result<(), Failure> {
        if let OpenTarget::Child { parent, name, case } = &request.target
            && leads_to_past(ctx, *parent, (name, *case))
        {
            request.target = OpenTarget::Inode(self.past_entry(*parent, (name, *case)).await?);
        }
        let inode = match &request.target {
            OpenTarget::Inode(inode) | OpenTarget::Child { parent: inode, .. } => *inode,
        };
        self.require_shown(inode)?;
        // What could be written then may be opened so now (as with Windows); writing itself is refused.
        if request.delete_on_close || !matches!(request.disposition, Disposition::Open | Disposition::OpenOrCreate) {
            return Err(FsError::ReadOnly.into());
        }
        request.disposition = Disposition::Open;
        request.persistent = None;
        Ok(())
    }
}

/// Whether an open leads to the past.
pub(crate) fn opens_past(ctx: &OpContext, request: &OpenRequest) -> bool {
    match &request.target {
        OpenTarget::Inode(inode) => inode.tree.is_past(),
        OpenTarget::Child { parent, name, case } => parent.tree.is_past() || leads_to_past(ctx, *parent, (name, *case)),
    }
}

/// Whether a name in a directory is `.snapshot`, or that of a snapshot.
pub(crate) fn leads_to_past(ctx: &OpContext, directory: InodeId, (name, case): (&Name, Case)) -> bool {
    let is_door = || ctx.snapshots.accessible && !directory.tree.is_past() && is_directory_name(name, case);
    directory.tree.is_snapshots() || is_door()
}

/// Nobody makes, removes or renames something of this name where it is the way into the past.
///
/// Errors: `Exists`.
pub(crate) fn require_ordinary(ctx: &OpContext, name: &Name) -> Result<(), FsError> {
    let is_taken = ctx.snapshots.accessible && is_directory_name(name, Case::Sensitive);
    if is_taken { Err(FsError::Exists) } else { Ok(()) }
}

fn is_directory_name(name: &Name, case: Case) -> bool {
    match case {
        Case::Sensitive => name.as_bytes() == DIRECTORY_NAME,
        Case::Insensitive => name.as_bytes().eq_ignore_ascii_case(DIRECTORY_NAME),
    }
}

/// Bits of a mode that let somebody read or pass.
const READABLE: u16 = 0o555;
