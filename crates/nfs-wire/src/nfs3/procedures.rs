//! The 22 procedures of NFSv3 (RFC 1813 3.3).

use super::*;
use crate::rpc::{NFS_PROGRAM, procedures};

procedures! {
    /// Names of the NFSv3 procedures by number (RFC 1813 3).
    NFS_PROGRAM, 3, PROCEDURE_NAMES {
        /// NFSPROC3_NULL (RFC 1813 3.3.0).
        Null = 0 "NULL"(()) -> ();
        /// NFSPROC3_GETATTR (RFC 1813 3.3.1).
        Getattr = 1 "GETATTR"(GetattrArgs) -> GetattrResult;
        /// NFSPROC3_SETATTR (RFC 1813 3.3.2).
        Setattr = 2 "SETATTR"(SetattrArgs) -> SetattrResult;
        /// NFSPROC3_LOOKUP (RFC 1813 3.3.3).
        Lookup = 3 "LOOKUP"(LookupArgs) -> LookupResult;
        /// NFSPROC3_ACCESS (RFC 1813 3.3.4).
        Access = 4 "ACCESS"(AccessArgs) -> AccessResult;
        /// NFSPROC3_READLINK (RFC 1813 3.3.5).
        Readlink = 5 "READLINK"(ReadlinkArgs) -> ReadlinkResult;
        /// NFSPROC3_READ (RFC 1813 3.3.6).
        Read = 6 "READ"(ReadArgs) -> ReadResult;
        /// NFSPROC3_WRITE (RFC 1813 3.3.7).
        Write = 7 "WRITE"(WriteArgs) -> WriteResult;
        /// NFSPROC3_CREATE (RFC 1813 3.3.8).
        Create = 8 "CREATE"(CreateArgs) -> CreateResult;
        /// NFSPROC3_MKDIR (RFC 1813 3.3.9).
        Mkdir = 9 "MKDIR"(MkdirArgs) -> MkdirResult;
        /// NFSPROC3_SYMLINK (RFC 1813 3.3.10).
        Symlink = 10 "SYMLINK"(SymlinkArgs) -> SymlinkResult;
        /// NFSPROC3_MKNOD (RFC 1813 3.3.11).
        Mknod = 11 "MKNOD"(MknodArgs) -> MknodResult;
        /// NFSPROC3_REMOVE (RFC 1813 3.3.12).
        Remove = 12 "REMOVE"(RemoveArgs) -> RemoveResult;
        /// NFSPROC3_RMDIR (RFC 1813 3.3.13).
        Rmdir = 13 "RMDIR"(RmdirArgs) -> RmdirResult;
        /// NFSPROC3_RENAME (RFC 1813 3.3.14).
        Rename = 14 "RENAME"(RenameArgs) -> RenameResult;
        /// NFSPROC3_LINK (RFC 1813 3.3.15).
        Link = 15 "LINK"(LinkArgs) -> LinkResult;
        /// NFSPROC3_READDIR (RFC 1813 3.3.16).
        Readdir = 16 "READDIR"(ReaddirArgs) -> ReaddirResult;
        /// NFSPROC3_READDIRPLUS (RFC 1813 3.3.17).
        Readdirplus = 17 "READDIRPLUS"(ReaddirplusArgs) -> ReaddirplusResult;
        /// NFSPROC3_FSSTAT (RFC 1813 3.3.18).
        Fsstat = 18 "FSSTAT"(FsstatArgs) -> FsstatResult;
        /// NFSPROC3_FSINFO (RFC 1813 3.3.19).
        Fsinfo = 19 "FSINFO"(FsinfoArgs) -> FsinfoResult;
        /// NFSPROC3_PATHCONF (RFC 1813 3.3.20).
        Pathconf = 20 "PATHCONF"(PathconfArgs) -> PathconfResult;
        /// NFSPROC3_COMMIT (RFC 1813 3.3.21).
        Commit = 21 "COMMIT"(CommitArgs) -> CommitResult;
    }
}
