//! Benches: what the machine can do, how Berth does beside other servers, and as it grows. benches/README.md tells how to
//! read them.

mod binaries;
mod bytes;
mod compare;
mod isolation;
mod life;
mod limits;
mod load;
mod plot;
mod process;
mod results;
mod rows;
mod scale;
mod servers;
mod site;
mod stalls;
mod statistics;

use anyhow::Result;
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// What this machine can do at most: loopback, memory, disk, log.
    Limits(limits::LimitsOptions),
    /// Berth and other servers in turn on the same disk, beside the bars.
    Compare(compare::CompareOptions),
    /// How Berth does as files, connections, directories, extents and memory grow.
    Scale(scale::ScaleOptions),
    /// The longest that anybody waits while Berth does something large, and how soon it serves again after kill -9.
    Stalls(stalls::StallsOptions),
}

pub(crate) fn run(verb: &Verb) -> Result<()> {
    match verb {
        Verb::Limits(options) => limits::run(options),
        Verb::Compare(options) => compare::run(options),
        Verb::Scale(options) => scale::run(options),
        Verb::Stalls(options) => stalls::run(options),
    }
}
