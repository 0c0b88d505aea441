//! What all connections hold together: calls begun, their replies, and records in the making.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that connections hold, with a bound on their sum.
#[derive(Debug)]
pub(crate) struct HeldBytes {
    held: AtomicUsize,
    max: usize,
}

/// What one connection holds of it; gives it back when dropped.
#[derive(Debug)]
pub(super) struct Share<'a> {
    all: &'a HeldBytes,
    counted: usize,
}

impl HeldBytes {
    /// Nothing is held yet.
    pub(crate) const fn new(max: usize) -> Self {
        Self { held: AtomicUsize::new(0), max }
    }

    /// Bytes held now.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn is_full(&self) -> bool {
        self.held.load(Ordering::Relaxed) >= self.max
    }
}

impl<'a> Share<'a> {
    pub(super) const fn new(all: &'a HeldBytes) -> Self {
        Self { all, counted: 0 }
    }

    /// The connection holds this much now. Counted in steps: connections with small calls do not write to one counter.
    pub(super) fn set(&mut self, bytes: usize) {
        let bytes = bytes - bytes % STEP_BYTES;
        if bytes > self.counted {
            self.all.held.fetch_add(bytes - self.counted, Ordering::Relaxed);
        } else if bytes < self.counted {
            self.all.held.fetch_sub(self.counted - bytes, Ordering::Relaxed);
        }
        self.counted = bytes;
    }

    /// Whether all connections together hold as much as they may.
    pub(super) fn is_full(&self) -> bool {
        self.all.is_full()
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.set(0);
    }
}

const STEP_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_counted_and_given_back() {
        let all = HeldBytes::new(3 * STEP_BYTES);
        let (mut first, mut second) = (Share::new(&all), Share::new(&all));
        first.set(2 * STEP_BYTES + 5);
        second.set(STEP_BYTES - 1);
        assert!(!first.is_full());
        second.set(STEP_BYTES);
        assert!(first.is_full());
        first.set(STEP_BYTES);
        assert!(!second.is_full());
        drop((first, second));
        assert_eq!(all.held.load(Ordering::Relaxed), 0);
    }
}
