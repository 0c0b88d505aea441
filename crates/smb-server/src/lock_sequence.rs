//! LOCKs that are sent again (MS-SMB2 3.3.5.14): each takes one of 64 places of its open and says its number there.

use std::sync::{Mutex, PoisonError};

use smb_wire::lock::LockRequest;

/// The last number of each place under which something was locked or given back.
#[derive(Debug, Default)]
pub(crate) struct LockSequence {
    /// Few opens are locked.
    done: Mutex<Option<Box<[Option<u8>; PLACES]>>>,
}

/// A place and a number in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    place: usize,
    number: u8,
}

impl Turn {
    /// `None` where a request does not say its place.
    pub(crate) fn of(request: &LockRequest<'_>) -> Option<Self> {
        let place = usize::try_from(request.sequence_index()).ok()?.checked_sub(1).filter(|place| *place < PLACES)?;
        Some(Self { place, number: u8::try_from(request.sequence_number()).ok()? })
    }
}

impl LockSequence {
    /// Begins a request; `true` when it was done before.
    pub(crate) fn is_done(&self, turn: Turn) -> bool {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(last) = done.as_mut().and_then(|done| done.get_mut(turn.place)) else { return false };
        let is_done = *last == Some(turn.number);
        if !is_done {
            *last = None;
        }
        is_done
    }

    /// That of the same open, whose client came back.
    pub(crate) fn taken_up(&self) -> Self {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Self { done: Mutex::new(done) }
    }

    /// A request was done.
    pub(crate) fn note(&self, turn: Turn) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = done.get_or_insert_with(|| Box::new([None; PLACES])).get_mut(turn.place) {
            *last = Some(turn.number);
        }
    }
}

const PLACES: usize = 64;

#[cfg(test)]
mod tests {
    use smb_wire::FileId;
    use smb_wire::codec::List;

    use super::*;

    fn turn(lock_sequence: u32) -> Option<Turn> {
        Turn::of(&LockRequest { lock_sequence, file_id: FileId::RELATED, locks: List::Items(&[]) })
    }

    #[test]
    fn what_is_sent_again_is_done_once_in_its_place() {
        assert_eq!((turn(7), turn(65 << 4)), (None, None), "no place, and none that there is");
        let (first, second) = (turn(1 << 4 | 3).unwrap(), turn(64 << 4 | 3).unwrap());
        let sequence = LockSequence::default();
        assert!(!sequence.is_done(first));
        sequence.note(first);
        assert!(sequence.is_done(first) && !sequence.is_done(second));
        assert!(!sequence.is_done(turn(1 << 4 | 4).unwrap()), "another one");
        assert!(!sequence.is_done(first), "which takes the place, whatever comes of it");
    }
}
