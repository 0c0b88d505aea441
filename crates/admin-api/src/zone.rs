//! Zones, their exports and their shares.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An access zone of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Zone {
    /// Its name.
    pub name: String,
    /// Whether clients can mount from it.
    pub served: bool,
    /// Why it is not served, or which exports are not.
    pub reasons: Vec<String>,
    /// Base directory in the one namespace.
    pub base: String,
    /// The addresses at which its clients arrive.
    pub addresses: Vec<String>,
    /// Exported paths served.
    pub exports: u64,
    /// Connections open now.
    pub connections: u64,
    /// The file that describes it.
    pub file: String,
}

/// A share of a zone, for clients of SMB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Share {
    /// Its zone.
    pub zone: String,
    /// The name that clients connect to.
    pub name: String,
    /// Its directory, below the base of the zone.
    pub path: String,
    /// What it is for; empty when nobody said.
    pub description: String,
    /// Whether nobody may change anything.
    pub read_only: bool,
    /// Whether those come in who do not prove who they are.
    pub guests: bool,
    /// Whether it is told to clients that ask which shares there are.
    pub browsable: bool,
    /// Whether clients that do not encrypt are refused.
    pub encrypted: bool,
}

/// An exported path of a zone, with the options that are in effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Export {
    /// Its zone.
    pub zone: String,
    /// The path as clients mount it.
    pub path: String,
    /// Its number, which file handles carry.
    pub id: u32,
    /// The clients it names, as written; empty is everyone.
    pub clients: Vec<String>,
    /// Options in effect, `key=value` or a word.
    pub options: Vec<String>,
}
