//! The message ids that a client may use (MS-SMB2 3.3.1.1, 3.3.5.2.3, 3.3.1.2).

use std::collections::VecDeque;

/// Which ids were granted and not used yet: a window of ids, each used once. Bounded: 2 KiB.
#[derive(Debug)]
pub(crate) struct Credits {
    /// The lowest id that was not used.
    low: u64,
    /// Words of 64 ids from `low / 64` on; a bit is set when its id was used.
    used: VecDeque<u64>,
    /// The first id that was not granted.
    high: u64,
    /// Granted and not used.
    open: u64,
}

impl Credits {
    /// One id, `first`, is granted.
    pub(crate) fn starting_at(first: u64) -> Self {
        Self { low: first, used: VecDeque::new(), high: first + 1, open: 1 }
    }

    /// Uses `charge` ids from `id` on; `false` when one of them was not granted or was used.
    pub(crate) fn take(&mut self, id: u64, charge: u16) -> bool {
        let charge = u64::from(charge.max(1));
        let Some(end) = id.checked_add(charge) else { return false };
        if id < self.low || end > self.high || (id..end).any(|id| self.is_used(id)) {
            return false;
        }
        for id in id..end {
            self.mark(id);
        }
        self.open -= charge;
        while self.low < self.high && self.is_used(self.low) {
            self.low += 1;
            if self.low.is_multiple_of(64) {
                self.used.pop_front();
            }
        }
        true
    }

    /// Grants as many as are asked for, within bounds; at least one where there is room, so that a client can always go on.
    pub(crate) fn grant(&mut self, asked: u16) -> u16 {
        let room = OPEN_MAX.saturating_sub(self.open).min(WINDOW_MAX.saturating_sub(self.high - self.low));
        let granted = u64::from(asked.max(1)).min(room);
        self.high = self.high.saturating_add(granted);
        self.open += granted;
        u16::try_from(granted).unwrap_or(0)
    }

    fn is_used(&self, id: u64) -> bool {
        let word = usize::try_from(id / 64 - self.low / 64).unwrap_or(usize::MAX);
        self.used.get(word).is_some_and(|bits| bits >> (id % 64) & 1 == 1)
    }

    fn mark(&mut self, id: u64) {
        let word = usize::try_from(id / 64 - self.low / 64).unwrap_or(usize::MAX);
        if word >= self.used.len() && word < WORDS_MAX {
            self.used.resize(word + 1, 0);
        }
        if let Some(bits) = self.used.get_mut(word) {
            *bits |= 1 << (id % 64);
        }
    }
}

/// Credits that a client may have at once.
const OPEN_MAX: u64 = 8192;
/// From the lowest unused id to the highest granted.
const WINDOW_MAX: u64 = 16_384;
const WORDS_MAX: usize = 16_384 / 64 + 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_used_once_and_only_when_granted() {
        let mut credits = Credits::starting_at(0);
        assert!(!credits.take(1, 1), "not granted");
        assert!(credits.take(0, 0), "no charge is a charge of one");
        assert!(!credits.take(0, 1), "used");
        assert_eq!(credits.grant(10), 10);
        assert!(credits.take(5, 3) && !credits.take(7, 1) && !credits.take(9, 3), "5 to 7 are used, 11 is not granted");
        assert!(credits.take(9, 2) && credits.take(1, 4) && credits.take(8, 1));
        assert!(!credits.take(u64::MAX, 2));
        assert_eq!((credits.low, credits.open), (11, 0));
    }

    #[test]
    fn who_asks_for_none_gets_one_and_nobody_gets_too_many() {
        let mut credits = Credits::starting_at(0);
        assert_eq!(credits.grant(0), 1);
        assert_eq!(u64::from(credits.grant(u16::MAX)), OPEN_MAX - 2);
        assert_eq!(credits.grant(1), 0, "a client that has so many needs none");
        assert!((1..8000).all(|id| credits.take(id, 1)));
        assert!(credits.grant(u16::MAX) > 7900);
        assert_eq!(credits.low, 0, "the client never used id 0");
        for id in 8000..16_384 {
            assert!(credits.take(id, 1) || credits.grant(1) > 0 || id >= credits.high);
        }
        assert!(credits.high <= WINDOW_MAX && credits.used.len() <= WORDS_MAX);
        assert!(credits.take(0, 1), "and still may");
        assert!(credits.grant(1) == 1);
    }
}
