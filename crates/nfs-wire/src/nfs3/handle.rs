//! Handles, names, paths and verifiers (RFC 1813 2.3, 2.5).

use crate::xdr::{Opaque, xdr_struct};

/// `NFS3_FHSIZE`: limit of a file handle in bytes.
pub const FILE_HANDLE_MAX_BYTES: usize = 64;
/// Longest name accepted when decoding, in bytes: far above any file system's limit, so that the server can answer
/// NFS3ERR_NAMETOOLONG instead of GARBAGE_ARGS.
pub const FILENAME_MAX_BYTES: usize = 4096;
/// Longest path accepted when decoding, in bytes, above PATH_MAX for the same reason.
pub const PATH_MAX_BYTES: usize = 8192;
/// `NFS3_COOKIEVERFSIZE`, `NFS3_CREATEVERFSIZE`, `NFS3_WRITEVERFSIZE`.
pub const VERIFIER_BYTES: usize = 8;

/// `nfs_fh3` (RFC 1813 2.5): opaque to clients; may be of any length up to the limit, also none.
pub type FileHandle = Opaque<FILE_HANDLE_MAX_BYTES>;
/// `filename3` (RFC 1813 2.5): bytes, any value but 0 and `/`; the server checks.
pub type Filename = Opaque<FILENAME_MAX_BYTES>;
/// `nfspath3` (RFC 1813 2.5): the text of a symbolic link.
pub type NfsPath = Opaque<PATH_MAX_BYTES>;
/// `post_op_fh3` (RFC 1813 2.5).
pub type PostOpFh = Option<FileHandle>;
/// `cookieverf3`, `createverf3`, `writeverf3` (RFC 1813 2.5).
pub type Verifier = [u8; VERIFIER_BYTES];

xdr_struct! {
    /// `diropargs3` (RFC 1813 2.5): a name in a directory.
    pub struct DirOpArgs {
        /// The directory.
        pub dir: FileHandle,
        /// The name in it.
        pub name: Filename,
    }
}
