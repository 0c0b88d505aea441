//! The files that a zone's users stand in: read together, changed one at a time while nobody else changes them, and only to
//! what the zone can be read with afterwards.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use zones::{LocalUser, Sources, ZoneDefinition, parse_with, system_reader, system_resolver, system_secret_reader};

use crate::arguments::ZoneArguments;
use crate::replace::{PLAIN_MODE, SECRET_MODE, replace};
use crate::settings::Settings;

/// The files of one zone, locked against other `berth user`.
pub(super) struct Files {
    zone: ZoneDefinition,
    users: Text,
    groups: Option<Text>,
    passwords: Text,
    _lock: File,
}

/// What is to stand in the files from now on; `None` leaves one as it is.
#[derive(Default)]
pub(super) struct Change {
    pub(super) users: Option<String>,
    pub(super) groups: Option<String>,
    pub(super) passwords: Option<String>,
}

struct Text {
    file: PathBuf,
    text: String,
}

impl Files {
    pub(super) fn open(arguments: &ZoneArguments) -> Result<Self> {
        let zone = find(arguments)?;
        let lock = File::open(zone.file()).and_then(|file| file.lock().map(|()| file));
        let lock = lock.with_context(|| format!("cannot lock {}", zone.file().display()))?;
        // What was read before may have changed until it was locked.
        let zone = find(arguments).with_context(|| format!("zone {}", zone.name()))?;
        let files = zone.account_files();
        let missing =
            |key: &str| anyhow!("{}: set {key}, a file beside it that this verb can change", zone.file().display());
        let users = Text::read(files.users.ok_or_else(|| missing("users_file"))?)?;
        let groups = files.groups.map(Text::read).transpose()?;
        let passwords = Text::read(files.passwords.ok_or_else(|| missing("passwords_file"))?)?;
        Ok(Self { users, groups, passwords, zone, _lock: lock })
    }

    pub(super) fn users(&self) -> Vec<LocalUser> {
        self.zone.local_users()
    }

    pub(super) fn user(&self, name: &str) -> Option<LocalUser> {
        self.users().into_iter().find(|user| user.name == name)
    }

    pub(super) fn gid(&self, group: &str) -> Option<u32> {
        self.zone.gid(group)
    }

    pub(super) fn users_text(&self) -> &str {
        &self.users.text
    }

    pub(super) fn groups_text(&self) -> Option<&str> {
        self.groups.as_ref().map(|groups| groups.text.as_str())
    }

    pub(super) fn passwords_text(&self) -> &str {
        &self.passwords.text
    }

    /// Makes the change, when the zone can be read with it. The order is such that a zone that is read in between is right:
    /// nobody has a password who is no user, and no group a member who is none.
    pub(super) fn change(&self, change: &Change) -> Result<()> {
        self.try_out(change)?;
        let files = [
            (Some(&self.users), &change.users),
            (self.groups.as_ref(), &change.groups),
            (Some(&self.passwords), &change.passwords),
        ];
        let changed = files.into_iter().filter_map(|(before, after)| Some((before?, after.as_ref()?)));
        let mut changed: Vec<_> = changed.filter(|(before, after)| before.text != **after).collect();
        // Who goes is taken out of the list of users last, who comes is put in first.
        if change.users.as_ref().is_some_and(|users| users.len() < self.users.text.len()) {
            changed.reverse();
        }
        changed.into_iter().try_for_each(|(before, after)| {
            let mode = if before.file == self.passwords.file { SECRET_MODE } else { PLAIN_MODE };
            replace(&before.file, after, mode).with_context(|| format!("cannot write {}", before.file.display()))
        })
    }

    fn try_out(&self, change: &Change) -> Result<()> {
        let text = fs::read_to_string(self.zone.file())?;
        let changed = [
            (Some(self.users.file.as_path()), &change.users),
            (self.groups.as_ref().map(|groups| groups.file.as_path()), &change.groups),
            (Some(self.passwords.file.as_path()), &change.passwords),
        ];
        let new = |file: &Path| {
            let found = changed.iter().find(|(changed, _)| *changed == Some(file));
            found.and_then(|(_, text)| text.as_ref().map(|text| text.clone().into_bytes()))
        };
        let read = |file: &Path, bytes_max: u64| new(file).map_or_else(|| system_reader(file, bytes_max), Ok);
        let read_secret =
            |file: &Path, bytes_max: u64| new(file).map_or_else(|| system_secret_reader(file, bytes_max), Ok);
        let sources = Sources { resolve: &system_resolver, read: &read, read_secret: &read_secret };
        parse_with(self.zone.file(), &text, sources)
            .map(drop)
            .context("nothing was changed: the zone could not be read with it")
    }
}

/// The zone of this name; all zones have to be right, as for a gateway.
pub(super) fn find(arguments: &ZoneArguments) -> Result<ZoneDefinition> {
    let settings = Settings::load(&arguments.config)?;
    let zones = zones::load(&settings.zones)?;
    let names: Vec<_> = zones.iter().map(|zone| zone.name().to_owned()).collect();
    let found = zones.into_iter().find(|zone| zone.name() == arguments.zone);
    found.ok_or_else(|| anyhow!("there is no zone {}; there are {}", arguments.zone, names.join(", ")))
}

impl Text {
    /// A file that is not there is empty.
    fn read(file: &Path) -> Result<Self> {
        let text = match fs::read_to_string(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read.with_context(|| format!("cannot read {}", file.display()))?,
        };
        Ok(Self { file: file.to_owned(), text })
    }
}
