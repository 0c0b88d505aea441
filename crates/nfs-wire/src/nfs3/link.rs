//! LINK (RFC 1813 3.3.15).

use super::{DirOpArgs, FileHandle, PostOpAttr, Reply3, WccData};
use crate::xdr::xdr_struct;

xdr_struct! {
    /// `LINK3args`.
    pub struct LinkArgs {
        /// The existing object.
        pub file: FileHandle,
        /// The new directory and name.
        pub link: DirOpArgs,
    }
}

xdr_struct! {
    /// `LINK3resok` and `LINK3resfail`, which are the same.
    #[derive(Copy, Default)]
    pub struct LinkBody {
        /// Attributes of the object.
        pub file_attributes: PostOpAttr,
        /// Attributes of the directory around the change.
        pub linkdir_wcc: WccData,
    }
}

/// `LINK3res`.
pub type LinkResult = Reply3<LinkBody, LinkBody>;
