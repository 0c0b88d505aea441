//! Users of a zone as doors see them that prove who somebody is: by name, with a password, and with both faces of an id.

use std::path::Path;
use std::sync::Arc;

use vfs::Credentials;

use crate::passwords::{Password, StoredHash};
use crate::sids::{Persona, ZoneSids};
use crate::zone::{Zone, ZoneDefinition};

/// Whether somebody may log on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logon {
    /// With the password that has this NT hash.
    With(StoredHash),
    /// There is such a user; it is disabled or has no password.
    Refused,
    /// There is no such user.
    Unknown,
}

/// A user of the zone's own files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalUser {
    /// As it is written in `users_file`.
    pub name: String,
    /// Uid.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// All its groups, sorted, the primary one among them.
    pub groups: Arc<[u32]>,
    /// What is kept of its password; `None` when `passwords_file` does not name it.
    pub password: Option<Password>,
}

/// The files that a zone's users stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountFiles<'a> {
    /// `users_file`.
    pub users: Option<&'a Path>,
    /// `groups_file`.
    pub groups: Option<&'a Path>,
    /// `passwords_file`.
    pub passwords: Option<&'a Path>,
}

impl ZoneDefinition {
    /// Its users, in the order of their uids.
    #[must_use]
    pub fn local_users(&self) -> Vec<LocalUser> {
        let mut users: Vec<_> = self.identities.accounts.users().collect();
        users.sort_by_key(|user| user.uid);
        users
    }

    /// The gid of a group of the zone.
    #[must_use]
    pub fn gid(&self, group: &str) -> Option<u32> {
        self.identities.accounts.gid(group)
    }

    /// The files that its users stand in.
    #[must_use]
    pub fn account_files(&self) -> AccountFiles<'_> {
        let files = &self.identities.files;
        AccountFiles {
            users: files.users.as_deref(),
            groups: files.groups.as_deref(),
            passwords: files.passwords.as_deref(),
        }
    }

    /// The security identifiers of its users and groups.
    #[must_use]
    pub fn sids(&self) -> ZoneSids {
        ZoneSids::of(self.name())
    }
}

impl Zone {
    /// The security identifiers of its users and groups.
    #[must_use]
    pub fn sids(&self) -> ZoneSids {
        self.definition().sids()
    }

    /// What clients of SMB call the server and its domain, in the manner of NetBIOS: the letters and digits of the zone's
    /// name in upper case, at most 15.
    #[must_use]
    pub fn computer_name(&self) -> String {
        let letters = self.name().chars().filter(char::is_ascii_alphanumeric).take(COMPUTER_NAME_LETTERS_MAX);
        letters.collect::<String>().to_uppercase()
    }

    /// Whether a user may log on. Names of SMB are the same in upper and lower case.
    #[must_use]
    pub fn logon(&self, name: &str) -> Logon {
        match self.local_user(name) {
            None => Logon::Unknown,
            Some(LocalUser { password: Some(Password { hash: Some(hash), is_disabled: false, .. }), .. }) => {
                Logon::With(hash)
            }
            Some(_) => Logon::Refused,
        }
    }

    /// A user by its name, whatever the case.
    #[must_use]
    pub fn local_user(&self, name: &str) -> Option<LocalUser> {
        self.definition().identities.accounts.user_of_any_case(name)
    }

    /// Who a user runs as once it is logged on: its ids and all its groups, with security identifiers.
    #[must_use]
    pub fn credentials_of(&self, user: &LocalUser) -> Credentials {
        let sids = self.definition().sids();
        let groups = user.groups.iter().map(|gid| Arc::new(sids.sid(Persona::Group(*gid))));
        Credentials {
            sid: Some(Arc::new(sids.sid(Persona::User(user.uid)))),
            group_sids: groups.collect(),
            ..Credentials::in_groups(user.uid, user.gid, Arc::clone(&user.groups))
        }
    }

    /// The name of a user or group.
    #[must_use]
    pub fn name_of(&self, persona: Persona) -> Option<&str> {
        self.definition().identities.accounts.name_of(persona)
    }

    /// The group of this name.
    #[must_use]
    pub fn group_named(&self, name: &str) -> Option<u32> {
        self.definition().gid(name)
    }

    /// The user, or else the group, of this name, whatever the case of a user's.
    #[must_use]
    pub fn persona_named(&self, name: &str) -> Option<Persona> {
        let user = self.local_user(name).map(|user| Persona::User(user.uid));
        user.or_else(|| self.definition().gid(name).map(Persona::Group))
    }
}

/// Longest name of a computer.
const COMPUTER_NAME_LETTERS_MAX: usize = 15;
