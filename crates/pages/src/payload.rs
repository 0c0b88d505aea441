//! The bytes of one read or write as they travel between floors: owned slices, never copied on the way.

use bytes::Bytes;
use smallvec::SmallVec;

/// Owned, reference-counted slices of (usually pooled) memory that together form one run of bytes.
#[derive(Clone, Debug, Default)]
pub struct Payload(SmallVec<[Bytes; 4]>);

impl Payload {
    /// A payload without bytes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Length in bytes of all slices together.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    /// Whether there is no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Bytes::is_empty)
    }

    /// The slices in order; none is empty.
    #[must_use]
    pub fn slices(&self) -> &[Bytes] {
        &self.0
    }

    /// Appends a slice; an empty one is left out.
    pub fn push(&mut self, slice: Bytes) {
        if !slice.is_empty() {
            self.0.push(slice);
        }
    }

    /// Appends all slices of another payload.
    pub fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The part from `offset` on, at most `length` bytes: shares the memory, copies nothing.
    #[must_use]
    pub fn slice(&self, offset: usize, length: usize) -> Self {
        let (mut skip, mut left, mut part) = (offset, length, Self::new());
        for slice in &self.0 {
            if skip >= slice.len() {
                skip -= slice.len();
                continue;
            }
            let take = left.min(slice.len() - skip);
            part.push(slice.slice(skip..skip + take));
            skip = 0;
            left -= take;
        }
        part
    }

    /// Copies all bytes to the front of `target` and returns how many; stops when either is full.
    pub fn copy_to(&self, target: &mut [u8]) -> usize {
        let mut done = 0;
        for slice in &self.0 {
            let count = slice.len().min(target.len() - done);
            let (Some(to), Some(from)) = (target.get_mut(done..done + count), slice.get(..count)) else { break };
            to.copy_from_slice(from);
            done += count;
        }
        done
    }

    /// One contiguous run: shares the memory when there is a single slice, else copies once.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        match self.0.as_slice() {
            [] => Bytes::new(),
            [one] => one.clone(),
            many => {
                let mut all = Vec::with_capacity(self.len());
                many.iter().for_each(|slice| all.extend_from_slice(slice));
                all.into()
            }
        }
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        let mut payload = Self::new();
        payload.push(bytes);
        payload
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from(Bytes::from(bytes))
    }
}

impl FromIterator<Bytes> for Payload {
    fn from_iter<I: IntoIterator<Item = Bytes>>(slices: I) -> Self {
        Self(slices.into_iter().filter(|slice| !slice.is_empty()).collect())
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        if self.len() != other.len() {
            return false;
        }
        let mut theirs = other.0.iter().map(Bytes::as_ref);
        let mut rest: &[u8] = &[];
        self.0.iter().all(|ours| starts_with(ours, &mut rest, &mut theirs))
    }
}

impl Eq for Payload {}

/// Whether `ours` comes next in `rest` and the slices after it, which are moved on behind it.
fn starts_with<'a>(mut ours: &[u8], rest: &mut &'a [u8], theirs: &mut impl Iterator<Item = &'a [u8]>) -> bool {
    while !ours.is_empty() {
        if rest.is_empty() {
            let Some(next) = theirs.next() else { return false };
            *rest = next;
        }
        let (our_part, our_rest) = ours.split_at(ours.len().min(rest.len()));
        let (their_part, their_rest) = rest.split_at(our_part.len());
        if our_part != their_part {
            return false;
        }
        (ours, *rest) = (our_rest, their_rest);
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn payload(parts: &[Vec<u8>]) -> Payload {
        parts.iter().cloned().map(Bytes::from).collect()
    }

    proptest! {
        #[test]
        fn behaves_as_one_run_of_bytes(
            parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..8),
            offset in 0_usize..100,
            length in 0_usize..100,
            room in 0_usize..100,
        ) {
            let flat = parts.concat();
            let payload = payload(&parts);
            prop_assert_eq!((payload.len(), payload.is_empty()), (flat.len(), flat.is_empty()));
            prop_assert!(payload.slices().iter().all(|slice| !slice.is_empty()));
            prop_assert_eq!(&payload.to_bytes()[..], &flat[..]);
            let (from, to) = (offset.min(flat.len()), offset.saturating_add(length).min(flat.len()));
            prop_assert_eq!(&payload.slice(offset, length).to_bytes()[..], &flat[from..to]);
            let mut target = vec![0; room];
            let copied = payload.copy_to(&mut target);
            prop_assert_eq!(copied, room.min(flat.len()));
            prop_assert_eq!(&target[..copied], &flat[..copied]);
            prop_assert_eq!(&payload, &Payload::from(flat.clone()));
            prop_assert_eq!(&payload, &flat.chunks(3).map(Bytes::copy_from_slice).collect::<Payload>());
            let changed = |at: usize| flat.iter().enumerate().map(move |(index, byte)| byte ^ u8::from(index == at));
            let differs = |at| payload != Payload::from(changed(at).collect::<Vec<_>>());
            prop_assert!((0..flat.len()).all(differs));
        }

        #[test]
        fn pushes_and_appends_in_order(
            left in proptest::collection::vec(any::<u8>(), 0..20),
            right in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let mut payload = Payload::new();
            payload.push(left.clone().into());
            payload.append(right.clone().into());
            prop_assert_eq!(&payload.to_bytes()[..], &[left, right].concat()[..]);
        }
    }

    #[test]
    fn equal_lengths_are_not_equal_bytes() {
        assert_ne!(Payload::from(vec![1, 2]), Payload::from(vec![1, 3]));
        assert_ne!(Payload::from(vec![1]), Payload::from(vec![1, 1]));
    }
}
