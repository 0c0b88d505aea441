//! What a lock is on the wire: names, opaque owners, ranges (RFC 1813 6.1.2 to 6.1.4).

use crate::xdr::{Opaque, xdr_struct};

/// `MAXNETOBJ_SZ`: limit of a [`Netobj`] in bytes.
pub const NETOBJ_MAX_BYTES: usize = 1024;
/// `LM_MAXSTRLEN`: limit of a [`CallerName`] in bytes.
pub const CALLER_NAME_MAX_BYTES: usize = 1024;

/// `netobj`: opaque bytes; may be empty. A file handle in it may be longer than any that exists.
pub type Netobj = Opaque<NETOBJ_MAX_BYTES>;
/// `caller_name`: what the client calls itself; bytes, not text.
pub type CallerName = Opaque<CALLER_NAME_MAX_BYTES>;

xdr_struct! {
    /// `nlm4_lock`: a range of a file and who wants or holds it.
    #[derive(Hash)]
    pub struct Nlm4Lock {
        /// `caller_name`: the host, as it will be named in a NOTIFY.
        pub caller_name: CallerName,
        /// `fh`: the file's NFS handle.
        pub fh: Netobj,
        /// `oh`: the owner, opaque; unique on the host together with `svid`.
        pub oh: Netobj,
        /// `svid`: the process on the host; the bits of an `int32`.
        pub svid: u32,
        /// `l_offset`: first byte.
        pub offset: u64,
        /// `l_len` in bytes; 0 goes to the end of the file, whatever it becomes.
        pub len: u64,
    }
}

xdr_struct! {
    /// `nlm4_holder`: one lock that stands in the way.
    #[derive(Hash)]
    pub struct Nlm4Holder {
        /// Whether it is a write lock.
        pub exclusive: bool,
        /// `svid` of its owner; the bits of an `int32`.
        pub svid: u32,
        /// `oh` of its owner; may be left empty.
        pub oh: Netobj,
        /// `l_offset`: first byte.
        pub offset: u64,
        /// `l_len` in bytes; 0 goes to the end of the file.
        pub len: u64,
    }
}
