//! Object ids (MS-FSCC 2.3.1): a name for a file that stays when it is renamed.

use smb_wire::Status;
use smb_wire::dtyp::Guid;
use smb_wire::ioctl::ObjectId;
use vfs::Vfs;

use super::{Asked, Opened};
use crate::answer::Answer;
use crate::dispatch::Call;
use crate::status;

/// Tells the object id of a file, which every file has: its number, and that of its file system.
///
/// Errors, in order: INVALID_PARAMETER, those of the house.
pub(super) async fn object_id<V: Vfs>(
    call: &Call<'_, V>,
    (tree, open): Opened<'_>,
    asked: &Asked<'_>,
) -> Result<Answer, Status> {
    let ctx = call.context(tree.root().unwrap_or(open.inode));
    let attributes = call.door.vfs.getattr(&ctx, open.inode).await.map_err(status::of)?.attributes;
    let volume = Guid(u128::from(attributes.fsid).to_le_bytes());
    let number = u128::from(attributes.file().number.0) << 64 | u128::from(attributes.fsid);
    let object_id = Guid(number.to_le_bytes());
    asked.output(&ObjectId {
        object_id,
        birth_volume_id: volume,
        birth_object_id: object_id,
        domain_id: Guid::default(),
    })
}
