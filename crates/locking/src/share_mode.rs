//! Share reservations: what an open does, and what it lets others do meanwhile (MS-FSA 2.1.5.1.2.2).

use vfs::acl::AccessMask;
use vfs::{LockOwner, OpenId, ShareMode, Timestamp};

/// What one open, or one DOS share of NLM, does and lets others do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareReservation {
    /// What it does.
    uses: ShareMode,
    /// What it lets others do.
    lets: ShareMode,
}

/// A reservation that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldShare {
    /// Whose it is.
    pub owner: LockOwner,
    /// What it reserves.
    pub reservation: ShareReservation,
    /// Since when.
    pub since: Timestamp,
}

/// The reservations of all opens and DOS shares of one inode, one for each owner; no two of them contradict each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShareReservations {
    held: Vec<HeldShare>,
}

/// Why a reservation is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShareRefusal {
    /// The reservation of this owner is in the way.
    Conflict(LockOwner),
    /// [`SHARES_MAX`] reservations are held.
    TooMany,
}

impl ShareReservation {
    /// The reservation of an open with these rights granted. Executing counts as reading, appending as writing. An open
    /// that neither reads, writes nor deletes (it looks at attributes) reserves nothing and is in nobody's way.
    #[must_use]
    pub fn new(granted: AccessMask, share: ShareMode) -> Self {
        let has = |rights: AccessMask| granted.0 & rights.0 != 0;
        let uses = ShareMode {
            read: has(AccessMask::READ_DATA) || has(AccessMask::EXECUTE),
            write: has(AccessMask::WRITE_DATA) || has(AccessMask::APPEND_DATA),
            delete: has(AccessMask::DELETE),
        };
        let lets = if uses == ShareMode::default() { EVERYTHING } else { share };
        Self { uses, lets }
    }

    /// The reservation of one anonymous read, write or delete (NFSv3, S3): it lasts for that operation and lets others
    /// do everything.
    #[must_use]
    pub fn of_operation(uses: ShareMode) -> Self {
        Self { uses, lets: EVERYTHING }
    }

    /// A DOS share (Open Group C702, `NLM_SHARE`): what its owner does, and what others may not do. Unlike an open, one
    /// that does nothing still denies.
    #[must_use]
    pub fn of_share(access: ShareMode, deny: ShareMode) -> Self {
        let lets = ShareMode { read: !deny.read, write: !deny.write, delete: !deny.delete };
        Self { uses: access, lets }
    }

    /// What its owner does.
    #[must_use]
    pub fn access(&self) -> ShareMode {
        self.uses
    }

    /// What others may not do.
    #[must_use]
    pub fn deny(&self) -> ShareMode {
        ShareMode { read: !self.lets.read, write: !self.lets.write, delete: !self.lets.delete }
    }

    /// Whether either does what the other does not let it do.
    #[must_use]
    pub fn conflicts(&self, other: &Self) -> bool {
        exceeds(self.uses, other.lets) || exceeds(other.uses, self.lets)
    }
}

impl ShareReservations {
    /// The first owner that is in the way of a reservation, except `own` (an operation through its own open).
    #[must_use]
    pub fn conflict(&self, wanted: &ShareReservation, own: Option<&LockOwner>) -> Option<&LockOwner> {
        let mut others = self.held.iter().filter(|held| Some(&held.owner) != own);
        others.find(|held| held.reservation.conflicts(wanted)).map(|held| &held.owner)
    }

    /// Whether an open, except `own`, does not let others do this. DOS shares are not asked: who holds one reads and
    /// writes anonymously itself (NFSv3), and cannot be told from others.
    #[must_use]
    pub fn denies(&self, wanted: ShareMode, own: Option<OpenId>) -> bool {
        let wanted = ShareReservation::of_operation(wanted);
        let mut opens = self.held.iter().filter(|held| match held.owner {
            LockOwner::Open(open) => Some(open) != own,
            LockOwner::Nlm { .. } => false,
        });
        opens.any(|held| held.reservation.conflicts(&wanted))
    }

    /// Whether an open may delete what this is about.
    #[must_use]
    pub fn has_deleter(&self) -> bool {
        self.held.iter().any(|held| matches!(held.owner, LockOwner::Open(_)) && held.reservation.uses.delete)
    }

    /// Takes a reservation, in place of the one that its owner has; says whether it had none.
    ///
    /// Errors, in order: `Conflict`, `TooMany`; what is held stays.
    pub fn reserve(&mut self, wanted: HeldShare) -> Result<bool, ShareRefusal> {
        if let Some(other) = self.conflict(&wanted.reservation, Some(&wanted.owner)) {
            return Err(ShareRefusal::Conflict(other.clone()));
        }
        if let Some(held) = self.held.iter_mut().find(|held| held.owner == wanted.owner) {
            held.reservation = wanted.reservation;
            return Ok(false);
        }
        if self.held.len() >= SHARES_MAX {
            return Err(ShareRefusal::TooMany);
        }
        self.held.push(wanted);
        Ok(true)
    }

    /// Gives back the reservations of all owners that are meant; none is no error.
    pub fn release(&mut self, is_meant: impl Fn(&LockOwner) -> bool) {
        self.held.retain(|held| !is_meant(&held.owner));
    }

    /// What is reserved, the oldest owner first.
    #[must_use]
    pub fn held(&self) -> &[HeldShare] {
        &self.held
    }
}

fn exceeds(uses: ShareMode, lets: ShareMode) -> bool {
    (uses.read && !lets.read) || (uses.write && !lets.write) || (uses.delete && !lets.delete)
}

