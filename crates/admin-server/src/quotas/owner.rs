//! Users and groups, as the zone knows them.

use admin_api::{QuotaEvery, QuotaKind};
use vfs::{Principal, QuotaDomain};
use zones::{Persona, Zone};

use super::answer::problem;
use crate::problem::Refused;

/// What of a directory is limited: one at most; everything when nothing is said.
#[derive(Debug)]
pub(super) struct Whose {
    /// A user, by name or number.
    pub(super) user: Option<String>,
    /// A group, by name or number.
    pub(super) group: Option<String>,
    /// Each user, or each group, by itself.
    pub(super) every: Option<QuotaEvery>,
}

impl Whose {
    /// Errors: 400 (more than one), 422 (a name that the zone does not know).
    pub(super) fn domain(&self, zone: &Zone) -> Result<QuotaDomain, Refused> {
        match (&self.user, &self.group, self.every) {
            (None, None, None) => Ok(QuotaDomain::Directory),
            (Some(user), None, None) => {
                let known = |name: &str| zone.local_user(name).map(|user| user.uid);
                Ok(QuotaDomain::User(principal("user", user, known)?))
            }
            (None, Some(group), None) => {
                Ok(QuotaDomain::Group(principal("group", group, |name| zone.group_named(name))?))
            }
            (None, None, Some(QuotaEvery::User)) => Ok(QuotaDomain::EveryUser),
            (None, None, Some(QuotaEvery::Group)) => Ok(QuotaDomain::EveryGroup),
            _ => Err(problem(400, "Bad Request", "say user, group or every, but one of them only".to_owned())),
        }
    }
}

fn principal(kind: &str, text: &str, known: impl Fn(&str) -> Option<u32>) -> Result<Principal, Refused> {
    let found = known(text).or_else(|| text.parse().ok()).map(Principal::Unix);
    found.ok_or_else(|| {
        let detail = format!("the zone knows no {kind} \"{}\"; say a number otherwise", text.escape_default());
        problem(422, "Unprocessable Content", detail)
    })
}

/// What a quota limits, whom by number, and the name of that one.
pub(super) fn told_owner(zone: &Zone, domain: &QuotaDomain) -> (QuotaKind, Option<String>, Option<String>) {
    let (kind, principal) = match domain {
        QuotaDomain::Directory => return (QuotaKind::Directory, None, None),
        QuotaDomain::EveryUser => return (QuotaKind::EveryUser, None, None),
        QuotaDomain::EveryGroup => return (QuotaKind::EveryGroup, None, None),
        QuotaDomain::User(owner) => (QuotaKind::User, owner),
        QuotaDomain::Group(owner) => (QuotaKind::Group, owner),
    };
    match principal {
        Principal::Sid(sid) => (kind, Some(sid.to_string()), None),
        Principal::Unix(id) => {
            let persona = if kind == QuotaKind::User { Persona::User(*id) } else { Persona::Group(*id) };
            (kind, Some(id.to_string()), zone.name_of(persona).map(str::to_owned))
        }
    }
}
