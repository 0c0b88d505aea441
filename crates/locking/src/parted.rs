//! Tables in parts, each under a lock of its own.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Values that are locked apart, by a key.
#[derive(Debug)]
pub(crate) struct Parted<T>(Box<[Mutex<T>]>);

impl<T: Default> Parted<T> {
    /// All of them empty.
    pub(crate) fn new() -> Self {
        Self((0..PARTS).map(|_| Mutex::default()).collect())
    }

    /// The part of a key, locked.
    pub(crate) fn of(&self, key: &impl Hash) -> MutexGuard<'_, T> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % PARTS as u64).unwrap_or_default();
        #[expect(clippy::indexing_slicing, reason = "the remainder is below the number of parts")]
        self.0[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every part in turn, locked.
    pub(crate) fn all(&self) -> impl Iterator<Item = MutexGuard<'_, T>> {
        self.0.iter().map(|part| part.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

const PARTS: usize = 64;
