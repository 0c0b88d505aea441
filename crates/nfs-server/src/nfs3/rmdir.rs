//! RMDIR (RFC 1813 3.3.13).

use nfs_wire::nfs3::{Rmdir, RmdirArgs, WccData};
use vfs::{RemoveKind, RemoveRequest, Vfs};

use super::Answer;
use super::attributes::wcc;
use super::call::{Call, Refused};
use super::name::{Dots, entry_name};

impl<V: Vfs> Answer<V> for Rmdir {
    type Resok = WccData;
    type Resfail = WccData;

    async fn answer(call: &Call<'_, V>, args: RmdirArgs) -> Result<WccData, Refused> {
        let parent = call.open_to_change(&args.object.dir).await?;
        let name = entry_name(args.object.name, &Dots::RMDIR)?;
        let request = RemoveRequest { parent: parent.inode, name, kind: RemoveKind::Directory };
        let reply = call.door.vfs.remove(&parent.ctx, request).await?;
        Ok(wcc(&reply.parent))
    }
}
