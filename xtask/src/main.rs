//! The commands of the README: the gate (`test`), its quick half (`lint`), the test clients (`clients`), fuzzing (`fuzz`), benches
//! (`bench`).

mod bench;
mod clients;
mod command;
mod fuzz;
mod gate;
mod report;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's commands; CI runs exactly `cargo xtask test`.")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// The gate: clients, format, clippy, tests, docs, fuzz smoke, licences.
    Test(gate::TestOptions),
    /// Only what reads the sources: format, clippy, licences.
    Lint,
    /// Install the Debian packages that the tests use (as root), or say which are missing.
    Clients(clients::ClientOptions),
    /// Run the decoders under libFuzzer (needs a C++ compiler).
    Fuzz(fuzz::FuzzOptions),
    /// How fast Berth is: against the machine, other servers, and its own size.
    #[command(subcommand)]
    Bench(bench::Verb),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().verb {
        Verb::Test(options) => gate::test(&options),
        Verb::Lint => gate::lint(),
        Verb::Clients(options) => clients::run(&options),
        Verb::Fuzz(options) => fuzz::run(&options),
        Verb::Bench(verb) => bench::run(&verb),
    };
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    // One line: a backtrace of this tool tells nobody why the gate failed.
    eprintln!("\nerror: {error:#}");
    ExitCode::FAILURE
}
