//! `bench compare`: Berth and other servers in turn on the same disk, A B A B, row by row.

mod table;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;

use super::binaries::Binaries;
use super::isolation::{self, Entered, Isolation};
use super::life::Life;
use super::limits::Limits;
use super::load::{Door, Sample};
use super::results;
use super::rows::{ROWS, Row, measure};
use super::servers::Server;
use super::site::Site;
use crate::report::now;

#[derive(Args)]
pub(crate) struct CompareOptions {
    /// Half a second for each figure and small files: only to see that it works.
    #[arg(long)]
    quick: bool,
    /// Only these rows, by their keys, with commas between.
    #[arg(long, value_delimiter = ',')]
    rows: Vec<String>,
    /// How often each server is measured in each row; twice over NFS and once over SMB when not set.
    #[arg(long)]
    rounds: Option<u32>,
    /// Only these servers, with commas between.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Server>,
    /// Print the samples as JSON instead of the table.
    #[arg(long)]
    json: bool,
    /// Where the results are written; benches/results when not named.
    #[arg(long)]
    results: Option<PathBuf>,
    /// Only print; write no results.
    #[arg(long)]
    dry: bool,
    /// Leave the limits of the machine out.
    #[arg(long)]
    no_limits: bool,
    /// Run on the machine's own loopback even as root.
    #[arg(long)]
    shared: bool,
    /// Folder for what the servers write; its disk is the one that is measured.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Use the programs in this folder instead of building them.
    #[arg(long)]
    binaries: Option<PathBuf>,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    pub(crate) limits: Limits,
    pub(crate) cells: Vec<Cell>,
    /// Servers that were not measured, and why.
    pub(crate) missing: Vec<String>,
    pub(crate) rounds: String,
    pub(crate) network: &'static str,
    pub(crate) quick: bool,
}

/// One server in one row and round.
#[derive(Debug, Serialize)]
pub(crate) struct Cell {
    pub(crate) row: &'static str,
    pub(crate) server: &'static str,
    pub(crate) round: u32,
    pub(crate) sample: Option<Sample>,
    /// Why there is none.
    pub(crate) failure: Option<String>,
}

impl Comparison {
    fn has(&self, row: &Row) -> bool {
        self.cells.iter().any(|cell| cell.row == row.key)
    }
}

pub(crate) fn run(options: &CompareOptions) -> Result<()> {
    let rows = selected(&options.rows)?;
    if !isolation::is_inside() {
        Binaries::build(options.binaries.as_deref())?;
        for server in options.servers() {
            // What is missing is told in the results.
            server.install().unwrap_or_else(|error| eprintln!("bench: {}: {error:#}", server.name()));
        }
    }
    let Entered::Here(isolation) = isolation::enter(!options.shared)? else { return Ok(()) };
    let site = Site::open(options.folder.as_deref(), Binaries::built(options.binaries.as_deref())?, isolation)?;
    let mut comparison = options.empty(&site)?;
    let (there, missing) = present(&options.servers(), isolation);
    comparison.missing = missing;
    for stage in rows.chunk_by(|one, other| one.stage == other.stage) {
        options.stage(&site, (stage, &there), &mut comparison.cells);
    }
    let page = table::page(&comparison, &site);
    if !options.dry {
        let folder = options.results.clone().unwrap_or_else(results::folder);
        results::write(&folder, ("compare", &page, &serde_json::to_string_pretty(&comparison)?))?;
    }
    results::print(&if options.json { serde_json::to_string(&comparison)? } else { page })
}

impl CompareOptions {
    fn servers(&self) -> Vec<Server> {
        if self.only.is_empty() { Server::ALL.to_vec() } else { self.only.clone() }
    }

    fn empty(&self, site: &Site) -> Result<Comparison> {
        let limits = if self.no_limits { Limits::default() } else { Limits::measure(site, self.quick)? };
        let network = site.isolation.describe();
        Ok(Comparison {
            limits,
            cells: Vec::new(),
            missing: Vec::new(),
            rounds: match self.rounds {
                Some(rounds) => rounds.to_string(),
                None => format!("{NFS_ROUNDS} over NFS, {SMB_ROUNDS} over SMB"),
            },
            network,
            quick: self.quick,
        })
    }

    /// Rows that share a server, in each round by every server in turn.
    fn stage(&self, site: &Site, (rows, there): (&[&'static Row], &[Server]), cells: &mut Vec<Cell>) {
        let is_smb = rows.iter().any(|row| matches!(row.door, Door::Smb(_)));
        for round in 1..=self.rounds.unwrap_or(if is_smb { SMB_ROUNDS } else { NFS_ROUNDS }) {
            for server in there.iter().filter(|server| rows.iter().any(|row| row.servers.contains(server))) {
                match Life::begin(site, *server) {
                    Ok(life) => live(life, (rows, round, self.quick), cells),
                    Err(error) => eprintln!("bench: {error:#}"),
                }
            }
        }
    }
}

/// The rows of a stage, one after the other.
fn live(mut life: Life<'_>, (rows, round, quick): (&[&'static Row], u32, bool), cells: &mut Vec<Cell>) {
    let server = life.server;
    for row in rows.iter().filter(|row| row.servers.contains(&server)) {
        let begin = now();
        let outcome = measure(row, &mut life, quick);
        let (sample, failure) = match outcome {
            Ok(sample) => (Some(sample), None),
            Err(error) => (None, Some(format!("{error:#}"))),
        };
        let told = match (&sample, &failure) {
            (Some(sample), _) => table::told(row, sample),
            (_, failure) => format!("FAILED: {}", failure.as_deref().unwrap_or_default()),
        };
        let took = begin.elapsed().as_secs_f64();
        eprintln!("bench: {} {} round {round}: {told} ({took:.0} s)", row.key, server.name());
        cells.push(Cell { row: row.key, server: server.name(), round, sample, failure });
    }
    if let Err(error) = life.end() {
        eprintln!("bench: stopping {}: {error:#}", server.name());
    }
}

/// Those that can be measured here, and a line for each of the others.
fn present(servers: &[Server], isolation: Isolation) -> (Vec<Server>, Vec<String>) {
    let (mut there, mut missing) = (Vec::new(), Vec::new());
    for server in servers {
        match server.missing(isolation) {
            None => there.push(*server),
            Some(why) => {
                eprintln!("bench: {} is left out: {why}", server.name());
                missing.push(format!("{}: {why}", server.name()));
            }
        }
    }
    (there, missing)
}

fn selected(keys: &[String]) -> Result<Vec<&'static Row>> {
    if let Some(unknown) = keys.iter().find(|key| !ROWS.iter().any(|row| row.key == **key)) {
        let known: Vec<_> = ROWS.iter().map(|row| row.key).collect();
        bail!("there is no row {unknown:?}; there are {}", known.join(", "));
    }
    Ok(ROWS.iter().filter(|row| keys.is_empty() || keys.iter().any(|key| key == row.key)).collect())
}

/// What fits into 20 minutes on two cores, building included.
const NFS_ROUNDS: u32 = 2;
const SMB_ROUNDS: u32 = 1;

#[cfg(test)]
mod tests {
    use super::selected;

    #[test]
    fn rows_are_named_by_their_keys() {
        let keys = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
            selected(&names).map(|rows| rows.iter().map(|row| row.key).collect::<Vec<_>>())
        };
        assert_eq!(keys(&["mkdir", "null"]).unwrap(), ["null", "mkdir"]);
        assert!(keys(&[]).unwrap().len() > 15);
        assert!(keys(&["mkdirs"]).unwrap_err().to_string().starts_with("there is no row \"mkdirs\"; there are null, "));
    }
}
