//! READDIR (RFC 1813 3.3.16), with the arithmetic a server needs to fill `count` exactly.

use super::{FileHandle, Filename, PostOpAttr, Reply3, Verifier};
use crate::xdr::{Encode, LinkedList, UNIT, padded_size, xdr_struct};

/// Most entries one reply may hold; a 1 MiB reply of one-letter names has fewer.
pub const DIRECTORY_ENTRIES_MAX: usize = 65_536;

/// `fileid`, the length word of the name, and `cookie`.
const ENTRY_FIXED_BYTES: usize = 5 * UNIT;

xdr_struct! {
    /// `READDIR3args`.
    pub struct ReaddirArgs {
        /// The directory.
        pub dir: FileHandle,
        /// 0 to begin, else the cookie of the last entry seen.
        pub cookie: u64,
        /// 0 to begin, else from the last reply.
        pub cookieverf: Verifier,
        /// Limit of `READDIR3resok` in bytes, XDR overhead included (the status word is not part of it).
        pub count: u32,
    }
}

xdr_struct! {
    /// `entry3`, without its `nextentry`.
    pub struct Entry3 {
        /// File id of the object.
        pub fileid: u64,
        /// Its name.
        pub name: Filename,
        /// Where to go on after this entry.
        pub cookie: u64,
    }
}

impl Entry3 {
    /// Bytes an entry with a name of `name_bytes` adds to `READDIR3resok`, its "there is one" word included.
    #[must_use]
    pub const fn entry_size(name_bytes: usize) -> usize {
        UNIT + ENTRY_FIXED_BYTES + padded_size(name_bytes)
    }
}

xdr_struct! {
    /// `READDIR3resok` with its `dirlist3`.
    pub struct ReaddirOk {
        /// Attributes of the directory.
        pub dir_attributes: PostOpAttr,
        /// To be sent back with a cookie.
        pub cookieverf: Verifier,
        /// `dirlist3.entries`.
        pub entries: LinkedList<Entry3, DIRECTORY_ENTRIES_MAX>,
        /// `dirlist3.eof`: no entries follow these.
        pub eof: bool,
    }
}

impl ReaddirOk {
    /// Bytes of a `READDIR3resok` (and of a `READDIRPLUS3resok`) without entries: add
    /// [`Entry3::entry_size`] for each and stay within `count`.
    #[must_use]
    pub fn base_size(dir_attributes: &PostOpAttr) -> usize {
        // Verifier, end of list, eof.
        dir_attributes.encoded_size() + 4 * UNIT
    }
}

/// `READDIR3res`; a failure tells `dir_attributes` (`READDIR3resfail`).
pub type ReaddirResult = Reply3<ReaddirOk, PostOpAttr>;
