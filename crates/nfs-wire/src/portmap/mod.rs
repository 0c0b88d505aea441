//! The port mapper, version 2 (RFC 1833 3), and [`rpcbind`], versions 3 and 4 (RFC 1833 2): where a program listens.

pub mod rpcbind;
mod universal_address;

pub use universal_address::{format_universal_address, parse_universal_address};

use crate::rpc::{PORTMAP_PROGRAM, procedures};
use crate::xdr::{LinkedList, xdr_struct};

/// The port both listen on.
pub const PORTMAP_PORT: u16 = 111;
/// `IPPROTO_TCP`, a value of [`Mapping::protocol`].
pub const PROTOCOL_TCP: u32 = 6;
/// `IPPROTO_UDP`, a value of [`Mapping::protocol`].
pub const PROTOCOL_UDP: u32 = 17;
/// Most entries of a DUMP.
pub const MAPPINGS_MAX: usize = 4_096;

/// `pmaplist`.
pub type MappingList = LinkedList<Mapping, MAPPINGS_MAX>;

xdr_struct! {
    /// `mapping` (RFC 1833 3.1).
    #[derive(Copy, Hash)]
    pub struct Mapping {
        /// `prog`.
        pub program: u32,
        /// `vers`.
        pub version: u32,
        /// `prot`: [`PROTOCOL_TCP`] or [`PROTOCOL_UDP`].
        pub protocol: u32,
        /// Port; ignored in a GETPORT call.
        pub port: u32,
    }
}

procedures! {
    /// Names of the portmap 2 procedures by number (RFC 1833 3.2).
    PORTMAP_PROGRAM, 2, PROCEDURE_NAMES {
        /// PMAPPROC_NULL.
        Null = 0 "NULL"(()) -> ();
        /// PMAPPROC_SET; the result is whether it was done.
        Set = 1 "SET"(Mapping) -> bool;
        /// PMAPPROC_UNSET; the result is whether it was done.
        Unset = 2 "UNSET"(Mapping) -> bool;
        /// PMAPPROC_GETPORT; 0 means not registered.
        Getport = 3 "GETPORT"(Mapping) -> u32;
        /// PMAPPROC_DUMP.
        Dump = 4 "DUMP"(()) -> MappingList;
    }
}
