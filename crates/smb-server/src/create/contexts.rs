//! Create contexts (MS-SMB2 2.2.13.2): what a client wishes beside the open.

use smb_wire::Status;
use smb_wire::create::{
    CreateRequest, CreateRequestContext, CreateResponseContext, DiskId, LeaseContext, MaximalAccess,
};
use smb_wire::dtyp::AccessMask as WireMask;
use vfs::Attributes;
use vfs::acl::AccessMask;

/// What is answered of the wishes. Durable opens are not granted yet, which clients must bear with; what is not known is
/// ignored.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wishes<'a> {
    /// A descriptor of what is made.
    pub(super) descriptor: Option<&'a [u8]>,
    /// Extended attributes of what is made.
    pub(super) extended_attributes: &'a [u8],
    /// A lease, if the request asks for one.
    pub(super) lease: Option<LeaseContext>,
    maximal_access: bool,
    disk_id: bool,
}

impl<'a> Wishes<'a> {
    /// Errors: INVALID_PARAMETER (durable opens of both kinds), OBJECT_NAME_NOT_FOUND (an open that would be taken up again,
    /// a snapshot).
    pub(super) fn of(request: &CreateRequest<'a>) -> Result<Self, Status> {
        let (mut wishes, mut durable) = (Self::default(), 0);
        for context in request.contexts.iter() {
            match context {
                CreateRequestContext::MaximalAccess(_) => wishes.maximal_access = true,
                CreateRequestContext::Lease(lease) => wishes.lease = Some(lease),
                CreateRequestContext::DiskId => wishes.disk_id = true,
                CreateRequestContext::SecurityDescriptor(descriptor) => wishes.descriptor = Some(descriptor),
                CreateRequestContext::DurableRequestV1 | CreateRequestContext::DurableRequestV2(_) => durable += 1,
                CreateRequestContext::DurableReconnectV1(_)
                | CreateRequestContext::DurableReconnectV2(_)
                | CreateRequestContext::Timewarp(_) => return Err(Status::OBJECT_NAME_NOT_FOUND),
                CreateRequestContext::Ea(list) => wishes.extended_attributes = list,
                _ => {}
            }
        }
        if durable > 1 { Err(Status::INVALID_PARAMETER) } else { Ok(wishes) }
    }

    /// The contexts of the answer.
    pub(super) fn granted(self, maximal: AccessMask, attributes: &Attributes) -> Vec<CreateResponseContext<'static>> {
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
