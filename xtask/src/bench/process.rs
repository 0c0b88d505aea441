//! A child that is ended whatever happens.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::command::is_installed;
use crate::report::now;

/// A running child; killed when dropped, and by the kernel when this process dies.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    name: String,
}

/// Cores as `taskset` names them, or wherever the kernel likes.
pub(crate) type Cores = Option<&'static str>;

impl Process {
    /// Starts a program on some cores, its words in `log`.
    pub(crate) fn start(program: &Path, arguments: &[String], (cores, log): (Cores, &Path)) -> Result<Self> {
        let log = append(log)?;
        let mut command = command(program, cores);
        command.args(arguments).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let name = program.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { child, name })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// An error when it has ended.
    pub(crate) fn ensure_running(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} ended with {status}", self.name),
            None => Ok(()),
        }
    }

    /// SIGTERM, and SIGKILL when that was not enough.
    pub(crate) fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("no process id")?;
        kill_process(pid, Signal::TERM).ok();
        let begin = now();
        while begin.elapsed() < STOP_LIMIT {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(POLL);
        }
        // Dropping kills it.
        Ok(())
    }

    /// SIGKILL, as a crash would.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A command that the kernel ends together with this process, on some cores.
pub(crate) fn command(program: &Path, cores: Cores) -> Command {
    let mut words = Vec::new();
    if is_installed("setpriv") {
        words.extend(["setpriv", "--pdeathsig", "KILL"]);
    }
    if let Some(cores) = cores.filter(|_| is_installed("taskset")) {
        words.extend(["taskset", "-c", cores]);
    }
    let Some((first, others)) = words.split_first() else { return Command::new(program) };
    let mut command = Command::new(first);
    command.args(others).arg(program);
    command
}

/// Runs to its end and gives what it printed, a few lines; kills it after `limit`.
pub(crate) fn output_within(mut child: Child, limit: Duration) -> Result<Output> {
    let begin = now();
    while child.try_wait()?.is_none() {
        if begin.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!("it did not end within {} s", limit.as_secs());
        }
        std::thread::sleep(POLL);
    }
    Ok(child.wait_with_output()?)
}

/// The last lines of a log, for an error message.
pub(crate) fn tail(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().rev().take(LOG_LINES).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

fn append(log: &Path) -> Result<File> {
    let open = OpenOptions::new().create(true).append(true).open(log);
    open.with_context(|| format!("cannot write {}", log.display()))
}

const STOP_LIMIT: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(20);
const LOG_LINES: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_ends_when_it_is_dropped() {
        let log = std::env::temp_dir().join(format!("xtask-process-{}", std::process::id()));
        let process = Process::start(Path::new("/bin/sleep"), &["600".to_owned()], (None, &log)).unwrap();
        let alive = format!("/proc/{}", process.pid());
        assert!(Path::new(&alive).exists());
        drop(process);
        assert!(!Path::new(&alive).exists());
        std::fs::remove_file(log).unwrap();
    }

    #[test]
    fn a_child_that_does_not_end_is_killed() {
        let sleep = |seconds: &str| Command::new("sleep").arg(seconds).spawn().unwrap();
        assert!(output_within(sleep("0"), Duration::from_secs(60)).unwrap().status.success());
        let error = output_within(sleep("600"), Duration::ZERO).unwrap_err();
        assert_eq!(error.to_string(), "it did not end within 0 s");
    }
}
