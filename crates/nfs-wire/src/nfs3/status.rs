//! `nfsstat3`.

use crate::xdr::xdr_enum;

xdr_enum! {
    /// `nfsstat3` without `NFS3_OK`, which is the other arm of [`super::Reply3`] (RFC 1813 2.6).
    pub enum Nfsstat3: "nfsstat3" {
        /// Not the owner, or not privileged.
        Perm = 1 "NFS3ERR_PERM",
        /// The name does not exist.
        Noent = 2 "NFS3ERR_NOENT",
        /// A hard I/O error.
        Io = 5 "NFS3ERR_IO",
        /// No such device.
        Nxio = 6 "NFS3ERR_NXIO",
        /// Permission denied.
        Acces = 13 "NFS3ERR_ACCES",
        /// The name exists already.
        Exist = 17 "NFS3ERR_EXIST",
        /// A hard link across file systems.
        Xdev = 18 "NFS3ERR_XDEV",
        /// No such device.
        Nodev = 19 "NFS3ERR_NODEV",
        /// Not a directory where one is needed.
        Notdir = 20 "NFS3ERR_NOTDIR",
        /// A directory where none may be.
        Isdir = 21 "NFS3ERR_ISDIR",
        /// An argument makes no sense for the operation.
        Inval = 22 "NFS3ERR_INVAL",
        /// The file would exceed the server's limit.
        Fbig = 27 "NFS3ERR_FBIG",
        /// The device is full.
        Nospc = 28 "NFS3ERR_NOSPC",
        /// A read-only file system.
        Rofs = 30 "NFS3ERR_ROFS",
        /// Too many hard links.
        Mlink = 31 "NFS3ERR_MLINK",
        /// The name is too long.
        Nametoolong = 63 "NFS3ERR_NAMETOOLONG",
        /// The directory is not empty.
        Notempty = 66 "NFS3ERR_NOTEMPTY",
        /// The quota is used up.
        Dquot = 69 "NFS3ERR_DQUOT",
        /// The handle's object is gone.
        Stale = 70 "NFS3ERR_STALE",
        /// Too many levels of remote in path.
        Remote = 71 "NFS3ERR_REMOTE",
        /// The handle is malformed.
        Badhandle = 10001 "NFS3ERR_BADHANDLE",
        /// The SETATTR guard does not match.
        NotSync = 10002 "NFS3ERR_NOT_SYNC",
        /// A stale READDIR cookie.
        BadCookie = 10003 "NFS3ERR_BAD_COOKIE",
        /// Not supported.
        Notsupp = 10004 "NFS3ERR_NOTSUPP",
        /// The reply would not fit.
        Toosmall = 10005 "NFS3ERR_TOOSMALL",
        /// An error that fits no other status.
        Serverfault = 10006 "NFS3ERR_SERVERFAULT",
        /// An object of this type cannot be made.
        Badtype = 10007 "NFS3ERR_BADTYPE",
        /// Begun, but not done in time: the client is to try again with a new xid.
        Jukebox = 10008 "NFS3ERR_JUKEBOX",
    }
}
