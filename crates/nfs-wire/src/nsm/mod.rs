//! The network status monitor, version 1 (Open Group C702 chapter 11): hosts tell each other that they restarted.

use crate::rpc::{NSM_PROGRAM, procedures};
use crate::xdr::{Opaque, xdr_enum, xdr_struct};

/// `SM_MAXSTRLEN`: limit of a [`MonitorName`] in bytes.
pub const MONITOR_NAME_MAX_BYTES: usize = 1024;
/// Bytes of `priv`.
pub const PRIVATE_BYTES: usize = 16;

/// `mon_name`, `my_name`: a host; bytes, not text.
pub type MonitorName = Opaque<MONITOR_NAME_MAX_BYTES>;

xdr_struct! {
    /// `sm_name`: of STAT.
    pub struct NameArgs {
        /// `mon_name`: the host in question.
        pub name: MonitorName,
    }
}

xdr_struct! {
    /// `my_id`: the local program to call when a host restarts; of UNMON_ALL.
    pub struct MyId {
        /// `my_name`: the host the program runs on.
        pub name: MonitorName,
        /// `my_prog`.
        pub program: u32,
        /// `my_vers`.
        pub version: u32,
        /// `my_proc`.
        pub procedure: u32,
    }
}

xdr_struct! {
    /// `mon_id`: of UNMON.
    pub struct MonitorId {
        /// `mon_name`: the host to watch.
        pub name: MonitorName,
        /// `my_id`.
        pub caller: MyId,
    }
}

xdr_struct! {
    /// `mon`: of MON.
    pub struct MonitorArgs {
        /// `mon_id`.
        pub id: MonitorId,
        /// `priv`: comes back in the call.
        pub private: [u8; PRIVATE_BYTES],
    }
}

xdr_struct! {
    /// `stat_chge`: of NOTIFY.
    pub struct NotifyArgs {
        /// `mon_name`: the host that restarted.
        pub name: MonitorName,
        /// Its new state number, odd while it is up; the bits of an `int`.
        pub state: u32,
    }
}

xdr_enum! {
    /// `res`.
    pub enum MonitorStatus: "res" {
        /// The host will be watched.
        Success = 0 "STAT_SUCC",
        /// It cannot be.
        Failure = 1 "STAT_FAIL",
    }
}

xdr_struct! {
    /// `sm_stat_res`: of STAT and MON.
    #[derive(Copy)]
    pub struct MonitorResult {
        /// `res_stat`.
        pub status: MonitorStatus,
        /// State number of this monitor; the bits of an `int`.
        pub state: u32,
    }
}

xdr_struct! {
    /// `sm_stat`: of UNMON and UNMON_ALL.
    #[derive(Copy)]
    pub struct MonitorState {
        /// State number of this monitor; the bits of an `int`.
        pub state: u32,
    }
}

procedures! {
    /// Names of the NSM 1 procedures by number (Open Group C702 11).
    NSM_PROGRAM, 1, PROCEDURE_NAMES {
        /// SM_NULL.
        Null = 0 "NULL"(()) -> ();
        /// SM_STAT: can this host be watched.
        Stat = 1 "STAT"(NameArgs) -> MonitorResult;
        /// SM_MON: watch it.
        Mon = 2 "MON"(MonitorArgs) -> MonitorResult;
        /// SM_UNMON: watch it no more.
        Unmon = 3 "UNMON"(MonitorId) -> MonitorState;
        /// SM_UNMON_ALL: watch nothing more for a program.
        UnmonAll = 4 "UNMON_ALL"(MyId) -> MonitorState;
        /// SM_SIMU_CRASH: act as if restarted.
        SimuCrash = 5 "SIMU_CRASH"(()) -> ();
        /// SM_NOTIFY: host to host, I restarted.
        Notify = 6 "NOTIFY"(NotifyArgs) -> ();
    }
}
