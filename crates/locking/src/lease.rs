//! What clients may cache of one file, and what takes that away (MS-SMB2 3.3.1.12, 3.3.4.6, 3.3.4.7; MS-FSA 2.1.4.12,
//! 2.1.5.18). A value: no clock, no mailboxes.
//!
//! A lease belongs to a key of a client and covers all opens under it. An oplock is the lease of one open: LEVEL_II is
//! reading, EXCLUSIVE reading and writing, BATCH all three. What may be lost without harm (reading alone) goes at once;
//! anything else is kept until its client has acknowledged the break, or the time for that is over.

use std::time::Duration;

use vfs::{AcknowledgementRefusal, LeaseBreak, LeaseGrant, LeaseOwner, LeaseState, OpenId};

/// What somebody else is about to do with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intrusion {
    /// Open it, to do more than to look at attributes.
    Open {
        /// It is overwritten.
        overwrites: bool,
        /// A share mode is in the way, which a client may have kept for a handle that it has closed already.
        is_refused: bool,
    },
    /// Open it to look at its descriptor too: in the way of oplocks only.
    Look,
    /// Read it without an open.
    Read,
    /// Change or lock its bytes.
    Write,
    /// Take or change its name.
    Remove,
}

/// What stands beside an open that asks for a lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Others have the file open, under no or another lease, to do more than to look at attributes.
    pub opens: bool,
    /// Others have locked bytes.
    pub locks: bool,
}

/// The leases of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileLeases {
    held: Vec<Lease>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Lease {
    owner: LeaseOwner,
    state: LeaseState,
    epoch: Option<u16>,
    breaking: Option<Breaking>,
    /// The opens that it covers.
    opens: Vec<OpenId>,
}

/// A break that waits for its acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Breaking {
    /// What the client was told.
    told: LeaseState,
    /// What must be left by now: less, if somebody else came meanwhile.
    required: LeaseState,
    since: Duration,
}

impl Intrusion {
    /// Overwriting it.
    pub(crate) const OVERWRITE: Self = Self::Open { overwrites: true, is_refused: false };
}

impl FileLeases {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether a break waits for its acknowledgement.
    #[must_use]
    pub fn is_breaking(&self) -> bool {
        self.held.iter().any(|lease| lease.breaking.is_some())
    }

    /// Whether nobody has a lease.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Grants an open a lease, or as much of it as can be: only who is alone may cache writes, an oplock that is not alone
    /// only reads. Under a key that has one it grows if there is room for all that is wanted, unless it is being broken, and never
    /// shrinks. `first_epoch` is that of
    /// a new one.
    pub fn grant(
        &mut self,
        (owner, open): (LeaseOwner, OpenId),
        wanted: LeaseState,
        (beside, first_epoch): (Beside, Option<u16>),
    ) -> LeaseGrant {
        let possible = self.possible(owner, wanted, beside);
        if let Some(lease) = self.held.iter_mut().find(|lease| lease.owner == owner) {
            lease.opens.push(open);
            let grows = possible == wanted && lease.state.is_within(wanted) && lease.state != wanted;
            if lease.breaking.is_none() && grows {
                lease.state = wanted;
                lease.raise_epoch();
            }
            return lease.grant();
        }
        if possible == NOTHING && matches!(owner, LeaseOwner::Open(_)) {
            return LeaseGrant::default();
        }
        let lease = Lease { owner, state: possible, epoch: first_epoch, breaking: None, opens: vec![open] };
        let granted = lease.grant();
        self.held.push(lease);
        granted
    }

