//! The users and groups of a zone, from files in the shape of passwd(5) and group(5).
//!
//! They are the zone's own: names in them mean nothing in another zone, and accounts of the gateway's host mean nothing
//! here.

use std::collections::HashMap;
use std::sync::Arc;

use vfs::limits::GROUPS_MAX;

use crate::lines::{Fault, Faults, numbered_lines};
use crate::logon::LocalUser;
use crate::passwords::{Password, Passwords};
use crate::sids::Persona;

/// Users and groups of one zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accounts {
    users: HashMap<String, User>,
    groups: HashMap<String, u32>,
    /// All groups of a uid, sorted, its own among them.
    groups_of: HashMap<u32, Arc<[u32]>>,
    passwords: HashMap<String, Password>,
    /// Names of users by their names in lower case; of two that differ in nothing else, the one with a password.
    of_any_case: HashMap<String, String>,
    user_names: HashMap<u32, String>,
    group_names: HashMap<u32, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct User {
    uid: u32,
    gid: u32,
}

/// The users of a zone, as their file has them.
#[derive(Debug, Default)]
pub(crate) struct Users {
    by_name: HashMap<String, User>,
}

/// The groups of a zone, as their file has them.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    by_name: HashMap<String, u32>,
    /// Members by name, with the gid and the line that names them.
    members: Vec<(String, u32, usize)>,
}

impl Accounts {
    /// Puts users and groups together. Without any users nobody is looked up, and members mean nothing.
    ///
    /// Errors: members that are no users; users in more than [`GROUPS_MAX`] groups. Lines are those of the groups.
    pub(crate) fn new(users: Users, groups: Groups) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::default();
        let mut memberships: HashMap<u32, Vec<u32>> = HashMap::new();
        for user in users.by_name.values() {
            memberships.insert(user.uid, vec![user.gid]);
        }
        for (name, gid, line) in &groups.members {
            match users.by_name.get(name) {
                Some(user) => memberships.entry(user.uid).or_default().push(*gid),
                None if users.by_name.is_empty() => {}
                None => faults.add(*line, format!("member \"{}\" is no user of users_file", name.escape_default())),
            }
        }
        let mut groups_of = HashMap::new();
        for (uid, mut gids) in memberships {
            gids.sort_unstable();
            gids.dedup();
            if gids.len() > GROUPS_MAX {
                faults.add(0, format!("user {uid} is in {} groups: at most {GROUPS_MAX}", gids.len()));
            }
            groups_of.insert(uid, gids.into());
        }
        let of_any_case = users.by_name.keys().map(|name| (name.to_lowercase(), name.clone())).collect();
        let user_names = users.by_name.iter().map(|(name, user)| (user.uid, name.clone())).collect();
        let mut group_names = HashMap::new();
        for (name, gid) in &groups.by_name {
            let known: &mut String = group_names.entry(*gid).or_insert_with(|| name.clone());
            // Of several names the first in the alphabet, so that it is always the same.
            if name < known {
                known.clone_from(name);
            }
        }
        let (users, groups, passwords) = (users.by_name, groups.by_name, HashMap::new());
        faults.finish(Self { users, groups, groups_of, passwords, of_any_case, user_names, group_names })
    }

    /// With these passwords.
    ///
    /// Errors: those of nobody, twice for one user, of users whose names differ only in case: clients of SMB cannot tell
    /// them apart. Lines are those of the passwords.
    pub(crate) fn with_passwords(mut self, passwords: Passwords) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::default();
        let mut names: HashMap<String, String> = HashMap::new();
        for (name, password, line) in passwords.0 {
            let shown = name.escape_default().to_string();
            if !self.users.contains_key(&name) {
                faults.add(line, format!("\"{shown}\" is no user of users_file"));
                continue;
            }
            match names.insert(name.to_lowercase(), name.clone()) {
                Some(other) if other == name => faults.add(line, format!("user \"{shown}\" stands here twice")),
                Some(other) => {
                    let other = other.escape_default();
                    faults.add(line, format!("\"{shown}\" differs from \"{other}\" in nothing but case"));
                }
                None => {}
            }
            self.passwords.insert(name, password);
        }
        self.of_any_case.extend(names);
        faults.finish(self)
    }

    /// All users.
    pub(crate) fn users(&self) -> impl Iterator<Item = LocalUser> {
        self.users.keys().filter_map(|name| self.user(name))
    }

    /// A user by its name in any case.
    pub(crate) fn user_of_any_case(&self, name: &str) -> Option<LocalUser> {
        self.user(self.of_any_case.get(&name.to_lowercase())?)
    }

    fn user(&self, name: &str) -> Option<LocalUser> {
        let User { uid, gid } = *self.users.get(name)?;
        let (groups, password) = (self.groups_of(uid)?, self.passwords.get(name).cloned());
        Some(LocalUser { name: name.to_owned(), uid, gid, groups, password })
    }

    /// The name of a user or group.
    pub(crate) fn name_of(&self, persona: Persona) -> Option<&str> {
        let name = match persona {
            Persona::User(uid) => self.user_names.get(&uid),
            Persona::Group(gid) => self.group_names.get(&gid),
        };
        name.map(String::as_str)
    }

    /// The uid of a user.
    pub(crate) fn uid(&self, name: &str) -> Option<u32> {
        self.users.get(name).map(|user| user.uid)
    }

    /// The primary group of a user.
    pub(crate) fn primary_gid(&self, name: &str) -> Option<u32> {
        self.users.get(name).map(|user| user.gid)
    }

    /// The gid of a group.
    pub(crate) fn gid(&self, name: &str) -> Option<u32> {
        self.groups.get(name).copied()
    }

    /// All groups of a user; `None` when the zone has no such user.
    pub(crate) fn groups_of(&self, uid: u32) -> Option<Arc<[u32]>> {
        self.groups_of.get(&uid).map(Arc::clone)
    }
}

