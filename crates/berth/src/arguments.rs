//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// A NAS gateway: tenants mount the shares of their own access zone.
#[derive(Debug, Parser)]
#[command(name = "berth", version, about)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Serves the zones of a configuration until SIGTERM.
    Serve(ServeArguments),
    /// Looks for damage in a store that no gateway serves; changes nothing that it holds.
    Check(CheckArguments),
    /// Serves two zones, contoso on 127.0.0.1 and fabrikam on 127.0.0.2, from a store in a folder.
    Demo(DemoArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// The settings file (berth.toml).
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Only say whether settings and zone files are right.
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// The settings file that names the store.
    #[arg(long, value_name = "FILE", required_unless_present = "data", conflicts_with = "data")]
    pub(crate) config: Option<PathBuf>,
    /// The folder of the store.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// The folder of the store; kept between runs.
    #[arg(long, value_name = "DIR", default_value = "berth-demo")]
    pub(crate) data: PathBuf,
    /// Print one JSON line when ready, instead of how to mount.
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn check_wants_one_store() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' ')).is_ok();
        assert!(parse("berth check --data store") && parse("berth check --config berth.toml --json"));
        assert!(!parse("berth check") && !parse("berth check --data store --config berth.toml"));
        assert!(parse("berth demo") && parse("berth demo --data here --json"));
        assert!(!parse("berth serve") && parse("berth serve --config berth.toml --check"));
    }
}
