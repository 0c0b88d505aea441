//! One share: a directory of the zone by a name, and who may do what there.

use std::sync::Arc;

use vfs::acl::AccessMask;
use vfs::{Credentials, Name};

use crate::path::spell;
use crate::stable_id::stable_id;

/// Names one share of a zone; made from the zone's name and the share's, so that it stays the same over restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShareId(pub u32);

/// One share with its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    pub(crate) id: ShareId,
    pub(crate) name: String,
    pub(crate) components: Vec<Name>,
    pub(crate) description: String,
    pub(crate) read_only: bool,
    pub(crate) guests: bool,
    pub(crate) browsable: bool,
    pub(crate) streams: bool,
    pub(crate) must_encrypt: bool,
    pub(crate) is_continuous: bool,
    pub(crate) hides_unreadable: bool,
    pub(crate) permissions: Arc<[Permission]>,
}

/// One line of the permissions of a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Permission {
    pub(crate) trustee: ShareTrustee,
    pub(crate) allows: bool,
    pub(crate) rights: AccessMask,
}

/// Whom a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShareTrustee {
    Everyone,
    User(u32),
    Group(u32),
}

impl Share {
    pub(crate) fn id_of(zone: &str, name: &str) -> ShareId {
        ShareId(stable_id(&[zone.as_bytes(), b"share", fold(name).as_bytes()]))
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> ShareId {
        self.id
    }

    /// The name that clients connect to, as configured.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a client means it by this name: names are compared without regard to case.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        fold(&self.name) == fold(name)
    }

    /// The components of its path; the walk from the zone's root leads to its root.
    #[must_use]
    pub fn components(&self) -> &[Name] {
        &self.components
    }

    /// Its path below the base of the zone.
    #[must_use]
    pub fn path(&self) -> Vec<u8> {
        spell(&self.components)
    }

    /// What it is for; empty when nobody said.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Whether nobody may change anything.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Whether those come in who do not prove who they are.
    #[must_use]
    pub fn takes_guests(&self) -> bool {
        self.guests
    }

    /// Whether it is told to clients that ask which shares there are.
    #[must_use]
    pub fn is_browsable(&self) -> bool {
        self.browsable
    }

    /// Whether files may have streams beside their data.
    #[must_use]
    pub fn has_streams(&self) -> bool {
        self.streams
    }

    /// Whether everything but the way in must be encrypted.
    #[must_use]
    pub fn must_encrypt(&self) -> bool {
        self.must_encrypt
    }

    /// Whether opens survive a restart for who asks for it, and what is done is stable before the answer.
    #[must_use]
    pub fn is_continuous(&self) -> bool {
        self.is_continuous
    }

    /// Whether listings leave out what who lists may not read (access-based enumeration).
    #[must_use]
    pub fn hides_unreadable(&self) -> bool {
        self.hides_unreadable
    }

    /// What a user may do at most: of each right the first line decides that names the user. What files say of it comes
    /// on top.
    #[must_use]
    pub fn rights(&self, credentials: &Credentials) -> AccessMask {
        let (mut granted, mut refused) = (0, 0);
        for permission in self.permissions.iter().filter(|permission| permission.trustee.is(credentials)) {
            if permission.allows {
                granted |= permission.rights.0 & !refused;
            } else {
                refused |= permission.rights.0 & !granted;
            }
        }
        AccessMask(if self.read_only { granted & READ.0 } else { granted })
    }
}

impl ShareTrustee {
    fn is(self, credentials: &Credentials) -> bool {
        match self {
            Self::Everyone => true,
            Self::User(uid) => credentials.uid == uid,
            Self::Group(gid) => credentials.gid == gid || credentials.groups.binary_search(&gid).is_ok(),
        }
    }
}

fn fold(name: &str) -> String {
    name.to_lowercase()
}

/// `read`: look at everything, run programs.
pub(crate) const READ: AccessMask = AccessMask(0x0012_00a9);
/// `change`: `read`, and create, write and delete.
pub(crate) const CHANGE: AccessMask = AccessMask(0x0013_01bf);
/// `full`: `change`, and permissions and owners.
pub(crate) const FULL: AccessMask = AccessMask(0x001f_01ff);
