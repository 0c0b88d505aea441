//! What a change of a zone comes to.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a change of a zone comes to, key by key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ZonePlan {
    /// The zone.
    pub zone: String,
    /// Whether it was made: the file is changed durably and its zone served so. Otherwise it was only asked for.
    pub applied: bool,
    /// Keys that differ, in their order; none when only comments do, or nothing.
    pub changes: Vec<KeyChange>,
    /// What is not as it should be though it refuses nothing.
    pub warnings: Vec<String>,
}

/// A key whose value differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyChange {
    /// The key, as `export[0].clients`.
    pub key: String,
    /// Its value before; `null`: it was not there.
    pub old: Option<Value>,
    /// Its value after; `null`: it is gone.
    pub new: Option<Value>,
}
