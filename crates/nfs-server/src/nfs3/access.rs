//! ACCESS (RFC 1813 3.3.4).

use nfs_wire::nfs3::{Access, AccessArgs, AccessOk, PostOpAttr, access_rights};
use vfs::acl::AccessMask;
use vfs::{AccessRequest, FileType, Vfs};

use super::Answer;
use super::attributes::post_op;
use super::call::{Call, Refused};

impl<V: Vfs> Answer<V> for Access {
    type Resok = AccessOk;
    type Resfail = PostOpAttr;

    async fn answer(call: &Call<'_, V>, args: AccessArgs) -> Result<AccessOk, Refused> {
        let object = call.open(&args.object).await?;
        let request = AccessRequest { inode: object.inode, wanted: WANTED };
        let reply = call.door.vfs.access(&object.ctx, request).await?;
        let file_type = reply.attributes.file_type;
        let allowed = rights(reply.granted, file_type) & !forbidden(object.read_only || !object.is_live(), file_type);
        Ok(AccessOk { obj_attributes: post_op(&reply.attributes), access: args.access & allowed })
    }
}

/// What the granted rights are called here. An entry can be deleted with the right to delete children, or with that
/// to change the directory, which is what the mode bit `w` stands for.
fn rights(granted: AccessMask, file_type: FileType) -> u32 {
    let is_directory = file_type == FileType::Directory;
    let has = |right: AccessMask| granted.contains(right);
    let bit = |is_granted: bool, bit: u32| if is_granted { bit } else { 0 };
    let changes = has(AccessMask::WRITE_DATA);
    bit(has(AccessMask::READ_DATA), access_rights::READ)
        | bit(is_directory && has(AccessMask::EXECUTE), access_rights::LOOKUP)
        | bit(changes, access_rights::MODIFY)
        | bit(has(AccessMask::APPEND_DATA), access_rights::EXTEND)
        | bit(is_directory && (changes || has(AccessMask::DELETE_CHILD)), access_rights::DELETE)
        | bit(!is_directory && has(AccessMask::EXECUTE), access_rights::EXECUTE)
}

/// What a read-only export takes away. Writing to a device or pipe changes nothing on the server.
fn forbidden(is_read_only: bool, file_type: FileType) -> u32 {
    let is_stored = matches!(file_type, FileType::Regular | FileType::Directory | FileType::Symlink);
    if is_read_only && is_stored { access_rights::MODIFY | access_rights::EXTEND | access_rights::DELETE } else { 0 }
}

/// Everything that has a name here.
const WANTED: AccessMask = AccessMask(
    AccessMask::READ_DATA.0
        | AccessMask::WRITE_DATA.0
        | AccessMask::APPEND_DATA.0
        | AccessMask::EXECUTE.0
        | AccessMask::DELETE_CHILD.0,
);
