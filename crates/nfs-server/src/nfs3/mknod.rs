//! MKNOD (RFC 1813 3.3.11).

use nfs_wire::nfs3::{Mknod, MknodArgs, MknodData, NewObjectOk, Nfsstat3, WccData};
use vfs::{MknodRequest, NodeKind, Vfs};

use super::Answer;
use super::attributes::{device, first_attributes};
use super::call::{Call, Refused};
use super::create::new_object;
use super::name::{Dots, entry_name};

impl<V: Vfs> Answer<V> for Mknod {
    type Resok = NewObjectOk;
    type Resfail = WccData;

    async fn answer(call: &Call<'_, V>, args: MknodArgs) -> Result<NewObjectOk, Refused> {
        let parent = call.open_to_change(&args.place.dir).await?;
        let name = entry_name(args.place.name, &Dots::EXIST)?;
        let (kind, wire) = match args.what {
            MknodData::CharacterDevice(data) => (NodeKind::Character(device(data.spec)), data.dev_attributes),
            MknodData::BlockDevice(data) => (NodeKind::Block(device(data.spec)), data.dev_attributes),
            MknodData::Socket(attributes) => (NodeKind::Socket, attributes),
            MknodData::Fifo(attributes) => (NodeKind::Fifo, attributes),
            MknodData::Regular | MknodData::Directory | MknodData::SymbolicLink => {
                return Err(Nfsstat3::Badtype.into());
            }
        };
        let mut attributes = first_attributes(&wire, &parent)?;
        attributes.size = None;
        let request = MknodRequest { parent: parent.inode, name, kind, attributes };
        let reply = call.door.vfs.mknod(&parent.ctx, request).await?;
        Ok(new_object(call, &parent, &reply))
    }
}
