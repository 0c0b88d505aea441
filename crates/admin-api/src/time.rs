//! Times for people and programs.

/// UTC as RFC 3339 writes it, to the second: `2026-11-22T14:05:00Z`. Times before 1970 and after 9999 are the nearest
/// that can be written.
#[must_use]
pub fn rfc3339(seconds: i64) -> String {
    let seconds = u64::try_from(seconds).unwrap_or(0).min(LAST_SECOND);
    let (days, second) = (seconds / DAY, seconds % DAY);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The seconds since 1970 of such a text, with `Z` and to the second; `None` for all else and for days that no calendar has.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let from_march = if month < 3 { month + 9 } else { month.checked_sub(3)? };
    let years = year.checked_sub(u64::from(month < 3))?;
    let day_of_year = (153 * from_march + 2) / 5 + day.checked_sub(1)?;
    let days =
        (years * 365 + years / 4 - years / 100 + years / 400 + day_of_year).checked_sub(DAYS_0000_03_01_TO_1970)?;
    let seconds = i64::try_from(days * DAY + hour * 3600 + minute * 60 + second).ok()?;
    // What is written otherwise, or runs over, is written differently again.
    Some(seconds).filter(|seconds| rfc3339(*seconds) == text)
}

/// Year, month and day of a number of days since 1970. Years are counted from March, so that the day that comes and goes
/// is the last of its year.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_0000_03_01_TO_1970;
    let (era, day_of_era) = (days / DAYS_OF_ERA, days % DAYS_OF_ERA);
    let leap_days = day_of_era / 1460 + day_of_era / 146_096 - day_of_era / 36_524;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

const DAY: u64 = 86_400;
/// 400 years.
const DAYS_OF_ERA: u64 = 146_097;
const DAYS_0000_03_01_TO_1970: u64 = 719_468;
/// 9999-12-31T23:59:59Z.
const LAST_SECOND: u64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        // As `date -u -d @N +%FT%TZ` says.
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (1_795_356_001, "2026-11-22T14:00:01Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (i64::MAX, "9999-12-31T23:59:59Z"),
            (-1, "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
            if (0..=253_402_300_799).contains(&seconds) {
                assert_eq!(parse_rfc3339(text), Some(seconds), "{text}");
            }
        }
        for wrong in [
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-22T14:00:01",
            "2026-11-22 14:00:01Z",
            "",
            "ä026-11-22T14:00:01Z",
        ] {
            assert_eq!(parse_rfc3339(wrong), None, "{wrong}");
        }
    }
}
