//! The rows of the comparison: what each does, which figure of it counts, and its bar.

mod bar;
mod list;
mod ways;

pub(crate) use bar::{Bar, Figures, Verdict};
pub(crate) use list::ROWS;
pub(crate) use ways::measure;

use super::load::Door;
use super::servers::Server;

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    /// A name that never changes, for `--rows` and the JSON.
    pub(crate) key: &'static str,
    /// What it is, for people.
    pub(crate) what: &'static str,
    /// Rows of one stage that follow each other share a server; each stage begins with an empty folder.
    pub(crate) stage: &'static str,
    pub(crate) way: Way,
    /// Over which protocol.
    pub(crate) door: Door,
    /// Operation of the load generator, connections, depth.
    pub(crate) load: (&'static str, u64, u64),
    pub(crate) shown: Shown,
    pub(crate) servers: &'static [Server],
    pub(crate) bars: &'static [Bar],
}

/// How a row is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// The load, on a server that has just prepared it.
    Plain,
    /// The load, once the server rests from preparing, and the server's time until it rests again.
    Drained,
    /// As drained, of a file that was read once from its begin to its end.
    Cached,
    /// As drained, of names, over a log so small that a checkpoint falls into every run.
    Names,
    /// As names, of files that were made before, until they are used up.
    UsedUp,
    /// A file larger than caches is written; before each row the server is started again and the page cache emptied.
    ColdFile,
    /// Names in a small memory budget, after a new start.
    ColdNames,
    /// A directory of 100,000 entries, made on disk where the server cannot make so many.
    Listing,
    /// The server's memory for each of many connections at rest.
    Idle,
    /// Beside a stream of writes.
    BesideWrites,
    /// Server and load on both cores, as a multiple of both on one.
    BothCores,
    /// Reading a file in order after it was overwritten at random, as a part of what it was before.
    Overwritten,
}

/// The figure that a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Operations in a second, and microseconds of the server's CPU for each.
    Operations,
    /// Bytes in a second, and seconds of the server's CPU for a GiB.
    Bytes,
    /// Bytes of the server's memory.
    Memory,
    /// A ratio of two runs.
    Ratio,
    /// The 99th percentile of latency.
    Latency,
}
