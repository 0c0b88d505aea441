//! Opens that outlive their connection (MS-SMB2 3.3.1.10 `Open.IsDurable`): they are parked until their client comes back,
//! somebody else wants the file, or their time is over.

mod claims;
mod lost;
mod note;
mod parked;

use std::time::Duration;

use smb_wire::dtyp::Guid;
use vfs::ZoneId;

pub(crate) use self::claims::{Claim, Claims, Found};
pub(crate) use self::lost::{Lost, Underway};
pub(crate) use self::parked::{Parked, Waiting};

/// What makes an open durable: who may take it up again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Durable {
    /// How its client names the request that made it; `None` in the first version.
    pub(crate) create_guid: Option<Guid>,
    /// How long it waits for its client.
    pub(crate) timeout: Duration,
    /// It survives a restart too, and waits whatever it caches.
    pub(crate) is_persistent: bool,
    pub(crate) owner: Owner,
}

/// Whose an open is, whatever session it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) zone: ZoneId,
    pub(crate) share: String,
    pub(crate) user: String,
    /// How the client names itself (`ClientGuid`).
    pub(crate) client: Guid,
}

/// What clients may ask for at most, and what those of the first version get (MS-SMB2 3.3.5.9.10).
pub(crate) const TIMEOUT_MAX: Duration = Duration::from_secs(300);
/// What clients get on shares that are continuously available.
pub(crate) const TIMEOUT_CONTINUOUS: Duration = Duration::from_secs(120);
/// What clients get that leave it to the server.
pub(crate) const TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
