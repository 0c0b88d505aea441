//! Security identifiers of a zone's users and groups, made from their numbers: nothing is stored, and nothing can drift.
//!
//! The zone is a domain, `S-1-5-21-a-b-c`, whose three numbers are made from its name as its id is. In it a user has the RID
//! `1000 + 2 * uid` and a group `1001 + 2 * gid`, known or not. Ids that would not fit are `S-1-22-1-uid` and `S-1-22-2-gid`,
//! which stand for all others too when somebody sends them (Samba shows such to its clients).

use std::iter;

use vfs::Sid;

use crate::stable_id::stable_id;

/// A user or a group, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Persona {
    /// A uid.
    User(u32),
    /// A gid.
    Group(u32),
}

/// The identifiers of one zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZoneSids {
    numbers: [u32; 3],
}

impl ZoneSids {
    pub(crate) fn of(zone: &str) -> Self {
        let number = |what: &str| stable_id(&[zone.as_bytes(), what.as_bytes()]);
        // The first is the zone's id: no two zones of a gateway have one.
        Self { numbers: [stable_id(&[zone.as_bytes()]), number("sid second"), number("sid third")] }
    }

    /// The zone itself, as a domain.
    #[must_use]
    pub fn domain(self) -> Sid {
        sid(NT_AUTHORITY, iter::once(NON_UNIQUE).chain(self.numbers))
    }

    /// Of a user or a group.
    #[must_use]
    pub fn sid(self, persona: Persona) -> Sid {
        let rid = match persona {
            Persona::User(uid) => uid.checked_mul(2).and_then(|twice| twice.checked_add(FIRST_RID)),
            Persona::Group(gid) => gid.checked_mul(2).and_then(|twice| twice.checked_add(FIRST_RID + 1)),
        };
        match (rid, persona) {
            (Some(rid), _) => sid(NT_AUTHORITY, iter::once(NON_UNIQUE).chain(self.numbers).chain([rid])),
            (None, Persona::User(uid)) => sid(UNIX_AUTHORITY, [UNIX_USERS, uid]),
            (None, Persona::Group(gid)) => sid(UNIX_AUTHORITY, [UNIX_GROUPS, gid]),
        }
    }

    /// The user or group that has this identifier; `None` for those of other domains and well-known ones.
    #[must_use]
    pub fn persona(self, sid: &Sid) -> Option<Persona> {
        match (sid.authority, sid.sub_authorities.as_slice()) {
            (NT_AUTHORITY, [NON_UNIQUE, a, b, c, rid]) if [*a, *b, *c] == self.numbers => {
                let number = rid.checked_sub(FIRST_RID)?;
                Some(if number % 2 == 0 { Persona::User(number / 2) } else { Persona::Group(number / 2) })
            }
            (UNIX_AUTHORITY, [UNIX_USERS, uid]) => Some(Persona::User(*uid)),
            (UNIX_AUTHORITY, [UNIX_GROUPS, gid]) => Some(Persona::Group(*gid)),
            _ => None,
        }
    }
}

fn sid(authority: u64, sub_authorities: impl IntoIterator<Item = u32>) -> Sid {
    Sid { authority, sub_authorities: sub_authorities.into_iter().collect() }
}

/// SECURITY_NT_AUTHORITY (MS-DTYP 2.4.1.1).
const NT_AUTHORITY: u64 = 5;
/// SECURITY_NT_NON_UNIQUE: domains.
const NON_UNIQUE: u32 = 21;
/// "Unix User" and "Unix Group".
const UNIX_AUTHORITY: u64 = 22;
const UNIX_USERS: u32 = 1;
const UNIX_GROUPS: u32 = 2;
/// RIDs below are those of accounts that every domain has.
const FIRST_RID: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    /// Clients keep these: they may never change.
    #[test]
    fn identifiers_never_change() {
        let zone = ZoneSids::of("contoso");
        assert_eq!(zone.domain().to_string(), "S-1-5-21-4271048928-157567664-1742497871");
        assert_eq!(zone.sid(Persona::User(0)).to_string(), format!("{}-1000", zone.domain()));
        assert_eq!(zone.sid(Persona::Group(100)).to_string(), format!("{}-1201", zone.domain()));
        assert_eq!(zone.sid(Persona::User(u32::MAX - 1)).to_string(), "S-1-22-1-4294967294");
        assert_eq!(zone.sid(Persona::Group(1 << 31)).to_string(), "S-1-22-2-2147483648");
    }

    #[test]
    fn identifiers_lead_back() {
        let (zone, other) = (ZoneSids::of("contoso"), ZoneSids::of("fabrikam"));
        for id in [0, 1, 999, 1000, 65_534, 2_147_483_147, 2_147_483_148, u32::MAX - 1] {
            for persona in [Persona::User(id), Persona::Group(id)] {
                let sid = zone.sid(persona);
                assert_eq!(zone.persona(&sid), Some(persona), "{sid}");
                assert!(other.persona(&sid).is_none() || sid.authority == UNIX_AUTHORITY);
            }
        }
        assert_eq!(zone.persona(&sid(UNIX_AUTHORITY, [UNIX_USERS, 7])), Some(Persona::User(7)));
        assert_eq!(zone.persona(&zone.domain()), None);
        assert_eq!(zone.persona(&sid(1, [0])), None);
        assert_eq!(zone.persona(&sid(NT_AUTHORITY, [NON_UNIQUE].into_iter().chain(zone.numbers).chain([500]))), None);
    }
}
