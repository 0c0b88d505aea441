//! GETATTR (RFC 1813 3.3.1).

use nfs_wire::nfs3::{Getattr, GetattrArgs, GetattrOk};
use vfs::Vfs;

use super::Answer;
use super::attributes::fattr3;
use super::call::{Call, Refused};

impl<V: Vfs> Answer<V> for Getattr {
    type Resok = GetattrOk;
    type Resfail = ();

    async fn answer(call: &Call<'_, V>, args: GetattrArgs) -> Result<GetattrOk, Refused> {
        let object = call.open(&args.object).await?;
        let reply = call.door.vfs.getattr(&object.ctx, object.inode).await?;
        Ok(GetattrOk { obj_attributes: fattr3(&reply.attributes) })
    }
}
