//! A gateway of its own for each test, and what is asked of it.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

pub(crate) fn zone(name: &str, address: &str) -> String {
    format!(
        "name = \"{name}\"\nbase = \"/tenants/{name}\"\naddresses = [\"{address}\"]\n\
         [[export]]\npaths = [\"/projects\", \"/home\"]\n"
    )
}

pub(crate) fn site(settings: &str, zones: &[(&str, String)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("berth.toml"), settings).unwrap();
    fs::create_dir(folder.path().join("zones")).unwrap();
    for (file, text) in zones {
        fs::write(folder.path().join("zones").join(file), text).unwrap();
    }
    folder
}

pub(crate) fn berth(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_berth")).args(arguments).current_dir(folder).output().unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) const CHECK: [&str; 4] = ["serve", "--config", "berth.toml", "--check"];

/// A gateway that is killed when the test fails.
pub(crate) struct Gateway(pub(crate) Child);

impl Gateway {
    pub(crate) fn start(folder: &Path) -> Self {
        let log = fs::File::create(folder.join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_berth"));
        command.args(&CHECK[..3]).current_dir(folder).stdout(Stdio::null()).stderr(log);
        Self(command.spawn().unwrap())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Waits for a line of the log; a gateway that takes a minute for one has failed.
pub(crate) fn wait_for(folder: &Path, line: &str) {
    for _ in 0..6000 {
        if fs::read_to_string(folder.join("log")).unwrap().contains(line) {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("no line with {line:?} in the log:\n{}", fs::read_to_string(folder.join("log")).unwrap());
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What a socket answers to one request: its head and its body.
pub(crate) fn ask(mut stream: impl Read + Write, path: &str) -> (String, String) {
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

pub(crate) fn json(arguments: &[&str], folder: &Path) -> serde_json::Value {
    let output = berth(&[arguments, &["--config", "berth.toml", "--json"]].concat(), folder);
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

pub(crate) fn table(arguments: &[&str], folder: &Path) -> String {
    let output = berth(&[arguments, &["--socket", "data/admin.sock"]].concat(), folder);
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// A verb that goes on until it is dropped.
pub(crate) struct Watched(Child);

impl Watched {
    pub(crate) fn start(arguments: &[&str], folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_berth"));
        Self(command.args(arguments).current_dir(folder).stdout(Stdio::piped()).spawn().unwrap())
    }

    /// The next line that it says.
    pub(crate) fn line(&mut self) -> serde_json::Value {
        let output = self.0.stdout.as_mut().unwrap();
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            let mut byte = [0];
            output.read_exact(&mut byte).unwrap();
            line.push(byte[0]);
        }
        serde_json::from_slice(&line).unwrap()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
