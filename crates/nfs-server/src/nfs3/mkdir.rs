//! MKDIR (RFC 1813 3.3.9).

use nfs_wire::nfs3::{Mkdir, MkdirArgs, NewObjectOk, WccData};
use vfs::{MkdirRequest, Vfs};

use super::Answer;
use super::attributes::first_attributes;
use super::call::{Call, Refused};
use super::create::new_object;
use super::name::{Dots, entry_name};

impl<V: Vfs> Answer<V> for Mkdir {
    type Resok = NewObjectOk;
    type Resfail = WccData;

    async fn answer(call: &Call<'_, V>, args: MkdirArgs) -> Result<NewObjectOk, Refused> {
        let parent = call.open_to_change(&args.place.dir).await?;
        let name = entry_name(args.place.name, &Dots::EXIST)?;
        let mut attributes = first_attributes(&args.attributes, &parent)?;
        // A directory has no length to set; some clients send one.
        attributes.size = None;
        let request = MkdirRequest { parent: parent.inode, name, attributes };
        let reply = call.door.vfs.mkdir(&parent.ctx, request).await?;
        Ok(new_object(call, &parent, &reply))
    }
}
