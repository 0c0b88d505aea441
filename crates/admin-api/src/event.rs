//! What clients of a zone did.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// One line of the record of a zone, as it is in its file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ZoneEvent {
    /// When it ended, to the millisecond.
    pub time: String,
    /// The zone.
    pub zone: String,
    /// `logon`, `logoff`, `mount`, `create`, `read`, `write`, `delete`, `rename`, `set_security`, `denied`; `lost`: some could not
    /// be recorded.
    pub event: String,
    /// `success` or `failure`.
    pub outcome: Option<String>,
    /// The name of its user, if it is known.
    pub user: Option<String>,
    /// Who it ran as.
    pub uid: Option<u32>,
    /// Who the client said it is, where that is somebody else.
    pub claimed_uid: Option<u32>,
    /// Address of the client.
    pub client: Option<String>,
    /// What it is about, below the base of the zone; of a mount as it was asked for.
    pub path: Option<String>,
    /// The new path of a rename or link.
    pub to: Option<String>,
    /// The name alone, where its directory is not known any more.
    pub name: Option<String>,
    /// The number of the file, as clients see it, where it was not asked for by name.
    pub inode: Option<u64>,
    /// `nfs` or `smb`.
    pub door: Option<String>,
    /// The procedure or command.
    pub operation: Option<String>,
    /// What was answered.
    pub status: Option<String>,
    /// The connection or session, as the list of sessions has it.
    pub session: Option<u64>,
    /// What the client calls the request.
    pub request: Option<u64>,
    /// How many were lost.
    pub count: Option<u64>,
}

/// Some of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ZoneEvents {
    /// Newest first; oldest first where those behind a place are asked for.
    pub items: Vec<ZoneEvent>,
    /// `before` for those before these; `null` when there are none. A page may be short, or empty, and have one: not more than
    /// some megabytes are looked through for each.
    pub next: Option<String>,
    /// `after` for those that come behind these.
    pub newest: String,
}

/// Which of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ZoneEventsQuery {
    /// Most of them, 1 to 1000; 100 when nothing is said.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<usize>,
    /// `next` of a page.
    #[param(pattern = "^[0-9]{1,10}\\.[0-9]{1,12}$")]
    pub before: Option<String>,
    /// `newest` of a page: those behind it, oldest first.
    #[param(pattern = "^[0-9]{1,10}\\.[0-9]{1,12}$")]
    pub after: Option<String>,
    /// Only events of this name.
    pub event: Option<String>,
    /// Only those of this user, by name or uid.
    pub user: Option<String>,
    /// Only those whose path, or new path, is this or lies below.
    pub path: Option<String>,
}
