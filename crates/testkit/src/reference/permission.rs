//! Who may do what (POSIX 4.7 "File Access Permissions").

use vfs::acl::AccessMask;
use vfs::{Attributes, Credentials, DosAttributes, FileType};

pub(super) const READ: u32 = 4;
pub(super) const WRITE: u32 = 2;
pub(super) const SEARCH: u32 = 1;
pub(super) const SET_UID: u32 = 0o4000;
pub(super) const SET_GID: u32 = 0o2000;
pub(super) const STICKY: u32 = 0o1000;

/// What the descriptor that is in force gives; the superuser everything.
pub(super) fn by_descriptor(credentials: &Credentials, attributes: &Attributes) -> Option<AccessMask> {
    let descriptor = attributes.descriptor.as_ref()?;
    let runs = attributes.file_type != FileType::Regular || attributes.mode & 0o111 != 0;
    Some(match (credentials.superuser, runs) {
        (false, _) => descriptor.rights((&attributes.owner, &attributes.group), credentials),
        (true, true) => AccessMask::ALL,
        (true, false) => AccessMask::ALL.without(AccessMask::EXECUTE),
    })
}

/// Whether something may be added to a directory.
pub(super) fn lets_add(credentials: &Credentials, parent: &Attributes, is_directory: bool) -> bool {
    let right = if is_directory { AccessMask::APPEND_DATA } else { AccessMask::WRITE_DATA };
    by_descriptor(credentials, parent)
        .map_or_else(|| permits(credentials, parent, WRITE), |rights| rights.contains(right))
}

/// Whether an entry may be taken out of a directory, but for the sticky bit.
pub(super) fn lets_remove(credentials: &Credentials, parent: &Attributes, entry: &Attributes) -> bool {
    let by_parent = by_descriptor(credentials, parent)
        .map_or_else(|| permits(credentials, parent, WRITE), |rights| rights.contains(AccessMask::DELETE_CHILD));
    by_parent || lets_delete(credentials, entry)
}

fn lets_delete(credentials: &Credentials, entry: &Attributes) -> bool {
    by_descriptor(credentials, entry).is_some_and(|rights| rights.contains(AccessMask::DELETE))
}

/// Whether the descriptor allows all of `bits`, or the bits of the first class that fits; the superuser needs none.
pub(super) fn permits(credentials: &Credentials, attributes: &Attributes, bits: u32) -> bool {
    if let (Some(rights), false) = (by_descriptor(credentials, attributes), credentials.superuser) {
        let has = |bit: u32, rights_of_bit: u32| bits & bit == 0 || rights.0 & rights_of_bit != 0;
        return match attributes.is_directory() {
            true => has(READ, 1) && has(WRITE, 6) && has(SEARCH, 0x67),
            false => has(READ, 1) && has(WRITE, 2) && has(SEARCH, 0x20),
        };
    }
    credentials.superuser || class_bits(credentials, attributes) & bits == bits
}

/// Whether the caller is the owner or the superuser.
pub(super) fn owns(credentials: &Credentials, attributes: &Attributes) -> bool {
    credentials.superuser || credentials.is_user(&attributes.owner)
}

/// Whether the caller is in the group or the superuser.
pub(super) fn is_in_group(credentials: &Credentials, group: &vfs::Principal) -> bool {
    credentials.superuser || credentials.is_member(group)
}

/// Whether the bytes may be read or written by handle alone: the owner always may, and who may execute a file may read
/// it, as a client that runs a program reads it.
pub(super) fn permits_bytes(credentials: &Credentials, attributes: &Attributes, bits: u32) -> bool {
    let by_execution = bits == READ && permits(credentials, attributes, SEARCH);
    let rules = by_descriptor(credentials, attributes).is_none_or(|rights| rights.contains(AccessMask::WRITE_DAC));
    owns(credentials, attributes) && rules || permits(credentials, attributes, bits) || by_execution
}

