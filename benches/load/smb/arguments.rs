//! The command line.

use clap::{Parser, ValueEnum};
use load::Pace;
use smb_wire::negotiate::Dialect;

/// Closed-loop load on an SMB server: each connection, with a session of its own, keeps `depth` operations in flight.
#[derive(Clone, Debug, Parser)]
#[command(name = "smb-load")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) pace: Pace,
    /// The share.
    #[arg(long, default_value = "projects")]
    pub(crate) share: String,
    /// The user, of the server's own.
    #[arg(long)]
    pub(crate) user: String,
    /// Its password.
    #[arg(long)]
    pub(crate) password: String,
    /// Which version is spoken.
    #[arg(long, value_enum, default_value_t = Version::Smb311)]
    pub(crate) dialect: Version,
    /// Sign every message, as GMAC where it can be negotiated.
    #[arg(long)]
    pub(crate) sign: bool,
    /// Encrypt every message.
    #[arg(long, conflicts_with = "sign")]
    pub(crate) encrypt: bool,
    /// What is done again and again.
    #[arg(long, value_enum)]
    pub(crate) operation: OperationKind,
}

/// A version of SMB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Version {
    /// SMB 2.1.
    #[value(name = "2.1")]
    Smb21,
    /// SMB 3.0.
    #[value(name = "3.0")]
    Smb30,
    /// SMB 3.0.2.
    #[value(name = "3.0.2")]
    Smb302,
    /// SMB 3.1.1.
    #[value(name = "3.1.1")]
    Smb311,
}

/// How messages of a session are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    Plain,
    Signed,
    Encrypted,
}

/// What is done again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OperationKind {
    /// ECHO.
    Echo,
    /// CREATE of one of 64 files that are there, and CLOSE.
    OpenClose,
    /// QUERY_INFO of an open file (FileNetworkOpenInformation).
    QueryInfo,
    /// READ of 4 KiB at random aligned places of a file.
    Read4k,
    /// READ of 1 MiB, one after the other.
    Read1m,
    /// WRITE of 1 MiB, one after the other, a FLUSH after every 8 of a slot.
    Write1m,
    /// WRITE of 4 KiB at random aligned places of a file, a FLUSH now and then.
    Write4k,
    /// WRITE of 4 KiB, written through, at random aligned places of a file.
    Write4kThrough,
    /// CREATE of a new file, WRITE of 4 KiB, CLOSE.
    SmallFile,
    /// CREATE of a file that was made before, to be deleted on CLOSE, and CLOSE.
    Unlink,
    /// QUERY_DIRECTORY of a whole directory (FileIdBothDirectoryInformation): an operation is an entry.
    List,
}

impl Arguments {
    /// The run's folder below the share.
    pub(crate) fn folder(&self) -> String {
        self.pace.folder("smb-load")
    }

    pub(crate) const fn protection(&self) -> Protection {
        match (self.sign, self.encrypt) {
            (_, true) => Protection::Encrypted,
            (true, false) => Protection::Signed,
            (false, false) => Protection::Plain,
        }
    }
}

impl Version {
    pub(crate) const fn number(self) -> Dialect {
        match self {
            Self::Smb21 => Dialect::SMB_2_1,
            Self::Smb30 => Dialect::SMB_3_0,
            Self::Smb302 => Dialect::SMB_3_0_2,
            Self::Smb311 => Dialect::SMB_3_1_1,
        }
    }
}

impl Protection {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Signed => "signed",
            Self::Encrypted => "encrypted",
        }
    }
}
