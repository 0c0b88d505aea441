//! LOOKUP (RFC 1813 3.3.3).

use nfs_wire::nfs3::{Lookup, LookupArgs, LookupOk, PostOpAttr};
use vfs::{Case, Failure, FsError, LookupRequest, Vfs};

use super::Answer;
use super::attributes::post_op;
use super::call::{Call, Refused};
use super::name::lookup_name;

impl<V: Vfs> Answer<V> for Lookup {
    type Resok = LookupOk;
    type Resfail = PostOpAttr;

    async fn answer(call: &Call<'_, V>, args: LookupArgs) -> Result<LookupOk, Refused> {
        let directory = call.open(&args.what.dir).await?;
        let name = lookup_name(args.what.name)?;
        let request = LookupRequest { parent: directory.inode, name, case: Case::Sensitive };
        let reply = call.door.vfs.lookup(&directory.ctx, request).await?;
        let Some(object) = call.seal(&directory, reply.attributes.inode) else {
            return Err(Failure::with(FsError::AccessDenied, reply.parent).into());
        };
        Ok(LookupOk { object, obj_attributes: post_op(&reply.attributes), dir_attributes: post_op(&reply.parent) })
    }
}
