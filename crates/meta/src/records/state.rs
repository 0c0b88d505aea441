//! What doors need to find again after a restart, and policies.

use bytes::Bytes;
use vfs::{InodeId, Name, Timestamp};

use crate::RecordError;
use crate::codec::{fields, record};

/// An open that survives a restart (SMB persistent handles). Its id stands in the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRecord {
    /// What is open.
    pub inode: InodeId,
    /// The name that it was opened by, as it is now.
    pub link: Option<StoredLink>,
    /// The file that it is a stream of, with the name by which that was found; the other name is that of the stream.
    pub stream_of: Option<StoredFile>,
    /// Granted access mask.
    pub access: u32,
    /// What others may do: read 1, write 2, delete 4.
    pub share: u8,
    /// Whether its close marks its name for deletion.
    pub delete_on_close: bool,
    /// Whether its name is marked for deletion.
    pub pending: bool,
    /// The lease that it asked for.
    pub lease: Option<StoredLease>,
    /// Byte-range locks; at most 1024.
    pub locks: Vec<StoredLock>,
    /// What its door has to know to give it back; at most 4 KiB.
    pub note: Bytes,
}

/// A name of what is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredLink {
    /// The directory.
    pub parent: InodeId,
    /// The name in it.
    pub name: Name,
}

/// The file of a stream that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// The file.
    pub inode: InodeId,
    /// The name by which it was found.
    pub link: Option<StoredLink>,
}

/// A lease that an open asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredLease {
    /// Its key; an oplock has none.
    pub key: Option<StoredLeaseKey>,
    /// That of the directory that it spares.
    pub parent: Option<StoredLeaseKey>,
    /// What was wanted: read 1, handle 2, write 4.
    pub wanted: u8,
    /// The epoch that the client had, where it has any.
    pub epoch: Option<u32>,
}

/// The key of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredLeaseKey {
    /// The zone.
    pub zone: u32,
    /// The client, as it names itself.
    pub client: [u8; 16],
    /// Its key.
    pub key: [u8; 16],
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
        if self.locks.len() > OPEN_LOCKS_MAX {
            return Err(RecordError::Invalid("count of locks"));
        }
        bounded(&self.note, 4096, "note of a door")
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
fields!(StoredLink, parent, name);
fields!(StoredFile, inode, link);
fields!(StoredLeaseKey, zone, client, key);
fields!(StoredLease, key, parent, wanted, epoch);
// No store has any of format 1: nothing wrote them.
record!(
    format 2,
    OpenRecord,
    "open",
    Self::check,
    inode,
    link,
    stream_of,
    access,
    share,
    delete_on_close,
    pending,
    lease,
    locks,
    note,
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

/// Locks of an open that survives a restart.
pub const OPEN_LOCKS_MAX: usize = 1024;
const TEXT_BYTES_MAX: usize = 32 * 1024;
