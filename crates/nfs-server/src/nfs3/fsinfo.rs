//! FSINFO (RFC 1813 3.3.19).

use nfs_wire::nfs3::{Fsinfo, FsinfoArgs, FsinfoOk, Nfstime3, PostOpAttr, fsinfo_properties};
use vfs::Vfs;
use vfs::limits::FILE_SIZE_MAX;
use zones::TransferSizes;

use super::Answer;
use super::attributes::post_op;
use super::call::{Call, Refused};
use crate::settings::Settings;

impl<V: Vfs> Answer<V> for Fsinfo {
    type Resok = FsinfoOk;
    type Resfail = PostOpAttr;

    async fn answer(call: &Call<'_, V>, args: FsinfoArgs) -> Result<FsinfoOk, Refused> {
        let object = call.open(&args.fsroot).await?;
        let reply = call.door.vfs.getattr(&object.ctx, object.inode).await?;
        let (export, settings) = (call.export(&object)?, &call.door.settings);
        let advised = export.sizes();
        let (read, write) = (served(advised.read, settings), served(advised.write, settings));
        let set_time = if export.can_set_time() { fsinfo_properties::CANSETTIME } else { 0 };
        Ok(FsinfoOk {
            obj_attributes: post_op(&reply.attributes),
            rtmax: read.max,
            rtpref: read.preferred,
            rtmult: read.multiple,
            wtmax: write.max,
            wtpref: write.preferred,
            wtmult: write.multiple,
            dtpref: advised.readdir_preferred.unwrap_or(settings.readdir_bytes_preferred).min(settings.io_bytes_max),
            maxfilesize: FILE_SIZE_MAX,
            time_delta: Nfstime3 { seconds: 0, nanoseconds: 1 },
            properties: PROPERTIES | set_time,
        })
    }
}

/// Sizes as clients are told.
struct Served {
    max: u32,
    preferred: u32,
    multiple: u32,
}

/// What the export advises, and the gateway's own where it does not; never more than the gateway serves.
fn served(advised: TransferSizes, settings: &Settings) -> Served {
    let max = advised.max.unwrap_or(u32::MAX).min(settings.io_bytes_max);
    let preferred = advised.preferred.unwrap_or(settings.io_bytes_preferred).min(max);
    Served { max, preferred, multiple: advised.multiple.unwrap_or(BLOCK_BYTES).min(max) }
}

/// Reads and writes that cover whole blocks cost least.
const BLOCK_BYTES: u32 = 4096;
const PROPERTIES: u32 = fsinfo_properties::LINK | fsinfo_properties::SYMLINK | fsinfo_properties::HOMOGENEOUS;
