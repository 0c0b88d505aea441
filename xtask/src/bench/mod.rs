//! Benches: what the machine can do, how Berth does beside other servers, and as it grows. benches/README.md tells how to
//! read them.

mod binaries;
mod bytes;
mod compare;
mod isolation;
mod limits;
mod load;
mod process;
mod results;
mod rows;
mod servers;
mod site;
mod statistics;

use anyhow::Result;
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// What this machine can do at most: loopback, memory, disk, log.
    Limits(limits::LimitsOptions),
    /// Berth and other servers in turn on the same disk, beside the bars.
    Compare(compare::CompareOptions),
}

pub(crate) fn run(verb: &Verb) -> Result<()> {
    match verb {
        Verb::Limits(options) => limits::run(options),
        Verb::Compare(options) => compare::run(options),
    }
}
