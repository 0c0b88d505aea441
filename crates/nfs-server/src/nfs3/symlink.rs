//! SYMLINK (RFC 1813 3.3.10).

use nfs_wire::nfs3::{NewObjectOk, Symlink, SymlinkArgs, WccData};
use vfs::{SymlinkRequest, Vfs};

use super::Answer;
use super::attributes::first_attributes;
use super::call::{Call, Refused};
use super::create::new_object;
use super::name::{Dots, entry_name};

impl<V: Vfs> Answer<V> for Symlink {
    type Resok = NewObjectOk;
    type Resfail = WccData;

    async fn answer(call: &Call<'_, V>, args: SymlinkArgs) -> Result<NewObjectOk, Refused> {
        let parent = call.open_to_change(&args.place.dir).await?;
        let name = entry_name(args.place.name, &Dots::EXIST)?;
        let mut attributes = first_attributes(&args.symlink.symlink_attributes, &parent)?;
        attributes.size = None;
        // Copied, so that the record does not stay alive with it.
        let target = bytes::Bytes::copy_from_slice(&args.symlink.symlink_data);
        let request = SymlinkRequest { parent: parent.inode, name, target, attributes };
        let reply = call.door.vfs.symlink(&parent.ctx, request).await?;
        Ok(new_object(call, &parent, &reply))
    }
}
