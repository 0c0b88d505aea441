//! Leases: what clients may cache, and how it is taken back from them (MS-SMB2 3.3.1.12; oplocks are leases of one open).

use crate::{OpenId, ZoneId};

/// What a client may cache (MS-SMB2 2.2.13.2.8 lease states; covers oplocks and delegations).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeaseState {
    /// Reads.
    pub read: bool,
    /// Opens.
    pub handle: bool,
    /// Writes.
    pub write: bool,
}

/// The key by which a client knows a lease. Another zone's is another, whatever its client calls itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseKey {
    /// The zone.
    pub zone: ZoneId,
    /// The client, as it names itself (`ClientGuid`).
    pub client: u128,
    /// Its key (`LeaseKey`).
    pub key: u128,
}

/// Whose a lease is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeaseOwner {
    /// A key of a client: it covers all opens under it.
    Key(LeaseKey),
    /// An open: an oplock.
    Open(OpenId),
}

/// The wish of an open to cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseRequest {
    /// What is to be cached. Of a directory writes are not.
    pub wanted: LeaseState,
    /// Under which key; `None` asks for an oplock, which directories have none of.
    pub key: Option<LeaseKey>,
    /// The lease of the directory that this open does not break by what is done through it (`ParentLeaseKey`).
    pub parent: Option<LeaseKey>,
    /// The epoch that the client has; `None` for leases that have none, which directories have none of.
    pub epoch: Option<u16>,
}

/// What an open was granted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeaseGrant {
    /// What may be cached.
    pub state: LeaseState,
    /// Raised by each change of the state; `None` if the lease was first asked for without one, whatever is asked for now.
    pub epoch: Option<u16>,
    /// A break is under way: the state is what is held until it is acknowledged.
    pub is_breaking: bool,
}

/// What a client is told whose lease is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseBreak {
    /// Whose lease it is.
    pub owner: LeaseOwner,
    /// One of its opens: that whose mailbox this is in.
    pub open: OpenId,
    /// What may be cached until now.
    pub from: LeaseState,
    /// What is left.
    pub to: LeaseState,
    /// The epoch that comes with it, if the lease has one.
    pub epoch: Option<u16>,
    /// Whether the client has to answer with [`crate::Opens::acknowledge_break`]; others wait until then.
    pub must_acknowledge: bool,
}

/// The answer to a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakAcknowledgement {
    /// Whose lease it is. An open must be one of the session.
    pub owner: LeaseOwner,
    /// What the client goes on caching.
    pub kept: LeaseState,
}

/// Why an acknowledgement is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcknowledgementRefusal {
    /// There is no such lease.
    Unknown,
    /// Nothing is being broken.
    NotBreaking,
    /// It would keep more than was left; what is held stays, and so does the break.
    TooMuch,
}

/// Where to hear of the end of a break ([`crate::Opens::await_break`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// It is told in the mailbox, as [`crate::Event::LeaseBroken`].
    Told,
    /// It is over.
    Over,
}

impl LeaseState {
    /// Nothing.
    pub const NONE: Self = Self { read: false, handle: false, write: false };

    /// Whether all of this is in the other.
    #[must_use]
    pub fn is_within(self, other: Self) -> bool {
        self.and(other) == self
    }

    /// What is in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { read: self.read && other.read, handle: self.handle && other.handle, write: self.write && other.write }
    }
}
