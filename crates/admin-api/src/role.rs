//! What who asks may do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What who asks may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything.
    ClusterAdmin,
    /// Sees one zone, and changes of it what does not concern others.
    ZoneAdmin,
    /// Sees one zone and changes nothing.
    ZoneAuditor,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ClusterAdmin, Self::ZoneAdmin, Self::ZoneAuditor];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::ClusterAdmin => "cluster-admin",
            Self::ZoneAdmin => "zone-admin",
            Self::ZoneAuditor => "zone-auditor",
        }
    }

    /// Whether it is about one zone, and not about the gateway.
    #[must_use]
    pub fn is_of_zone(self) -> bool {
        self != Self::ClusterAdmin
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let words = Self::ALL.map(Self::word).join(", ");
        let found = Self::ALL.into_iter().find(|role| role.word() == word);
        found.ok_or_else(|| format!("no role: one of {words}"))
    }
}
