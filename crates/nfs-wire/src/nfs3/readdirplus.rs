//! READDIRPLUS (RFC 1813 3.3.17), with the arithmetic a server needs to keep `dircount` and `maxcount` exactly.

use super::{DIRECTORY_ENTRIES_MAX, Entry3, FileHandle, Filename, PostOpAttr, PostOpFh, ReaddirOk, Reply3, Verifier};
use crate::xdr::{Encode, LinkedList, xdr_struct};

xdr_struct! {
    /// `READDIRPLUS3args`.
    pub struct ReaddirplusArgs {
        /// The directory.
        pub dir: FileHandle,
        /// 0 to begin, else the cookie of the last entry seen.
        pub cookie: u64,
        /// 0 to begin, else from the last reply.
        pub cookieverf: Verifier,
        /// Limit of the directory information in bytes: entries without attributes and handles.
        pub dircount: u32,
        /// Limit of `READDIRPLUS3resok` in bytes, XDR overhead included (the status word is not part of it).
        pub maxcount: u32,
    }
}

xdr_struct! {
    /// `entryplus3`, without its `nextentry`.
    pub struct EntryPlus3 {
        /// File id of the object.
        pub fileid: u64,
        /// Its name.
        pub name: Filename,
        /// Where to go on after this entry.
        pub cookie: u64,
        /// Its attributes.
        pub name_attributes: PostOpAttr,
        /// Its handle.
        pub name_handle: PostOpFh,
    }
}

impl EntryPlus3 {
    /// Bytes this entry adds to `READDIRPLUS3resok`, its "there is one" word included: counts against `maxcount`.
    #[must_use]
    pub fn entry_size(&self) -> usize {
        self.directory_size() + self.name_attributes.encoded_size() + self.name_handle.encoded_size()
    }

    /// The part of [`EntryPlus3::entry_size`] that counts against `dircount`.
    #[must_use]
    pub fn directory_size(&self) -> usize {
        Entry3::entry_size(self.name.len())
    }
}

xdr_struct! {
    /// `READDIRPLUS3resok` with its `dirlistplus3`.
    pub struct ReaddirplusOk {
        /// Attributes of the directory.
        pub dir_attributes: PostOpAttr,
        /// To be sent back with a cookie.
        pub cookieverf: Verifier,
        /// `dirlistplus3.entries`.
        pub entries: LinkedList<EntryPlus3, DIRECTORY_ENTRIES_MAX>,
        /// `dirlistplus3.eof`: no entries follow these.
        pub eof: bool,
    }
}

impl ReaddirplusOk {
    /// Bytes of a `READDIRPLUS3resok` without entries: add [`EntryPlus3::entry_size`] for each and stay within
    /// `maxcount`.
    #[must_use]
    pub fn base_size(dir_attributes: &PostOpAttr) -> usize {
        ReaddirOk::base_size(dir_attributes)
    }
}

/// `READDIRPLUS3res`; a failure tells `dir_attributes` (`READDIRPLUS3resfail`).
pub type ReaddirplusResult = Reply3<ReaddirplusOk, PostOpAttr>;
