//! Reverts of directories of a zone.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is to be reverted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RevertSettings {
    /// The directory, below the one that the snapshot stands on and as that has it.
    #[schema(pattern = "^/")]
    pub directory: String,
    /// Whether a snapshot of what is there is taken first.
    pub keep: bool,
    /// How that is called; `before-revert-` and the time when not given.
    pub keep_as: Option<String>,
}

/// A revert, under way or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Revert {
    /// Its zone.
    pub zone: String,
    /// Its number.
    pub id: u64,
    /// The directory, below the base of the zone; empty if it is gone.
    pub path: String,
    /// The snapshot; empty if it is gone.
    pub snapshot: String,
    /// The snapshot that was taken first: only in the answer that the revert was begun with.
    pub kept_as: Option<String>,
    /// How far it is.
    pub state: RevertState,
    /// When it was asked for.
    pub started: String,
    /// When it ended.
    pub ended: Option<String>,
    /// Changes made since the gateway started: names, contents, attributes.
    pub changes: u64,
    /// What could not be changed, the first 16 of it.
    pub left_out: Vec<LeftOut>,
}

/// How far a revert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RevertState {
    /// Puts names where they were.
    Names,
    /// Gives files and directories what they held.
    Contents,
    /// Something could not be changed: it is tried again every half a minute.
    Waiting,
    /// It was what the snapshot shows, but for what clients changed meanwhile.
    Done,
    /// The snapshot or the directory went.
    Failed,
    /// It was given up.
    Cancelled,
}

/// Something that could not be changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeftOut {
    /// Where, below the directory.
    pub path: String,
    /// Why not.
    pub reason: LeftOutReason,
}

/// Why something could not be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeftOutReason {
    /// A client has it open and lets nobody change it.
    InUse,
    /// A quota leaves no room.
    Quota,
    /// The store is full.
    Full,
    /// A clone or a zone hangs there.
    Hangs,
    /// Anything else: see the log of the gateway.
    Other,
}

impl RevertState {
    /// Whether nothing more is done.
    #[must_use]
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

impl Default for RevertSettings {
    fn default() -> Self {
        Self { directory: "/".to_owned(), keep: true, keep_as: None }
    }
}
