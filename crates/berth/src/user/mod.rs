//! `berth user`: users of a zone and their passwords, in the files that the zone names. No gateway needs to run; one that
//! does takes the changes with SIGHUP, as it takes all of a zone.

mod ask;
mod files;
mod list;

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail, ensure};
use security::ntlm::NtHash;
use zones::edit::{set_line, without_member};
use zones::{LocalUser, Password, StoredHash};

use self::files::{Change, Files};
use crate::arguments::{UserAddArguments, UserArguments, UserVerb};

/// Does what the verb says, and says what was done.
pub(crate) fn run(verb: &UserVerb) -> Result<()> {
    match verb {
        UserVerb::List(arguments) => list::run(arguments),
        UserVerb::Add(arguments) => add(arguments),
        UserVerb::Passwd(arguments) => passwd(arguments),
        UserVerb::Enable(arguments) => set_state(arguments, false),
        UserVerb::Disable(arguments) => set_state(arguments, true),
        UserVerb::Delete(arguments) => delete(arguments),
    }
}

fn add(arguments: &UserAddArguments) -> Result<()> {
    let UserAddArguments { user: UserArguments { zone, name }, .. } = arguments;
    let files = Files::open(zone)?;
    if files.user(name).is_some() {
        bail!("zone {} has a user {name} already; `berth user passwd` sets its password", zone.zone);
    }
    let uid = match arguments.uid {
        Some(uid) => uid,
        None => free_uid(&files.users())?,
    };
    let gid = match arguments.group.as_deref().map(|group| (group, files.gid(group))) {
        None => uid,
        Some((_, Some(gid))) => gid,
        Some((group, None)) => group.parse().map_err(|_| anyhow::anyhow!("zone {} has no group {group}", zone.zone))?,
    };
    let password = new_password(name)?;
    let change = Change {
        users: Some(set_line(files.users_text(), name, Some(&format!("{name}:x:{uid}:{gid}")))),
        passwords: Some(set_line(files.passwords_text(), name, Some(&password.line(name)))),
        ..Change::default()
    };
    files.change(&change)?;
    done(&format!("user {name} was added with uid {uid} and gid {gid}"))
}

fn passwd(arguments: &UserArguments) -> Result<()> {
    let files = Files::open(&arguments.zone)?;
    let user = known(&files, arguments)?;
    let is_disabled = user.password.as_ref().is_some_and(|password| password.is_disabled);
    let password = Password { is_disabled, ..new_password(&user.name)? };
    set_password(&files, &user.name, &password)?;
    done(&format!("user {} has a new password", user.name))
}

fn set_state(arguments: &UserArguments, is_disabled: bool) -> Result<()> {
    let files = Files::open(&arguments.zone)?;
    let user = known(&files, arguments)?;
    let password = user.password.clone().unwrap_or(Password { hash: None, is_disabled, changed: 0 });
    ensure!(
        is_disabled || password.hash.is_some(),
        "user {} has no password: set one by `berth user passwd`",
        user.name
    );
    set_password(&files, &user.name, &Password { is_disabled, ..password })?;
    done(&format!(
        "user {} {}",
        user.name,
        if is_disabled { "may not log on by password" } else { "may log on by password" }
    ))
}

/// What the user owns stays, and belongs to a number from then on.
fn delete(arguments: &UserArguments) -> Result<()> {
    let files = Files::open(&arguments.zone)?;
    let user = known(&files, arguments)?;
    let change = Change {
        users: Some(set_line(files.users_text(), &user.name, None)),
        groups: files.groups_text().map(|text| without_member(text, &user.name)),
        passwords: Some(set_line(files.passwords_text(), &user.name, None)),
    };
    files.change(&change)?;
    done(&format!("user {} with uid {} is gone", user.name, user.uid))
}

fn known(files: &Files, arguments: &UserArguments) -> Result<LocalUser> {
    let UserArguments { zone, name } = arguments;
    files.user(name).ok_or_else(|| anyhow::anyhow!("zone {} has no user {name}", zone.zone))
}

fn set_password(files: &Files, name: &str, password: &Password) -> Result<()> {
    let passwords = Some(set_line(files.passwords_text(), name, Some(&password.line(name))));
    files.change(&Change { passwords, ..Change::default() })
}

fn new_password(name: &str) -> Result<Password> {
    let password = ask::new_password(name)?;
    let hash = StoredHash(*NtHash::of_password(&password).bytes());
    #[expect(clippy::disallowed_methods, reason = "a moment for people; nothing is decided by it")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Ok(Password { hash: Some(hash), is_disabled: false, changed: now })
}

/// One more than the highest of those that people have.
fn free_uid(users: &[LocalUser]) -> Result<u32> {
    let highest = users.iter().map(|user| user.uid).filter(|uid| (FIRST_UID..LAST_UID).contains(uid)).max();
    let free = highest.map_or(FIRST_UID, |uid| uid + 1);
    ensure!(
        free < LAST_UID,
        "every uid from {FIRST_UID} to {} is used or lies below one that is: name one by --uid",
        LAST_UID - 1
    );
    Ok(free)
}

fn done(what: &str) -> Result<()> {
    Ok(writeln!(io::stdout().lock(), "{what}; a gateway that runs takes it with SIGHUP")?)
}

/// Uids that are given out: from 1000, below those that systems use for themselves (65534 is nobody).
const FIRST_UID: u32 = 1000;
const LAST_UID: u32 = 60_000;