    /// Somebody, except `own`, is about to do something: begins the breaks that this needs, which are added to `breaks`.
    /// `true` when it has to wait until they are over ([`Self::acknowledge`], [`Self::close`], [`Self::expire`]), and then to
    /// ask again.
    #[must_use]
    pub fn intrude(
        &mut self,
        own: Option<LeaseOwner>,
        intrusion: Intrusion,
        (now, breaks): (Duration, &mut Vec<LeaseBreak>),
    ) -> bool {
        let mut must_wait = false;
        for lease in &mut self.held {
            // Who writes through an oplock that others have beside it loses its own too: it caches reads no longer.
            let is_own = own == Some(lease.owner);
            let spares = is_own && !(intrusion == Intrusion::Write && lease.is_level_ii());
            if !spares {
                must_wait |= lease.intrude(intrusion, (now, breaks));
            }
        }
        must_wait
    }

    /// A client has let go what was asked of it. What was required since is broken next.
    ///
    /// # Errors
    /// `Unknown`, `NotBreaking`, `TooMuch`.
    pub fn acknowledge(
        &mut self,
        owner: LeaseOwner,
        kept: LeaseState,
        (now, breaks): (Duration, &mut Vec<LeaseBreak>),
    ) -> Result<LeaseState, AcknowledgementRefusal> {
        let lease = self.held.iter_mut().find(|lease| lease.owner == owner);
        let lease = lease.ok_or(AcknowledgementRefusal::Unknown)?;
        let breaking = lease.breaking.ok_or(AcknowledgementRefusal::NotBreaking)?;
        if !kept.is_within(breaking.told) {
            return Err(AcknowledgementRefusal::TooMuch);
        }
        lease.breaking = None;
        lease.state = kept;
        lease.go_on(breaking.required, (now, breaks));
        Ok(kept)
    }

    /// An open is closed; the last one of a lease takes it along, whose it was is returned.
    pub fn close(&mut self, open: OpenId) -> Option<LeaseOwner> {
        let place = self.held.iter().position(|lease| lease.opens.contains(&open))?;
        let lease = self.held.get_mut(place)?;
        lease.opens.retain(|covered| *covered != open);
        let is_last = lease.opens.is_empty();
        is_last.then(|| self.held.remove(place).owner)
    }

    /// Whether an open has a lease.
    #[must_use]
    pub fn covers(&self, open: OpenId) -> bool {
        self.held.iter().any(|lease| lease.opens.contains(&open))
    }

    /// Ends the breaks that were not acknowledged in time: nothing is left then (MS-SMB2 3.3.6.5). `true` when there was one.
    pub fn expire(&mut self, now: Duration) -> bool {
        let mut was_one = false;
        for lease in &mut self.held {
            if lease.breaking.is_some_and(|breaking| now >= breaking.since.saturating_add(BREAK_TIMEOUT)) {
                (lease.state, lease.breaking) = (NOTHING, None);
                was_one = true;
            }
        }
        was_one
    }

    /// The opens that the lease of an owner covers, oldest first.
    pub fn opens_of(&self, owner: LeaseOwner) -> impl Iterator<Item = OpenId> {
        self.held.iter().filter(move |lease| lease.owner == owner).flat_map(|lease| lease.opens.iter().copied())
    }

    /// What an open may cache.
    #[must_use]
    pub fn of_open(&self, open: OpenId) -> Option<LeaseGrant> {
        self.held.iter().find(|lease| lease.opens.contains(&open)).map(Lease::grant)
    }

    /// The break of the lease of an open that waits for its acknowledgement, as its client was told of it.
    #[must_use]
    pub fn break_of(&self, open: OpenId) -> Option<LeaseBreak> {
        let lease = self.held.iter().find(|lease| lease.opens.contains(&open))?;
        let (owner, from, epoch, to) = (lease.owner, lease.state, lease.epoch, lease.breaking?.told);
        Some(LeaseBreak { owner, open, from, to, epoch, must_acknowledge: true })
    }

    /// What an owner may cache.
    #[must_use]
    pub fn of(&self, owner: LeaseOwner) -> Option<LeaseGrant> {
        self.held.iter().find(|lease| lease.owner == owner).map(Lease::grant)
    }

