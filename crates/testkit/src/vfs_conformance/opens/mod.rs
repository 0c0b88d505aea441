//! Opens, share modes, deletion with the last open, renames through an open (MS-FSA 2.1.5.1, 2.1.5.15).

mod deletion;
mod dispositions;
mod leases;
mod links;
mod locks;
mod renames;
mod sharing;
mod taking_over;

use std::sync::Arc;

use vfs::acl::AccessMask;
use vfs::{
    Case, CloseRequest, DeletePendingRequest, Disposition, FsError, InodeId, Mailbox, OpenId, OpenReply, OpenRequest,
    OpenTarget, ReadRequest, RenameOpenRequest, SetAttributes, SetattrRequest, ShareMode, Stability, Vfs, Via,
    WriteRequest,
};

use super::actor::{Actor, Scene, named};

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    dispositions::all(scene).await;
    sharing::all(scene).await;
    deletion::all(scene).await;
    renames::all(scene).await;
    locks::all(scene).await;
    links::all(scene).await;
    leases::all(scene).await;
    taking_over::all(scene).await;
}

/// Rights by letters: `r`ead, `w`rite, e`x`ecute, `d`elete, `s`et attributes, look at `a`ttributes, `m`aximum.
fn rights(letters: &str) -> AccessMask {
    let right = |letter| match letter {
        'r' => AccessMask::READ_DATA,
        'w' => AccessMask::WRITE_DATA,
        'x' => AccessMask::EXECUTE,
        'd' => AccessMask::DELETE,
        's' => AccessMask::WRITE_ATTRIBUTES,
        'm' => AccessMask::MAXIMUM_ALLOWED,
        _ => AccessMask::READ_ATTRIBUTES,
    };
    letters.chars().map(right).fold(AccessMask::default(), AccessMask::union)
}

fn sharing(letters: &str) -> ShareMode {
    let has = |letter| letters.contains(letter);
    ShareMode { read: has('r'), write: has('w'), delete: has('d') }
}

/// An open of what exists, which lets others do everything.
pub(in super::super) fn opening(parent: InodeId, name: &str, access: &str) -> OpenRequest {
    let target = OpenTarget::Child { parent, name: named(name), case: Case::Insensitive };
    OpenRequest {
        target,
        stream: None,
        disposition: Disposition::Open,
        directory: None,
        opens_links: true,
        access: rights(access),
        share: sharing("rwd"),
        lease: None,
        delete_on_close: false,
        attributes: SetAttributes { mode: Some(0o644), ..SetAttributes::default() },
        persistent: None,
        mailbox: Arc::new(Mailbox::default()),
    }
}

fn creating(parent: InodeId, name: &str, access: &str) -> OpenRequest {
    OpenRequest { disposition: Disposition::Create, ..opening(parent, name, access) }
}

impl<V: Vfs> Actor<'_, V> {
    pub(in super::super) async fn open(&self, request: OpenRequest) -> Result<OpenReply, FsError> {
        self.house.open(self.next(), request).await.map_err(|failure| failure.error)
    }

    /// Whether an open with these rights is granted.
    pub(in super::super) async fn opens(&self, parent: InodeId, name: &str, access: AccessMask) -> bool {
        let opened = self.open(OpenRequest { access, ..opening(parent, name, "") }).await;
        if let Ok(reply) = &opened {
            self.close(reply.open).await.unwrap();
        }
        opened.is_ok()
    }

    /// An open that is granted.
    async fn opened(&self, request: OpenRequest) -> OpenId {
        self.open(request).await.unwrap().open
    }

    /// Closes; says whether the inode is still there.
    pub(in super::super) async fn close(&self, open: OpenId) -> Result<bool, FsError> {
        let reply = self.house.close(self.next(), CloseRequest { open }).await;
        reply.map(|reply| reply.change.is_some()).map_err(|failure| failure.error)
    }

    pub(in super::super) async fn mark(&self, open: OpenId, pending: bool) -> Result<(), FsError> {
        let request = DeletePendingRequest { open, pending };
        self.house.set_delete_pending(self.next(), request).await.map_err(|failure| failure.error)
    }

    pub(in super::super) async fn move_open(
        &self,
        open: OpenId,
        (to_parent, name): (InodeId, &str),
        replace: bool,
    ) -> Result<(), FsError> {
        let case = Case::Insensitive;
        let request = RenameOpenRequest { open, to_parent, to_name: named(name), replace, case };
        self.house.rename_open(self.next(), request).await.map(|_| ()).map_err(|failure| failure.error)
    }

    pub(in super::super) async fn read_by(&self, (inode, open): (InodeId, OpenId)) -> Result<Vec<u8>, FsError> {
        let request = ReadRequest { inode, via: Via::Open(open), offset: 0, length: 100 };
        let reply = self.house.read(self.next(), request).await;
        reply.map(|reply| reply.data.to_bytes().to_vec()).map_err(|failure| failure.error)
    }

    pub(in super::super) async fn write_by(
        &self,
        (inode, open): (InodeId, OpenId),
        data: &[u8],
    ) -> Result<(), FsError> {
        let (via, data) = (Via::Open(open), data.to_vec().into());
        let request = WriteRequest { inode, via, offset: 0, data, stability: Stability::Unstable };
        self.house.write(self.next(), request).await.map(|_| ()).map_err(|failure| failure.error)
    }

    pub(in super::super) async fn set_by(
        &self,
        (inode, open): (InodeId, OpenId),
        attributes: SetAttributes,
    ) -> Result<(), FsError> {
        let request = SetattrRequest { inode, via: Via::Open(open), attributes, guard: None };
        self.house.setattr(self.next(), request).await.map(|_| ()).map_err(|failure| failure.error)
    }
}
