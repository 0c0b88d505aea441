//! What a change of a zone comes to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// What describes a zone: the keys of its file (`config/zones` has them all with comments). Those that are not named go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ZoneDocument {
    /// Its name, which never changes.
    pub name: String,
    /// Base directory in the one namespace.
    pub base: String,
    /// The addresses at which its clients arrive.
    pub addresses: Vec<String>,
    /// All other keys.
    #[serde(flatten)]
    pub others: BTreeMap<String, Value>,
}

/// What a change of a zone comes to, key by key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KeyChange {
    /// The key, as `export[0].clients`.
    pub key: String,
    /// Its value before; `null`: it was not there.
    pub old: Option<Value>,
    /// Its value after; `null`: it is gone.
    pub new: Option<Value>,
}
