//! The command line.

use std::net::SocketAddr;

use clap::{Parser, ValueEnum};
use load::Pace;

/// Closed-loop load on an NFSv3 server: each connection keeps `depth` operations in flight.
#[derive(Clone, Debug, Parser)]
#[command(name = "nfs-load")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) pace: Pace,
    /// Port of MOUNT, when it is another one.
    #[arg(long)]
    pub(crate) mount_port: Option<u16>,
    /// The path to mount.
    #[arg(long, default_value = "/projects")]
    pub(crate) export: String,
    /// What is done again and again.
    #[arg(long, value_enum)]
    pub(crate) operation: OperationKind,
    /// Directories over which the entries are spread; with 1 they lie in the run's folder itself.
    #[arg(long, default_value_t = 1)]
    pub(crate) directories: u64,
    /// Connections that make one call and then rest; what the server's memory grows by for each is told.
    #[arg(long, default_value_t = 0)]
    pub(crate) idle_connections: usize,
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
    /// The run's folder below the export.
    pub(crate) fn folder(&self) -> String {
        self.pace.folder("nfs-load")
    }

    pub(crate) fn mount_address(&self) -> SocketAddr {
        let server = self.pace.server;
        SocketAddr::new(server.ip(), self.mount_port.unwrap_or_else(|| server.port()))
    }
}
