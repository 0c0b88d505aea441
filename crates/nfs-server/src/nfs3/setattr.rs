//! SETATTR (RFC 1813 3.3.2).

use nfs_wire::nfs3::{Setattr, SetattrArgs, WccData};
use vfs::{SetattrRequest, Vfs, Via};

use super::Answer;
use super::attributes::{set_attributes, timestamp, wcc};
use super::call::{Call, Refused};

impl<V: Vfs> Answer<V> for Setattr {
    type Resok = WccData;
    type Resfail = WccData;

    async fn answer(call: &Call<'_, V>, args: SetattrArgs) -> Result<WccData, Refused> {
        let object = call.open_to_change(&args.object).await?;
        let attributes = set_attributes(&args.new_attributes)?;
        let guard = args.guard.map(timestamp).transpose()?;
        let request = SetattrRequest { inode: object.inode, via: Via::Anonymous, attributes, guard };
        let reply = call.door.vfs.setattr(&object.ctx, request).await?;
        Ok(wcc(&reply.change))
    }
}
