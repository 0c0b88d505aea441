//! FSINFO (RFC 1813 3.3.19).

use super::{FileHandle, Nfstime3, PostOpAttr, Reply3};
use crate::xdr::xdr_struct;

/// Bits of `properties`.
pub mod fsinfo_properties {
    /// `FSF3_LINK`: hard links.
    pub const LINK: u32 = 0x0001;
    /// `FSF3_SYMLINK`: symbolic links.
    pub const SYMLINK: u32 = 0x0002;
    /// `FSF3_HOMOGENEOUS`: PATHCONF is the same for all objects.
    pub const HOMOGENEOUS: u32 = 0x0008;
    /// `FSF3_CANSETTIME`: SETATTR can set times.
    pub const CANSETTIME: u32 = 0x0010;
}

xdr_struct! {
    /// `FSINFO3args`.
    pub struct FsinfoArgs {
        /// Any object of the file system.
        pub fsroot: FileHandle,
    }
}

xdr_struct! {
    /// `FSINFO3resok`.
    #[derive(Copy)]
    pub struct FsinfoOk {
        /// Attributes of the object.
        pub obj_attributes: PostOpAttr,
        /// Largest READ in bytes.
        pub rtmax: u32,
        /// Preferred READ in bytes.
        pub rtpref: u32,
        /// READ sizes should be a multiple of this.
        pub rtmult: u32,
        /// Largest WRITE in bytes.
        pub wtmax: u32,
        /// Preferred WRITE in bytes.
        pub wtpref: u32,
        /// WRITE sizes should be a multiple of this.
        pub wtmult: u32,
        /// Preferred READDIR in bytes.
        pub dtpref: u32,
        /// Largest file in bytes.
        pub maxfilesize: u64,
        /// Granularity of times.
        pub time_delta: Nfstime3,
        /// Bits of [`fsinfo_properties`].
        pub properties: u32,
    }
}

/// `FSINFO3res`; a failure tells `obj_attributes` (`FSINFO3resfail`).
pub type FsinfoResult = Reply3<FsinfoOk, PostOpAttr>;
