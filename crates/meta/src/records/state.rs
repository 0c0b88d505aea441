//! What doors need to find again after a restart, and policies.

use bytes::Bytes;
use vfs::{ClientId, InodeId, Name, Principal, Timestamp};

use crate::RecordError;
use crate::codec::{fields, record};

/// An open that survives a restart (SMB durable and persistent handles). Its id stands in the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRecord {
    /// What is open.
    pub inode: InodeId,
    /// Who opened it.
    pub client: ClientId,
    /// Owner that must come back with it.
    pub owner: Principal,
    /// The client's own id of the open (MS-SMB2 2.2.13.2.11 CreateGuid).
    pub create_guid: [u8; 16],
    /// Lease it belongs to.
    pub lease_key: Option<[u8; 16]>,
    /// Lease bits: read 1, handle 2, write 4.
    pub lease: u8,
    /// Granted access mask.
    pub access: u32,
    /// Share access: read 1, write 2, delete 4.
    pub share: u8,
    /// Whether it survives the failure of its gateway too.
    pub persistent: bool,
    /// Whether the file goes when the last open is closed.
    pub delete_on_close: bool,
    /// Since when its client is away.
    pub disconnected: Option<Timestamp>,
    /// How long the client may stay away.
    pub timeout_ms: u32,
    /// Byte-range locks; at most 1024.
    pub locks: Vec<StoredLock>,
}

/// A byte-range lock of a durable open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredLock {
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// Whether nobody else may hold one.
    pub exclusive: bool,
}

/// The answer to a request that must not be done twice. Client and slot stand in the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyRecord {
    /// The client's number of the request.
    pub request: u64,
    /// Checksum of the request, since numbers come again.
    pub checksum: u64,
    /// What was answered, as its door wrote it; at most 32 KiB.
    pub outcome: Bytes,
}

/// A client that holds NLM locks and must hear of a restart (NSM). Its id stands in the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NlmClientRecord {
    /// Name it gave, which the notice repeats; at most 1024 bytes.
    pub name: Bytes,
    /// Where it was last seen, as text.
    pub address: Bytes,
    /// Name of this server as the client knows it; at most 1024 bytes.
    pub server_name: Bytes,
    /// Its NSM state number.
    pub state: u32,
    /// When it took its first lock.
    pub since: Timestamp,
}

/// A policy: what to do with which files, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRecord {
    /// Its name.
    pub name: Name,
    /// Directory it applies to.
    pub root: InodeId,
    /// Whether it is run.
    pub enabled: bool,
    /// Order among policies; the lowest decides.
    pub priority: u32,
    /// The rule, as text; at most 32 KiB.
    pub rule: Bytes,
    /// When it ran last.
    pub ran: Option<Timestamp>,
}

fn bounded(bytes: &Bytes, bytes_max: usize, what: &'static str) -> Result<(), RecordError> {
    if bytes.len() > bytes_max { Err(RecordError::Invalid(what)) } else { Ok(()) }
}

impl OpenRecord {
    fn check(&self) -> Result<(), RecordError> {
        if self.locks.len() > OPEN_LOCKS_MAX { Err(RecordError::Invalid("count of locks")) } else { Ok(()) }
    }
}

impl NlmClientRecord {
    fn check(&self) -> Result<(), RecordError> {
        bounded(&self.name, 1024, "client name")?;
        bounded(&self.address, 256, "client address")?;
        bounded(&self.server_name, 1024, "server name")
    }
}

fields!(StoredLock, offset, length, exclusive);
record!(
    OpenRecord,
    "open",
    Self::check,
    inode,
    client,
    owner,
    create_guid,
    lease_key,
    lease,
    access,
    share,
    persistent,
    delete_on_close,
    disconnected,
    timeout_ms,
    locks,
);
record!(ReplyRecord, "reply", |record| bounded(&record.outcome, TEXT_BYTES_MAX, "outcome"), request, checksum, outcome);
record!(NlmClientRecord, "nlm client", Self::check, name, address, server_name, state, since);
record!(
    PolicyRecord,
    "policy",
    |record| bounded(&record.rule, TEXT_BYTES_MAX, "rule"),
    name,
    root,
    enabled,
    priority,
    rule,
    ran,
);

const OPEN_LOCKS_MAX: usize = 1024;
const TEXT_BYTES_MAX: usize = 32 * 1024;
