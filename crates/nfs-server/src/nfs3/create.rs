//! CREATE (RFC 1813 3.3.8), and the answer it shares with MKDIR, SYMLINK and MKNOD.

use nfs_wire::nfs3::{Create, CreateArgs, CreateHow as WireHow, NewObjectOk, WccData};
use vfs::{CreateHow, CreateReply, CreateRequest, Vfs};

use super::Answer;
use super::attributes::{first_attributes, post_op, wcc};
use super::call::{Call, Object, Refused};
use super::name::{Dots, entry_name};

impl<V: Vfs> Answer<V> for Create {
    type Resok = NewObjectOk;
    type Resfail = WccData;

    async fn answer(call: &Call<'_, V>, args: CreateArgs) -> Result<NewObjectOk, Refused> {
        let parent = call.open_to_change(&args.place.dir).await?;
        let name = entry_name(args.place.name, &Dots::EXIST)?;
        let how = match args.how {
            WireHow::Unchecked(attributes) => CreateHow::Unchecked(first_attributes(&attributes, &parent)?),
            WireHow::Guarded(attributes) => CreateHow::Guarded(first_attributes(&attributes, &parent)?),
            WireHow::Exclusive(verifier) => CreateHow::Exclusive(verifier),
        };
        let request = CreateRequest { parent: parent.inode, name, how };
        let reply = call.door.vfs.create(&parent.ctx, request).await?;
        Ok(new_object(call, &parent, &reply))
    }
}

/// What is told of a new object.
pub(super) fn new_object<V: Vfs>(call: &Call<'_, V>, parent: &Object, reply: &CreateReply) -> NewObjectOk {
    NewObjectOk {
        obj: call.seal(parent, reply.attributes.inode),
        obj_attributes: post_op(&reply.attributes),
        dir_wcc: wcc(&reply.parent),
    }
}
