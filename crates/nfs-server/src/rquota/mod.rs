//! Remote quotas, versions 1 and 2: what a user or group may use below a directory, told to itself and to root.

mod answer;

use nfs_wire::rpc::{AcceptStat, Procedure, ReplyHeader};
use nfs_wire::rquota::{QuotaResult, v1, v2};
use nfs_wire::xdr::{Decode, Decoder};
use vfs::{Identity, QuotaDomain, Vfs};

use self::answer::Question;
use crate::mount;
use crate::reply::Reply;

/// Versions served.
pub(crate) const VERSIONS: std::ops::RangeInclusive<u32> = 1..=2;

/// One call of an rquota procedure.
pub(crate) struct Call<'a, V> {
    pub(crate) mount: mount::Call<'a, V>,
    pub(crate) identity: &'a Identity,
}

/// Does an rquota call and returns its reply. The procedures have the same numbers in both versions; those that set limits
/// are not there: limits are the operator's.
pub(crate) async fn dispatch<V: Vfs>(call: &Call<'_, V>, which: mount::Which, mut arguments: Decoder) -> Reply {
    let mount::Which { xid, version, procedure } = which;
    let refuse = |status| Reply::header_only(&ReplyHeader::accepted(xid, status));
    match procedure {
        v1::Null::NUMBER => return Reply::success(xid, &()),
        v1::Getquota::NUMBER | v1::Getactivequota::NUMBER => {}
        _ => return refuse(AcceptStat::ProcUnavail),
    }
    let asked = if version == v1::Getquota::VERSION {
        v1::GetquotaArgs::decode(&mut arguments).map(|args| (args.path, Some(QuotaDomain::User(unix(args.uid)))))
    } else {
        v2::GetquotaArgs::decode(&mut arguments).map(|args| (args.path, domain(args.kind, args.id)))
    };
    let Ok((path, domain)) = asked else { return refuse(AcceptStat::GarbageArgs) };
    let only_active = procedure == v1::Getactivequota::NUMBER;
    let answer = match domain {
        Some(domain) => answer::answer(call, Question { path: path.as_bytes(), domain, only_active }).await,
        None => QuotaResult::None,
    };
    Reply::success(xid, &answer)
}

fn domain(kind: u32, id: u32) -> Option<QuotaDomain> {
    match kind {
        v2::USER => Some(QuotaDomain::User(unix(id))),
        v2::GROUP => Some(QuotaDomain::Group(unix(id))),
        _ => None,
    }
}

fn unix(id: u32) -> vfs::Principal {
    vfs::Principal::Unix(id)
}
