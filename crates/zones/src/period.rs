//! Moments that come again and again. All times are UTC.

/// A moment of each period: so many seconds behind its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Period {
    pub(crate) every_seconds: u64,
    pub(crate) at_seconds: u64,
}

impl Period {
    /// The last moment, in seconds since 1970, that was due.
    #[must_use]
    pub fn last_due(&self, now: i64) -> i64 {
        let (every, at) = (signed(self.every_seconds), signed(self.at_seconds) + WEEK_BEGINS);
        (now - at).div_euclid(every) * every + at
    }

    /// The next one after that.
    #[must_use]
    pub fn next_due(&self, now: i64) -> i64 {
        self.last_due(now) + signed(self.every_seconds)
    }
}

/// Seconds of `90m`, `24h`, `7d`, `4w`.
#[must_use]
pub fn parse_duration(text: &str) -> Option<u64> {
    let unit = match text.chars().last()? {
        'm' => 60,
        'h' => 3600,
        'd' => DAY,
        'w' => 7 * DAY,
        _ => return None,
    };
    let count: u64 = text.get(..text.len() - 1)?.parse().ok()?;
    count.checked_mul(unit).filter(|seconds| (1..1 << 36).contains(seconds))
}

/// Seconds of the day of `01:30`.
pub(crate) fn parse_time_of_day(text: &str) -> Option<u64> {
    let (hour, minute) = text.split_once(':').filter(|(hour, minute)| hour.len() == 2 && minute.len() == 2)?;
    let (hour, minute): (u64, u64) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 3600 + minute * 60)
}

pub(crate) fn signed(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

pub(crate) const DAY: u64 = 86_400;
/// The first of January 1970 was a Thursday; weeks begin on Monday.
const WEEK_BEGINS: i64 = 4 * 86_400;
