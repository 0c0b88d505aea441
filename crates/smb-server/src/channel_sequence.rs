//! Which requests of a client are late (MS-SMB2 3.3.5.2.10). A client that lost a connection sends again, over another one and
//! with the next number, what was not answered: what was under way before may neither come after it nor be done twice.

use std::sync::atomic::{AtomicU64, Ordering};

use smb_wire::Status;

/// The number of an open, and what changes it under that number and under those before.
#[derive(Debug)]
pub(crate) struct ChannelSequence(AtomicU64);

/// Something that changes an open, under way until it is dropped.
#[derive(Debug)]
pub(crate) struct Changing<'a> {
    sequence: &'a ChannelSequence,
    number: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    number: u16,
    /// Under way with this number, and with earlier ones.
    now: u32,
    before: u32,
}

impl ChannelSequence {
    pub(crate) fn starting_at(number: u16) -> Self {
        Self(AtomicU64::new(State { number, now: 0, before: 0 }.packed()))
    }

    /// A request that changes nothing came; it is done whatever its number is. One look, but for the first of a number.
    pub(crate) fn see(&self, number: u16) {
        if State::unpacked(self.0.load(Ordering::Relaxed)).number != number {
            // A late one changes nothing.
            let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |packed| {
                State::unpacked(packed).at(number).map(State::packed)
            });
        }
    }

    /// A request that changes something begins.
    ///
    /// Errors: FILE_NOT_AVAILABLE (it is late, or is sent again while the first one may be under way).
    pub(crate) fn begin(&self, number: u16, is_again: bool) -> Result<Changing<'_>, Status> {
        let begun = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |packed| {
            let state = State::unpacked(packed).at(number)?;
            let is_free = !is_again || state.before == 0;
            (is_free && state.now < COUNT_MAX).then(|| State { now: state.now + 1, ..state }.packed())
        });
        begun.map(|_| Changing { sequence: self, number }).map_err(|_| Status::FILE_NOT_AVAILABLE)
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        let _ = self.sequence.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |packed| {
            let state = State::unpacked(packed);
            let ended = if state.number == self.number {
                State { now: state.now.saturating_sub(1), ..state }
            } else {
                State { before: state.before.saturating_sub(1), ..state }
            };
            Some(ended.packed())
        });
    }
}

impl State {
    /// What it is when a request with this number comes; `None` when that one is late.
    fn at(self, number: u16) -> Option<Self> {
        match number.wrapping_sub(self.number) {
            0 => Some(self),
            1..=0x7fff => Some(Self { number, now: 0, before: (self.before + self.now).min(COUNT_MAX) }),
            _ => None,
        }
    }

    fn packed(self) -> u64 {
        u64::from(self.number) << 48 | u64::from(self.now) << 24 | u64::from(self.before)
    }

    fn unpacked(packed: u64) -> Self {
        let count = |shift: u32| u32::try_from(packed >> shift & u64::from(COUNT_MAX)).unwrap_or(COUNT_MAX);
        let number = u16::try_from(packed >> 48).unwrap_or(u16::MAX);
        Self { number, now: count(24), before: count(0) }
    }
}

/// More than a session's connections can have under way.
const COUNT_MAX: u32 = (1 << 24) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_late_changes_nothing() {
        let sequence = ChannelSequence::starting_at(0xfffe);
        assert!(sequence.begin(0xfffe, false).is_ok());
        sequence.see(1);
        assert_eq!(sequence.begin(0xfffe, false).err(), Some(Status::FILE_NOT_AVAILABLE));
        assert_eq!(sequence.begin(0x8001, false).err(), Some(Status::FILE_NOT_AVAILABLE), "half of all are before it");
        sequence.see(0);
        assert!(sequence.begin(1, false).is_ok(), "one that is late and changes nothing does not turn it back");
        assert!(sequence.begin(0x8000, false).is_ok(), "and half are behind it");
    }

    #[test]
    fn what_is_sent_again_waits_for_what_was_under_way() {
        let sequence = ChannelSequence::starting_at(0);
        let first = sequence.begin(0, false).unwrap();
        assert!(sequence.begin(0, true).is_ok(), "under the same number nothing is lost yet");
        assert_eq!(sequence.begin(1, true).err(), Some(Status::FILE_NOT_AVAILABLE));
        let other = sequence.begin(1, false).unwrap();
        assert_eq!(sequence.begin(1, true).err(), Some(Status::FILE_NOT_AVAILABLE));
        drop(first);
        assert!(sequence.begin(1, true).is_ok());
        drop(other);
        assert_eq!(State::unpacked(sequence.0.load(Ordering::Relaxed)), State { number: 1, now: 0, before: 0 });
    }
}
