//! CPU time of the server: its process, and those that it started.

use std::fs;
use std::time::Duration;

use crate::window::{Window, now};

/// The CPU time that a process uses, with its children, if one was named.
#[derive(Debug)]
pub struct ServerCpu {
    pid: Option<u32>,
}

impl ServerCpu {
    /// Of this process.
    #[must_use]
    pub const fn of(pid: Option<u32>) -> Self {
        Self { pid }
    }

    /// CPU time from the begin of the window to its end, or to when all is done, and on until the server rests, at most
    /// `drain`.
    pub(crate) async fn measure(
        &self,
        window: &Window,
        drain: Duration,
        all_done: impl Future<Output = ()>,
    ) -> Option<Duration> {
        tokio::time::sleep_until(window.begin.into()).await;
        let before = self.used()?;
        let _ended = tokio::time::timeout_at(window.end.into(), all_done).await;
        self.settle(drain).await;
        self.used().map(|after| after.saturating_sub(before))
    }

    /// Waits until the process uses less than 2 % of a core, at most `limit`.
    pub(crate) async fn settle(&self, limit: Duration) {
        let deadline = now() + limit;
        while now() < deadline {
            let before = self.used();
            tokio::time::sleep(REST).await;
            let (Some(before), Some(after)) = (before, self.used()) else { return };
            if after.saturating_sub(before) < REST / 50 {
                return;
            }
        }
    }

    /// Memory of the process that is in the machine's (VmRSS), in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
    }

    fn used(&self) -> Option<Duration> {
        used_by(self.pid?)
    }
}

/// User and system time of a process and those that it started: of all their threads, and of those that have ended.
fn used_by(pid: u32) -> Option<Duration> {
    let mut total = of_ended_children(pid).unwrap_or_default();
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let folder = thread.ok()?.path();
        // A thread that has just ended is no longer there.
        let Ok(text) = fs::read_to_string(folder.join("schedstat")) else { continue };
        total += Duration::from_nanos(first_number(&text));
        let children = fs::read_to_string(folder.join("children")).unwrap_or_default();
        total += children.split_whitespace().filter_map(|child| used_by(child.parse().ok()?)).sum::<Duration>();
    }
    Some(total)
}

/// `cutime` and `cstime` (proc_pid_stat(5)), behind the name in brackets, which may hold anything.
fn of_ended_children(pid: u32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    let ticks = fields.split_whitespace().skip(CUTIME_BEHIND_NAME).take(2).map(first_number).sum::<u64>();
    Some(TICK * u32::try_from(ticks).ok()?)
}

fn first_number(text: &str) -> u64 {
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// Fields between the name and `cutime`.
const CUTIME_BEHIND_NAME: usize = 13;
/// `USER_HZ` is 100 wherever Linux runs today.
const TICK: Duration = Duration::from_millis(10);
const REST: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn what_children_used_counts_also_when_they_have_ended() {
        let before = used_by(std::process::id()).unwrap();
        let mut child =
            Command::new("sh").args(["-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"]).spawn().unwrap();
        child.wait().unwrap();
        let after = used_by(std::process::id()).unwrap();
        assert!(after - before >= TICK * 2, "{before:?} {after:?}");
    }
}
