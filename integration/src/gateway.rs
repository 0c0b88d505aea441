//! The real binary, started, stopped and killed as an operator or a power cut would.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::command::{Limit, run, run_checked};
use crate::site::{CONTOSO, FABRIKAM, Site};
use crate::workspace_root;

/// Seconds in which SIGTERM must end the gateway.
pub const STOP_LIMIT: u64 = 5;

/// A running `berth serve` on a [`Site`]; killed when dropped.
#[derive(Debug)]
pub struct Gateway {
    process: Process,
}

/// A running `berth demo --json` and the line it printed when ready.
#[derive(Debug)]
pub struct Demo {
    process: Process,
    /// The ready line, parsed.
    pub ready: serde_json::Value,
}

/// The binary under test: `BERTH_BINARY`, or the one that cargo builds into the folder this test runs from.
/// It is built at first use unless the gate has just done so.
pub fn berth_binary() -> Result<PathBuf> {
    static BUILT: Mutex<Option<PathBuf>> = Mutex::new(None);
    if let Some(named) = std::env::var_os("BERTH_BINARY") {
        return Ok(PathBuf::from(named));
    }
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = built.as_ref() {
        return Ok(path.clone());
    }
    let path = build_berth()?;
    *built = Some(path.clone());
    Ok(path)
}

impl Gateway {
    /// Starts on the site's store and waits until both zones take connections.
    pub fn start(site: &Site) -> Result<Self> {
        let log = OpenOptions::new().create(true).append(true).open(site.log())?;
        let mut command = Command::new(berth_binary()?);
        command.arg("serve").arg("--config").arg(site.config());
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut process = Process::spawn(&mut command)?;
        for zone in [CONTOSO, FABRIKAM] {
            let address = site.address(zone)?;
            let connected = Limit::seconds(START_LIMIT).wait("the gateway to take connections", || {
                process.ensure_running()?;
                Ok(TcpStream::connect_timeout(&address, CONNECT_LIMIT).ok())
            });
            connected.with_context(|| format!("its log:\n{}", tail(&site.log())))?;
        }
        Ok(Self { process })
    }

    /// SIGTERM; an error unless it ends cleanly within [`STOP_LIMIT`].
    pub fn stop(mut self) -> Result<()> {
        self.process.stop()
    }

    /// SIGKILL, as the kernel's memory killer would.
    pub fn kill(mut self) -> Result<()> {
        self.process.kill()
    }

    /// As [`Gateway::kill`], where another takes its place.
    pub fn kill_in_place(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// The process id, for reading its memory use.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.process.child.id()
    }

    /// The most memory that it has held so far (`VmHWM`), in bytes.
    pub fn peak_memory_bytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process_id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes * 1024)
    }

    /// `berth check` on a store that no gateway has open; an error with its words unless it finds nothing.
    pub fn check(site: &Site) -> Result<String> {
        let mut command = Command::new(berth_binary()?);
        command.arg("check").arg("--config").arg(site.config());
        run_checked(&mut command, Limit::seconds(CHECK_LIMIT)).context("berth check")
    }
}

impl Demo {
    /// Starts the demo on `data` and waits for its ready line.
    pub fn start(data: &Path) -> Result<Self> {
        let mut command = Command::new(berth_binary()?);
        command.args(["demo", "--json", "--data"]).arg(data);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut process = Process::spawn(&mut command)?;
        let pipe = process.child.stdout.take().context("the demo has no output")?;
        let (sender, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            BufReader::new(pipe).lines().map_while(Result::ok).for_each(|line| sender.send(line).unwrap_or(()));
        });
        let line = lines.recv_timeout(Duration::from_secs(START_LIMIT)).context("no ready line of the demo")?;
        let ready = serde_json::from_str(&line).with_context(|| format!("not a JSON line: {line}"))?;
        Ok(Self { process, ready })
    }

    /// SIGTERM; an error unless it ends cleanly within [`STOP_LIMIT`].
    pub fn stop(mut self) -> Result<()> {
        self.process.stop()
    }
}

#[derive(Debug)]
struct Process {
    child: Child,
}

impl Process {
    fn spawn(command: &mut Command) -> Result<Self> {
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        Ok(Self { child })
    }

    fn ensure_running(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("the gateway ended with {status}"),
            None => Ok(()),
        }
    }

    fn stop(&mut self) -> Result<()> {
        self.ensure_running()?;
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("no process id")?;
        kill_process(pid, Signal::TERM)?;
        let child = &mut self.child;
        let status = Limit::seconds(STOP_LIMIT).wait("the gateway to stop", || Ok(child.try_wait()?))?;
        ensure!(status.success(), "the gateway ended with {status}");
        Ok(())
    }

    fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone is fine; a gateway left behind by a failing test would hold the next one's store.
        self.kill().ok();
    }
}

fn build_berth() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let folder = here.parent().and_then(Path::parent).context("the test does not run from a target folder")?;
    let profile = if folder.ends_with("release") { "release" } else { "dev" };
    let target = folder.parent().context("the test does not run from a target folder")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--package", "berth", "--profile", profile, "--target-dir"]).arg(target);
    let finished = run(command.current_dir(workspace_root()), Limit::seconds(BUILD_LIMIT))?;
    ensure!(finished.status.success(), "cannot build berth:\n{}", finished.output);
    Ok(folder.join("berth"))
}

/// The last lines of a log, for an error message.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().rev().take(LOG_LINES).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

const START_LIMIT: u64 = 60;
const CHECK_LIMIT: u64 = 300;
const BUILD_LIMIT: u64 = 1800;
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
const LOG_LINES: usize = 30;
