//! The command line.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Parser, ValueEnum};

/// Closed-loop load on an NFSv3 server: each connection keeps `depth` operations in flight.
#[derive(Clone, Debug, Parser)]
#[command(name = "nfs-load")]
pub(crate) struct Arguments {
    /// Address and port of NFS.
    #[arg(long)]
    pub(crate) server: SocketAddr,
    /// Port of MOUNT, when it is another one.
    #[arg(long)]
    pub(crate) mount_port: Option<u16>,
    /// The path to mount.
    #[arg(long, default_value = "/projects")]
    pub(crate) export: String,
    /// What is done again and again.
    #[arg(long, value_enum)]
    pub(crate) operation: OperationKind,
    /// Connections.
    #[arg(long, default_value_t = 1)]
    pub(crate) connections: usize,
    /// Operations in flight on each connection.
    #[arg(long, default_value_t = 64)]
    pub(crate) depth: usize,
    /// Seconds that are measured.
    #[arg(long, default_value_t = 5.0)]
    pub(crate) seconds: f64,
    /// Seconds before that, not measured.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) warmup_seconds: f64,
    /// Process of the server, for its CPU time.
    #[arg(long)]
    pub(crate) pid: Option<u32>,
    /// Wait up to so many seconds, before and after, until the server is at rest; its CPU time until then counts.
    #[arg(long, default_value_t = 0.0)]
    pub(crate) drain_seconds: f64,
    /// Size of the files that are read and written, in bytes.
    #[arg(long, default_value_t = 256 << 20)]
    pub(crate) file_bytes: u64,
    /// Entries of the directory that is listed; files that are there to be removed.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) entries: u64,
    /// Directories over which these entries are spread; with 1 they lie in the run's folder itself.
    #[arg(long, default_value_t = 1)]
    pub(crate) directories: u64,
    /// Ends after so many operations, if the time is not up before.
    #[arg(long)]
    pub(crate) limit: Option<u64>,
    /// Name of the folder below the export that a run makes or, with `--phase measure`, finds.
    #[arg(long)]
    pub(crate) folder: Option<String>,
    /// Only make what the operation needs, only measure on what is there, or both.
    #[arg(long, value_enum, default_value_t = Phase::All)]
    pub(crate) phase: Phase,
    /// Threads of this program; connections are shared out over them.
    #[arg(long, default_value_t = 1)]
    pub(crate) threads: usize,
    /// Connections that make one call and then rest; what the server's memory grows by for each is told.
    #[arg(long, default_value_t = 0)]
    pub(crate) idle_connections: usize,
    /// Congestion control of the client's sockets; cubic where that is allowed when not named.
    #[arg(long)]
    pub(crate) congestion: Option<String>,
    /// One JSON object instead of a line for people.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What of a run is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Phase {
    /// Prepare, then measure.
    All,
    /// Make what the operation needs in `--folder`, and end.
    Prepare,
    /// Find that in `--folder` and measure.
    Measure,
}

/// What is done again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OperationKind {
    /// NULL.
    Null,
    /// GETATTR of one file.
    Getattr,
    /// ACCESS of one file.
    Access,
    /// LOOKUP of one of 64 names.
    Lookup,
    /// LOOKUP of any of the entries, at random.
    LookupAny,
    /// READ of 4 KiB at random aligned places of a file.
    Read4k,
    /// READ of 1 MiB, one after the other.
    Read1m,
    /// UNSTABLE WRITE of 1 MiB, one after the other, a COMMIT after every 8 of a slot.
    Write1m,
    /// UNSTABLE WRITE of 4 KiB at random aligned places of a file, a COMMIT now and then.
    Write4k,
    /// UNSTABLE WRITE of every second 4 KiB of a file in order, each place once: a file of many extents.
    WriteEvery2nd,
    /// FILE_SYNC WRITE of 4 KiB at random aligned places of a file.
    Write4kSync,
    /// CREATE, WRITE of 4 KiB, COMMIT of a new file.
    SmallFile,
    /// CREATE of a new file.
    Create,
    /// REMOVE of a file that was made before.
    Remove,
    /// RENAME of a file to and fro.
    Rename,
    /// MKDIR of a new directory.
    Mkdir,
    /// READDIRPLUS of a whole directory: an operation is an entry.
    Readdirplus,
}

impl Arguments {
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
    pub(crate) fn folder(&self) -> String {
        self.folder.clone().unwrap_or_else(|| format!("nfs-load-{}", std::process::id()))
    }

    pub(crate) fn mount_address(&self) -> SocketAddr {
        SocketAddr::new(self.server.ip(), self.mount_port.unwrap_or_else(|| self.server.port()))
    }
}
