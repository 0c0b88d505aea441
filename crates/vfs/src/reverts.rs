//! Reverts: a directory and all below it becomes again what a snapshot shows of it, in the background.

#[cfg(doc)]
use crate::Admin;
use crate::{FsError, InodeId, Name, Timestamp};

/// A revert, under way or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revert {
    /// Its number in its shard.
    pub id: u64,
    /// The directory, where it is written.
    pub directory: InodeId,
    /// The same, as the snapshot has it.
    pub past: InodeId,
    /// When it was asked for.
    pub started: Timestamp,
    /// When it ended; `None` as long as it goes on.
    pub ended: Option<Timestamp>,
    /// How far it is.
    pub state: RevertState,
    /// Changes that were made since the gateway started: names, contents, attributes.
    pub changes: u64,
    /// What could not be changed in the last pass, the first [`LEFT_OUT_MAX`] of it.
    pub left_out: Vec<LeftOut>,
}

/// How far a revert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevertState {
    /// Puts names where they were.
    Names,
    /// Gives files and directories what they held.
    Contents,
    /// Something could not be changed: it is tried again after a while.
    Waiting,
    /// The directory was what the snapshot shows, but for what clients changed meanwhile.
    Done,
    /// The snapshot or the directory went.
    Failed,
    /// It was given up.
    Cancelled,
}

/// Something that could not be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Names that lead to it from the directory.
    pub path: Vec<Name>,
    /// Why not.
    pub error: FsError,
}

impl RevertState {
    /// Whether nothing more is done.
    #[must_use]
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// Most entries of [`Revert::left_out`].
pub const LEFT_OUT_MAX: usize = 16;