const EVERYTHING: ShareMode = ShareMode { read: true, write: true, delete: true };

/// Most opens and DOS shares of one inode.
pub const SHARES_MAX: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    fn share(text: &str) -> ShareMode {
        ShareMode { read: text.contains('r'), write: text.contains('w'), delete: text.contains('d') }
    }

    fn reservation(access: &str, lets: &str) -> ShareReservation {
        let rights = access.chars().map(|letter| match letter {
            'r' => AccessMask::READ_DATA.0,
            'x' => AccessMask::EXECUTE.0,
            'w' => AccessMask::WRITE_DATA.0,
            'a' => AccessMask::APPEND_DATA.0,
            'd' => AccessMask::DELETE.0,
            _ => AccessMask::READ_ATTRIBUTES.0,
        });
        ShareReservation::new(AccessMask(rights.fold(0, |mask, right| mask | right)), share(lets))
    }

    fn open(number: u64) -> LockOwner {
        LockOwner::Open(OpenId(number))
    }

    fn held(number: u64, reservation: ShareReservation) -> HeldShare {
        HeldShare { owner: open(number), reservation, since: Timestamp::default() }
    }

    #[test]
    fn dos_shares_deny_and_are_denied() {
        let nlm = |access: &str, deny: &str| ShareReservation::of_share(share(access), share(deny));
        assert!(nlm("", "w").conflicts(&nlm("w", "")), "one that does nothing still denies");
        assert!(nlm("r", "").conflicts(&nlm("", "r")));
        assert!(!nlm("rw", "").conflicts(&nlm("rw", "")));
        assert!(!nlm("r", "w").conflicts(&nlm("r", "w")));
        assert!(nlm("rw", "rw").conflicts(&reservation("r", "rwd")), "and opens are bound too");
        let both = nlm("r", "w");
        assert_eq!((both.access(), both.deny()), (share("r"), share("w")));
    }

    #[test]
    fn compatibility_follows_ms_fsa() {
        // (first open: access, share; second open: access, share; whether they get along)
        let table = [
            ("r", "r", "r", "r", true),
            ("r", "r", "w", "rw", false),
            ("r", "rw", "w", "r", true),
            ("r", "rw", "w", "w", false),
            ("rw", "", "r", "rwd", false),
            ("r", "rw", "d", "rwd", false),
            ("r", "rwd", "d", "r", true),
            ("d", "rwd", "r", "rw", false),
            ("x", "r", "r", "", false),
            ("x", "r", "r", "r", true),
            ("r", "", "x", "rwd", false),
            ("r", "r", "a", "rwd", false),
            ("a", "r", "r", "rw", true),
            // Looking at attributes is in nobody's way, even when it claims to be alone.
            ("i", "", "rwd", "", true),
            ("i", "", "i", "", true),
        ];
        for (first, first_share, second, second_share, agree) in table {
            let (one, other) = (reservation(first, first_share), reservation(second, second_share));
            assert_eq!(!one.conflicts(&other), agree, "{first}/{first_share} with {second}/{second_share}");
            assert_eq!(one.conflicts(&other), other.conflicts(&one), "both ways alike");
        }
    }

    #[test]
    fn reservations_last_until_released() {
        let mut all = ShareReservations::default();
        all.reserve(held(1, reservation("r", "r"))).unwrap();
        all.reserve(held(2, reservation("r", "r"))).unwrap();
        let writer = reservation("w", "rw");
        assert_eq!(all.reserve(held(3, writer)), Err(ShareRefusal::Conflict(open(1))));
        all.release(|owner| *owner == open(1));
        assert_eq!(all.reserve(held(3, writer)), Err(ShareRefusal::Conflict(open(2))));
        all.release(|owner| *owner == open(2));
        all.release(|owner| *owner == open(2));
        assert!(all.held().is_empty());
        all.reserve(held(3, writer)).unwrap();
        assert_eq!(all.reserve(held(4, reservation("r", "r"))), Err(ShareRefusal::Conflict(open(3))));
    }

    #[test]
    fn an_open_may_change_its_own_reservation() {
        let mut all = ShareReservations::default();
        all.reserve(held(1, reservation("rw", ""))).unwrap();
        all.reserve(held(1, reservation("r", "r"))).unwrap();
        all.reserve(held(2, reservation("r", "r"))).unwrap();
        assert_eq!(all.reserve(held(1, reservation("rw", "r"))), Err(ShareRefusal::Conflict(open(2))));
        all.release(|owner| *owner == open(1));
        assert_eq!(all.conflict(&reservation("r", ""), None), Some(&open(2)), "the refused change left the old one");
    }

    #[test]
    fn opens_bind_anonymous_operations_and_dos_shares_do_not() {
        let mut all = ShareReservations::default();
        all.reserve(held(1, reservation("r", "r"))).unwrap();
        assert!(!all.denies(share("r"), None));
        assert!(all.denies(share("w"), None) && all.denies(share("d"), None));
        assert!(!all.denies(share("w"), Some(OpenId(1))), "its own open is not in its way");
        let owner = LockOwner::Nlm { client: vfs::ClientId(1), owner: bytes::Bytes::new() };
        let deny_read = ShareReservation::of_share(ShareMode::default(), share("r"));
        let mut all = ShareReservations::default();
        all.reserve(HeldShare { owner, reservation: deny_read, since: Timestamp::default() }).unwrap();
        assert!(!all.denies(share("r"), None));
        assert!(all.reserve(held(1, reservation("r", "rwd"))).is_err(), "but it binds opens");
    }
}
