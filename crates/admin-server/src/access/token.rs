//! The file of tokens: who may ask over the network.
//!
//! A line is `name:role:zone:hash:expires`. `zone` is `-` for the role that is about all; `hash` is the SHA-256 of the token in 64
//! hex digits, which is of no use to whoever reads it, as a token is 256 bits that nobody can guess; `expires` is in seconds
//! since 1970, `-` for never.

use std::fmt;

use admin_api::Role;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};

/// What is kept of one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What people call it.
    pub name: String,
    /// What it allows.
    pub role: Role,
    /// Where, for the roles that are about one zone, and for no other.
    pub zone: Option<String>,
    /// Of the token itself.
    pub hash: TokenHash,
    /// From when on it opens nothing any more, in seconds since 1970.
    pub expires: Option<u64>,
}

/// The SHA-256 of a token. `Debug` shows nothing of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

/// A line that is none of a token. It tells nothing of what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenMistake {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

impl Token {
    /// The tokens of a file.
    ///
    /// Errors: the first line that is wrong; a name that comes twice; more than 1000 tokens.
    pub fn parse_file(text: &str) -> Result<Vec<Self>, TokenMistake> {
        let mut tokens: Vec<Self> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let refuse = |reason: &str| TokenMistake { line: index + 1, reason: reason.to_owned() };
            let token = Self::parse(line).ok_or_else(|| refuse(FORM))?;
            if tokens.iter().any(|known| known.name == token.name) {
                return Err(refuse("a name that another token has"));
            }
            if tokens.len() == TOKENS_MAX {
                return Err(refuse("more tokens than a gateway takes"));
            }
            tokens.push(token);
        }
        Ok(tokens)
    }

    /// The line of this token, without an end of line.
    #[must_use]
    pub fn line(&self) -> String {
        let zone = self.zone.as_deref().unwrap_or(NONE);
        let expires = self.expires.map_or_else(|| NONE.to_owned(), |expires| expires.to_string());
        format!("{}:{}:{zone}:{}:{expires}", self.name, self.role, self.hash.hex())
    }

    /// Whether it opens nothing any more.
    #[must_use]
    pub fn is_expired(&self, now_s: u64) -> bool {
        self.expires.is_some_and(|expires| expires <= now_s)
    }

    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<_> = line.trim_end().split(':').collect();
        let [name, role, zone, hash, expires] = fields[..] else { return None };
        let role: Role = role.parse().ok()?;
        let zone = Some(zone).filter(|zone| *zone != NONE);
        let is_right = is_token_name(name) && zone.is_some() == role.is_of_zone() && zone.is_none_or(is_token_name);
        let expires = if expires == NONE { None } else { Some(expires.parse().ok()?) };
        let hash = TokenHash::parse(hash)?;
        is_right.then(|| Self { name: name.to_owned(), role, zone: zone.map(str::to_owned), hash, expires })
    }
}

/// The one of these whose token was shown, if it is one. Takes as long wherever it stands.
pub(super) fn find(tokens: Vec<Token>, shown: &str) -> Option<Token> {
    let hash = TokenHash::of(shown);
    let mut found = None;
    for token in tokens {
        if token.hash.is(&hash) {
            found = Some(token);
        }
    }
    found
}

impl TokenHash {
    /// Of a token as it is shown.
    #[must_use]
    pub fn of(token: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        Self(hash)
    }

    fn is(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }

    fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn parse(text: &str) -> Option<Self> {
        let mut hash = [0; 32];
        let is_hex = text.len() == 64 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        for (at, byte) in hash.iter_mut().enumerate().filter(|_| is_hex) {
            *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        is_hex.then_some(Self(hash))
    }
}

/// Whether a token may be called so: 1 to 64 letters, digits, `-`, `_` and `.`, and not `-` alone, as for zones.
#[must_use]
pub fn is_token_name(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=64).contains(&name.len()) && name.bytes().all(is_legal) && name != NONE
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenHash")
    }
}

impl fmt::Display for TokenMistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}: {}", self.line, self.reason)
    }
}

const NONE: &str = "-";
const FORM: &str = "no token: write name:role:zone:hash:expires, best by `berth token add`";
/// Tokens of one gateway.
const TOKENS_MAX: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_line() {
        let hash = TokenHash::of("abc");
        // FIPS 180-4, the example of SHA-256.
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let token =
            Token { name: "ci".to_owned(), role: Role::ZoneAdmin, zone: Some("a".to_owned()), hash, expires: Some(7) };
        assert_eq!(token.line(), format!("ci:zone-admin:a:{hex}:7"));
        let other =
            Token { name: "x".to_owned(), role: Role::ClusterAdmin, zone: None, expires: None, ..token.clone() };
        let text = format!("# ours\n\n{}\n{}\n", token.line(), other.line());
        assert_eq!(Token::parse_file(&text), Ok(vec![token.clone(), other]));
        assert!(token.is_expired(7) && !token.is_expired(6));
        assert!(!format!("{token:?}").contains("ba78"));
    }

    #[test]
    fn what_is_no_token_is_refused_and_not_told() {
        let hash = "0".repeat(64);
        let short = hash.get(1..).unwrap();
        for line in [
            "secret".to_owned(),
            format!("a:zone-admin:-:{hash}:-"),
            format!("a:cluster-admin:z:{hash}:-"),
            format!("a:root:-:{hash}:-"),
            format!("a:zone-admin:x y:{hash}:-"),
            format!(":cluster-admin:-:{hash}:-"),
            format!("a:cluster-admin:-:{short}:-"),
            format!("a:cluster-admin:-:{short}g:-"),
            format!("a:cluster-admin:-:+{short}:-"),
            format!("a:cluster-admin:-:{hash}:soon"),
            format!("a:cluster-admin:-:{hash}:-:"),
        ] {
            let mistake = Token::parse_file(&format!("#\n{line}\n")).unwrap_err();
            assert_eq!((mistake.line, mistake.reason.as_str()), (2, FORM), "{line}");
        }
        let twice = format!("a:cluster-admin:-:{hash}:-\n").repeat(2);
        assert_eq!(Token::parse_file(&twice).unwrap_err().to_string(), "line 2: a name that another token has");
    }

    #[test]
    fn only_what_was_given_out_is_found() {
        let line = |name: &str, token: &str| Token {
            name: name.to_owned(),
            role: Role::ClusterAdmin,
            zone: None,
            hash: TokenHash::of(token),
            expires: None,
        };
        let tokens = || vec![line("a", "one"), line("b", "two"), line("c", "three")];
        let found = |shown: &str| find(tokens(), shown).map(|token| token.name);
        assert_eq!((found("two").as_deref(), found("three").as_deref()), (Some("b"), Some("c")));
        assert_eq!((found("tw"), found(""), found("twos")), (None, None, None));
    }
}
