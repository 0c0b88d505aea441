//! COMMIT (RFC 1813 3.3.21).

use nfs_wire::nfs3::{Commit, CommitArgs, CommitOk, WccData};
use vfs::{CommitRequest, Vfs, Via};

use super::Answer;
use super::attributes::wcc;
use super::call::{Call, Refused};

impl<V: Vfs> Answer<V> for Commit {
    type Resok = CommitOk;
    type Resfail = WccData;

    async fn answer(call: &Call<'_, V>, args: CommitArgs) -> Result<CommitOk, Refused> {
        let file = call.open_to_change(&args.file).await?;
        let (offset, length) = (args.offset, u64::from(args.count));
        let request = CommitRequest { inode: file.inode, via: Via::Anonymous, offset, length };
        let reply = call.door.vfs.commit(&file.ctx, request).await?;
        Ok(CommitOk { file_wcc: wcc(&reply.change), verf: reply.verifier.0 })
    }
}
