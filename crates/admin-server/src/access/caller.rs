//! Who asks.

use std::fmt;
use std::net::SocketAddr;

use admin_api::{Problem, Role};
use axum::http::Method;

use crate::audit::is_order;

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A process of this machine, of this user.
    Local {
        /// The user, as far as the system says.
        uid: Option<u32>,
    },
    /// Over the network.
    Remote(SocketAddr),
}

/// Who asks, and what they may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The name of the token, or the user of this machine.
    pub(crate) who: String,
    pub(crate) origin: Origin,
    pub(crate) role: Role,
    /// The zone, for the roles that are about one.
    zone: Option<String>,
}

impl Caller {
    /// Somebody of whom the system says that they own this gateway.
    pub(crate) fn owner(origin: Origin) -> Self {
        let who = match origin {
            Origin::Local { uid: Some(uid) } => format!("uid {uid}"),
            Origin::Local { uid: None } | Origin::Remote(_) => "the owner".to_owned(),
        };
        Self { who, origin, role: Role::ClusterAdmin, zone: None }
    }

    /// Who has shown a token.
    pub(crate) fn with_token(name: String, (role, zone): (Role, Option<String>), origin: Origin) -> Self {
        Self { who: format!("token {name}"), origin, role, zone: zone.filter(|_| role.is_of_zone()) }
    }

    pub(crate) fn is_cluster_admin(&self) -> bool {
        self.role == Role::ClusterAdmin
    }

    /// The only zone that is theirs to see; `None`: all are.
    pub(crate) fn zone(&self) -> Option<&str> {
        self.zone.as_deref()
    }

    /// Whether a zone is theirs to see.
    pub(crate) fn sees(&self, zone: &str) -> bool {
        self.is_cluster_admin() || self.zone() == Some(zone)
    }

    /// Errors: 403 (they may not ask so, whatever it is about).
    pub(crate) fn may_ask(&self, method: &Method) -> Result<(), Problem> {
        if !is_order(method) || self.role != Role::ZoneAuditor {
            return Ok(());
        }
        Err(self.lacks(Role::ZoneAdmin, "changes something"))
    }

    /// Errors: 403 (they are no cluster admin, whose business this is).
    pub(crate) fn must_be_cluster_admin(&self, what: &str) -> Result<(), Problem> {
        if self.is_cluster_admin() { Ok(()) } else { Err(self.lacks(Role::ClusterAdmin, what)) }
    }

    fn lacks(&self, wanted: Role, what: &str) -> Problem {
        let detail = format!("this {what}, which wants the role {wanted}; {} has the role {}", self.who, self.role);
        Problem::new(403, "Forbidden", detail)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { .. } => formatter.write_str("local"),
            Self::Remote(address) => address.fmt(formatter),
        }
    }
}