    fn possible(&self, owner: LeaseOwner, wanted: LeaseState, beside: Beside) -> LeaseState {
        let others = || self.held.iter().filter(|lease| lease.owner != owner);
        if !wanted.read || beside.locks || others().any(|lease| lease.state.write) {
            // What may be cached without reading makes no sense (MS-SMB2 3.3.5.9.8).
            return NOTHING;
        }
        let is_alone = !beside.opens && others().all(|lease| lease.state == NOTHING);
        if is_alone {
            return wanted;
        }
        let is_oplock = |owner: LeaseOwner| matches!(owner, LeaseOwner::Open(_));
        if is_oplock(owner) {
            // An oplock and a lease that keeps handles do not go together.
            let keeps_handles = others().any(|lease| lease.state.handle && !is_oplock(lease.owner));
            return LeaseState { read: !keeps_handles, ..NOTHING };
        }
        let has_oplocks = others().any(|lease| is_oplock(lease.owner) && lease.state != NOTHING);
        LeaseState { read: true, handle: wanted.handle && !has_oplocks, write: false }
    }
}

impl Lease {
    fn grant(&self) -> LeaseGrant {
        LeaseGrant { state: self.state, epoch: self.epoch, is_breaking: self.breaking.is_some() }
    }

    fn is_level_ii(&self) -> bool {
        matches!(self.owner, LeaseOwner::Open(_)) && self.state == READ
    }

    /// What is in the way of an intrusion, and so waited for, and what it leaves.
    fn answer_to(&self, intrusion: Intrusion) -> (LeaseState, LeaseState) {
        let state = self.state;
        let without_writes = LeaseState { write: false, ..state };
        let without_handles = LeaseState { handle: false, ..state };
        let is_oplock = matches!(self.owner, LeaseOwner::Open(_));
        let (in_the_way, left) = match intrusion {
            Intrusion::Open { is_refused: true, .. } | Intrusion::Remove => (HANDLE, without_handles),
            Intrusion::Open { is_refused: false, overwrites: true } => (WRITE, NOTHING),
            Intrusion::Open { is_refused: false, overwrites: false } | Intrusion::Read => (WRITE, without_writes),
            Intrusion::Look if is_oplock => (WRITE, without_writes),
            Intrusion::Look => (NOTHING, state),
            Intrusion::Write => (WRITE, NOTHING),
        };
        // An oplock is left with reading, or with nothing.
        let left = if is_oplock && left != state { left.and(READ) } else { left };
        (in_the_way, left)
    }

    fn intrude(&mut self, intrusion: Intrusion, (now, breaks): (Duration, &mut Vec<LeaseBreak>)) -> bool {
        let (in_the_way, left) = self.answer_to(intrusion);
        let must_wait = self.state.and(in_the_way) != NOTHING;
        self.break_to(left, (now, breaks));
        must_wait
    }

    fn raise_epoch(&mut self) {
        self.epoch = self.epoch.map(|epoch| epoch.wrapping_add(1));
    }

    /// What was required since the break that has just ended: opens first, and reads when that is acknowledged.
    fn go_on(&mut self, required: LeaseState, (now, breaks): (Duration, &mut Vec<LeaseBreak>)) {
        let required = self.state.and(required);
        let loses_handles = self.state.handle && !required.handle;
        let next = LeaseState { read: self.state.read && (required.read || loses_handles), ..required };
        let epoch = self.epoch;
        self.break_to(next, (now, breaks));
        // It is the same change, told in parts.
        self.epoch = epoch;
        breaks.iter_mut().for_each(|told| told.epoch = epoch);
        if let Some(breaking) = &mut self.breaking {
            breaking.required = required;
        }
    }

