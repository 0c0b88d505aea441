//! READLINK (RFC 1813 3.3.5).

use nfs_wire::nfs3::{NfsPath, Nfsstat3, PostOpAttr, Readlink, ReadlinkArgs, ReadlinkOk};
use vfs::Vfs;

use super::Answer;
use super::attributes::post_op;
use super::call::{Call, Refused};

impl<V: Vfs> Answer<V> for Readlink {
    type Resok = ReadlinkOk;
    type Resfail = PostOpAttr;

    async fn answer(call: &Call<'_, V>, args: ReadlinkArgs) -> Result<ReadlinkOk, Refused> {
        let object = call.open(&args.symlink).await?;
        let reply = call.door.vfs.readlink(&object.ctx, object.inode).await?;
        let data = NfsPath::new(reply.target).map_err(|_| Nfsstat3::Serverfault)?;
        Ok(ReadlinkOk { symlink_attributes: post_op(&reply.attributes), data })
    }
}
