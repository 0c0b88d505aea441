//! The procedures of NFSv3 (RFC 1813 3.3), one file each: decode, ask vfs, encode.

mod access;
mod attributes;
mod audit;
mod call;
mod commit;
mod create;
mod file_ids;
mod fsinfo;
mod fsstat;
mod getattr;
mod link;
mod lookup;
mod mkdir;
mod mknod;
mod name;
mod pathconf;
mod read;
mod readdir;
mod readdirplus;
mod readlink;
mod remove;
mod rename;
mod rmdir;
mod setattr;
mod symlink;
mod write;

use std::future::Future;

use nfs_wire::nfs3::{self, Reply3};
use nfs_wire::rpc::{AcceptStat, NFS_PROGRAM, Procedure, ReplyHeader};
use nfs_wire::xdr::{Decode, DecodeError, Decoder, Encode};
use vfs::{Priority, Vfs};
use zones::Trail;

use self::audit::Audited;
pub(crate) use self::audit::DOOR;
pub(crate) use self::call::Call;
use self::call::Refused;
use self::file_ids::HoldsFileIds;
use crate::reply::Reply;

/// A procedure: what it answers, and how it finds the answer.
trait Answer<V: Vfs>: Procedure<Args: Audited, Result = Reply3<Self::Resok, Self::Resfail>> {
    type Resok: Encode + HoldsFileIds;
    type Resfail: Encode + HoldsFileIds + From<Refused>;

