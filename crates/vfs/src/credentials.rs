//! Who asks: what a token says (identity) and what it is mapped to (credentials).

use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

/// A Windows security identifier (MS-DTYP 2.4.2): revision 1, an authority of 48 bits and at most 15 sub-authorities.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sid {
    /// Identifier authority, below 2^48.
    pub authority: u64,
    /// Sub-authorities, the last one is the relative id.
    pub sub_authorities: SmallVec<[u32; 6]>,
}

/// As people write it (MS-DTYP 2.4.2.1): `S-1-5-21-...`, an authority that needs more than 32 bits in hexadecimal.
impl fmt::Display for Sid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match u32::try_from(self.authority) {
            Ok(authority) => write!(formatter, "S-1-{authority}")?,
            Err(_) => write!(formatter, "S-1-{:#014x}", self.authority)?,
        }
        self.sub_authorities.iter().try_for_each(|number| write!(formatter, "-{number}"))
    }
}

/// Someone who can own a file or stand in an access control list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    /// A numeric Unix id: a uid or a gid, as the place says.
    Unix(u32),
    /// A security identifier without a Unix id.
    Sid(Arc<Sid>),
}

/// What an authentication exchange proved, before any mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Nobody said who they are (AUTH_NONE).
    Anonymous,
    /// A Unix user as its client claims (AUTH_SYS, RFC 5531 appendix A).
    Unix {
        /// Effective uid.
        uid: u32,
        /// Effective gid.
        gid: u32,
        /// Supplementary groups, at most 16 on the wire.
        groups: SmallVec<[u32; 16]>,
    },
    /// A user name proved by a password or ticket.
    User {
        /// Name of the user.
        name: String,
        /// Domain or realm.
        domain: String,
    },
}

/// By what exchange a request proves who sends it; what an export accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flavor {
    /// No proof and no claim: AUTH_NONE (RFC 5531 8.1).
    None,
    /// The client's word: AUTH_SYS (RFC 5531 appendix A).
    Sys,
}

/// Who an operation runs as, after mapping, with both faces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Effective uid.
    pub uid: u32,
    /// Effective gid.
    pub gid: u32,
    /// Supplementary groups, sorted; shared, since there may be very many.
    pub groups: Arc<[u32]>,
    /// Security identifier of the user, if it has one.
    pub sid: Option<Arc<Sid>>,
    /// Security identifiers of its groups.
    pub group_sids: Vec<Arc<Sid>>,
    /// May do everything that permission bits forbid: root that is not mapped.
    pub superuser: bool,
}

impl Principal {
    /// The Unix id, if it has one.
    #[must_use]
    pub fn unix(&self) -> Option<u32> {
        match self {
            Self::Unix(id) => Some(*id),
            Self::Sid(_) => None,
        }
    }
}

impl Credentials {
    /// A Unix user with these ids; uid 0 is the superuser.
    #[must_use]
    pub fn unix(uid: u32, gid: u32, groups: &[u32]) -> Self {
        let mut groups = groups.to_vec();
        groups.sort_unstable();
        groups.dedup();
        Self::in_groups(uid, gid, groups.into())
    }

    /// A Unix user in these groups, which are sorted: nothing is copied. uid 0 is the superuser.
    #[must_use]
    pub fn in_groups(uid: u32, gid: u32, groups: Arc<[u32]>) -> Self {
        Self { uid, gid, groups, sid: None, group_sids: Vec::new(), superuser: uid == 0 }
    }

    /// Root, as the house itself acts.
    #[must_use]
    pub fn root() -> Self {
        Self::unix(0, 0, &[])
    }

    /// Whether the user is this owner.
    #[must_use]
    pub fn is_user(&self, owner: &Principal) -> bool {
        match owner {
            Principal::Unix(uid) => *uid == self.uid,
            Principal::Sid(sid) => self.sid.as_ref() == Some(sid),
        }
    }

    /// Whether the user is in this group.
    #[must_use]
    pub fn is_member(&self, group: &Principal) -> bool {
        match group {
            Principal::Unix(gid) => *gid == self.gid || self.groups.binary_search(gid).is_ok(),
            Principal::Sid(sid) => self.group_sids.contains(sid),
        }
    }
}
