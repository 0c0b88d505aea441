//! The network lock manager, version 4 (Open Group C702 14, RFC 1813 6): byte-range locks and DOS shares of clients.
//!
//! A blocking request that conflicts is answered at once; when it is granted the client is called back (`grants`). What
//! a `_MSG` call asks is answered by a `_RES` call (`Desk::respond`).

mod call;
mod cancel;
mod client;
mod desk;
mod free_all;
mod granted;
mod grants;
mod lock;
mod share;
mod tally;
mod test;
mod unlock;
mod waits;
mod withdraw;

use std::future::Future;

use nfs_wire::nlm4;
use nfs_wire::rpc::{AcceptStat, Procedure, ReplyHeader};
use nfs_wire::xdr::{Decode, Decoder, Encode};
use vfs::{Priority, Vfs};

pub(crate) use self::call::Call;
pub(crate) use self::desk::Desk;
pub(crate) use self::free_all::free_clients;
pub(crate) use self::grants::run as deliver_grants;
use crate::reply::Reply;

/// Does an NLM call whose arguments stand next in `arguments` and returns the reply to `xid`.
pub(crate) async fn dispatch<V: Vfs>(call: &Call<'_, V>, header: (u32, u32), arguments: Decoder) -> Reply {
    let (xid, procedure) = header;
    match procedure {
        nlm4::Null::NUMBER => Reply::success(xid, &()),
        nlm4::Test::NUMBER => run(xid, arguments, |args| test::answer(call, args)).await,
        nlm4::Lock::NUMBER | nlm4::NmLock::NUMBER => run(xid, arguments, |args| lock::answer(call, args)).await,
        nlm4::Cancel::NUMBER => run(xid, arguments, |args| cancel::answer(call, args)).await,
        nlm4::Unlock::NUMBER => run(xid, arguments, |args| unlock::answer(call, args)).await,
        nlm4::Granted::NUMBER => run(xid, arguments, granted::answer).await,
        nlm4::TestMsg::NUMBER => {
            let answer = async |args| call.respond::<nlm4::TestRes>(test::answer(call, args).await);
            run(xid, arguments, answer).await
        }
        nlm4::LockMsg::NUMBER => {
            let answer = async |args| call.respond::<nlm4::LockRes>(lock::answer(call, args).await);
            run(xid, arguments, answer).await
        }
        nlm4::CancelMsg::NUMBER => {
            let answer = async |args| call.respond::<nlm4::CancelRes>(cancel::answer(call, args).await);
            run(xid, arguments, answer).await
        }
        nlm4::UnlockMsg::NUMBER => {
            let answer = async |args| call.respond::<nlm4::UnlockRes>(unlock::answer(call, args).await);
            run(xid, arguments, answer).await
        }
        nlm4::GrantedMsg::NUMBER => {
            let answer = async |args| call.respond::<nlm4::GrantedRes>(granted::answer(args).await);
            run(xid, arguments, answer).await
        }
        // Answers to calls that this house does not make.
        nlm4::TestRes::NUMBER | nlm4::LockRes::NUMBER | nlm4::CancelRes::NUMBER | nlm4::UnlockRes::NUMBER => {
            Reply::success(xid, &())
        }
        nlm4::GrantedRes::NUMBER => run(xid, arguments, |args| granted::acknowledge(call, args)).await,
        nlm4::Share::NUMBER => run(xid, arguments, |args| share::share(call, args)).await,
        nlm4::Unshare::NUMBER => run(xid, arguments, |args| share::unshare(call, args)).await,
        nlm4::FreeAll::NUMBER => run(xid, arguments, |args| free_all::answer(call, args)).await,
        _ => Reply::header_only(&ReplyHeader::accepted(xid, AcceptStat::ProcUnavail)),
    }
}

/// Whether doing a call twice differs from doing it once, so that a late copy must find the stored reply. The `_MSG`
/// calls are not among them: their reply says nothing, and a copy wants the `_RES` call once more.
pub(crate) const fn must_not_be_repeated(procedure: u32) -> bool {
    matches!(
        procedure,
        nlm4::Lock::NUMBER
            | nlm4::NmLock::NUMBER
            | nlm4::Cancel::NUMBER
            | nlm4::Unlock::NUMBER
            | nlm4::Share::NUMBER
            | nlm4::Unshare::NUMBER
    )
}

/// Calls that give locks back go first under pressure.
pub(crate) const fn priority(procedure: u32) -> Priority {
    match procedure {
        nlm4::Cancel::NUMBER
        | nlm4::CancelMsg::NUMBER
        | nlm4::Unlock::NUMBER
        | nlm4::UnlockMsg::NUMBER
        | nlm4::GrantedRes::NUMBER
        | nlm4::Unshare::NUMBER
        | nlm4::FreeAll::NUMBER => Priority::Releasing,
        _ => Priority::Normal,
    }
}

async fn run<A: Decode, R: Encode, F: Future<Output = R>>(
    xid: u32,
    mut arguments: Decoder,
    answer: impl FnOnce(A) -> F,
) -> Reply {
    match A::decode(&mut arguments) {
        Ok(args) => Reply::success(xid, &answer(args).await),
        Err(_) => Reply::header_only(&ReplyHeader::accepted(xid, AcceptStat::GarbageArgs)),
    }
}
