//! Snapshots of a zone.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A snapshot as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Snapshot {
    /// Its zone.
    pub zone: String,
    /// Its name, which no other of the zone has; what clients see below `.snapshot`.
    pub name: String,
    /// The directory that it stands on, below the base of the zone, as it was called then.
    pub path: String,
    /// When it was taken.
    pub created: String,
    /// From when on it is deleted by itself.
    pub expires: Option<String>,
    /// Whether it is kept from being deleted.
    pub locked: bool,
    /// Whether it is being deleted: nobody sees it any more, and its space comes back.
    pub deleting: bool,
}

impl Snapshot {
    /// What it is to be, as it is set.
    #[must_use]
    pub fn settings(&self) -> SnapshotSettings {
        SnapshotSettings { path: self.path.clone(), expires: self.expires.clone(), locked: self.locked, name: None }
    }
}

/// What a snapshot is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SnapshotSettings {
    /// The directory that it stands on, below the base of the zone; cannot be changed.
    #[schema(pattern = "^/")]
    pub path: String,
    /// From when on it is deleted by itself: `2026-11-30T12:00:00Z`.
    #[schema(format = DateTime)]
    pub expires: Option<String>,
    /// Whether it is kept from being deleted.
    pub locked: bool,
    /// What it is called from now on; as it was when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Default for SnapshotSettings {
    fn default() -> Self {
        Self { path: "/".to_owned(), expires: None, locked: false, name: None }
    }
}
