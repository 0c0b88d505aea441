//! Random sequences of operations over the contract, their application to a house, and the comparison of two houses.
//!
//! An operation names inodes by *registers*, which earlier operations filled, so that a sequence means the same to every
//! house and stays meaningful when operations are taken out. Registers keep inodes that are gone, which tests stale
//! handles. What two houses must agree on is in [`Outcome`]; inode numbers, cookies, change counters, allocated bytes,
//! verifiers and attributes of failures are the house's own and are only checked for sense (see [`Outcome::faults`]).

mod apply;
mod compare;
mod generate;
mod listing;
mod outcome;
mod session;
mod shrink;
mod survey;

use bytes::Bytes;
pub use compare::{Divergence, Finding, Pair, compare, find, hunt};
pub use generate::{BORDERS, Generator, generate};
pub use outcome::{Outcome, SeenBefore, SeenEntry, SeenInode};
pub use session::Session;
pub use shrink::shrink;
use vfs::acl::AccessMask;
use vfs::{CreateHow, Credentials, LookupName, Name, NodeKind, RemoveKind, SetAttributes, Stability};

/// Registers that hold directories only; 0 and 1 are the roots of two zones and never change. Of the others only the
/// last takes directories.
pub const DIRECTORY_REGISTERS: u8 = 6;
/// All registers.
pub const REGISTERS: u8 = 16;
/// Listings that can be under way at once.
pub const CURSORS: u8 = 2;

/// A place that holds an inode; numbers from [`REGISTERS`] on wrap around. All begin as the root of the first zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register(pub u8);

/// Who asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Caller {
    /// The superuser.
    #[default]
    Root,
    /// uid 1000, gid 100, also in group 200.
    Alice,
    /// uid 1001, gid 100.
    Bob,
    /// uid 1002, gid 200, also in group 300.
    Carol,
}

/// One operation of one caller, over NFS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Who asks.
    pub caller: Caller,
    /// What.
    pub action: Action,
}

/// What the guard of a `setattr` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Guard {
    /// None.
    #[default]
    Absent,
    /// The time of change that was last seen of the inode; right unless something changed it since.
    LastSeen,
    /// A time of change that no inode has.
    Wrong,
}

/// What is asked. Fields are as in the requests of the contract; `into` is where the inode found or made is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields have the meaning and name they have in the request of the contract")]
pub enum Action {
    Lookup {
        directory: Register,
        name: LookupName,
        into: Register,
    },
    Walk {
        start: Register,
        path: Vec<Name>,
        into: Register,
    },
    Create {
        directory: Register,
        name: Name,
        how: CreateHow,
        into: Register,
    },
    Mkdir {
        directory: Register,
        name: Name,
        attributes: SetAttributes,
        into: Register,
    },
    Symlink {
        directory: Register,
        name: Name,
        target: Bytes,
        attributes: SetAttributes,
        into: Register,
    },
    Mknod {
        directory: Register,
        name: Name,
        kind: NodeKind,
        attributes: SetAttributes,
        into: Register,
    },
    Link {
        inode: Register,
        directory: Register,
        name: Name,
        replace: bool,
    },
    Remove {
        directory: Register,
        name: Name,
        kind: RemoveKind,
    },
    Rename {
        from: Register,
        from_name: Name,
        to: Register,
        to_name: Name,
        replace: bool,
    },
    /// A whole listing in pages of this many entries.
    List {
        directory: Register,
        page: usize,
        attributes: bool,
    },
    /// Begins a listing that goes on while other operations change the directory.
    ListBegin {
        cursor: u8,
        directory: Register,
    },
    /// Goes on with it for one page.
    ListNext {
        cursor: u8,
        page: usize,
    },
    Readlink {
        inode: Register,
    },
    Read {
        inode: Register,
        offset: u64,
        length: u32,
    },
    /// Writes bytes that `fill` and the offset in the write decide.
    Write {
        inode: Register,
        offset: u64,
        length: usize,
        fill: u64,
        stability: Stability,
    },
    Commit {
        inode: Register,
        offset: u64,
        length: u64,
    },
    /// Shares a range between files, or within one.
    Clone {
        source: Register,
        source_offset: u64,
        target: Register,
        target_offset: u64,
        length: u64,
    },
    Getattr {
        inode: Register,
    },
    Setattr {
        inode: Register,
        attributes: SetAttributes,
        guard: Guard,
    },
    Access {
        inode: Register,
        wanted: AccessMask,
    },
    StatFs {
        inode: Register,
    },
    Xattrs {
        inode: Register,
    },
    /// Opens a stream, which is made for it, writes it stably, reads it and closes it, or closes it so that it goes.
    Stream {
        inode: Register,
        name: Name,
        offset: u64,
        length: usize,
        fill: u64,
        goes: bool,
    },
    Streams {
        inode: Register,
    },
}

impl Caller {
    /// The credentials of the caller.
    #[must_use]
    pub fn credentials(self) -> Credentials {
        match self {
            Self::Root => Credentials::root(),
            Self::Alice => Credentials::unix(1000, 100, &[200]),
            Self::Bob => Credentials::unix(1001, 100, &[]),
            Self::Carol => Credentials::unix(1002, 200, &[300]),
        }
    }
}

#[cfg(test)]
mod tests;
