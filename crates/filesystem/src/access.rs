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

/// All rights that the descriptor in force gives; the superuser gets all, but executes only what somebody may execute.
/// `None`: there is none, the mode decides.
pub(crate) fn descriptor_rights(attributes: &Attributes, credentials: &Credentials) -> Option<AccessMask> {
    let descriptor = attributes.descriptor.as_ref()?;
    if !credentials.superuser {
        return Some(descriptor.rights((&attributes.owner, &attributes.group), credentials));
    }
    let executes = attributes.file_type != FileType::Regular || attributes.mode & 0o111 != 0;
    Some(if executes { AccessMask::ALL } else { AccessMask::ALL.without(AccessMask::EXECUTE) })
}

/// What the rights of a descriptor are in permission bits. Who may list or change a directory may pass through it: on
/// Windows everyone may, and a directory closed by its mode (`chmod 0700`) lets others do nothing.
fn bits_of(rights: AccessMask, is_directory: bool) -> u32 {
    let has = |right: AccessMask, bit: u32| if rights.0 & right.0 != 0 { bit } else { 0 };
    let changes = AccessMask::WRITE_DATA.union(AccessMask::APPEND_DATA);
    if is_directory {
        let any = changes.union(AccessMask::READ_DATA).union(AccessMask::EXECUTE).union(AccessMask::DELETE_CHILD);
        return has(AccessMask::READ_DATA, READ) | has(changes, WRITE) | has(any, SEARCH);
    }
    has(AccessMask::READ_DATA, READ) | has(AccessMask::WRITE_DATA, WRITE) | has(AccessMask::EXECUTE, SEARCH)
}

