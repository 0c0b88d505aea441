//! What RFC 1813 says that a procedure may answer besides OK, and what of it no client can bring about from outside.

use nfs_wire::nfs3::Nfsstat3::{
    self, Acces, BadCookie, Badhandle, Badtype, Dquot, Exist, Fbig, Inval, Io, Isdir, Mlink, Nametoolong, Noent, Nospc,
    NotSync, Notdir, Notempty, Notsupp, Nxio, Perm, Rofs, Serverfault, Stale, Toosmall, Xdev,
};

/// The statuses that sections 3.3.0 to 3.3.21 and 5.2.0 to 5.2.5 of RFC 1813 list under ERRORS, in their order.
pub const NAMED: &[(&str, &[Nfsstat3])] = &[
    ("NULL", &[]),
    ("GETATTR", &[Io, Stale, Badhandle, Serverfault]),
    ("SETATTR", &[Perm, Io, Acces, Inval, Nospc, Rofs, Dquot, NotSync, Stale, Badhandle, Serverfault]),
    ("LOOKUP", &[Io, Noent, Acces, Notdir, Nametoolong, Stale, Badhandle, Serverfault]),
    ("ACCESS", &[Io, Stale, Badhandle, Serverfault]),
    ("READLINK", &[Io, Inval, Acces, Stale, Badhandle, Notsupp, Serverfault]),
    ("READ", &[Io, Nxio, Acces, Inval, Stale, Badhandle, Serverfault]),
    ("WRITE", &[Io, Acces, Fbig, Dquot, Nospc, Rofs, Inval, Stale, Badhandle, Serverfault]),
    ("CREATE", NEW_OBJECT),
    ("MKDIR", NEW_OBJECT),
    ("SYMLINK", NEW_OBJECT),
    (
        "MKNOD",
        &[Io, Acces, Exist, Notdir, Nospc, Rofs, Nametoolong, Dquot, Stale, Badhandle, Notsupp, Serverfault, Badtype],
    ),
    ("REMOVE", &[Noent, Io, Acces, Notdir, Nametoolong, Rofs, Stale, Badhandle, Serverfault]),
    (
        "RMDIR",
        &[Noent, Io, Acces, Inval, Exist, Notdir, Nametoolong, Rofs, Notempty, Stale, Badhandle, Notsupp, Serverfault],
    ),
    (
        "RENAME",
        &[
            Noent,
            Io,
            Acces,
            Exist,
            Xdev,
            Notdir,
            Isdir,
            Inval,
            Nospc,
            Rofs,
            Mlink,
            Nametoolong,
            Notempty,
            Dquot,
            Stale,
            Badhandle,
            Notsupp,
            Serverfault,
        ],
    ),
    (
        "LINK",
        &[
            Io,
            Acces,
            Exist,
            Xdev,
            Notdir,
            Inval,
            Nospc,
            Rofs,
            Mlink,
            Nametoolong,
            Dquot,
            Stale,
            Badhandle,
            Notsupp,
            Serverfault,
        ],
    ),
    ("READDIR", &[Io, Acces, Notdir, BadCookie, Toosmall, Stale, Badhandle, Serverfault]),
    ("READDIRPLUS", &[Io, Acces, Notdir, BadCookie, Toosmall, Stale, Badhandle, Notsupp, Serverfault]),
    ("FSSTAT", &[Io, Stale, Badhandle, Serverfault]),
    ("FSINFO", &[Stale, Badhandle, Serverfault]),
    ("PATHCONF", &[Stale, Badhandle, Serverfault]),
    ("COMMIT", &[Io, Stale, Badhandle, Serverfault]),
    ("MOUNT NULL", &[]),
    ("MOUNT MNT", &[Noent, Io, Acces, Notdir, Nametoolong]),
    ("MOUNT DUMP", &[]),
    ("MOUNT UMNT", &[]),
    ("MOUNT UMNTALL", &[]),
    ("MOUNT EXPORT", &[]),
];

const NEW_OBJECT: &[Nfsstat3] =
    &[Io, Acces, Exist, Notdir, Nospc, Rofs, Nametoolong, Dquot, Stale, Badhandle, Notsupp, Serverfault];

/// How a cell of the table is filled that no test of the suite fills.
#[derive(Debug, Clone, Copy)]
pub enum Elsewhere {
    /// By a test of `nfs-server`, in process, in front of a house that fails as it is told.
    InProcess(&'static str),
    /// Not at all: Berth never answers so, and this is why.
    Never(&'static str),
}

/// The way to fill a cell without a client; `None` when there is none, and the suite must have a test.
#[must_use]
pub fn elsewhere(procedure: &str, status: Nfsstat3) -> Option<Elsewhere> {
    Some(match (procedure, status) {
        (_, Io) => Elsewhere::InProcess("refusals::a_broken_store_is_an_input_output_error"),
        (_, Serverfault) => Elsewhere::InProcess("refusals::what_no_status_names_is_a_fault_of_the_server"),
        (_, Dquot) => Elsewhere::InProcess("refusals::a_used_up_quota_is_told_by_its_name"),
        (_, Notsupp) => Elsewhere::InProcess("refusals::what_the_house_has_not_is_not_supported"),
        (_, Mlink) => Elsewhere::InProcess("refusals::too_many_links_are_told_by_their_name"),
        ("SETATTR", Nospc) => Elsewhere::InProcess("refusals::a_full_house_is_told_by_its_name"),
        ("READ", Nxio) => Elsewhere::Never("devices are not opened; READ of one is INVAL"),
        ("RMDIR", Exist) => Elsewhere::Never("NOTEMPTY says it better"),
        ("RENAME", Exist) => Elsewhere::Never("ISDIR, NOTDIR or NOTEMPTY says why the target stays"),
        _ => return None,
    })
}
