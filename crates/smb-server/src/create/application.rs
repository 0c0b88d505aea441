//! CREATE of an application that may have come up elsewhere (MS-SMB2 3.3.5.9.13).

use std::sync::Arc;

use smb_wire::Status;
use smb_wire::dtyp::Guid;
use vfs::acl::AccessMask;
use vfs::{AccessRequest, Case, InodeId, Name, OpContext, OpenId, Vfs, WalkRequest};

use crate::app_instance::{Held, Instance, Key, Version};
use crate::dispatch::Call;
use crate::tree::{Disk, Tree};

/// What an application calls itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Application {
    /// `None`: it does not.
    pub(super) id: Option<Guid>,
    pub(super) version: Option<Version>,
}

impl Application {
    /// Ends what the application has left open on other clients, if the caller may read that.
    ///
    /// Errors: FILE_FORCED_CLOSED (the one there is no older).
    pub(super) async fn end_elsewhere<V: Vfs>(
        self,
        call: &Call<'_, V>,
        (tree, disk, ctx): (&Tree, &Disk, &OpContext),
        (path, stream): (&[Name], Option<&Name>),
    ) -> Result<(), Status> {
        let Some(application) = self.id else { return Ok(()) };
        let request = WalkRequest { start: disk.root, path: path.to_vec(), case: Case::Insensitive };
        // What is not there is open nowhere.
        let Ok(found) = call.door.vfs.walk(ctx, request).await else { return Ok(()) };
        let inode = found.attributes.inode;
        let elsewhere = call
            .door
            .facts
            .applications
            .elsewhere(&key(call, tree, (application, found.attributes.file(), stream)), call.terms.client_guid);
        if elsewhere.is_empty() {
            return Ok(());
        }
        if !elsewhere.iter().all(|held| held.gives_way_to(self.version)) {
            return Err(Status::FILE_FORCED_CLOSED);
        }
        let reached = call.door.vfs.access(ctx, AccessRequest { inode, wanted: READS }).await;
        if disk.rights.contains(READS) && reached.is_ok_and(|reached| reached.granted.contains(READS)) {
            for held in elsewhere {
                call.door.end_open(held.session, held.open).await;
            }
        }
        Ok(())
    }

    /// Notes an open as its own.
    pub(super) fn enter<V>(
        self,
        call: &Call<'_, V>,
        tree: &Tree,
        (open, file, stream): (OpenId, InodeId, Option<&Name>),
    ) -> Option<Arc<Instance>> {
        let key = key(call, tree, (self.id?, file, stream));
        let (session, client, version) = (call.session.id, call.terms.client_guid, self.version);
        Some(call.door.facts.applications.enter(key, Held { open, session, client, version }))
    }
}

fn key<V>(call: &Call<'_, V>, tree: &Tree, (application, file, stream): (Guid, InodeId, Option<&Name>)) -> Key {
    Key { zone: call.session.zone, share: tree.name.clone(), application, file, stream: stream.cloned() }
}

/// `GENERIC_READ` of a file (MS-SMB2 2.2.13.1.1), but for `SYNCHRONIZE`, which means nothing here.
const READS: AccessMask = AccessMask(
    AccessMask::READ_DATA.0 | AccessMask::READ_EA.0 | AccessMask::READ_ATTRIBUTES.0 | AccessMask::READ_CONTROL.0,
);
