//! PATHCONF (RFC 1813 3.3.20).

use nfs_wire::nfs3::{Pathconf, PathconfArgs, PathconfOk, PostOpAttr};
use vfs::Vfs;
use vfs::limits::{LINKS_MAX, NFS_NAME_BYTES_MAX};

use super::Answer;
use super::attributes::post_op;
use super::call::{Call, Refused};

impl<V: Vfs> Answer<V> for Pathconf {
    type Resok = PathconfOk;
    type Resfail = PostOpAttr;

    async fn answer(call: &Call<'_, V>, args: PathconfArgs) -> Result<PathconfOk, Refused> {
        let object = call.open(&args.object).await?;
        let reply = call.door.vfs.getattr(&object.ctx, object.inode).await?;
        Ok(PathconfOk {
            obj_attributes: post_op(&reply.attributes),
            linkmax: LINKS_MAX,
            name_max: u32::try_from(NFS_NAME_BYTES_MAX).unwrap_or(u32::MAX),
            no_trunc: true,
            chown_restricted: true,
            case_insensitive: false,
            case_preserving: true,
        })
    }
}
