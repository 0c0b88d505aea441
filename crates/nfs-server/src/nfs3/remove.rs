//! REMOVE (RFC 1813 3.3.12).

use nfs_wire::nfs3::{Remove, RemoveArgs, WccData};
use vfs::{RemoveKind, RemoveRequest, Vfs};

use super::Answer;
use super::attributes::wcc;
use super::call::{Call, Refused};
use super::name::{Dots, entry_name};

impl<V: Vfs> Answer<V> for Remove {
    type Resok = WccData;
    type Resfail = WccData;

    async fn answer(call: &Call<'_, V>, args: RemoveArgs) -> Result<WccData, Refused> {
        let parent = call.open_to_change(&args.object.dir).await?;
        let name = entry_name(args.object.name, &Dots::INVALID)?;
        let request = RemoveRequest { parent: parent.inode, name, kind: RemoveKind::File };
        let reply = call.door.vfs.remove(&parent.ctx, request).await?;
        Ok(wcc(&reply.parent))
    }
}
