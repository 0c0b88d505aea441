//! The network status monitor, version 1 (Open Group C702 11): clients and the house tell each other that they restarted.

mod notices;
mod notify;

use nfs_wire::nsm::{self, MonitorResult, MonitorState, MonitorStatus};
use nfs_wire::rpc::{AcceptStat, Procedure, ReplyHeader};
use nfs_wire::xdr::{Decode, Decoder};
use vfs::{OpContext, Vfs};
use zones::Zone;

pub(crate) use self::notices::run as send_notices;
use crate::caller::Caller;
use crate::door::Door;
use crate::reply::Reply;

/// Version served.
pub(crate) const VERSIONS: std::ops::RangeInclusive<u32> = 1..=1;

/// One call of an NSM procedure.
pub(crate) struct Call<'a, V> {
    pub(crate) door: &'a Door<V>,
    pub(crate) caller: &'a Caller,
    pub(crate) zone: &'a Zone,
}

/// Does an NSM call and returns its reply. Only the lock manager of the same machine may have hosts watched, and ours
/// needs nobody for it: whoever asks over the network is told that it failed, as rpc.statd does.
pub(crate) async fn dispatch<V: Vfs>(call: &Call<'_, V>, header: (u32, u32), mut arguments: Decoder) -> Reply {
    let (xid, procedure) = header;
    let state = || call.door.vfs.lock_recovery().state;
    let garbage = |_| Reply::header_only(&ReplyHeader::accepted(xid, AcceptStat::GarbageArgs));
    let failed = |state| Reply::success(xid, &MonitorResult { status: MonitorStatus::Failure, state });
    let told = |state| Reply::success(xid, &MonitorState { state });
    let done = match procedure {
        nsm::Null::NUMBER | nsm::SimuCrash::NUMBER => Ok(Reply::success(xid, &())),
        nsm::Stat::NUMBER => nsm::NameArgs::decode(&mut arguments).map(|_| failed(state())),
        nsm::Mon::NUMBER => nsm::MonitorArgs::decode(&mut arguments).map(|_| failed(state())),
        nsm::Unmon::NUMBER => nsm::MonitorId::decode(&mut arguments).map(|_| told(state())),
        nsm::UnmonAll::NUMBER => nsm::MyId::decode(&mut arguments).map(|_| told(state())),
        nsm::Notify::NUMBER => match nsm::NotifyArgs::decode(&mut arguments) {
            Ok(args) => {
                notify::answer(call, &args).await;
                Ok(Reply::success(xid, &()))
            }
            Err(error) => Err(error),
        },
        _ => Ok(Reply::header_only(&ReplyHeader::accepted(xid, AcceptStat::ProcUnavail))),
    };
    done.unwrap_or_else(garbage)
}

impl<V: Vfs> Call<'_, V> {
    fn internal(&self) -> OpContext {
        OpContext { zone: self.zone.id(), ..OpContext::internal(self.zone.root()) }
    }
}