    fn break_to(&mut self, left: LeaseState, (now, breaks): (Duration, &mut Vec<LeaseBreak>)) {
        if let Some(breaking) = &mut self.breaking {
            // Its client is asked for one thing after the other.
            breaking.required = breaking.required.and(left);
            return;
        }
        if self.state.is_within(left) {
            return;
        }
        let (owner, from) = (self.owner, self.state);
        self.raise_epoch();
        let must_acknowledge = from.write || from.handle;
        if must_acknowledge {
            self.breaking = Some(Breaking { told: left, required: left, since: now });
        } else {
            self.state = left;
        }
        let (open, epoch) = (self.opens.first().copied().unwrap_or_default(), self.epoch);
        breaks.push(LeaseBreak { owner, open, from, to: left, epoch, must_acknowledge });
    }
}

const NOTHING: LeaseState = LeaseState::NONE;
const READ: LeaseState = LeaseState { read: true, ..NOTHING };
const HANDLE: LeaseState = LeaseState { handle: true, ..NOTHING };
const WRITE: LeaseState = LeaseState { write: true, ..NOTHING };
/// How long a client has to acknowledge a break (MS-SMB2 3.3.2.5).
pub const BREAK_TIMEOUT: Duration = Duration::from_secs(35);

#[cfg(test)]
mod tests {
    use vfs::{LeaseKey, ZoneId};

    use super::*;

    const RH: LeaseState = LeaseState { read: true, handle: true, write: false };
    const RW: LeaseState = LeaseState { read: true, handle: false, write: true };
    const RWH: LeaseState = LeaseState { read: true, handle: true, write: true };
    const OPEN: Intrusion = Intrusion::Open { overwrites: false, is_refused: false };
    const OVERWRITE: Intrusion = Intrusion::Open { overwrites: true, is_refused: false };
    const REFUSED: Intrusion = Intrusion::Open { overwrites: false, is_refused: true };
    const ALONE: Beside = Beside { opens: false, locks: false };
    const BESIDE: Beside = Beside { opens: true, locks: false };
    const START: Duration = Duration::from_secs(100);

    fn key(number: u128) -> LeaseOwner {
        LeaseOwner::Key(LeaseKey { zone: ZoneId(1), client: 1, key: number })
    }

    fn oplock(open: u64) -> LeaseOwner {
        LeaseOwner::Open(OpenId(open))
    }

    fn held_by(owner: LeaseOwner, state: LeaseState) -> FileLeases {
        let mut leases = FileLeases::default();
        let granted = leases.grant((owner, OpenId(1)), state, (ALONE, Some(1)));
        assert_eq!(granted, LeaseGrant { state, epoch: Some(1), is_breaking: false });
        leases
    }

    /// What comes of an intrusion: what the client is left with, whether it has to answer, and whether the other waits.
    fn intrude(leases: &mut FileLeases, intrusion: Intrusion) -> (Vec<(LeaseState, bool)>, bool) {
        let mut breaks = Vec::new();
        let waits = leases.intrude(None, intrusion, (START, &mut breaks));
        (breaks.iter().map(|told| (told.to, told.must_acknowledge)).collect(), waits)
    }

    #[test]
    fn each_intrusion_takes_what_it_must() {
        for (owner, state, intrusion, told, waits) in [
            (key(1), READ, OPEN, None, false),
            (key(1), RH, OPEN, None, false),
            (key(1), RW, OPEN, Some((READ, true)), true),
            (key(1), RWH, OPEN, Some((RH, true)), true),
            (key(1), RWH, Intrusion::Read, Some((RH, true)), true),
            (key(1), READ, OVERWRITE, Some((NOTHING, false)), false),
            (key(1), RH, OVERWRITE, Some((NOTHING, true)), false),
            (key(1), RWH, OVERWRITE, Some((NOTHING, true)), true),
            (key(1), RH, REFUSED, Some((READ, true)), true),
            (key(1), RWH, REFUSED, Some((RW, true)), true),
            (key(1), RW, REFUSED, None, false),
            (key(1), READ, Intrusion::Write, Some((NOTHING, false)), false),
            (key(1), RH, Intrusion::Write, Some((NOTHING, true)), false),
            (key(1), RW, Intrusion::Write, Some((NOTHING, true)), true),
            (key(1), RH, Intrusion::Remove, Some((READ, true)), true),
            (oplock(1), RWH, OPEN, Some((READ, true)), true),
            (oplock(1), RW, OPEN, Some((READ, true)), true),
            (oplock(1), RW, REFUSED, None, false),
            (oplock(1), RWH, REFUSED, Some((READ, true)), true),
            (oplock(1), RWH, OVERWRITE, Some((NOTHING, true)), true),
            (oplock(1), READ, OPEN, None, false),
            (oplock(1), READ, Intrusion::Write, Some((NOTHING, false)), false),
        ] {
            let mut leases = held_by(owner, state);
            let expected = (Vec::from_iter(told), waits);
            assert_eq!(intrude(&mut leases, intrusion), expected, "{owner:?} {state:?} {intrusion:?}");
        }
    }

