//! One child command of the gate: how it is run, shown, and listened to.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context, Result};

/// A command with its environment; `Display` is the line a person types to run it again.
#[derive(Clone)]
pub(crate) struct Task {
    program: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

/// How a command ended, and the lines in which its test runner sums up.
pub(crate) struct Ended {
    pub(crate) success: bool,
    pub(crate) closing: Vec<String>,
}

impl Task {
    pub(crate) fn new(program: &str, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self { program: program.to_owned(), arguments, environment: Vec::new() }
    }

    pub(crate) fn cargo(arguments: &[&str]) -> Self {
        Self::new("cargo", arguments)
    }

    pub(crate) fn with(mut self, arguments: &[String]) -> Self {
        self.arguments.extend_from_slice(arguments);
        self
    }

    pub(crate) fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Runs with the terminal of this process.
    pub(crate) fn run(&self) -> Result<Ended> {
        let status = self.command().status().with_context(|| format!("cannot start `{}`", self.program))?;
        Ok(Ended { success: status.success(), closing: Vec::new() })
    }

    /// Runs, passes every line on, and keeps the closing lines of nextest or of the standard test runner.
    pub(crate) fn run_listening(&self) -> Result<Ended> {
        let mut child = self
            .command()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{}`", self.program))?;
        let (sender, lines) = mpsc::channel();
        let out = child.stdout.take().map(|pipe| pass_on(pipe, std::io::stdout(), sender.clone()));
        let err = child.stderr.take().map(|pipe| pass_on(pipe, std::io::stderr(), sender));
        let closing = lines.into_iter().collect();
        for reader in [out, err].into_iter().flatten() {
            reader.join().map_err(|_| anyhow::anyhow!("a reader of the command's output panicked"))?;
        }
        Ok(Ended { success: child.wait()?.success(), closing })
    }

    /// Whether the command succeeds, without any output.
    pub(crate) fn answers(&self) -> bool {
        let quiet = self.command().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        quiet.is_ok_and(|status| status.success())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(root());
        // What `cargo run` told this process about the xtask package must not leak into the builds it starts.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl fmt::Display for Task {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(formatter, "{name}={} ", quoted(value))?;
        }
        formatter.write_str(&self.program)?;
        self.arguments.iter().try_for_each(|argument| write!(formatter, " {}", quoted(argument)))
    }
}

/// The workspace's root folder: of the clone cargo runs this in, which need not be the one it was compiled in when
/// clones share a target folder.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let here = Path::new(&here);
    here.parent().unwrap_or(here).to_owned()
}

/// Whether a program of that name lies in one of the usual folders.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let administrative = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(administrative).any(|folder| folder.join(program).is_file())
}

fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@+".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("'{text}'") }
}

fn pass_on(
    pipe: impl Read + Send + 'static,
    mut terminal: impl Write + Send + 'static,
    closing: mpsc::Sender<String>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
            // A closed terminal must not stop the reading: the child would block on a full pipe.
            terminal.write_all(&line).ok();
            terminal.flush().ok();
            let text = String::from_utf8_lossy(&line);
            if text.contains("Summary [") || text.starts_with("test result:") {
                closing.send(text.trim_end().to_owned()).ok();
            }
            line.clear();
        }
    })
}

#[cfg(test)]
mod tests {
    use super::Task;

    #[test]
    fn a_task_reads_as_the_line_to_type() {
        let task = Task::cargo(&["test", "two words"]).set("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(task.to_string(), "RUSTDOCFLAGS='-D warnings' cargo test 'two words'");
    }

    #[test]
    fn closing_lines_are_kept_and_others_are_not() {
        let script = "echo 'test result: ok. 1 passed'; echo noise; echo '     Summary [ 1s] 2 tests run' >&2; exit 3";
        let ended = Task::new("sh", &["-c", script]).run_listening().unwrap();
        assert!(!ended.success);
        let mut closing = ended.closing;
        closing.sort();
        assert_eq!(closing, ["     Summary [ 1s] 2 tests run", "test result: ok. 1 passed"]);
    }
}
