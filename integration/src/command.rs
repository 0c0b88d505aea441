//! Outside commands with a time limit, so that a hanging client is a failure and not a stuck gate.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A moment after which waiting is an error.
#[derive(Debug, Clone, Copy)]
pub struct Limit(Instant);

impl Limit {
    /// The moment `seconds` from now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "waits of a test harness are in real time")]
    pub fn seconds(seconds: u64) -> Self {
        Self(Instant::now() + Duration::from_secs(seconds))
    }

    /// Whether the moment has come.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "waits of a test harness are in real time")]
    pub fn is_over(self) -> bool {
        Instant::now() >= self.0
    }

    /// Asks `ready` every few milliseconds; an error naming `what` when the moment comes first.
    pub fn wait<T>(self, what: &str, mut ready: impl FnMut() -> Result<Option<T>>) -> Result<T> {
        loop {
            if let Some(value) = ready()? {
                return Ok(value);
            }
            if self.is_over() {
                bail!("waited too long for {what}");
            }
            thread::sleep(POLL);
        }
    }
}

/// How a command ended and everything it printed.
#[derive(Debug)]
pub struct Finished {
    /// Its exit status.
    pub status: ExitStatus,
    /// Standard output and error, in the order written.
    pub output: String,
}

/// Runs a command to its end; one that outlives `limit` is killed, and that is an error.
pub fn run(command: &mut Command, limit: Limit) -> Result<Finished> {
    let mut output = tempfile::tempfile()?;
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output.try_clone()?);
    let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
    let waited = limit.wait("a command", || Ok(child.try_wait()?));
    if waited.is_err() {
        child.kill()?;
        child.wait()?;
    }
    let output = contents(&mut output)?;
    let status = waited.with_context(|| format!("{command:?}, which printed:\n{output}"))?;
    Ok(Finished { status, output })
}

/// Runs a command that must succeed; the error carries what it printed.
pub fn run_checked(command: &mut Command, limit: Limit) -> Result<String> {
    let finished = run(command, limit)?;
    if !finished.status.success() {
        bail!("{command:?} ended with {}:\n{}", finished.status, finished.output);
    }
    Ok(finished.output)
}

/// Whether a program of that name can be found.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let administrative = ["/usr/sbin", "/sbin"].map(std::path::PathBuf::from);
    std::env::split_paths(&path).chain(administrative).any(|folder| folder.join(program).is_file())
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn contents(file: &mut File) -> Result<String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

const POLL: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hanging_command_is_killed_and_its_output_shown() {
        let error = run(Command::new("sh").args(["-c", "echo begun; exec sleep 1000"]), Limit::seconds(1)).unwrap_err();
        assert!(format!("{error:?}").contains("begun"), "{error:?}");
    }

    #[test]
    fn a_failing_command_is_an_error_with_its_output() {
        let mut command = Command::new("sh");
        let error = run_checked(command.args(["-c", "echo why >&2; exit 3"]), Limit::seconds(60)).unwrap_err();
        assert!(error.to_string().contains("why"), "{error}");
    }
}
