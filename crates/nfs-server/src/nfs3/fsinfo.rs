//! FSINFO (RFC 1813 3.3.19).

use nfs_wire::nfs3::{Fsinfo, FsinfoArgs, FsinfoOk, Nfstime3, PostOpAttr, fsinfo_properties};
use vfs::Vfs;
use vfs::limits::FILE_SIZE_MAX;

use super::Answer;
use super::attributes::post_op;
use super::call::{Call, Refused};

impl<V: Vfs> Answer<V> for Fsinfo {
    type Resok = FsinfoOk;
    type Resfail = PostOpAttr;

    async fn answer(call: &Call<'_, V>, args: FsinfoArgs) -> Result<FsinfoOk, Refused> {
        let object = call.open(&args.fsroot).await?;
        let reply = call.door.vfs.getattr(&object.ctx, object.inode).await?;
        let settings = &call.door.settings;
        let preferred = settings.io_bytes_preferred.min(settings.io_bytes_max);
        Ok(FsinfoOk {
            obj_attributes: post_op(&reply.attributes),
            rtmax: settings.io_bytes_max,
            rtpref: preferred,
            rtmult: BLOCK_BYTES,
            wtmax: settings.io_bytes_max,
            wtpref: preferred,
            wtmult: BLOCK_BYTES,
            dtpref: settings.readdir_bytes_preferred,
            maxfilesize: FILE_SIZE_MAX,
            time_delta: Nfstime3 { seconds: 0, nanoseconds: 1 },
            properties: PROPERTIES,
        })
    }
}

/// Reads and writes that cover whole blocks cost least.
const BLOCK_BYTES: u32 = 4096;
const PROPERTIES: u32 = fsinfo_properties::LINK
    | fsinfo_properties::SYMLINK
    | fsinfo_properties::HOMOGENEOUS
    | fsinfo_properties::CANSETTIME;
