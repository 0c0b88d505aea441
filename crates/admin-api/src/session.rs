//! One open connection.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One open connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Its number; later connections have higher ones.
    pub id: u64,
    /// The zone; `null` when it is not served any more.
    pub zone: Option<String>,
    /// What it arrived at: `nfs`, `portmap`, `smb`. Of SMB, each user that has logged on over a connection is listed.
    pub protocol: String,
    /// Who logged on; `null` where nobody does, and for anonymous sessions.
    pub user: Option<String>,
    /// Address and port of the client.
    pub client: String,
    /// The address and port that the client came to.
    pub server: String,
    /// When it was opened.
    pub since: String,
    /// How long ago that is.
    pub age_s: u64,
    /// How long ago its last call came, or it was opened.
    pub idle_ms: u64,
    /// Calls answered.
    pub calls: u64,
    /// Calls begun and not answered.
    pub in_flight: u64,
    /// Bytes of the calls.
    pub bytes_in: u64,
    /// Bytes of the replies.
    pub bytes_out: u64,
    /// Paths that the client has mounted in the zone over any of its connections, as far as it said so, or the shares
    /// that a session of SMB is connected to; at most 16.
    pub mounts: Vec<String>,
    /// Files that a session of SMB has open.
    pub opens: u64,
}