    #[test]
    fn an_owner_is_in_its_own_way_only_when_it_writes_beside_others() {
        let mut breaks = Vec::new();
        for intrusion in [OPEN, OVERWRITE, REFUSED, Intrusion::Write, Intrusion::Remove] {
            let mut leases = held_by(key(1), RWH);
            assert!(!leases.intrude(Some(key(1)), intrusion, (START, &mut breaks)) && breaks.is_empty());
        }
        let mut leases = held_by(oplock(1), READ);
        assert!(!leases.intrude(Some(oplock(1)), Intrusion::Write, (START, &mut breaks)));
        assert_eq!(breaks.pop().map(|told| told.to), Some(NOTHING));
    }

    #[test]
    fn who_waits_goes_on_after_the_acknowledgement() {
        let mut leases = held_by(key(1), RWH);
        assert!(intrude(&mut leases, OPEN).1);
        assert_eq!(intrude(&mut leases, OPEN), (vec![], true), "told once, and waited for all the same");
        let mut breaks = Vec::new();
        let mut acknowledge =
            |leases: &mut FileLeases, owner, kept| leases.acknowledge(owner, kept, (START, &mut breaks));
        assert_eq!(acknowledge(&mut leases, key(2), RH), Err(AcknowledgementRefusal::Unknown));
        assert_eq!(acknowledge(&mut leases, key(1), RWH), Err(AcknowledgementRefusal::TooMuch));
        assert_eq!(acknowledge(&mut leases, key(1), READ), Ok(READ), "it may let go more");
        assert_eq!(acknowledge(&mut leases, key(1), READ), Err(AcknowledgementRefusal::NotBreaking));
        assert_eq!(intrude(&mut leases, OPEN), (vec![], false));
        assert_eq!(leases.of(key(1)), Some(LeaseGrant { state: READ, epoch: Some(2), is_breaking: false }));
    }

    #[test]
    fn what_was_required_since_is_broken_next() {
        let mut leases = held_by(key(1), RWH);
        assert_eq!(intrude(&mut leases, OPEN).0, [(RH, true)]);
        assert_eq!(intrude(&mut leases, OVERWRITE), (vec![], true));
        let next = |leases: &mut FileLeases, kept| {
            let mut breaks = Vec::new();
            assert_eq!(leases.acknowledge(key(1), kept, (START, &mut breaks)), Ok(kept));
            breaks.iter().map(|told| (told.from, told.to, told.epoch)).collect::<Vec<_>>()
        };
        assert_eq!(next(&mut leases, RH), [(RH, READ, Some(2))], "opens before reads, and it is one change");
        assert!(leases.is_breaking());
        assert_eq!(next(&mut leases, READ), [(READ, NOTHING, Some(2))]);
        assert!(!leases.is_breaking(), "nobody answers the loss of reads");
        assert_eq!(intrude(&mut leases, OVERWRITE), (vec![], false), "nothing is written behind its back any more");
    }

