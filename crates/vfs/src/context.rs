//! The circumstances of one operation: explicit, immutable, never ambient.

use std::sync::Arc;
use std::time::Duration;

use crate::{ClientId, Credentials, InodeId, OperationId, SessionId, ZoneId};

/// The protocol that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// NFS version 3.
    Nfs3,
    /// SMB 2 or 3.
    Smb,
    /// The house itself: administration, background jobs.
    Internal,
}

/// How the directories `.snapshot` are met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SnapshotAccess {
    /// Whether `.snapshot` can be entered in every directory. Nobody can make something of that name then.
    pub accessible: bool,
    /// Whether it is listed in the root of the export or share.
    pub listed: bool,
}

impl SnapshotAccess {
    /// There is no `.snapshot`.
    pub const NONE: Self = Self { accessible: false, listed: false };
}

/// The client's slot for a request that must not be done twice. The house stores the outcome in it with the change, so
/// that the same request after a restart is answered with it instead of being done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReplayKey {
    /// Slot within the client's ring of slots.
    pub slot: u32,
    /// Identity of the request within the slot (for NFSv3: xid and checksum of the call).
    pub request: u64,
}

/// Who goes first under pressure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Background jobs.
    Low,
    /// Clients.
    #[default]
    Normal,
    /// What releases memory, space or locks: COMMIT, CLOSE, REMOVE, break acknowledgements.
    Releasing,
}

/// The circumstances of one operation.
#[derive(Clone, Debug)]
pub struct OpContext {
    /// This operation, for logs and traces.
    pub operation_id: OperationId,
    /// The access zone it came through.
    pub zone: ZoneId,
    /// The directory above which `..` does not lead: the root of the export or share.
    pub root: InodeId,
    /// Who asks.
    pub credentials: Arc<Credentials>,
    /// The protocol that asks.
    pub protocol: Protocol,
    /// The client.
    pub client: ClientId,
    /// The session or connection.
    pub session: SessionId,
    /// How the directories `.snapshot` are met.
    pub snapshots: SnapshotAccess,
    /// Slot of a request that must not be done twice.
    pub replay_key: Option<ReplayKey>,
    /// When nobody waits for the answer any more, on the monotonic clock.
    pub deadline: Option<Duration>,
    /// Who goes first under pressure.
    pub priority: Priority,
}

impl OpContext {
    /// The house acting by itself, as root, on everything below `root`.
    #[must_use]
    pub fn internal(root: InodeId) -> Self {
        Self {
            operation_id: OperationId::default(),
            zone: ZoneId::default(),
            root,
            credentials: Arc::new(Credentials::root()),
            protocol: Protocol::Internal,
            client: ClientId::default(),
            session: SessionId::default(),
            snapshots: SnapshotAccess::NONE,
            replay_key: None,
            deadline: None,
            priority: Priority::Normal,
        }
    }
}
