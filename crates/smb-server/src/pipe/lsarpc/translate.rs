//! Names to security identifiers and back (MS-LSAT 3.1.1): those of the zone, of bare Unix numbers, and of everybody's
//! world.

use smb_wire::Status;
use smb_wire::codec::Utf16;
use smb_wire::dtyp::Sid;
use smb_wire::pipe::lsarpc::{ReferencedDomain, ReferencedDomains, SidInformation, SidNameUse};
use smb_wire::pipe::ndr::{Counted, UnicodeString};
use zones::{Persona, Zone};

use super::super::service::{Circumstances, utf16};

/// What one look-up came to, in the order of what was asked.
pub(super) struct Names {
    pub(super) found: Vec<Found>,
    domains: Vec<Domain>,
    refused: Option<Status>,
}

/// One name, or identifier.
pub(super) struct Found {
    pub(super) kind: SidNameUse,
    pub(super) sid: Option<Sid>,
    /// Without its domain; the identifier, when there is no name.
    pub(super) name: String,
    /// Where its domain stands; all ones: nowhere.
    pub(super) domain: u32,
}

struct Domain {
    /// In UTF-16.
    name: Vec<u8>,
    sid: Option<Sid>,
}

/// An account: its kind, its name, its identifier, and its domain with its own.
struct Account {
    kind: SidNameUse,
    name: String,
    sid: Sid,
    domain: (String, Option<Sid>),
}

impl Found {
    fn unknown(sid: Option<Sid>) -> Self {
        let name = sid.map(|sid| sid.to_string()).unwrap_or_default();
        Self { kind: SidNameUse::UNKNOWN, sid: None, name, domain: NOWHERE }
    }

    /// Its number within its domain; all ones for a domain.
    pub(super) fn rid(&self) -> u32 {
        let rid = self.sid.filter(|_| self.kind != SidNameUse::DOMAIN).and_then(|sid| sid.split_rid());
        rid.map_or(NOWHERE, |(_, rid)| rid)
    }
}