    #[test]
    fn only_oplocks_mind_who_looks_at_the_descriptor() {
        assert_eq!(intrude(&mut held_by(key(1), RWH), Intrusion::Look), (vec![], false));
        assert_eq!(intrude(&mut held_by(oplock(1), RWH), Intrusion::Look), (vec![(READ, true)], true));
    }

    #[test]
    fn a_lease_that_was_asked_for_without_an_epoch_has_none() {
        let mut leases = FileLeases::default();
        assert_eq!(leases.grant((key(1), OpenId(1)), RWH, (ALONE, None)).epoch, None);
        assert_eq!(leases.grant((key(1), OpenId(2)), RWH, (ALONE, Some(7))).epoch, None);
    }

    #[test]
    fn a_break_ends_by_close_or_time() {
        let mut leases = held_by(key(1), RWH);
        assert!(intrude(&mut leases, OPEN).1);
        assert!(!leases.expire(START + BREAK_TIMEOUT - Duration::from_nanos(1)));
        assert!(leases.expire(START + BREAK_TIMEOUT));
        assert_eq!(leases.of(key(1)).map(|lease| lease.state), Some(NOTHING));
        assert_eq!(intrude(&mut leases, OPEN), (vec![], false));
        let mut leases = held_by(key(1), RWH);
        leases.grant((key(1), OpenId(2)), RWH, (ALONE, Some(9)));
        assert!(intrude(&mut leases, OPEN).1);
        leases.close(OpenId(1));
        assert_eq!(intrude(&mut leases, OPEN), (vec![], true), "the other open has it still");
        leases.close(OpenId(2));
        assert!(leases.is_empty());
        assert_eq!(intrude(&mut leases, OPEN), (vec![], false));
    }

    #[test]
    fn only_who_is_alone_caches_writes() {
        let grant = |leases: &mut FileLeases, owner, wanted, beside| {
            leases.grant((owner, OpenId(9)), wanted, (beside, Some(5))).state
        };
        for (owner, wanted, beside, expected) in [
            (key(2), RWH, BESIDE, RH),
            (oplock(2), RWH, BESIDE, READ),
            (oplock(2), NOTHING, ALONE, NOTHING),
            (key(2), HANDLE, ALONE, NOTHING),
            (key(2), LeaseState { read: false, ..RWH }, ALONE, NOTHING),
            (key(2), RWH, Beside { opens: false, locks: true }, NOTHING),
        ] {
            assert_eq!(grant(&mut FileLeases::default(), owner, wanted, beside), expected, "{owner:?} {wanted:?}");
        }
        assert_eq!(grant(&mut held_by(key(1), RH), key(2), RWH, BESIDE), RH);
        assert_eq!(grant(&mut held_by(key(1), RH), oplock(2), RWH, BESIDE), NOTHING);
        assert_eq!(grant(&mut held_by(key(1), READ), oplock(2), RWH, BESIDE), READ);
        assert_eq!(grant(&mut held_by(oplock(1), READ), key(2), RWH, BESIDE), READ);
        assert_eq!(grant(&mut held_by(key(1), RWH), key(2), RWH, BESIDE), NOTHING, "what others may have written");
    }

    #[test]
    fn a_lease_grows_with_its_opens_and_does_not_shrink() {
        let mut leases = held_by(key(1), READ);
        let mut grant = |wanted, beside| leases.grant((key(1), OpenId(2)), wanted, (beside, Some(9)));
        assert_eq!(grant(RWH, ALONE), LeaseGrant { state: RWH, epoch: Some(2), is_breaking: false });
        assert_eq!(grant(READ, ALONE).state, RWH);
        assert_eq!(grant(RH, BESIDE).state, RWH);
        assert!(intrude(&mut leases, OPEN).1);
        let grant = leases.grant((key(1), OpenId(3)), RWH, (ALONE, Some(9)));
        assert_eq!(grant, LeaseGrant { state: RWH, epoch: Some(3), is_breaking: true });
    }
}
