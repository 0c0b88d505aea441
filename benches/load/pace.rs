//! The part of the command line that all load generators have.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, ValueEnum};

/// Which server, how much of it, how long, on what.
#[derive(Clone, Debug, Args)]
pub struct Pace {
    /// Address and port of the server.
    #[arg(long)]
    pub server: SocketAddr,
    /// Connections.
    #[arg(long, default_value_t = 1)]
    pub connections: usize,
    /// Operations in flight on each connection.
    #[arg(long, default_value_t = 64)]
    pub depth: usize,
    /// Seconds that are measured.
    #[arg(long, default_value_t = 5.0)]
    pub seconds: f64,
    /// Seconds before that, not measured.
    #[arg(long, default_value_t = 1.0)]
    pub warmup_seconds: f64,
    /// Process of the server, for its CPU time.
    #[arg(long)]
    pub pid: Option<u32>,
    /// Wait up to so many seconds, before and after, until the server is at rest; its CPU time until then counts.
    #[arg(long, default_value_t = 0.0)]
    pub drain_seconds: f64,
    /// Size of the files that are read and written, in bytes.
    #[arg(long, default_value_t = 256 << 20)]
    pub file_bytes: u64,
    /// Entries of the directory that is listed; files that are there to be removed.
    #[arg(long, default_value_t = 10_000)]
    pub entries: u64,
    /// Ends after so many operations, if the time is not up before.
    #[arg(long)]
    pub limit: Option<u64>,
    /// Name of the folder that a run makes or, with `--phase measure`, finds.
    #[arg(long)]
    pub folder: Option<String>,
    /// Only make what the operation needs, only measure on what is there, or both.
    #[arg(long, value_enum, default_value_t = Phase::All)]
    pub phase: Phase,
    /// Threads of this program; connections are shared out over them.
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Congestion control of the client's sockets; cubic where that is allowed when not named.
    #[arg(long)]
    pub congestion: Option<String>,
    /// One JSON object instead of a line for people.
    #[arg(long)]
    pub json: bool,
}

/// What of a run is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Phase {
    /// Prepare, then measure.
    All,
    /// Make what the operation needs in `--folder`, and end.
    Prepare,
    /// Find that in `--folder` and measure.
    Measure,
}

impl Pace {
    pub(crate) fn warmup(&self) -> Duration {
        Duration::from_secs_f64(self.warmup_seconds)
    }

    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    pub(crate) fn drain(&self) -> Duration {
        Duration::from_secs_f64(self.drain_seconds)
    }

    /// The run's folder: the one that was named, or one of this process.
    #[must_use]
    pub fn folder(&self, program: &str) -> String {
        self.folder.clone().unwrap_or_else(|| format!("{program}-{}", std::process::id()))
    }
}
