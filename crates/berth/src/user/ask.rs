//! A new password: from a terminal, twice and unseen, or the first line of what is piped in.

use std::io::{self, IsTerminal, Read};

use anyhow::{Context, Result, ensure};

/// Asks for a new password of this user.
pub(super) fn new_password(name: &str) -> Result<String> {
    let password = if io::stdin().is_terminal() { ask_twice(name)? } else { first_line()? };
    ensure!(!password.is_empty(), "a password must not be empty");
    ensure!(password.encode_utf16().count() <= UNITS_MAX, "a password of more than {UNITS_MAX} letters");
    ensure!(!password.contains(char::is_control), "a password with a control character, which no client can type");
    Ok(password)
}

fn ask_twice(name: &str) -> Result<String> {
    let first = rpassword::prompt_password(format!("New password of {name}: ")).context("cannot ask for a password")?;
    let second = rpassword::prompt_password("Once more: ").context("cannot ask for a password")?;
    ensure!(first == second, "the two passwords differ");
    Ok(first)
}

fn first_line() -> Result<String> {
    let mut text = String::new();
    io::stdin()
        .lock()
        .take(BYTES_MAX)
        .read_to_string(&mut text)
        .context("cannot read a password from standard input")?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// What Windows takes.
const UNITS_MAX: usize = 127;
/// Bytes that are read from a pipe.
const BYTES_MAX: u64 = 4096;
