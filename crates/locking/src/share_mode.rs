//! Share reservations: what an open does, and what it lets others do meanwhile (MS-FSA 2.1.5.1.2.2).

use vfs::acl::AccessMask;
use vfs::{OpenId, ShareMode};

/// What one open does and lets others do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareReservation {
    /// What it does.
    uses: ShareMode,
    /// What it lets others do.
    lets: ShareMode,
}

/// The reservations of all opens of one inode; no two of them contradict each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShareReservations {
    held: Vec<(OpenId, ShareReservation)>,
}

/// Why a reservation is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareRefusal {
    /// This open is in the way.
    Conflict(OpenId),
    /// [`SHARES_MAX`] opens are held.
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

    /// Whether either does what the other does not let it do.
    #[must_use]
    pub fn conflicts(&self, other: &Self) -> bool {
        exceeds(self.uses, other.lets) || exceeds(other.uses, self.lets)
    }
}

impl ShareReservations {
    /// The first open that is in the way of a reservation, except `own` (an operation through its own open).
    #[must_use]
    pub fn conflict(&self, wanted: &ShareReservation, own: Option<OpenId>) -> Option<OpenId> {
        let mut others = self.held.iter().filter(|(open, _)| Some(*open) != own);
        others.find(|(_, held)| held.conflicts(wanted)).map(|(open, _)| *open)
    }

    /// Takes a reservation for an open, in place of the one it has.
    ///
    /// Errors, in order: `Conflict`, `TooMany`; what is held stays.
    pub fn reserve(&mut self, open: OpenId, wanted: ShareReservation) -> Result<(), ShareRefusal> {
        if let Some(other) = self.conflict(&wanted, Some(open)) {
            return Err(ShareRefusal::Conflict(other));
        }
        if let Some((_, held)) = self.held.iter_mut().find(|(held, _)| *held == open) {
            *held = wanted;
            return Ok(());
        }
        if self.held.len() >= SHARES_MAX {
            return Err(ShareRefusal::TooMany);
        }
        self.held.push((open, wanted));
        Ok(())
    }

    /// Gives the reservation of an open back; one that is not held is no error.
    pub fn release(&mut self, open: OpenId) {
        self.held.retain(|(held, _)| *held != open);
    }

    /// Whether nothing is reserved.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

fn exceeds(uses: ShareMode, lets: ShareMode) -> bool {
    (uses.read && !lets.read) || (uses.write && !lets.write) || (uses.delete && !lets.delete)
}

const EVERYTHING: ShareMode = ShareMode { read: true, write: true, delete: true };

/// Most opens of one inode.
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
        let mut held = ShareReservations::default();
        held.reserve(OpenId(1), reservation("r", "r")).unwrap();
        held.reserve(OpenId(2), reservation("r", "r")).unwrap();
        let writer = reservation("w", "rw");
        assert_eq!(held.reserve(OpenId(3), writer), Err(ShareRefusal::Conflict(OpenId(1))));
        held.release(OpenId(1));
        assert_eq!(held.reserve(OpenId(3), writer), Err(ShareRefusal::Conflict(OpenId(2))));
        held.release(OpenId(2));
        held.release(OpenId(2));
        assert!(held.is_empty());
        held.reserve(OpenId(3), writer).unwrap();
        assert_eq!(held.reserve(OpenId(4), reservation("r", "r")), Err(ShareRefusal::Conflict(OpenId(3))));
    }

    #[test]
    fn an_open_may_change_its_own_reservation() {
        let mut held = ShareReservations::default();
        held.reserve(OpenId(1), reservation("rw", "")).unwrap();
        held.reserve(OpenId(1), reservation("r", "r")).unwrap();
        held.reserve(OpenId(2), reservation("r", "r")).unwrap();
        assert_eq!(held.reserve(OpenId(1), reservation("rw", "r")), Err(ShareRefusal::Conflict(OpenId(2))));
        held.release(OpenId(1));
        assert_eq!(held.conflict(&reservation("r", ""), None), Some(OpenId(2)), "the refused change left the old one");
    }

    #[test]
    fn anonymous_operations_are_bound_too() {
        let mut held = ShareReservations::default();
        held.reserve(OpenId(1), reservation("r", "r")).unwrap();
        let operation = |uses| ShareReservation::of_operation(share(uses));
        assert_eq!(held.conflict(&operation("r"), None), None);
        assert_eq!(held.conflict(&operation("w"), None), Some(OpenId(1)));
        assert_eq!(held.conflict(&operation("w"), Some(OpenId(1))), None, "its own open is not in its way");
    }
}
