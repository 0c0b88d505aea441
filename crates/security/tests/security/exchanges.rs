//! Exchanges with clients that are not ours, recorded: `exchanges/*.txt`, written by the test
//! `logons::independent_clients_log_on_by_ntlm` of the package `integration` with `BERTH_RECORD` set. `>` is a token of the
//! client, `<` the answer, `key` what the client came to. Challenge and time are fixed, so every byte must come again.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use security::ntlm::{self, Account, Accounts, NtHash, Settings, TargetNames};
use security::{Key, Step, spnego};
use vfs::Timestamp;

use crate::hex::{files, octets};

#[derive(Debug)]
struct OneUser(String, String);

impl Accounts for OneUser {
    fn find(&self, user: &str, _domain: &str) -> Account {
        match user {
            "gone" => Account::Refused,
            user if user == self.0 && user != "bob" => Account::Known(NtHash::of_password(&self.1)),
            _ => Account::Unknown,
        }
    }
}

struct Recorded {
    user: String,
    password: String,
    tokens: Vec<Vec<u8>>,
    answers: Vec<Vec<u8>>,
    /// `None`: refused.
    key: Option<Vec<u8>>,
}

#[test]
fn recorded_exchanges_come_to_the_same() {
    let files = files("tests/exchanges");
    assert!(files.len() >= 14);
    for file in files {
        replay(&file, &Recorded::read(&file));
    }
}

fn replay(file: &Path, recorded: &Recorded) {
    // Who guessed wrong did so against this password.
    let is_guess = recorded.password == "guess";
    let password = if is_guess { "Tr0ub4dor & Größe".to_owned() } else { recorded.password.clone() };
    let names = TargetNames { netbios: "CONTOSO".to_owned(), dns: "contoso.test".to_owned() };
    let accounts = Arc::new(OneUser(recorded.user.clone(), password));
    let settings = Settings { names, anonymous: true, guests: false, accounts };
    let challenge = *b"\x10\x32\x54\x76\x98\xba\xdc\xfe";
    let mut acceptor = spnego::Acceptor::new(vec![Box::new(ntlm::Acceptor::new(settings, challenge))]);
    let now = Timestamp { seconds: 1_790_000_000, nanoseconds: 500 };
    let mut key: Option<Key> = None;
    for (token, expected) in recorded.tokens.iter().zip(&recorded.answers) {
        let answer = match acceptor.step(token, now) {
            Step::Continue(answer) => answer,
            Step::Done(done) => {
                key = Some(done.session_key);
                done.token
            }
            Step::Failed(_) => Vec::new(),
        };
        assert_eq!(&answer, expected, "{}", file.display());
    }
    assert_eq!(key.as_ref().map(|key| key.bytes()), recorded.key.as_deref(), "{}", file.display());
}

impl Recorded {
    fn read(file: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap();
        let all = |prefix: &str| -> Vec<String> {
            let of_line = |line: &str| line.strip_prefix(prefix).map(|rest| rest.trim_start().to_owned());
            text.lines().filter_map(of_line).collect()
        };
        Self {
            user: all("user").remove(0),
            password: all("password").remove(0),
            tokens: all(">").iter().map(|token| octets(token)).collect(),
            answers: all("<").iter().map(|token| octets(token)).collect(),
            key: all("key").first().map(|key| octets(key)),
        }
    }
}
