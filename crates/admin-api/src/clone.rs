//! Writable clones of a zone.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A writable clone as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Clone)]
pub struct CloneShown {
    /// Its zone.
    pub zone: String,
    /// Its name, which no other of the zone has.
    pub name: String,
    /// Where it hangs, below the base of the zone; empty while it goes.
    pub path: String,
    /// The snapshot that it was made of, which stays as long as the clone.
    pub snapshot: String,
    /// The directory that it was made of, below the base of the zone, as it was called then; empty when the snapshot is
    /// being deleted.
    pub directory: String,
    /// When it was made.
    pub created: String,
    /// Whether it is being deleted: nobody sees it any more, and its space comes back.
    pub deleting: bool,
}

/// What a clone is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloneSettings {
    /// The snapshot of the zone that it is made of.
    pub snapshot: String,
    /// The directory of the snapshot, below that on which it stands.
    #[serde(default = "root")]
    #[schema(pattern = "^/", default = "/")]
    pub directory: String,
    /// Where it hangs, below the base of the zone: the last name must be free there.
    #[schema(pattern = "^/")]
    pub path: String,
}

fn root() -> String {
    "/".to_owned()
}
