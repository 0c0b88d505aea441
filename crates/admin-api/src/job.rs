//! Work that the gateway does behind what its clients ask for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One kind of such work. It never ends: there may be more of it later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// Its name: `removal`, `reordering`, `evacuation`.
    pub name: String,
    /// What it does.
    pub about: String,
    /// What is counted: `files`, `parts`, `segments`.
    pub unit: String,
    /// Whether there is anything to do.
    pub state: JobState,
    /// What it is known to have before it.
    pub left: u64,
    /// What it has done since the gateway started.
    pub done: u64,
}

/// What a job is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// There is nothing to do.
    Idle,
    /// Lets clients go first.
    Waiting,
    /// Goes on with what is left.
    Running,
}