impl Users {
    /// Parses lines `name:password:uid:gid:comment:home:shell`; what follows the gid may be left out, and nothing but
    /// name, uid and gid is used.
    ///
    /// Errors: every line that is wrong, names and uids that stand there twice.
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let (mut users, mut faults) = (Self::default(), Faults::default());
        let mut names_by_uid: HashMap<u32, &str> = HashMap::new();
        for (line, text) in numbered_lines(text) {
            let (name, user) = match parse_user(text) {
                Ok(parsed) => parsed,
                Err(reason) => {
                    faults.add(line, reason);
                    continue;
                }
            };
            if let Some(other) = names_by_uid.insert(user.uid, name) {
                faults.add(line, format!("uid {} is also that of \"{}\"", user.uid, other.escape_default()));
            }
            if users.by_name.insert(name.to_owned(), user).is_some() {
                faults.add(line, format!("user \"{}\" stands here twice", name.escape_default()));
            }
        }
        faults.finish(users)
    }
}

impl Groups {
    /// Parses lines `name:password:gid:member,member`; the members may be left out. Groups of several names may share
    /// a gid.
    ///
    /// Errors: every line that is wrong, names that stand there twice.
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let (mut groups, mut faults) = (Self::default(), Faults::default());
        for (line, text) in numbered_lines(text) {
            let (name, gid, members) = match parse_group(text) {
                Ok(parsed) => parsed,
                Err(reason) => {
                    faults.add(line, reason);
                    continue;
                }
            };
            if groups.by_name.insert(name.to_owned(), gid).is_some() {
                faults.add(line, format!("group \"{}\" stands here twice", name.escape_default()));
            }
            let members = members.split(',').map(str::trim).filter(|member| !member.is_empty());
            groups.members.extend(members.map(|member| (member.to_owned(), gid, line)));
        }
        faults.finish(groups)
    }
}

fn parse_user(line: &str) -> Result<(&str, User), String> {
    let fields: Vec<_> = line.split(':').collect();
    let (name, uid, gid) = match fields.as_slice() {
        [name, _, uid, gid] | [name, _, uid, gid, ..] if fields.len() <= USER_FIELDS => (*name, *uid, *gid),
        _ => return Err("no user: write name:x:uid:gid:comment:home:shell".to_owned()),
    };
    Ok((parse_name(name)?, User { uid: parse_id(uid, "uid")?, gid: parse_id(gid, "gid")? }))
}

fn parse_group(line: &str) -> Result<(&str, u32, &str), String> {
    let fields: Vec<_> = line.split(':').collect();
    let (name, gid, members) = match fields.as_slice() {
        [name, _, gid] => (*name, *gid, ""),
        [name, _, gid, members] => (*name, *gid, *members),
        _ => return Err("no group: write name:x:gid:member,member".to_owned()),
    };
    Ok((parse_name(name)?, parse_id(gid, "gid")?, members))
}

/// Lines that begin with `+` or `-` are orders to other name services in passwd(5), not names.
fn parse_name(name: &str) -> Result<&str, String> {
    let is_legal = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.starts_with(['+', '-'])
        && !name.chars().any(|c| c.is_control() || c.is_whitespace() || c == ',');
    if is_legal {
        return Ok(name);
    }
    let shown: String = name.chars().take(32).collect();
    Err(format!(
        "\"{}\" is no name: 1 to {NAME_BYTES_MAX} bytes without spaces and commas, not beginning with \"+\" or \"-\"",
        shown.escape_default()
    ))
}

fn parse_id(text: &str, kind: &str) -> Result<u32, String> {
    text.parse().ok().filter(|&id| id != u32::MAX).ok_or_else(|| {
        let shown: String = text.chars().take(32).collect();
        format!("\"{}\" is no {kind}: a number from 0 to 4294967294", shown.escape_default())
    })
}

/// Longest name of a user or group, in bytes.
const NAME_BYTES_MAX: usize = 256;
/// Fields of a line of passwd(5).
const USER_FIELDS: usize = 7;
