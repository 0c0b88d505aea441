//! FSSTAT (RFC 1813 3.3.18).

use nfs_wire::nfs3::{Fsstat, FsstatArgs, FsstatOk, PostOpAttr};
use vfs::Vfs;

use super::Answer;
use super::attributes::post_op;
use super::call::{Call, Refused};

impl<V: Vfs> Answer<V> for Fsstat {
    type Resok = FsstatOk;
    type Resfail = PostOpAttr;

    async fn answer(call: &Call<'_, V>, args: FsstatArgs) -> Result<FsstatOk, Refused> {
        let object = call.open(&args.fsroot).await?;
        let reply = call.door.vfs.stat_fs(&object.ctx, object.inode).await?;
        let figures = reply.statistics;
        Ok(FsstatOk {
            obj_attributes: post_op(&reply.attributes),
            tbytes: figures.total_bytes,
            fbytes: figures.free_bytes,
            abytes: figures.available_bytes,
            tfiles: figures.total_files,
            ffiles: figures.free_files,
            afiles: figures.available_files,
            invarsec: 0,
        })
    }
}
