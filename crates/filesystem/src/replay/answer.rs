//! Answering a request that was done before a restart, from the present state. Directories and inodes are told as they
//! are now, before and after alike: a client that remembers an older state sees that it changed.

use vfs::{
    Attributes, Change, CreateReply, DeviceNumber, DosAttributes, Failure, FileType, FsError, InodeId, LinkReply,
    LinkRequest, Principal, RemoveKind, RemoveReply, RemoveRequest, RenameReply, RenameRequest, SetattrReply,
    Timestamp,
};

use super::{Kind, Outcome};
use crate::Filesystem;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Errors, in order: `StaleHandle` (the directory is gone), `NotFound` (what was made is gone), `Io`.
    pub(crate) async fn created_before(&self, parent: InodeId, done: Outcome) -> Result<CreateReply, Failure> {
        let directory = self.settled_attributes(parent).await?;
        let found = self.settled_attributes(parent.sibling(done.inode)).await;
        let attributes = found.map_err(|failure| match failure.error {
            FsError::StaleHandle => Failure::with(FsError::NotFound, directory.clone()),
            other => Failure::with(other, directory.clone()),
        })?;
        Ok(CreateReply { attributes, parent: Change::none(directory), created: done.kind == Kind::Created })
    }

    /// Errors, in order: `StaleHandle` (inode or directory are gone), `Io`.
    pub(crate) async fn linked_before(&self, request: &LinkRequest) -> Result<LinkReply, Failure> {
        let attributes = self.settled_attributes(request.inode).await?;
        Ok(LinkReply { attributes, parent: Change::none(self.settled_attributes(request.parent).await?) })
    }

    /// Errors, in order: `StaleHandle` (the directory is gone), `Io`.
    pub(crate) async fn removed_before(&self, request: &RemoveRequest, done: Outcome) -> Result<RemoveReply, Failure> {
        let parent = Change::none(self.settled_attributes(request.parent).await?);
        let inode = request.parent.sibling(done.inode);
        let removed = match self.settled_attributes(inode).await {
            Err(failure) if failure.error == FsError::StaleHandle => gone(inode, request.kind),
            found => found?,
        };
        Ok(RemoveReply { parent, removed })
    }

    /// Errors, in order: `StaleHandle` (a directory is gone), `Io`.
    pub(crate) async fn renamed_before(&self, request: &RenameRequest) -> Result<RenameReply, Failure> {
        let from = Change::none(self.settled_attributes(request.from_parent).await?);
        Ok(RenameReply { from, to: Change::none(self.settled_attributes(request.to_parent).await?) })
    }

    /// Errors, in order: `StaleHandle` (the inode is gone), `Io`.
    pub(crate) async fn changed_before(&self, inode: InodeId) -> Result<SetattrReply, Failure> {
        Ok(SetattrReply { change: Change::none(self.settled_attributes(inode).await?) })
    }
}

/// An inode without links of which nothing else is known any more.
fn gone(inode: InodeId, kind: RemoveKind) -> Attributes {
    let nobody = Principal::Unix(0);
    let never = Timestamp::default();
    Attributes {
        inode,
        file_type: if kind == RemoveKind::Directory { FileType::Directory } else { FileType::Regular },
        mode: 0,
        links: 0,
        owner: nobody.clone(),
        group: nobody,
        size: 0,
        allocated_bytes: 0,
        device: DeviceNumber::default(),
        fsid: 0,
        accessed: never,
        modified: never,
        changed: never,
        created: never,
        change: 0,
        dos: DosAttributes::default(),
        descriptor: None,
        xattr_bytes: 0,
        stream_of: None,
    }
}
