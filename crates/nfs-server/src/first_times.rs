//! Whether something was told of a connection a short while ago: NFS has no opens that could remember it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What was told last, by its hash. Where two fall on one place, one is told again: never is one left out for another.
#[derive(Debug, Default)]
pub(crate) struct FirstTimes {
    /// Of each place: the upper bits of a hash, and when, in seconds.
    places: OnceLock<Box<[AtomicU64; PLACES]>>,
}

impl FirstTimes {
    /// Whether this was not told within the last [`AGAIN_SECONDS`]; it counts as told now. `now` is on the monotonic clock.
    pub(crate) fn is_first(&self, what: &impl Hash, now: Duration) -> bool {
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        let hash = hasher.finish();
        let places = self.places.get_or_init(|| Box::new([const { AtomicU64::new(0) }; PLACES]));
        let Some(place) = usize::try_from(hash % PLACES as u64).ok().and_then(|index| places.get(index)) else {
            return true;
        };
        // 0 stands for never.
        let seconds = (now.as_secs() + 1) & TIME_BITS;
        let known = place.load(Ordering::Relaxed);
        let is_known = known & !TIME_BITS == hash & !TIME_BITS && known != 0;
        if is_known && seconds.wrapping_sub(known & TIME_BITS) < AGAIN_SECONDS {
            return false;
        }
        place.store(hash & !TIME_BITS | seconds, Ordering::Relaxed);
        true
    }
}

/// What is remembered of a connection: 2 KiB, once something was told.
const PLACES: usize = 256;
/// What goes on is told again after this time.
const AGAIN_SECONDS: u64 = 300;
/// Half a year, behind which a time may be taken for another.
const TIME_BITS: u64 = (1 << 24) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_is_told_now_and_then() {
        let told = FirstTimes::default();
        let at = Duration::from_secs;
        assert!(told.is_first(&"a", at(0)));
        assert!(!told.is_first(&"a", at(AGAIN_SECONDS - 1)));
        assert!(told.is_first(&"b", at(1)) || told.is_first(&"c", at(1)), "something else is told");
        assert!(told.is_first(&"a", at(AGAIN_SECONDS)));
        assert!(!told.is_first(&"a", at(AGAIN_SECONDS + 1)));
        let first = (0..10_000_u32).filter(|number| told.is_first(number, at(700))).count();
        assert_eq!(first, 10_000, "nothing is left out for another, however many there are");
    }
}