/// The permission bits (of 7) that the descriptor, or the first fitting class of the mode, gives; the superuser gets all,
/// but executes only what somebody may execute.
pub(crate) fn permission_bits(attributes: &Attributes, credentials: &Credentials) -> u32 {
    if let Some(rights) = descriptor_rights(attributes, credentials) {
        return bits_of(rights, attributes.is_directory());
    }
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
/// execute permission is enough, as a client that runs a program reads it. Where a descriptor is in force an owner may
/// who may change it.
pub(crate) fn require_data(attributes: &Attributes, credentials: &Credentials, wanted: u32) -> Result<(), FsError> {
    let rules =
        || descriptor_rights(attributes, credentials).is_none_or(|rights| rights.contains(AccessMask::WRITE_DAC));
    if credentials.is_user(&attributes.owner) && rules() {
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

/// Refuses with `AccessDenied` to add a file or a directory to a directory.
pub(crate) fn require_add(parent: &Attributes, credentials: &Credentials, is_directory: bool) -> Result<(), FsError> {
    let Some(rights) = descriptor_rights(parent, credentials) else { return require(parent, credentials, WRITE) };
    let needed = if is_directory { AccessMask::APPEND_DATA } else { AccessMask::WRITE_DATA };
    if rights.contains(needed) { Ok(()) } else { Err(FsError::AccessDenied) }
}

/// Refuses with `AccessDenied` to take an entry out of a directory: that or the descriptor of the entry must allow it.
pub(crate) fn require_remove(
    parent: &Attributes,
    entry: &Attributes,
    credentials: &Credentials,
) -> Result<(), FsError> {
    if may_delete_itself(entry, credentials) {
        return Ok(());
    }
    match descriptor_rights(parent, credentials) {
        Some(rights) if rights.contains(AccessMask::DELETE_CHILD) => Ok(()),
        Some(_) => Err(FsError::AccessDenied),
        None => require(parent, credentials, WRITE),
    }
}

/// Whether the descriptor of an entry lets the caller delete it, whatever its directory says.
fn may_delete_itself(entry: &Attributes, credentials: &Credentials) -> bool {
    descriptor_rights(entry, credentials).is_some_and(|rights| rights.contains(AccessMask::DELETE))
}

/// Refuses with `NotPermitted` to remove or rename an entry of a sticky directory, unless the caller owns the entry,
/// the directory, or is the superuser, or the descriptor of the entry allows it.
pub(crate) fn require_sticky(
    directory: &Attributes,
    entry: &Attributes,
    credentials: &Credentials,
) -> Result<(), FsError> {
    let free = directory.mode & STICKY == 0
        || is_owner(directory, credentials)
        || is_owner(entry, credentials)
        || may_delete_itself(entry, credentials);
    if free { Ok(()) } else { Err(FsError::NotPermitted) }
}

/// All rights that an open of an inode may have. Who may write by its mode may also set times and attributes; who may remove entries of the directory may delete, who may list it may
/// look at attributes (MS-FSA 2.1.5.1.2.1).
pub(crate) fn open_rights(
    attributes: &Attributes,
    credentials: &Credentials,
    (may_delete, may_list): (bool, bool),
) -> AccessMask {
    let mut rights = granted(attributes, credentials, AccessMask::ALL);
    if attributes.descriptor.is_none() {
        // What asks to write over SMB asks for both, and the mode has no bit for the other.
        let writes = rights.contains(AccessMask::WRITE_DATA);
        let also = if writes { AccessMask::WRITE_ATTRIBUTES } else { AccessMask::default() };
        rights = rights.union(AccessMask::SYNCHRONIZE).union(also);
        if credentials.is_user(&attributes.owner) && is_full(rights, attributes) {
            rights = rights.union(AccessMask::ALL.without(AccessMask::DELETE));
        }
    }
    if may_delete {
        rights = rights.union(AccessMask::DELETE);
    }
    if may_list {
        rights = rights.union(AccessMask::READ_ATTRIBUTES);
    }
    if is_read_only(attributes) {
        rights = AccessMask(rights.0 & !(AccessMask::WRITE_DATA.0 | AccessMask::APPEND_DATA.0));
    }
    rights
}

/// Whether a mode leaves its owner nothing to wish for: clients of Windows ask for everything at once, and the mode has no
/// bit for most of it. Whoever reads a file can run it anyway.
fn is_full(rights: AccessMask, attributes: &Attributes) -> bool {
    let searches = !attributes.is_directory() || rights.contains(AccessMask::EXECUTE);
    searches && rights.contains(AccessMask::READ_DATA.union(AccessMask::WRITE_DATA))
}

/// Whether it is a file that is neither written to nor deleted over SMB (MS-FSCC 2.6 `FILE_ATTRIBUTE_READONLY`); of
/// directories the bit says nothing.
pub(crate) fn is_read_only(attributes: &Attributes) -> bool {
    !attributes.is_directory() && attributes.dos.contains(DosAttributes::READ_ONLY)
}

/// The rights of the wanted ones that an operation would really be allowed.
pub(crate) fn allowed(attributes: &Attributes, credentials: &Credentials, wanted: AccessMask) -> AccessMask {
    let rights = granted(attributes, credentials, AccessMask::ALL);
    let passes = attributes.is_directory() && permission_bits(attributes, credentials) & SEARCH != 0;
    let rights = if passes { rights.union(AccessMask::EXECUTE) } else { rights };
    let rights = if attributes.inode.tree.is_past() { rights.without(CHANGING) } else { rights };
    rights.intersection(wanted)
}

/// Rights that change something: nobody has them in the past.
const CHANGING: AccessMask = AccessMask(
    AccessMask::MODE_WRITE.0
        | AccessMask::DELETE_CHILD.0
        | AccessMask::WRITE_ATTRIBUTES.0
        | AccessMask::DELETE.0
        | AccessMask::WRITE_DAC.0
        | AccessMask::WRITE_OWNER.0,
);

/// Whether the caller may read data, attributes and descriptor of a file or a directory: what a listing needs to tell of it that leaves
/// out what may not be read.
pub(crate) fn may_read(attributes: &Attributes, credentials: &Credentials) -> bool {
    let reads = AccessMask::MODE_READ.union(AccessMask::ALWAYS);
    granted(attributes, credentials, reads) == reads
}

/// The rights of the wanted ones that descriptor, or mode and owner, give.
pub(crate) fn granted(attributes: &Attributes, credentials: &Credentials, wanted: AccessMask) -> AccessMask {
    if let Some(rights) = descriptor_rights(attributes, credentials) {
        return rights.intersection(wanted);
    }
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
