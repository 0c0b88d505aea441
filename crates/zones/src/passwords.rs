//! The passwords of a zone's users, from a file that nobody but the gateway may read.
//!
//! A line is `name:hash:state:changed`. `hash` is the NT hash (MS-NLMP 3.3.1, MD4 of the password in UTF-16) in 32 hex digits,
//! or `-` for a user without a password; `state` is `enabled` or `disabled`; `changed` is when the password was set, in
//! seconds since 1970. The hash is as good as the password to whoever has it, which is why it is in a file of its own and not
//! in `users_file`.

use std::fmt;

use crate::lines::{Fault, Faults, numbered_lines};

/// An NT hash. `Debug` shows nothing of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StoredHash(pub [u8; 16]);

/// What is kept of a user's password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password {
    /// `None`: the user has none and cannot log on.
    pub hash: Option<StoredHash>,
    /// The user may not log on.
    pub is_disabled: bool,
    /// When it was set, in seconds since 1970.
    pub changed: u64,
}

/// The passwords of a zone, as their file has them, with their lines.
#[derive(Debug, Default)]
pub(crate) struct Passwords(pub(crate) Vec<(String, Password, usize)>);

impl Passwords {
    /// Parses a file.
    ///
    /// Errors: every line that is wrong. They tell nothing that could be a hash.
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let (mut passwords, mut faults) = (Self::default(), Faults::default());
        for (line, text) in numbered_lines(text) {
            match parse_line(text) {
                Some((name, password)) => passwords.0.push((name.to_owned(), password, line)),
                None => {
                    faults.add(line, "no password: write name:hash:enabled:changed, best by `berth user`".to_owned())
                }
            }
        }
        faults.finish(passwords)
    }
}

impl Password {
    /// The line of a user with this password, without an end of line.
    #[must_use]
    pub fn line(&self, name: &str) -> String {
        let hash =
            self.hash.map_or_else(|| "-".to_owned(), |hash| hash.0.iter().map(|byte| format!("{byte:02x}")).collect());
        let state = if self.is_disabled { "disabled" } else { "enabled" };
        format!("{name}:{hash}:{state}:{}", self.changed)
    }
}

impl fmt::Debug for StoredHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StoredHash")
    }
}

fn parse_line(line: &str) -> Option<(&str, Password)> {
    let mut fields = line.split(':');
    let (name, hash, state) = (fields.next()?, fields.next()?, fields.next()?);
    let changed = fields.next()?.parse().ok().filter(|_| fields.next().is_none())?;
    let hash = if hash == "-" { None } else { Some(StoredHash(parse_hash(hash)?)) };
    let is_disabled = match state {
        "enabled" => false,
        "disabled" => true,
        _ => return None,
    };
    Some((name, Password { hash, is_disabled, changed }))
}

fn parse_hash(text: &str) -> Option<[u8; 16]> {
    let is_hex = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten().map(u128::to_be_bytes)
}
