//! Who may do what: the only place where permission is decided.

use vfs::acl::AccessMask;
use vfs::{Attributes, Credentials, DosAttributes, FileType, FsError};

/// Search permission in a directory.
pub(crate) const SEARCH: u32 = 1;
/// Write permission.
pub(crate) const WRITE: u32 = 2;
/// Read permission.
pub(crate) const READ: u32 = 4;
/// Set-user-id bit of a mode.
pub(crate) const SET_USER_ID: u32 = 0o4000;
/// Set-group-id bit of a mode.
pub(crate) const SET_GROUP_ID: u32 = 0o2000;
/// Sticky bit of a mode.
pub(crate) const STICKY: u32 = 0o1000;

/// The permission bits (of 7) that the first fitting class of the mode gives; the superuser gets all, but executes
/// only what somebody may execute.
pub(crate) fn permission_bits(attributes: &Attributes, credentials: &Credentials) -> u32 {
    if credentials.superuser {
        let searchable = attributes.file_type != FileType::Regular || attributes.mode & 0o111 != 0;
        return READ | WRITE | u32::from(searchable);
    }
    let shift = if credentials.is_user(&attributes.owner) {
        6
    } else if credentials.is_member(&attributes.group) {
        3
    } else {
        0
    };
    attributes.mode >> shift & 7
}

/// Refuses with `AccessDenied` unless all wanted bits are given.
pub(crate) fn require(attributes: &Attributes, credentials: &Credentials, wanted: u32) -> Result<(), FsError> {
    let given = permission_bits(attributes, credentials);
    if given & wanted == wanted { Ok(()) } else { Err(FsError::AccessDenied) }
}

/// As [`require`], but the owner may always: an open file survives `chmod 0` over a protocol without opens. To read,
/// execute permission is enough, as a client that runs a program reads it.
pub(crate) fn require_data(attributes: &Attributes, credentials: &Credentials, wanted: u32) -> Result<(), FsError> {
    if credentials.is_user(&attributes.owner) {
        return Ok(());
    }
    let given = permission_bits(attributes, credentials);
    let enough = given & wanted == wanted || (wanted == READ && given & SEARCH != 0);
    if enough { Ok(()) } else { Err(FsError::AccessDenied) }
}

/// Whether the caller owns the inode or may act as if.
pub(crate) fn is_owner(attributes: &Attributes, credentials: &Credentials) -> bool {
    credentials.superuser || credentials.is_user(&attributes.owner)
}

/// Refuses with `NotPermitted` to remove or rename an entry of a sticky directory, unless the caller owns the entry,
/// the directory, or is the superuser.
pub(crate) fn require_sticky(
    directory: &Attributes,
    entry: &Attributes,
    credentials: &Credentials,
) -> Result<(), FsError> {
    let free = directory.mode & STICKY == 0 || is_owner(directory, credentials) || is_owner(entry, credentials);
    if free { Ok(()) } else { Err(FsError::NotPermitted) }
}

/// All rights that an open of an inode may have. Who may write may also set times and attributes, as what asks to write
/// over SMB asks for both; who may remove entries of the directory may delete.
pub(crate) fn open_rights(attributes: &Attributes, credentials: &Credentials, may_delete: bool) -> AccessMask {
    let mut rights = granted(attributes, credentials, AccessMask::ALL).union(AccessMask::SYNCHRONIZE);
    if rights.contains(AccessMask::WRITE_DATA) {
        rights = rights.union(AccessMask::WRITE_ATTRIBUTES);
    }
    if may_delete {
        rights = rights.union(AccessMask::DELETE);
    }
    if is_read_only(attributes) {
        rights = AccessMask(rights.0 & !(AccessMask::WRITE_DATA.0 | AccessMask::APPEND_DATA.0));
    }
    rights
}

/// Whether it is a file that is neither written to nor deleted over SMB (MS-FSCC 2.6 `FILE_ATTRIBUTE_READONLY`); of
/// directories the bit says nothing.
pub(crate) fn is_read_only(attributes: &Attributes) -> bool {
    !attributes.is_directory() && attributes.dos.contains(DosAttributes::READ_ONLY)
}

/// The rights of the wanted ones that an operation would really be allowed.
pub(crate) fn granted(attributes: &Attributes, credentials: &Credentials, wanted: AccessMask) -> AccessMask {
    let bits = permission_bits(attributes, credentials);
    let mut rights = AccessMask::from_mode_bits(bits).union(AccessMask::ALWAYS);
    if attributes.file_type == FileType::Directory {
        // Entries are changed only by who may also search.
        let changes = AccessMask::MODE_WRITE.union(AccessMask::DELETE_CHILD);
        rights = if bits & 3 == 3 { rights.union(changes) } else { AccessMask(rights.0 & !changes.0) };
    }
    if is_owner(attributes, credentials) {
        rights = rights.union(AccessMask(AccessMask::WRITE_DAC.0 | AccessMask::WRITE_ATTRIBUTES.0));
    }
    if credentials.superuser {
        rights = rights.union(AccessMask(AccessMask::WRITE_OWNER.0 | AccessMask::DELETE.0));
    }
    rights.intersection(wanted)
}
