//! What connections hold: calls begun, their replies, and records in the making.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that the connections of a client, of a zone, or of the whole door hold, with a bound on their sum.
#[derive(Debug)]
pub struct HeldBytes {
    held: AtomicUsize,
    max: AtomicUsize,
    /// The larger sum that these bytes are part of.
    part_of: Option<Arc<Self>>,
}

/// What one connection holds of it; gives it back when dropped.
#[derive(Debug)]
pub struct Share<'a> {
    sum: &'a HeldBytes,
    counted: usize,
}

impl HeldBytes {
    /// Nothing is held yet.
    pub const fn new(max: usize) -> Self {
        Self { held: AtomicUsize::new(0), max: AtomicUsize::new(max), part_of: None }
    }

    /// Bytes held now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Nothing is held yet; what will be counts for the larger sum too.
    pub const fn part_of(larger: Arc<Self>, max: usize) -> Self {
        Self { held: AtomicUsize::new(0), max: AtomicUsize::new(max), part_of: Some(larger) }
    }

    /// From now on no more than this.
    pub fn set_max(&self, max: usize) {
        self.max.store(max, Ordering::Relaxed);
    }

    /// Whether this sum, or a larger one, is as much as it may be.
    fn is_full(&self) -> bool {
        let is_full = |sum: &Self| sum.held.load(Ordering::Relaxed) >= sum.max.load(Ordering::Relaxed);
        self.sums().any(is_full)
    }

    fn add(&self, bytes: usize) {
        for sum in self.sums() {
            sum.held.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    fn subtract(&self, bytes: usize) {
        for sum in self.sums() {
            sum.held.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    fn sums(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |sum| sum.part_of.as_deref())
    }
}

impl<'a> Share<'a> {
    /// A connection that holds nothing yet.
    #[must_use]
    pub const fn new(sum: &'a HeldBytes) -> Self {
        Self { sum, counted: 0 }
    }

    /// The connection holds this much now. Counted in steps: connections with small calls do not write to one counter.
    pub fn set(&mut self, bytes: usize) {
        let bytes = bytes - bytes % STEP_BYTES;
        if bytes > self.counted {
            self.sum.add(bytes - self.counted);
        } else if bytes < self.counted {
            self.sum.subtract(self.counted - bytes);
        }
        self.counted = bytes;
    }

    /// Whether the connections of the client, of the zone, or all of them hold as much as they may.
    pub fn is_full(&self) -> bool {
        self.sum.is_full()
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

    #[test]
    fn what_one_client_holds_stops_that_client_and_counts_for_its_zone() {
        let all = Arc::new(HeldBytes::new(8 * STEP_BYTES));
        let zone = Arc::new(HeldBytes::part_of(Arc::clone(&all), 4 * STEP_BYTES));
        let [greedy, modest] = [3, 3].map(|steps| HeldBytes::part_of(Arc::clone(&zone), steps * STEP_BYTES));
        let stranger = HeldBytes::part_of(Arc::clone(&all), usize::MAX);
        let (mut greedy, mut modest, mut stranger) = (Share::new(&greedy), Share::new(&modest), Share::new(&stranger));
        greedy.set(3 * STEP_BYTES);
        assert_eq!([greedy.is_full(), modest.is_full(), stranger.is_full()], [true, false, false]);
        modest.set(STEP_BYTES);
        assert_eq!([greedy.is_full(), modest.is_full(), stranger.is_full()], [true, true, false], "the zone is full");
        zone.set_max(5 * STEP_BYTES);
        assert!(!modest.is_full(), "the zone may hold more now");
        stranger.set(4 * STEP_BYTES);
        assert_eq!([greedy.is_full(), modest.is_full(), stranger.is_full()], [true, true, true], "all is full");
        drop((greedy, modest, stranger));
        assert_eq!((all.held.load(Ordering::Relaxed), zone.held.load(Ordering::Relaxed)), (0, 0));
    }
}
