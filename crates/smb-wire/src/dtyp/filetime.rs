//! `FILETIME` (MS-DTYP 2.3.3).

use crate::codec::fixed_newtype;

/// Units of 100 ns since 1601-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FileTime(pub u64);

/// From 1601 to 1970 in seconds.
const UNIX_EPOCH_SECONDS: i64 = 11_644_473_600;
const UNITS_PER_SECOND: i64 = 10_000_000;
const NANOSECONDS_PER_UNIT: u32 = 100;

impl FileTime {
    /// In SET_INFO: leave this time as it is (MS-FSCC 2.4.7).
    pub const UNCHANGED: Self = Self(0);
    /// In SET_INFO: do not change this time any more by what is done through this open (MS-FSCC 2.4.7).
    pub const FROZEN: Self = Self(u64::MAX);
    /// In SET_INFO: change this time again by what is done through this open (MS-FSCC 2.4.7).
    pub const THAWED: Self = Self(u64::MAX - 1);

    /// A time since 1970; what lies outside of 1601 to 30828 becomes the first or last that can be said. Nanoseconds
    /// are cut to units.
    #[must_use]
    pub fn from_unix(seconds: i64, nanoseconds: u32) -> Self {
        let since_1601 = seconds.saturating_add(UNIX_EPOCH_SECONDS).saturating_mul(UNITS_PER_SECOND);
        let units = since_1601.saturating_add(i64::from(nanoseconds / NANOSECONDS_PER_UNIT));
        Self(u64::try_from(units).unwrap_or(0))
    }

    /// Seconds and nanoseconds since 1970. `None` for what is no time: above the signed range.
    #[must_use]
    pub fn to_unix(self) -> Option<(i64, u32)> {
        let units = i64::try_from(self.0).ok()?;
        let seconds = units / UNITS_PER_SECOND - UNIX_EPOCH_SECONDS;
        let nanoseconds = u32::try_from(units % UNITS_PER_SECOND).ok()? * NANOSECONDS_PER_UNIT;
        Some((seconds, nanoseconds))
    }
}

fixed_newtype!(FileTime, |value| value.0, Self);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unix_epoch_and_back() {
        assert_eq!(FileTime::from_unix(0, 0), FileTime(116_444_736_000_000_000));
        for time in [(0, 0), (1_700_000_000, 999_999_900), (-1, 100), (-UNIX_EPOCH_SECONDS, 0)] {
            assert_eq!(FileTime::from_unix(time.0, time.1).to_unix(), Some(time));
        }
    }

    #[test]
    fn what_cannot_be_said_is_cut() {
        assert_eq!(FileTime::from_unix(i64::MIN, 0), FileTime(0));
        assert_eq!(FileTime::from_unix(i64::MAX, 0), FileTime(i64::MAX.unsigned_abs()));
        assert_eq!(FileTime::FROZEN.to_unix(), None);
    }
}
