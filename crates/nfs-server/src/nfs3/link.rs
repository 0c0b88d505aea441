//! LINK (RFC 1813 3.3.15).

use nfs_wire::nfs3::{Link, LinkArgs, LinkBody};
use vfs::{LinkRequest, Vfs};

use super::Answer;
use super::attributes::{post_op, wcc};
use super::call::{Call, Refused};
use super::name::{Dots, entry_name};

impl<V: Vfs> Answer<V> for Link {
    type Resok = LinkBody;
    type Resfail = LinkBody;

    async fn answer(call: &Call<'_, V>, args: LinkArgs) -> Result<LinkBody, Refused> {
        let file = call.open_to_change(&args.file).await?;
        let parent = call.open_beside(&file, &args.link.dir)?;
        let name = entry_name(args.link.name, &Dots::EXIST)?;
        let request = LinkRequest { inode: file.inode, parent, name, replace: false };
        let reply = call.door.vfs.link(&file.ctx, request).await?;
        Ok(LinkBody { file_attributes: post_op(&reply.attributes), linkdir_wcc: wcc(&reply.parent) })
    }
}
