//! What a check says.

use std::fmt;

use crate::Key;
use crate::records::Record;

/// Outcome of a check.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What is wrong, in the order found; at most 1000, the rest is only counted.
    pub problems: Vec<Problem>,
    /// How much is wrong.
    pub problems_found: u64,
    /// What was seen.
    pub counts: Counts,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub key: Key,
    /// What.
    pub what: String,
    /// What to do.
    pub advice: &'static str,
}

/// What was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records of all kinds.
    pub records: u64,
    /// Records of clones, which were not looked into.
    pub clone_records: u64,
    /// Inodes.
    pub inodes: u64,
    /// Directory entries.
    pub dentries: u64,
    /// Regions.
    pub regions: u64,
    /// Blocks that live records name.
    pub blocks: u64,
    /// Blocks that only versions name.
    pub held_blocks: u64,
    /// Ended states.
    pub versions: u64,
    /// Their index entries.
    pub expiries: u64,
    /// Things promised.
    pub intents: u64,
    /// Space records not folded yet.
    pub space_records: u64,
    /// Segments.
    pub segments: u64,
}

/// What to do about a problem.
#[derive(Clone, Copy)]
pub(super) enum Advice {
    Backup,
    Newer,
    Counter,
    Leak,
    Twice,
    Versions,
    Intents,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.problems_found == 0
    }

    pub(super) fn add(&mut self, key: &Key, what: String, advice: Advice) {
        self.problems_found += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem { key: key.clone(), what, advice: advice.text() });
        }
    }

    pub(super) fn at<'a>(&'a mut self, key: &'a Key) -> At<'a> {
        At { report: self, key }
    }

    pub(super) fn decode<R: Record>(&mut self, key: &Key, value: &[u8]) -> Option<R> {
        let record = R::decode(value);
        record.map_err(|problem| self.add(key, problem.to_string(), Advice::Backup)).ok()
    }

    pub(super) fn must_decode<R: Record>(&mut self, key: &Key, value: &[u8]) {
        let _record: Option<R> = self.decode(key, value);
    }
}

/// A report on one record.
pub(super) struct At<'a> {
    report: &'a mut Report,
    pub(super) key: &'a Key,
}

impl At<'_> {
    pub(super) fn wrong(&mut self, what: impl Into<String>, advice: Advice) {
        self.report.add(self.key, what.into(), advice);
    }

    pub(super) fn decode<R: Record>(&mut self, value: &[u8]) {
        self.report.must_decode::<R>(self.key, value);
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}; {}", self.key, self.what, self.advice)
    }
}

impl Advice {
    fn text(self) -> &'static str {
        match self {
            Self::Backup => "copy what can still be read, and restore the rest from a backup",
            Self::Newer => "open the store with the version that wrote it; if there is none, restore from a backup",
            Self::Counter => "data is whole, but counters and quotas are wrong: keep this report and the store's log",
            Self::Leak => "space is lost, no data: keep this report; the blocks can be freed when nothing runs",
            Self::Twice => "stop writing at once: two owners would overwrite each other; copy the data elsewhere",
            Self::Versions => "the live files are whole; snapshots of this time may be wrong, take new ones",
            Self::Intents => "the names are whole; space will not come back by itself: keep this report",
        }
    }
}

const PROBLEMS_MAX: usize = 1000;
