//! Create contexts (MS-SMB2 2.2.13.2): what a client wishes beside the open.

use smb_wire::Status;
use smb_wire::create::{
    CreateRequest, CreateRequestContext, CreateResponseContext, DiskId, LeaseContext, MaximalAccess,
};
use smb_wire::dtyp::{AccessMask as WireMask, FileTime};
use smb_wire::negotiate::Dialect;
use vfs::Attributes;
use vfs::acl::AccessMask;

use super::application::Application;
use super::durable::Durability;
use crate::attributes::in_blocks;

/// What is answered of the wishes; what is not known is ignored.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wishes<'a> {
    /// A descriptor of what is made.
    pub(super) descriptor: Option<&'a [u8]>,
    /// Extended attributes of what is made.
    pub(super) extended_attributes: &'a [u8],
    /// A lease, if the request asks for one.
    pub(super) lease: Option<LeaseContext>,
    /// What is to outlive the connection, or did.
    pub(super) durability: Option<Durability>,
    /// Which application asks, if it says so.
    pub(super) application: Application,
    /// Room that is asked for what is made, in whole blocks.
    pub(super) allocation: u64,
    /// The snapshot in which it is to be found.
    pub(super) timewarp: Option<FileTime>,
    maximal_access: bool,
    disk_id: bool,
}

impl<'a> Wishes<'a> {
    /// Errors: INVALID_PARAMETER (durable opens of several kinds).
    pub(super) fn of(request: &CreateRequest<'a>, dialect: Dialect) -> Result<Self, Status> {
        let mut wishes = Self::default();
        for context in request.contexts.iter() {
            match context {
                CreateRequestContext::MaximalAccess(_) => wishes.maximal_access = true,
                CreateRequestContext::Lease(lease) => wishes.lease = Some(lease),
                CreateRequestContext::DiskId => wishes.disk_id = true,
                CreateRequestContext::SecurityDescriptor(descriptor) => wishes.descriptor = Some(descriptor),
                CreateRequestContext::Timewarp(time) => wishes.timewarp = Some(time),
                CreateRequestContext::AllocationSize(size) => wishes.allocation = in_blocks(size),
                CreateRequestContext::AppInstanceId(id) if dialect.0 >= Dialect::SMB_3_0.0 => {
                    wishes.application.id = Some(id);
                }
                CreateRequestContext::AppInstanceVersion(version) if dialect == Dialect::SMB_3_1_1 => {
                    wishes.application.version = Some((version.high, version.low));
                }
                CreateRequestContext::Ea(list) => wishes.extended_attributes = list,
                _ => {
                    if let Some(durability) = Durability::of(context, dialect) {
                        wishes.durability = Some(durability.beside(wishes.durability)?);
                    }
                }
            }
        }
        Ok(wishes)
    }

    /// The contexts of the answer.
    pub(super) fn granted(&self, maximal: AccessMask, attributes: &Attributes) -> Vec<CreateResponseContext<'static>> {
        let mut contexts = Vec::new();
        if self.maximal_access {
            let access = WireMask::from_bits_retain(maximal.0);
            contexts.push(CreateResponseContext::MaximalAccess(MaximalAccess { status: Status::SUCCESS, access }));
        }
        if self.disk_id {
            let (file_id, volume_id) = (attributes.file().number.0, attributes.fsid);
            contexts.push(CreateResponseContext::DiskId(DiskId { file_id, volume_id }));
        }
        contexts
    }
}
