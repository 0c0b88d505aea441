//! Names as calls carry them.

use nfs_wire::nfs3::{Filename, Nfsstat3};
use vfs::limits::NFS_NAME_BYTES_MAX;
use vfs::{LookupName, Name, NameError};

use super::call::Refused;

/// What `.` and `..` are called by a procedure that needs a name of its own.
pub(super) struct Dots {
    pub(super) dot: Nfsstat3,
    pub(super) dot_dot: Nfsstat3,
}

impl Dots {
    /// For procedures that make a name: both exist already.
    pub(super) const EXIST: Self = Self { dot: Nfsstat3::Exist, dot_dot: Nfsstat3::Exist };
    /// For REMOVE and RENAME.
    pub(super) const INVALID: Self = Self { dot: Nfsstat3::Inval, dot_dot: Nfsstat3::Inval };
    /// For RMDIR (RFC 1813 3.3.13): `..` holds at least the directory itself.
    pub(super) const RMDIR: Self = Self { dot: Nfsstat3::Inval, dot_dot: Nfsstat3::Notempty };
}

/// A name of a stored entry.
///
/// Errors, in order: NAMETOOLONG (above 255 bytes), INVAL (empty), what `dots` says, INVAL (`/` or NUL in it).
pub(super) fn entry_name(name: Filename, dots: &Dots) -> Result<Name, Refused> {
    if name.len() > NFS_NAME_BYTES_MAX {
        return Err(Nfsstat3::Nametoolong.into());
    }
    // The bytes are copied: a slice of the record would keep all of it alive for as long as the name is cached.
    Name::new(bytes::Bytes::copy_from_slice(&name)).map_err(|error| {
        Refused::from(match error {
            NameError::Dot => dots.dot,
            NameError::DotDot => dots.dot_dot,
            NameError::TooLong => Nfsstat3::Nametoolong,
            NameError::Empty | NameError::IllegalByte => Nfsstat3::Inval,
        })
    })
}

/// A name to look up: `.` and `..` are names here.
///
/// Errors, in order: NAMETOOLONG, INVAL.
pub(super) fn lookup_name(name: Filename) -> Result<LookupName, Refused> {
    match &name[..] {
        b"." => Ok(LookupName::Itself),
        b".." => Ok(LookupName::Parent),
        _ => entry_name(name, &Dots::INVALID).map(LookupName::Child),
    }
}
