//! Who is known in a zone: the files of users and groups, and how long answers hold.

use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Reader;
use crate::accounts::{Accounts, Groups, Users};
use crate::error::ConfigError;
use crate::groups::Lifetimes;
use crate::lines::Fault;
use crate::netgroup::Netgroups;
use crate::passwords::Passwords;
use crate::settings::{Text, ZoneFile};
use crate::zone::{Identities, IdentityFiles};

impl Reader<'_> {
    pub(super) fn identities(&mut self, written: &ZoneFile) -> Identities {
        let accounts = self.accounts(written);
        let accounts = self.with_passwords(written, accounts);
        let resolve_groups = written.resolve_groups.as_ref().is_some_and(|resolve| *resolve.get_ref());
        if let Some(resolve) =
            written.resolve_groups.as_ref().filter(|_| resolve_groups && written.users_file.is_none())
        {
            let reason = "the zone knows no users: set users_file (and groups_file) too";
            self.findings.add(resolve.span(), "resolve_groups", reason);
        }
        let lifetimes = Lifetimes {
            known: self.lifetime("cache_seconds", written.cache_seconds.as_ref(), CACHE_SECONDS),
            unknown: self.lifetime("negative_cache_seconds", written.negative_cache_seconds.as_ref(), NEGATIVE_SECONDS),
        };
        let path = |place: &Option<Text>| place.as_ref().map(|place| self.beside(place));
        let files = IdentityFiles {
            users: path(&written.users_file),
            groups: path(&written.groups_file),
            passwords: path(&written.passwords_file),
        };
        Identities { accounts: Arc::new(accounts), resolve_groups, lifetimes, files }
    }

    /// A file that the zone file names, relative to the zone file's folder.
    pub(super) fn beside(&self, place: &Text) -> PathBuf {
        match self.file.parent() {
            Some(folder) => folder.join(place.get_ref()),
            None => PathBuf::from(place.get_ref()),
        }
    }

    /// The netgroups of the zone; `None` when it has none, or they are wrong.
    pub(super) fn netgroups(&mut self, written: &ZoneFile) -> Option<Netgroups> {
        let place = written.netgroup_file.as_ref()?;
        let (file, text) = self.named_file("netgroup_file", place, NETGROUP_FILE_BYTES_MAX)?;
        self.parsed("netgroup_file", &file, Netgroups::parse(&text))
    }

    /// Both files are parsed before they are put together, so that all that is wrong in both is told.
    fn accounts(&mut self, written: &ZoneFile) -> Accounts {
        let users = written.users_file.as_ref().map(|place| {
            let (file, text) = self.named_file("users_file", place, ACCOUNTS_FILE_BYTES_MAX)?;
            self.parsed("users_file", &file, Users::parse(&text))
        });
        let groups = written.groups_file.as_ref().map(|place| {
            let (file, text) = self.named_file("groups_file", place, ACCOUNTS_FILE_BYTES_MAX)?;
            Some((self.parsed("groups_file", &file, Groups::parse(&text))?, file))
        });
        let users = users.unwrap_or_else(|| Some(Users::default()));
        let groups = groups.unwrap_or_else(|| Some((Groups::default(), PathBuf::new())));
        let (Some(users), Some((groups, file))) = (users, groups) else { return Accounts::default() };
        self.parsed("groups_file", &file, Accounts::new(users, groups)).unwrap_or_default()
    }

    /// A file that is not there yet holds no passwords: `berth user` makes it.
    fn with_passwords(&mut self, written: &ZoneFile, accounts: Accounts) -> Accounts {
        let Some(place) = &written.passwords_file else { return accounts };
        if written.users_file.is_none() {
            let reason = "the zone knows no users: set users_file too";
            self.findings.add(place.span(), "passwords_file", reason);
            return accounts;
        }
        let file = self.beside(place);
        let read = match (self.sources.read_secret)(&file, ACCOUNTS_FILE_BYTES_MAX) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return accounts,
            read => read,
        };
        let key = "passwords_file";
        let Some(text) = self.text_of(key, place, (&file, read)) else { return accounts };
        // Where users are wrong, this would say so once more for each of them.
        if self.is_named_file_wrong {
            return accounts;
        }
        let passwords = self.parsed(key, &file, Passwords::parse(&text));
        let Some(passwords) = passwords else { return accounts };
        self.parsed(key, &file, accounts.with_passwords(passwords)).unwrap_or_default()
    }

    /// The text of a file that the zone file names; what is wrong is noted.
    pub(super) fn named_file(&mut self, key: &str, place: &Text, bytes_max: u64) -> Option<(PathBuf, String)> {
        let file = self.beside(place);
        let read = (self.sources.read)(&file, bytes_max);
        let text = self.text_of(key, place, (&file, read))?;
        Some((file, text))
    }

    pub(super) fn text_of(
        &mut self,
        key: &str,
        place: &Text,
        (file, read): (&Path, io::Result<Vec<u8>>),
    ) -> Option<String> {
        let read = read.map_err(|error| format!("cannot read {}: {error}", file.display()));
        let text = read.and_then(|bytes| {
            String::from_utf8(bytes).map_err(|_| format!("cannot read {}: no UTF-8 text", file.display()))
        });
        match text {
            Ok(text) => Some(text),
            Err(reason) => {
                self.is_named_file_wrong = true;
                self.findings.add(place.span(), key, reason);
                None
            }
        }
    }

    fn parsed<T>(&mut self, key: &str, file: &Path, parsed: Result<T, Vec<Fault>>) -> Option<T> {
        let faults = match parsed {
            Ok(parsed) => return Some(parsed),
            Err(faults) => faults,
        };
        self.is_named_file_wrong = true;
        self.findings.add_elsewhere(faults.into_iter().map(|Fault { line, reason }| ConfigError {
            file: file.to_owned(),
            line: Some(line).filter(|line| *line > 0),
            key: key.to_owned(),
            reason,
        }));
        None
    }

    fn lifetime(&mut self, key: &str, written: Option<&crate::settings::Number>, unset: u32) -> Duration {
        let seconds = self.number(key, written, LIFETIME_SECONDS).unwrap_or(unset);
        Duration::from_secs(seconds.into())
    }
}

/// Default of `cache_seconds`.
const CACHE_SECONDS: u32 = 300;
/// Default of `negative_cache_seconds`.
const NEGATIVE_SECONDS: u32 = 60;
const LIFETIME_SECONDS: RangeInclusive<u32> = 1..=86_400;
/// Largest file of users, and of groups: enough for a user in 65,536 groups.
const ACCOUNTS_FILE_BYTES_MAX: u64 = 16 << 20;
/// Largest file of netgroups.
const NETGROUP_FILE_BYTES_MAX: u64 = 4 << 20;
