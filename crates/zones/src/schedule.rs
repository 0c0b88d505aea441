//! When snapshots are taken by themselves, what they are called and how long they are kept.

use std::collections::HashSet;

use vfs::{Name, date};

use crate::path::spell;
use crate::period::{DAY, Period, signed};

/// Snapshots that are taken again and again. All times are UTC.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SnapshotSchedule {
    pub(crate) path: Vec<Name>,
    pub(crate) pattern: String,
    pub(crate) period: Period,
    pub(crate) keep_seconds: Option<u64>,
}

impl SnapshotSchedule {
    /// The directory, below the base of the zone.
    #[must_use]
    pub fn path(&self) -> &[Name] {
        &self.path
    }

    /// The directory as text, for people.
    #[must_use]
    pub fn path_text(&self) -> String {
        String::from_utf8_lossy(&spell(&self.path)).into_owned()
    }

    /// How often, in seconds.
    #[must_use]
    pub fn every_seconds(&self) -> u64 {
        self.period.every_seconds
    }

    /// How long each is kept, in seconds; `None`: until somebody deletes it.
    #[must_use]
    pub fn keep_seconds(&self) -> Option<u64> {
        self.keep_seconds
    }

    /// The last moment, in seconds since 1970, at which a snapshot was due.
    #[must_use]
    pub fn last_due(&self, now: i64) -> i64 {
        self.period.last_due(now)
    }

    /// The next one after that.
    #[must_use]
    pub fn next_due(&self, now: i64) -> i64 {
        self.period.next_due(now)
    }

    /// What the snapshot of a moment is called; `None` where that is no name.
    #[must_use]
    pub fn name_of(&self, due: i64) -> Option<Name> {
        Name::try_from(expand(&self.pattern, due).ok()?.as_str()).ok()
    }

    /// When that of a moment goes by itself.
    #[must_use]
    pub fn expires(&self, due: i64) -> Option<i64> {
        self.keep_seconds.map(|keep| due.saturating_add(signed(keep)))
    }
}

impl SnapshotSchedule {
    /// Whether a name comes again while the snapshot that had it may still be there.
    pub(crate) fn repeats(&self) -> bool {
        let Some(keep) = self.keep_seconds else { return !self.says_it_all() };
        let kept = keep.div_ceil(self.period.every_seconds);
        RUNS_FROM.into_iter().any(|from| !are_different(self.names(from, kept)))
    }

    /// Whether a name says so much of the time that none ever comes again.
    fn says_it_all(&self) -> bool {
        let hour = (!self.period.every_seconds.is_multiple_of(DAY)).then_some("%H");
        let minute = (!self.period.every_seconds.is_multiple_of(3600)).then_some("%M");
        let plain = self.pattern.replace("%%", "");
        ["%Y", "%m", "%d"].into_iter().chain(hour).chain(minute).all(|part| plain.contains(part))
    }

    /// A name that both give: at moments that both have, or at any of the next ones.
    pub(crate) fn shared_name(&self, other: &Self) -> Option<Name> {
        let apart = self.last_due(SOME_DAY) - other.last_due(SOME_DAY);
        let step = gcd(self.period.every_seconds, other.period.every_seconds);
        if self.pattern == other.pattern && apart.rem_euclid(signed(step)) == 0 {
            return self.name_of(self.last_due(SOME_DAY));
        }
        let known: HashSet<Name> = self.names(SOME_DAY, COMPARED).collect();
        other.names(SOME_DAY, COMPARED).find(|name| known.contains(name))
    }

    /// The names of so many moments.
    fn names(&self, from: i64, count: u64) -> impl Iterator<Item = Name> {
        let first = self.last_due(from);
        (0..signed(count)).filter_map(move |number| self.name_of(first + number * signed(self.period.every_seconds)))
    }
}

fn are_different(mut names: impl Iterator<Item = Name>) -> bool {
    let mut known = HashSet::new();
    names.all(|name| known.insert(name))
}

fn gcd(one: u64, other: u64) -> u64 {
    if other == 0 { one } else { gcd(other, one % other) }
}

/// A pattern of `strftime`, of which `%Y %m %d %H %M %%` are known, for a moment.
///
/// Errors: what else it has behind a `%`.
pub(crate) fn expand(pattern: &str, seconds: i64) -> Result<String, String> {
    let seconds = u64::try_from(seconds).unwrap_or(0);
    let (year, month, day) = date(seconds / DAY);
    let (mut text, mut rest) = (String::new(), pattern.chars());
    while let Some(next) = rest.next() {
        match (next, if next == '%' { rest.next() } else { None }) {
            ('%', Some('Y')) => text += &format!("{year:04}"),
            ('%', Some('m')) => text += &format!("{month:02}"),
            ('%', Some('d')) => text += &format!("{day:02}"),
            ('%', Some('H')) => text += &format!("{:02}", seconds % DAY / 3600),
            ('%', Some('M')) => text += &format!("{:02}", seconds % 3600 / 60),
            ('%', Some('%')) => text.push('%'),
            ('%', Some(other)) => return Err(format!("%{other}")),
            ('%', None) => return Err("%".to_owned()),
            (plain, _) => text.push(plain),
        }
    }
    Ok(text)
}

/// A day of which all parts of the time differ from those an hour, a day or a week later.
pub(crate) const SOME_DAY: i64 = 1_795_455_600;
/// Where runs of names are looked at from: that day, and the first of the shortest month.
const RUNS_FROM: [i64; 2] = [SOME_DAY, 1_801_440_000];
/// Moments of two schedules whose names are compared.
const COMPARED: u64 = 2000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::period::{parse_duration, parse_time_of_day};

    fn schedule(every: &str, at: &str) -> SnapshotSchedule {
        let (every_seconds, at_seconds) = (parse_duration(every).unwrap(), parse_time_of_day(at).unwrap());
        let pattern = "s-%Y-%m-%d_%H.%M%%".to_owned();
        let period = Period { every_seconds, at_seconds };
        SnapshotSchedule { path: Vec::new(), pattern, period, keep_seconds: Some(3600) }
    }

    #[test]
    fn moments_are_those_of_the_calendar() {
        // `date -u -d 2026-11-23T17:40:00Z +%s`, a Monday.
        let now = 1_795_455_600;
        for (every, at, name) in [
            ("1h", "00:00", "s-2026-11-23_17.00%"),
            ("15m", "00:00", "s-2026-11-23_17.30%"),
            ("1d", "01:30", "s-2026-11-23_01.30%"),
            ("1d", "20:00", "s-2026-11-22_20.00%"),
            ("1w", "00:00", "s-2026-11-23_00.00%"),
            ("1w", "18:00", "s-2026-11-16_18.00%"),
        ] {
            let schedule = schedule(every, at);
            assert_eq!(schedule.name_of(schedule.last_due(now)).unwrap().as_bytes(), name.as_bytes(), "{every} {at}");
        }
    }

    proptest! {
        #[test]
        fn the_last_moment_is_never_ahead_nor_a_period_behind(now in 0_i64..4_000_000_000, every in 1_u64..30_000, at in 0_u64..86_400) {
            let schedule = Period { every_seconds: every * 60, at_seconds: at };
            let (last, next) = (schedule.last_due(now), schedule.next_due(now));
            prop_assert!(last <= now && now < next && next - last == signed(every * 60));
            prop_assert_eq!(schedule.last_due(last), last);
        }
    }
}
