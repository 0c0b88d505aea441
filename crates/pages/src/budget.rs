//! A counter of bytes with a bound, shared by everything that lives off one budget.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A bound on bytes. Clones are the same budget.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Counter>);

impl Budget {
    /// A budget of `bytes_max` bytes, none of it used.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self(Arc::new(Counter { bytes_max, used: AtomicUsize::new(0) }))
    }

    /// Takes `bytes` until the reservation drops; `None` when less is left.
    #[must_use]
    pub fn reserve(&self, bytes: usize) -> Option<Reservation> {
        self.0.take(bytes).then(|| Reservation { counter: Arc::clone(&self.0), bytes })
    }

    /// Bytes reserved now.
    #[must_use]
    pub fn used_bytes(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }

    /// The bound.
    #[must_use]
    pub fn bytes_max(&self) -> usize {
        self.0.bytes_max
    }
}

/// A part of a budget; given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    counter: Arc<Counter>,
    bytes: usize,
}

impl Reservation {
    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes `bytes` more; `false`, and nothing changes, when less is left.
    #[must_use]
    pub fn grow(&mut self, bytes: usize) -> bool {
        let taken = self.counter.take(bytes);
        self.bytes += if taken { bytes } else { 0 };
        taken
    }

    /// Gives `bytes` (at most all) back early.
    pub fn shrink(&mut self, bytes: usize) {
        drop(self.split(bytes));
    }

    /// Cuts `bytes` (at most all) off into a reservation of their own.
    #[must_use]
    pub fn split(&mut self, bytes: usize) -> Self {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Self { counter: Arc::clone(&self.counter), bytes }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.counter.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Counter {
    bytes_max: usize,
    used: AtomicUsize,
}

impl Counter {
    fn take(&self, bytes: usize) -> bool {
        let within = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.bytes_max);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_holds_and_drops_give_back() {
        let budget = Budget::new(100);
        let mut first = budget.reserve(60).unwrap();
        assert!(budget.reserve(41).is_none());
        assert!(!first.grow(41) && first.grow(40));
        assert_eq!((first.bytes(), budget.used_bytes(), budget.bytes_max()), (100, 100, 100));
        let part = first.split(30);
        drop(first);
        assert_eq!((part.bytes(), budget.used_bytes()), (30, 30));
        drop(part);
        assert_eq!(budget.used_bytes(), 0);
        assert!(budget.reserve(usize::MAX).is_none());
    }

    #[test]
    fn shrinking_never_gives_back_more_than_is_held() {
        let budget = Budget::new(10);
        let mut part = budget.reserve(5).unwrap();
        part.shrink(50);
        assert_eq!((part.bytes(), budget.used_bytes()), (0, 0));
    }
}