/// Whether a sticky directory keeps the caller from removing this entry.
pub(super) fn is_kept_by_sticky(credentials: &Credentials, directory: &Attributes, entry: &Attributes) -> bool {
    let is_stuck = directory.mode & STICKY != 0 && !owns(credentials, directory) && !owns(credentials, entry);
    is_stuck && !lets_delete(credentials, entry)
}

/// What a change by another than the superuser does to the set-id bits: they go, except on directories.
pub(super) fn clear_set_id(credentials: &Credentials, attributes: &mut Attributes) {
    if !credentials.superuser && !attributes.is_directory() {
        attributes.mode &= !(SET_UID | SET_GID);
    }
}

/// What ACCESS tells: who may list or change a directory may pass through it.
pub(super) fn allowed(credentials: &Credentials, attributes: &Attributes) -> AccessMask {
    let passes = attributes.is_directory() && permits(credentials, attributes, SEARCH);
    rights(credentials, attributes).union(if passes { AccessMask::EXECUTE } else { AccessMask::default() })
}

/// All rights the caller has by the descriptor, or by the mode.
pub(super) fn rights(credentials: &Credentials, attributes: &Attributes) -> AccessMask {
    if let Some(rights) = by_descriptor(credentials, attributes) {
        return rights;
    }
    let has = |bits| permits(credentials, attributes, bits);
    let mut rights = AccessMask::ALWAYS;
    let mut grant = |is_granted: bool, mask: AccessMask| {
        if is_granted {
            rights = rights.union(mask);
        }
    };
    grant(has(READ), AccessMask::MODE_READ);
    if attributes.is_directory() {
        grant(has(WRITE | SEARCH), AccessMask::MODE_WRITE.union(AccessMask::DELETE_CHILD));
    } else {
        grant(has(WRITE), AccessMask::MODE_WRITE);
    }
    let is_executable = attributes.file_type != FileType::Regular || attributes.mode & 0o111 != 0;
    grant(has(SEARCH) && is_executable, AccessMask::MODE_EXECUTE);
    grant(owns(credentials, attributes), AccessMask::WRITE_ATTRIBUTES.union(AccessMask::WRITE_DAC));
    grant(credentials.superuser, AccessMask::DELETE.union(AccessMask::WRITE_OWNER));
    rights
}

/// All rights that an open may have: who may write may also set times and attributes, and who may remove entries of the
/// directory may delete.
pub(super) fn open_rights(
    credentials: &Credentials,
    attributes: &Attributes,
    (may_delete, may_list): (bool, bool),
) -> AccessMask {
    let mut rights = rights(credentials, attributes);
    if attributes.descriptor.is_none() {
        rights = rights.union(AccessMask::SYNCHRONIZE);
        if rights.contains(AccessMask::WRITE_DATA) {
            rights = rights.union(AccessMask::WRITE_ATTRIBUTES);
        }
        // An owner who may read and write may do everything: the mode has no bit for the rest.
        let whole = if attributes.is_directory() { READ | WRITE | SEARCH } else { READ | WRITE };
        if credentials.is_user(&attributes.owner) && permits(credentials, attributes, whole) {
            rights = rights.union(AccessMask(AccessMask::ALL.0 & !AccessMask::DELETE.0));
        }
    }
    if may_list {
        rights = rights.union(AccessMask::READ_ATTRIBUTES);
    }
    if may_delete {
        rights = rights.union(AccessMask::DELETE);
    }
    if !attributes.is_directory() && attributes.dos.contains(DosAttributes::READ_ONLY) {
        rights = AccessMask(rights.0 & !(AccessMask::WRITE_DATA.0 | AccessMask::APPEND_DATA.0));
    }
    rights
}

fn class_bits(credentials: &Credentials, attributes: &Attributes) -> u32 {
    let shift = if credentials.is_user(&attributes.owner) {
        6
    } else if credentials.is_member(&attributes.group) {
        3
    } else {
        0
    };
    attributes.mode >> shift & 7
}
