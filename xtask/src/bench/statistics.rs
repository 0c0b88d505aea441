//! Some rounds as one figure.

use serde::Serialize;

/// The middle of some rounds and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    /// The largest less the smallest, as a part of the median.
    pub(crate) spread: f64,
}

impl Summary {
    /// `None` of no rounds.
    pub(crate) fn of(rounds: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut rounds: Vec<f64> = rounds.into_iter().collect();
        rounds.sort_by(f64::total_cmp);
        let middle = rounds.len() / 2;
        let upper = *rounds.get(middle)?;
        let median = match middle.checked_sub(1) {
            Some(lower) if rounds.len().is_multiple_of(2) => f64::midpoint(upper, *rounds.get(lower)?),
            _ => upper,
        };
        let width = rounds.last()? - rounds.first()?;
        Some(Self { median, spread: if median == 0.0 { 0.0 } else { width / median } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_the_spread_is_what_lies_around_it() {
        assert_eq!(Summary::of([]), None);
        assert_eq!(Summary::of([5.0]), Some(Summary { median: 5.0, spread: 0.0 }));
        assert_eq!(Summary::of([3.0, 1.0]), Some(Summary { median: 2.0, spread: 1.0 }));
        assert_eq!(Summary::of([9.0, 1.0, 4.0]), Some(Summary { median: 4.0, spread: 2.0 }));
        assert_eq!(Summary::of([0.0, 0.0]), Some(Summary { median: 0.0, spread: 0.0 }));
    }
}
