//! MOUNT versions 1 to 3 (RFC 1813 5, RFC 1094 appendix A): from a path to the first handle.

mod export;
mod mnt;
mod table;

use nfs_wire::mount::{DirPath, v1, v3};
use nfs_wire::rpc::{AcceptStat, Procedure, ReplyHeader};
use nfs_wire::xdr::{Decode, Decoder};
use vfs::Vfs;
use zones::Zone;

pub(crate) use self::mnt::find;
pub(crate) use self::table::MountTable;
use crate::caller::Caller;
use crate::door::{Door, ZoneState};
use crate::reply::Reply;

/// Versions served.
pub(crate) const VERSIONS: std::ops::RangeInclusive<u32> = 1..=3;

/// One call of a MOUNT procedure.
pub(crate) struct Call<'a, V> {
    pub(crate) door: &'a Door<V>,
    pub(crate) caller: &'a Caller,
    pub(crate) zone: &'a Zone,
    pub(crate) state: &'a ZoneState,
    /// What its client calls it.
    pub(crate) xid: u32,
}

/// Which call it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Which {
    pub(crate) xid: u32,
    pub(crate) version: u32,
    pub(crate) procedure: u32,
}

/// Does a MOUNT call and returns its reply. The procedures have the same numbers in all versions.
pub(crate) async fn dispatch<V: Vfs>(call: &Call<'_, V>, which: Which, mut arguments: Decoder) -> Reply {
    let Which { xid, version, procedure } = which;
    match procedure {
        v3::Null::NUMBER => Reply::success(xid, &()),
        v3::Mnt::NUMBER => match DirPath::decode(&mut arguments) {
            Ok(path) if version == v3::Mnt::VERSION => Reply::success(xid, &mnt::mnt3(call, path.as_bytes()).await),
            Ok(path) => Reply::success(xid, &mnt::mnt1(call, path.as_bytes()).await),
            Err(_) => refuse(xid, AcceptStat::GarbageArgs),
        },
        v3::Dump::NUMBER => Reply::success(xid, &call.state.mounts.list()),
        v3::Umnt::NUMBER => match DirPath::decode(&mut arguments) {
            Ok(path) => {
                call.state.mounts.remove(call.caller.client, path.as_bytes());
                Reply::success(xid, &())
            }
            Err(_) => refuse(xid, AcceptStat::GarbageArgs),
        },
        v3::Umntall::NUMBER => {
            call.state.mounts.remove_all(call.caller.client);
            Reply::success(xid, &())
        }
        v3::Export::NUMBER => Reply::success(xid, &export::exports(call.zone)),
        v1::Exportall::NUMBER if version != v3::Mnt::VERSION => Reply::success(xid, &export::exports(call.zone)),
        _ => refuse(xid, AcceptStat::ProcUnavail),
    }
}

fn refuse(xid: u32, status: AcceptStat) -> Reply {
    Reply::header_only(&ReplyHeader::accepted(xid, status))
}
