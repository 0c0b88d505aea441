//! Clients that are not ours log on by NTLM: impacket and pyspnego, driven by `client.py`.
//!
//! `BERTH_RECORD=FOLDER` writes the exchanges there, as `crates/security/tests/exchanges` keeps them.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;

use integration::skip;
use security::ntlm::{self, Account, Accounts, NtHash, Settings, TargetNames};
use security::{Failure, Step, Who, spnego};
use vfs::Timestamp;

#[derive(Debug)]
struct Users;

impl Accounts for Users {
    fn find(&self, user: &str, _domain: &str) -> Account {
        match user {
            "alice" => Account::Known(NtHash::of_password("Tr0ub4dor & Größe")),
            "gone" => Account::Refused,
            _ => Account::Unknown,
        }
    }
}

const PASSWORD: &str = "Tr0ub4dor & Größe";
const NOW: Timestamp = Timestamp { seconds: 1_790_000_000, nanoseconds: 500 };
const CHALLENGE: [u8; 8] = *b"\x10\x32\x54\x76\x98\xba\xdc\xfe";

/// What the exchange must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Alice,
    Anonymous,
    Refused(Failure),
}

/// How a client logs on, as whom, and what must come of it.
const LOGONS: &[(&str, &str, &str, Outcome)] = &[
    ("impacket bare", "alice", PASSWORD, Outcome::Alice),
    ("impacket SPNEGO", "alice", PASSWORD, Outcome::Alice),
    ("pyspnego bare", "alice", PASSWORD, Outcome::Alice),
    ("pyspnego SPNEGO", "alice", PASSWORD, Outcome::Alice),
    ("pyspnego second choice", "alice", PASSWORD, Outcome::Alice),
    ("impacket bare", "", "", Outcome::Anonymous),
    ("impacket SPNEGO", "", "", Outcome::Anonymous),
    ("impacket bare", "alice", "guess", Outcome::Refused(Failure::LogonFailure)),
    ("impacket SPNEGO", "gone", PASSWORD, Outcome::Refused(Failure::LogonFailure)),
    ("pyspnego bare", "bob", PASSWORD, Outcome::Refused(Failure::LogonFailure)),
    ("pyspnego SPNEGO", "alice", "guess", Outcome::Refused(Failure::LogonFailure)),
    ("impacket NTLMv1", "alice", PASSWORD, Outcome::Refused(Failure::TooWeak("no NTLMv2 response"))),
    ("pyspnego second choice, without-code", "alice", PASSWORD, Outcome::Refused(Failure::LogonFailure)),
    ("pyspnego second choice, meddled with", "alice", PASSWORD, Outcome::Refused(Failure::LogonFailure)),
];

#[test]
fn independent_clients_log_on_by_ntlm() {
    let python = match install() {
        Ok(python) => python,
        Err(why) => return skip("independent clients log on by NTLM", &why),
    };
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("client.py");
    fs::write(&script, include_str!("client.py")).unwrap();
    for logon @ (how, user, _, expected) in LOGONS {
        let outcome = Client::start(&python, &script, logon).log_on(logon);
        assert_eq!(outcome, *expected, "{how} as {user:?}");
    }
}

/// A Python of its own with both libraries. Installing them takes half a minute, once.
pub(crate) fn install() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ntlm-clients");
    let python = folder.join("bin/python");
    let works = || {
        Command::new(&python)
            .args(["-c", "import impacket, smbprotocol, spnego"])
            .output()
            .is_ok_and(|it| it.status.success())
    };
    if works() {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    run(Command::new(&python).args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "impacket==0.13.1",
        "pyspnego==0.12.4",
        "smbprotocol==1.17.0",
    ]))?;
    if works() { Ok(python) } else { Err("impacket and pyspnego are installed but do not load".to_owned()) }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("impacket and pyspnego cannot be installed: {}", said.lines().last().unwrap_or_default()))
}

struct Client {
    process: Child,
    input: ChildStdin,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    record: String,
}

impl Client {
    fn start(python: &Path, script: &Path, (how, user, password, _): &(&str, &str, &str, Outcome)) -> Self {
        let mut command = Command::new(python);
        command.arg(script).args([how, user, password]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let record = format!("# {how}\nuser {user}\npassword {password}\n");
        Self { process, input, lines: BufReader::new(output).lines(), record }
    }

    fn log_on(mut self, logon: &(&str, &str, &str, Outcome)) -> Outcome {
        let (names, accounts) =
            (TargetNames { netbios: "CONTOSO".to_owned(), dns: "contoso.test".to_owned() }, Arc::new(Users));
        let settings = Settings { names, anonymous: true, guests: false, accounts };
        let mut acceptor = spnego::Acceptor::new(vec![Box::new(ntlm::Acceptor::new(settings, CHALLENGE))]);
        loop {
            let token = self.line();
            writeln!(self.record, "> {token}").unwrap();
            match acceptor.step(&octets(&token), NOW) {
                Step::Continue(answer) => self.answer(&answer),
                Step::Done(done) => {
                    self.answer(&done.token);
                    let key = self.line();
                    assert_eq!(key, format!("key {}", hex(done.session_key.bytes())), "{logon:?}");
                    writeln!(self.record, "{key}").unwrap();
                    self.end(logon);
                    return match done.who {
                        Who::User { name, .. } if name == "alice" => Outcome::Alice,
                        Who::Anonymous => Outcome::Anonymous,
                        other => panic!("{other:?}"),
                    };
                }
                Step::Failed(failure) => {
                    self.answer(&[]);
                    writeln!(self.record, "refused").unwrap();
                    self.process.kill().unwrap();
                    self.end(logon);
                    return Outcome::Refused(failure);
                }
            }
        }
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("the client has ended").unwrap()
    }

    fn answer(&mut self, token: &[u8]) {
        writeln!(self.record, "< {}", hex(token)).unwrap();
        writeln!(self.input, "{}", hex(token)).unwrap();
    }

    fn end(mut self, (how, user, _, outcome): &(&str, &str, &str, Outcome)) {
        let status = self.process.wait().unwrap();
        assert!(status.success() || matches!(outcome, Outcome::Refused(_)), "{how} as {user:?}: {status}");
        if let Some(folder) = std::env::var_os("BERTH_RECORD") {
            let whose = if user.is_empty() { "nobody" } else { user };
            let came = if matches!(outcome, Outcome::Refused(_)) { ".refused" } else { "" };
            let name = format!("{}.{whose}{came}.txt", how.replace(", ", "-").replace(' ', "-"));
            fs::write(Path::new(&folder).join(name), self.record).unwrap();
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn octets(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
