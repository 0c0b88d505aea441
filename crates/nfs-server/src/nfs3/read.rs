//! READ (RFC 1813 3.3.6). The payload goes out from where it lies.

use nfs_wire::nfs3::{PostOpAttr, Read, ReadArgs, ReadHead, ReadResult, Reply3};
use nfs_wire::rpc::Procedure;
use nfs_wire::xdr::Decoder;
use pages::Payload;
use vfs::{ReadRequest, Vfs, Via};
use zones::Trail;

use super::attributes::post_op;
use super::call::{Call, Refused};
use super::file_ids::HoldsFileIds;
use super::{audit, decode_all, garbage};
use crate::reply::Reply;

/// Does a READ and returns the reply to `xid`.
pub(super) async fn run<V: Vfs>(call: &Call<'_, V>, xid: u32, arguments: Decoder) -> Reply {
    let Ok(args) = decode_all::<ReadArgs>(arguments) else { return garbage(xid) };
    let read = match call.zone.trail() {
        None => read(call, args).await,
        Some(trail) => Box::pin(recorded(call, trail, (xid, args))).await,
    };
    match read {
        Ok((mut head, payload)) => {
            if call.folds_file_ids() {
                head.file_attributes.fold();
            }
            Reply::read(xid, &head, payload)
        }
        Err(refused) => {
            let (status, mut attributes) = (refused.status, PostOpAttr::from(refused));
            if call.folds_file_ids() {
                attributes.fold();
            }
            let result: ReadResult = Reply3::Failed(status, attributes);
            Reply::success(xid, &result)
        }
    }
}

async fn recorded<V: Vfs>(
    call: &Call<'_, V>,
    trail: &Trail,
    (xid, args): (u32, ReadArgs),
) -> Result<(ReadHead, Payload), Refused> {
    let noted = audit::note(trail, &args);
    let read = read(call, args).await;
    if let Some(noted) = noted {
        noted.tell((call, trail), (xid, Read::NUMBER), read.as_ref().err().map(|refused| refused.status));
    }
    read
}

async fn read<V: Vfs>(call: &Call<'_, V>, args: ReadArgs) -> Result<(ReadHead, Payload), Refused> {
    let file = call.open(&args.file).await?;
    let length = args.count.min(call.door.settings.io_bytes_max);
    let request = ReadRequest { inode: file.inode, via: Via::Anonymous, offset: args.offset, length };
    let reply = call.door.vfs.read(&file.ctx, request).await?;
    // Never more than was asked for, whatever the house returns: the client has no room for it.
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let payload = if reply.data.len() > length { reply.data.slice(0, length) } else { reply.data };
    let count = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    Ok((ReadHead { file_attributes: post_op(&reply.attributes), count, eof: reply.end_of_file }, payload))
}
