//! RENAME (RFC 1813 3.3.14).

use nfs_wire::nfs3::{Rename, RenameArgs, RenameBody};
use vfs::{RenameRequest, Vfs};

use super::Answer;
use super::attributes::wcc;
use super::call::{Call, Refused};
use super::name::{Dots, entry_name};

impl<V: Vfs> Answer<V> for Rename {
    type Resok = RenameBody;
    type Resfail = RenameBody;

    async fn answer(call: &Call<'_, V>, args: RenameArgs) -> Result<RenameBody, Refused> {
        let from = call.open_to_change(&args.from.dir).await?;
        let to_parent = call.open_beside(&from, &args.to.dir)?;
        let from_name = entry_name(args.from.name, &Dots::INVALID)?;
        let to_name = entry_name(args.to.name, &Dots::INVALID)?;
        let request = RenameRequest { from_parent: from.inode, from_name, to_parent, to_name, replace: true };
        let reply = call.door.vfs.rename(&from.ctx, request).await?;
        Ok(RenameBody { fromdir_wcc: wcc(&reply.from), todir_wcc: wcc(&reply.to) })
    }
}
