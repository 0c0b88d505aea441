//! CPU time of the server process.

use std::fs;
use std::time::Duration;

use crate::window::{Window, now};

/// The CPU time that a process uses, if one was named.
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

    /// User and system time of all its threads.
    fn used(&self) -> Option<Duration> {
        let folder = format!("/proc/{}/task", self.pid?);
        let mut total = 0_u64;
        for thread in fs::read_dir(folder).ok()? {
            let file = thread.ok()?.path().join("schedstat");
            // A thread that has just ended is no longer there.
            let Ok(text) = fs::read_to_string(file) else { continue };
            total += text.split(' ').next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
        }
        Some(Duration::from_nanos(total))
    }
}

const REST: Duration = Duration::from_millis(500);
