//! `[[snapshot]]`: when snapshots are taken by themselves.

use super::Reader;
use crate::period::{DAY, Period, parse_duration, parse_time_of_day};
use crate::schedule::{SOME_DAY, SnapshotSchedule, expand};
use crate::settings::{SnapshotTable, Text};

impl Reader<'_> {
    pub(super) fn schedules(&mut self, written: &[SnapshotTable]) -> Vec<SnapshotSchedule> {
        if let Some(one_more) = written.get(SCHEDULES_MAX) {
            let reason = format!("a zone has at most {SCHEDULES_MAX} schedules of snapshots");
            self.findings.add(one_more.path.span(), format!("snapshot[{SCHEDULES_MAX}]"), reason);
            return Vec::new();
        }
        let mut schedules: Vec<(usize, SnapshotSchedule)> = Vec::new();
        for (number, table) in written.iter().enumerate() {
            let Some(schedule) = self.schedule(&format!("snapshot[{number}]"), table) else { continue };
            let shared = schedules.iter().find_map(|(other, known)| Some((other, known.shared_name(&schedule)?)));
            if let Some((other, name)) = shared {
                let reason = format!(
                    "gives \"{}\", as snapshot[{other}] does, and a zone has each name once: say which it is, such as \
                     \"NAME-{PATTERN}\"",
                    name.as_bytes().escape_ascii()
                );
                let span = table.name.as_ref().unwrap_or(&table.path).span();
                self.findings.add(span, format!("snapshot[{number}].name"), reason);
            }
            schedules.push((number, schedule));
        }
        schedules.into_iter().map(|(_, schedule)| schedule).collect()
    }

    fn schedule(&mut self, place: &str, table: &SnapshotTable) -> Option<SnapshotSchedule> {
        let path = self.path(&format!("{place}.path"), &table.path);
        let period = self.period(place, &table.every, table.at.as_ref());
        let keep = match &table.keep {
            Some(keep) => Some(self.duration(&format!("{place}.keep"), keep)?),
            None => None,
        };
        let (path, period) = (path?, period?);
        let every = period.every_seconds;
        if let (Some(keep), Some(text)) = (keep, &table.keep)
            && keep / every > KEPT_MAX
        {
            let reason = format!("would keep {} snapshots; at most {KEPT_MAX} of one schedule are kept", keep / every);
            self.findings.add(text.span(), format!("{place}.keep"), reason);
        }
        let pattern = table.name.as_ref().map_or(PATTERN, |name| name.get_ref().as_str()).to_owned();
        let schedule = SnapshotSchedule { path, pattern, period, keep_seconds: keep };
        if let Some(name) = &table.name {
            self.check_pattern(&format!("{place}.name"), name, &schedule)?;
        }
        Some(schedule)
    }

    /// `every` and `at`.
    pub(super) fn period(&mut self, place: &str, every_text: &Text, at_text: Option<&Text>) -> Option<Period> {
        let every = self.duration(&format!("{place}.every"), every_text)?;
        if every > DAY && !every.is_multiple_of(DAY) {
            let reason = "longer than a day, but not of whole days: write \"36h\" as \"1d\" or \"2d\"";
            self.findings.add(every_text.span(), format!("{place}.every"), reason);
            return None;
        }
        let Some(at_text) = at_text else { return Some(Period { every_seconds: every, at_seconds: 0 }) };
        let Some(at) = parse_time_of_day(at_text.get_ref()) else {
            let reason =
                format!("\"{}\" is no time of day such as \"01:30\" (UTC)", at_text.get_ref().escape_default());
            self.findings.add(at_text.span(), format!("{place}.at"), reason);
            return None;
        };
        if at >= every {
            let reason =
                format!("is not within \"{}\": it would mean the same as an earlier time", every_text.get_ref());
            self.findings.add(at_text.span(), format!("{place}.at"), reason);
        }
        Some(Period { every_seconds: every, at_seconds: at })
    }

    pub(super) fn duration(&mut self, key: &str, written: &Text) -> Option<u64> {
        let found = parse_duration(written.get_ref());
        if found.is_none() {
            let reason = format!(
                "\"{}\" is no time such as \"15m\", \"1h\", \"1d\" or \"2w\"",
                written.get_ref().escape_default()
            );
            self.findings.add(written.span(), key, reason);
        }
        found
    }

    /// Names must be names, and come but once as long as they are kept.
    fn check_pattern(&mut self, key: &str, name: &Text, schedule: &SnapshotSchedule) -> Option<()> {
        let first = schedule.last_due(SOME_DAY);
        let reason = match expand(&schedule.pattern, first) {
            Err(unknown) => {
                format!("\"{unknown}\" means nothing here: allowed are %Y, %m, %d, %H, %M (UTC) and %%")
            }
            Ok(_) if schedule.name_of(first).is_none() => "gives no name that a file could have".to_owned(),
            Ok(_) if schedule.name_of(first) == schedule.name_of(schedule.next_due(first)) => {
                format!(
                    "gives snapshots that follow each other the same name: say more of their time, such as \"{PATTERN}\""
                )
            }
            Ok(_) if schedule.repeats() => {
                format!(
                    "gives names that come again while the snapshots that have them are kept: say more of their time, \
                     such as \"{PATTERN}\""
                )
            }
            Ok(_) => return Some(()),
        };
        self.findings.add(name.span(), key, reason);
        None
    }
}

/// What snapshots are called where nothing is said.
const PATTERN: &str = "%Y-%m-%d_%H.%M";
/// Snapshots of one schedule.
const KEPT_MAX: u64 = 10_000;
/// Schedules of a zone.
const SCHEDULES_MAX: usize = 64;
