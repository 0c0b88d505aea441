//! How long calls took: collected, never judged unless someone asks for it.

use std::fmt;
use std::time::{Duration, Instant};

/// Durations of many calls of one kind.
#[derive(Debug, Clone, Default)]
pub struct Durations(Vec<Duration>);

impl Durations {
    /// Does `work` and remembers how long it took.
    #[expect(clippy::disallowed_methods, reason = "what a client waits is real time")]
    pub fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let begin = Instant::now();
        let outcome = work();
        self.0.push(begin.elapsed());
        outcome
    }

    /// Takes over those of another.
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// All of them together.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.0.iter().sum()
    }

    /// The longest; zero when there is none.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.0.iter().max().copied().unwrap_or_default()
    }

    /// The one that `per_mille` of all do not exceed; zero when there is none.
    #[must_use]
    pub fn quantile(&self, per_mille: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let index = (sorted.len() * per_mille).div_ceil(1000).saturating_sub(1);
        sorted.get(index).copied().unwrap_or_default()
    }
}

impl fmt::Display for Durations {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |duration: Duration| duration.as_secs_f64() * 1000.0;
        write!(
            formatter,
            "{} calls, p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, longest {:.2} ms",
            self.count(),
            milliseconds(self.quantile(500)),
            milliseconds(self.quantile(990)),
            milliseconds(self.quantile(999)),
            milliseconds(self.longest())
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_sorted_durations() {
        let durations = Durations((1..=1000).rev().map(Duration::from_millis).collect());
        let quantiles = [1, 500, 990, 1000].map(|per_mille| durations.quantile(per_mille).as_millis());
        assert_eq!(quantiles, [1, 500, 990, 1000]);
        assert_eq!((durations.longest().as_millis(), durations.count()), (1000, 1000));
        assert_eq!(Durations::default().quantile(500), Duration::ZERO);
    }
}