impl Names {
    /// Identifiers of names: `user`, `DOMAIN\user`, `user@domain`.
    ///
    /// Refusals, in order: that of the policy, INVALID_PARAMETER (other than as many as were announced, or too many).
    pub(super) fn of_names(
        checked: Result<(), Status>,
        (count, names): (u32, &[UnicodeString<'_>]),
        circumstances: &Circumstances<'_>,
    ) -> Self {
        let is_count = usize::try_from(count) == Ok(names.len()) && names.len() <= LOOKUPS_MAX;
        let refused = checked.err().or_else(|| (!is_count).then_some(Status::INVALID_PARAMETER));
        let find = |name: &UnicodeString<'_>| account_named(&name.text().to_string(), circumstances.zone);
        Self::of(refused, names, |name| find(name).map_err(|()| None))
    }

    /// Names of identifiers.
    ///
    /// Refusals, in order: that of the policy, INVALID_PARAMETER (none in a place, or too many).
    pub(super) fn of_sids(
        checked: Result<(), Status>,
        sids: &[SidInformation],
        circumstances: &Circumstances<'_>,
    ) -> Self {
        let is_wrong = sids.len() > LOOKUPS_MAX || sids.iter().any(|item| item.sid.is_none());
        let refused = checked.err().or_else(|| is_wrong.then_some(Status::INVALID_PARAMETER));
        let find =
            |item: &SidInformation| item.sid.and_then(|sid| account_of(&sid, circumstances.zone)).ok_or(item.sid);
        Self::of(refused, sids, find)
    }

    fn of<T>(refused: Option<Status>, asked: &[T], find: impl Fn(&T) -> Result<Account, Option<Sid>>) -> Self {
        let mut names = Self { found: Vec::new(), domains: Vec::new(), refused };
        if refused.is_some() {
            return names;
        }
        for asked in asked {
            let found = match find(asked) {
                Ok(account) => names.enter(account),
                Err(sid) => Found::unknown(sid),
            };
            names.found.push(found);
        }
        names
    }

    fn enter(&mut self, account: Account) -> Found {
        let Account { kind, name, sid, domain: (domain, domain_sid) } = account;
        let domain = utf16(&domain);
        let place = self.domains.iter().position(|known| known.name == domain).unwrap_or_else(|| {
            self.domains.push(Domain { name: domain, sid: domain_sid });
            self.domains.len() - 1
        });
        Found { kind, sid: Some(sid), name, domain: u32::try_from(place).unwrap_or(NOWHERE) }
    }

    /// Domains, how many were found, and the status (MS-LSAT 3.1.4.10).
    pub(super) fn told(&self) -> (Option<ReferencedDomains<'_>>, u32, u32) {
        if let Some(status) = self.refused {
            return (None, 0, status.0);
        }
        let mapped = self.found.iter().filter(|found| found.kind != SidNameUse::UNKNOWN).count();
        let status = match mapped {
            mapped if mapped == self.found.len() => Status::SUCCESS,
            0 => Status::NONE_MAPPED,
            _ => Status::SOME_NOT_MAPPED,
        };
        let domains = self.domains.iter().map(|domain| ReferencedDomain {
            name: UnicodeString::new(Utf16::from_bytes(&domain.name).unwrap_or_default()),
            sid: domain.sid,
        });
        let domains = Counted::new(domains.collect());
        let entries_max = DOMAINS_MAX;
        let mapped = u32::try_from(mapped).unwrap_or(u32::MAX);
        (Some(ReferencedDomains { domains, entries_max }), mapped, status.0)
    }
}

fn account_named(name: &str, zone: &Zone) -> Result<Account, ()> {
    let (domain, name) = match (name.split_once('\\'), name.rsplit_once('@')) {
        (Some((domain, name)), _) => (Some(domain), name),
        (None, Some((name, domain))) => (Some(domain), name),
        (None, None) => (None, name),
    };
    let computer = zone.computer_name();
    let is_domain = |known: &str| domain.is_none_or(|domain| domain.eq_ignore_ascii_case(known));
    if domain.is_none() && name.eq_ignore_ascii_case(&computer) {
        return account_of(&wire_sid(&zone.sids().domain()).ok_or(())?, zone).ok_or(());
    }
    let is_meant =
        |(_, place, known, _): &&(&str, &str, &str, SidNameUse)| is_domain(place) && known.eq_ignore_ascii_case(name);
    if let Some((sid, ..)) = WELL_KNOWN.iter().find(is_meant) {
        return account_of(&sid.parse().map_err(drop)?, zone).ok_or(());
    }
    if !is_domain(&computer) && !is_domain(zone.name()) {
        return Err(());
    }
    let persona = zone.persona_named(name).ok_or(())?;
    account_of(&wire_sid(&zone.sids().sid(persona)).ok_or(())?, zone).ok_or(())
}

fn account_of(sid: &Sid, zone: &Zone) -> Option<Account> {
    let text = sid.to_string();
    if let Some((_, domain, name, kind)) = WELL_KNOWN.iter().find(|(known, ..)| *known == text) {
        let of_domain = sid.split_rid().map(|(domain, _)| domain);
        let domain = ((*domain).to_owned(), of_domain);
        return Some(Account { kind: *kind, name: (*name).to_owned(), sid: *sid, domain });
    }
    let own = vfs::Sid { authority: sid.authority(), sub_authorities: sid.sub_authorities().iter().copied().collect() };
    let computer = zone.computer_name();
    if own == zone.sids().domain() {
        return Some(Account {
            kind: SidNameUse::DOMAIN,
            name: computer.clone(),
            sid: *sid,
            domain: (computer, Some(*sid)),
        });
    }
    let persona = zone.sids().persona(&own)?;
    let (domain, _) = sid.split_rid()?;
    let is_of_zone = wire_sid(&zone.sids().domain()) == Some(domain);
    let (kind, unix) = match persona {
        Persona::User(_) => (SidNameUse::USER, "Unix User"),
        Persona::Group(_) => (SidNameUse::GROUP, "Unix Group"),
    };
    let (name, place) = match (zone.name_of(persona), is_of_zone) {
        (Some(name), true) => (name.to_owned(), computer),
        (None, true) => return None,
        // A bare number has itself for a name.
        (name, false) => (name.map_or_else(|| number(persona).to_string(), str::to_owned), unix.to_owned()),
    };
    Some(Account { kind, name, sid: *sid, domain: (place, Some(domain)) })
}

fn number(persona: Persona) -> u32 {
    match persona {
        Persona::User(id) | Persona::Group(id) => id,
    }
}

/// As it stands on the wire; `None` for one that cannot.
pub(super) fn wire_sid(sid: &vfs::Sid) -> Option<Sid> {
    Sid::new(sid.authority, &sid.sub_authorities)
}

/// Identifiers that are the same everywhere (MS-DTYP 2.4.2.4), with their domains and names.
const WELL_KNOWN: &[(&str, &str, &str, SidNameUse)] = &[
    ("S-1-1-0", "", "Everyone", SidNameUse::WELL_KNOWN_GROUP),
    ("S-1-3-0", "", "CREATOR OWNER", SidNameUse::WELL_KNOWN_GROUP),
    ("S-1-3-1", "", "CREATOR GROUP", SidNameUse::WELL_KNOWN_GROUP),
    ("S-1-3-4", "", "OWNER RIGHTS", SidNameUse::WELL_KNOWN_GROUP),
    ("S-1-5-2", "NT AUTHORITY", "NETWORK", SidNameUse::WELL_KNOWN_GROUP),
    ("S-1-5-7", "NT AUTHORITY", "ANONYMOUS LOGON", SidNameUse::WELL_KNOWN_GROUP),
    ("S-1-5-11", "NT AUTHORITY", "Authenticated Users", SidNameUse::WELL_KNOWN_GROUP),
    ("S-1-5-18", "NT AUTHORITY", "SYSTEM", SidNameUse::WELL_KNOWN_GROUP),
    ("S-1-5-32-544", "BUILTIN", "Administrators", SidNameUse::ALIAS),
    ("S-1-5-32-545", "BUILTIN", "Users", SidNameUse::ALIAS),
    ("S-1-5-32-546", "BUILTIN", "Guests", SidNameUse::ALIAS),
];

const NOWHERE: u32 = u32::MAX;
/// Names or identifiers of one look-up (MS-LSAT 3.1.4.9 has as many).
const LOOKUPS_MAX: usize = 1000;
/// What Windows says (MS-LSAT 2.2.12: clients ignore it).
const DOMAINS_MAX: u32 = 32;
