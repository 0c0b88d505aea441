//! rpcbind, versions 3 and 4 (RFC 1833 2.1). Numbers 5 and up differ between the two.

use crate::xdr::{LinkedList, Opaque, xdr_struct};

pub use v3::PROCEDURE_NAMES as V3_PROCEDURE_NAMES;
pub use v4::PROCEDURE_NAMES as V4_PROCEDURE_NAMES;

/// Longest `r_netid`, `r_addr` or `r_owner` accepted, in bytes; the specification has no limit.
pub const STRING_MAX_BYTES: usize = 1024;
/// Most entries of a DUMP or GETADDRLIST.
pub const BINDINGS_MAX: usize = 4_096;

/// A string of rpcbind; bytes, not text.
pub type BindString = Opaque<STRING_MAX_BYTES>;
/// `rpcblist_ptr`.
pub type BindingList = LinkedList<Binding, BINDINGS_MAX>;
/// `rpcb_entry_list_ptr`.
pub type AddressList = LinkedList<AddressEntry, BINDINGS_MAX>;

xdr_struct! {
    /// `rpcb`: where a version of a program listens.
    pub struct Binding {
        /// `r_prog`.
        pub program: u32,
        /// `r_vers`.
        pub version: u32,
        /// `r_netid`: `tcp`, `udp`, `tcp6`, `udp6`.
        pub netid: BindString,
        /// `r_addr`: universal address; see [`super::format_universal_address`].
        pub address: BindString,
        /// `r_owner`.
        pub owner: BindString,
    }
}

xdr_struct! {
    /// `rpcb_entry` (version 4): one address of a program.
    pub struct AddressEntry {
        /// `r_maddr`: universal address.
        pub address: BindString,
        /// `r_nc_netid`.
        pub netid: BindString,
        /// `r_nc_semantics`: 1 datagrams, 2 stream, 3 stream with orderly release.
        pub semantics: u32,
        /// `r_nc_protofmly`: `inet`, `inet6`.
        pub protocol_family: BindString,
        /// `r_nc_proto`: `tcp`, `udp`.
        pub protocol: BindString,
    }
}

/// Version 3.
pub mod v3 {
    use super::{BindString, Binding, BindingList};
    use crate::rpc::{PORTMAP_PROGRAM, procedures};

    procedures! {
        /// Names of the rpcbind 3 procedures by number that are typed here.
        PORTMAP_PROGRAM, 3, PROCEDURE_NAMES {
            /// RPCBPROC_NULL.
            Null = 0 "NULL"(()) -> ();
            /// RPCBPROC_SET; the result is whether it was done.
            Set = 1 "SET"(Binding) -> bool;
            /// RPCBPROC_UNSET; the result is whether it was done.
            Unset = 2 "UNSET"(Binding) -> bool;
            /// RPCBPROC_GETADDR; an empty string means not registered.
            Getaddr = 3 "GETADDR"(Binding) -> BindString;
            /// RPCBPROC_DUMP.
            Dump = 4 "DUMP"(()) -> BindingList;
            /// RPCBPROC_GETTIME: seconds since 1970.
            Gettime = 6 "GETTIME"(()) -> u32;
        }
    }
}

/// Version 4.
pub mod v4 {
    use super::{AddressList, BindString, Binding, BindingList};
    use crate::rpc::{PORTMAP_PROGRAM, procedures};

    procedures! {
        /// Names of the rpcbind 4 procedures by number that are typed here.
        PORTMAP_PROGRAM, 4, PROCEDURE_NAMES {
            /// RPCBPROC_NULL.
            Null = 0 "NULL"(()) -> ();
            /// RPCBPROC_SET; the result is whether it was done.
            Set = 1 "SET"(Binding) -> bool;
            /// RPCBPROC_UNSET; the result is whether it was done.
            Unset = 2 "UNSET"(Binding) -> bool;
            /// RPCBPROC_GETADDR: of any version of the program if the asked one is missing.
            Getaddr = 3 "GETADDR"(Binding) -> BindString;
            /// RPCBPROC_DUMP.
            Dump = 4 "DUMP"(()) -> BindingList;
            /// RPCBPROC_GETTIME: seconds since 1970.
            Gettime = 6 "GETTIME"(()) -> u32;
            /// RPCBPROC_GETVERSADDR: of exactly this version, or an empty string.
            Getversaddr = 9 "GETVERSADDR"(Binding) -> BindString;
            /// RPCBPROC_GETADDRLIST: all transports of this version.
            Getaddrlist = 11 "GETADDRLIST"(Binding) -> AddressList;
        }
    }
}
