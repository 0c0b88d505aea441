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
            let Some(rest) = target.get_mut(done..) else { break };
            let count = slice.len().min(rest.len());
            rest.iter_mut().zip(slice).for_each(|(to, from)| *to = *from);
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
            many => many.iter().fold(Vec::with_capacity(self.len()), |mut all, slice| { all.extend_from_slice(slice); all }).into(),
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
        self.len() == other.len() && self.0.iter().flatten().eq(other.0.iter().flatten())
    }
}

impl Eq for Payload {}