    fn answer(call: &Call<'_, V>, args: Self::Args) -> impl Future<Output = Result<Self::Resok, Refused>> + Send;
}

/// Does an NFS call whose arguments stand next in `decoder` and returns the reply to `xid`.
pub(crate) async fn dispatch<V: Vfs>(call: &Call<'_, V>, header: (u32, u32), arguments: Decoder) -> Reply {
    let (xid, procedure) = header;
    match procedure {
        nfs3::Null::NUMBER => Reply::success(xid, &()),
        nfs3::Getattr::NUMBER => run::<nfs3::Getattr, V>(call, xid, arguments).await,
        nfs3::Lookup::NUMBER => run::<nfs3::Lookup, V>(call, xid, arguments).await,
        nfs3::Access::NUMBER => run::<nfs3::Access, V>(call, xid, arguments).await,
        nfs3::Read::NUMBER => read::run(call, xid, arguments).await,
        // In a box: a call is moved as a whole before it runs, and these are much larger than they are often.
        _ => Box::pin(dispatch_large(call, header, arguments)).await,
    }
}

async fn dispatch_large<V: Vfs>(call: &Call<'_, V>, header: (u32, u32), arguments: Decoder) -> Reply {
    let (xid, procedure) = header;
    match procedure {
        nfs3::Setattr::NUMBER => run::<nfs3::Setattr, V>(call, xid, arguments).await,
        nfs3::Readlink::NUMBER => run::<nfs3::Readlink, V>(call, xid, arguments).await,
        nfs3::Write::NUMBER => run::<nfs3::Write, V>(call, xid, arguments).await,
        nfs3::Create::NUMBER => run::<nfs3::Create, V>(call, xid, arguments).await,
        nfs3::Mkdir::NUMBER => run::<nfs3::Mkdir, V>(call, xid, arguments).await,
        nfs3::Symlink::NUMBER => run::<nfs3::Symlink, V>(call, xid, arguments).await,
        nfs3::Mknod::NUMBER => run::<nfs3::Mknod, V>(call, xid, arguments).await,
        nfs3::Remove::NUMBER => run::<nfs3::Remove, V>(call, xid, arguments).await,
        nfs3::Rmdir::NUMBER => run::<nfs3::Rmdir, V>(call, xid, arguments).await,
        nfs3::Rename::NUMBER => run::<nfs3::Rename, V>(call, xid, arguments).await,
        nfs3::Link::NUMBER => run::<nfs3::Link, V>(call, xid, arguments).await,
        nfs3::Readdir::NUMBER => run::<nfs3::Readdir, V>(call, xid, arguments).await,
        nfs3::Readdirplus::NUMBER => run::<nfs3::Readdirplus, V>(call, xid, arguments).await,
        nfs3::Fsstat::NUMBER => run::<nfs3::Fsstat, V>(call, xid, arguments).await,
        nfs3::Fsinfo::NUMBER => run::<nfs3::Fsinfo, V>(call, xid, arguments).await,
        nfs3::Pathconf::NUMBER => run::<nfs3::Pathconf, V>(call, xid, arguments).await,
        nfs3::Commit::NUMBER => run::<nfs3::Commit, V>(call, xid, arguments).await,
        _ => Reply::header_only(&ReplyHeader::accepted(xid, AcceptStat::ProcUnavail)),
    }
}

/// Whether doing a call twice differs from doing it once.
pub(crate) const fn must_not_be_repeated(procedure: u32) -> bool {
    matches!(
        procedure,
        nfs3::Setattr::NUMBER
            | nfs3::Create::NUMBER
            | nfs3::Mkdir::NUMBER
            | nfs3::Symlink::NUMBER
            | nfs3::Mknod::NUMBER
            | nfs3::Remove::NUMBER
            | nfs3::Rmdir::NUMBER
            | nfs3::Rename::NUMBER
            | nfs3::Link::NUMBER
    )
}

/// Calls that give memory or space back go first under pressure.
pub(crate) const fn priority(procedure: u32) -> Priority {
    match procedure {
        nfs3::Commit::NUMBER | nfs3::Remove::NUMBER | nfs3::Rmdir::NUMBER => Priority::Releasing,
        _ => Priority::Normal,
    }
}

/// Bytes that the reply to a record of the NFS port may take beyond a small one. READ, READDIR and READDIRPLUS say at
/// the very end of their arguments how much they want; a record with anything behind that is refused.
pub(crate) fn reply_bytes_max(record: &bytes::Bytes) -> usize {
    let word = |offset: usize| record.get(offset..).and_then(|rest| rest.first_chunk::<4>()).copied();
    match [PROGRAM_OFFSET, PROCEDURE_OFFSET].map(|offset| word(offset).map(u32::from_be_bytes)) {
        [Some(NFS_PROGRAM), Some(nfs3::Read::NUMBER | nfs3::Readdir::NUMBER | nfs3::Readdirplus::NUMBER)] => {
            let wanted = record.last_chunk::<4>().map_or(0, |count| u32::from_be_bytes(*count));
            usize::try_from(wanted).unwrap_or(usize::MAX).min(REPLY_BYTES_MAX)
        }
        _ => 0,
    }
}

async fn run<P: Answer<V>, V: Vfs>(call: &Call<'_, V>, xid: u32, arguments: Decoder) -> Reply {
    let Ok(args) = decode_all::<P::Args>(arguments) else { return garbage(xid) };
    let answered = match call.zone.trail() {
        None => P::answer(call, args).await,
        // In a box: what is not recorded is not to be moved about with more than it needs.
        Some(trail) => Box::pin(recorded::<P, V>(call, trail, (xid, args))).await,
    };
    let mut result: P::Result = match answered {
        Ok(resok) => Reply3::Ok(resok),
        Err(refused) => Reply3::Failed(refused.status, refused.into()),
    };
    if call.folds_file_ids() {
        result.fold();
    }
    Reply::success(xid, &result)
}

async fn recorded<P: Answer<V>, V: Vfs>(
    call: &Call<'_, V>,
    trail: &Trail,
    (xid, args): (u32, P::Args),
) -> Result<P::Resok, Refused> {
    let noted = audit::note(trail, &args);
    let answered = P::answer(call, args).await;
    if let Some(noted) = noted {
        noted.tell((call, trail), (xid, P::NUMBER), answered.as_ref().err().map(|refused| refused.status));
    }
    answered
}

/// Decodes arguments, and nothing may follow them: [`reply_bytes_max`] relies on it.
fn decode_all<T: Decode>(mut arguments: Decoder) -> Result<T, DecodeError> {
    let decoded = T::decode(&mut arguments)?;
    arguments.finish()?;
    Ok(decoded)
}

fn garbage(xid: u32) -> Reply {
    Reply::header_only(&ReplyHeader::accepted(xid, AcceptStat::GarbageArgs))
}

/// Where a call header has its program and procedure.
const PROGRAM_OFFSET: usize = 12;
const PROCEDURE_OFFSET: usize = 20;
/// Largest reply: a READ of 1 MiB.
const REPLY_BYTES_MAX: usize = 1 << 20;
