//! `bench stalls`: the longest that anybody waits while Berth does something large, and how soon it serves after kill -9.

mod watch;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;

use super::binaries::Binaries;
use super::bytes::MIB;
use super::isolation::{self, Entered};
use super::life::Life;
use super::load::Load;
use super::results;
use super::servers::Server;
use super::site::Site;
use crate::report::now;
use watch::{Watched, watch};

#[derive(Args)]
pub(crate) struct StallsOptions {
    /// Files that are made and removed.
    #[arg(long, default_value_t = 1_000_000)]
    files: u64,
    /// Seconds of small files that go round a small log.
    #[arg(long, default_value_t = 30.0)]
    seconds: f64,
    /// Few files, few seconds: only to see that it works.
    #[arg(long)]
    quick: bool,
    /// Where the results are written; benches/results when not named.
    #[arg(long)]
    results: Option<PathBuf>,
    /// Only print; write no results.
    #[arg(long)]
    dry: bool,
    /// Folder for what the server writes.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Use the programs in this folder instead of building them.
    #[arg(long)]
    binaries: Option<PathBuf>,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Stalls {
    files: u64,
    works: Vec<Work>,
    /// From the start after kill -9 to the first READ answered.
    recovery_seconds: f64,
}

/// Something large, and the longest that others waited meanwhile.
#[derive(Debug, Serialize)]
struct Work {
    what: &'static str,
    watched: Watched,
}

pub(crate) fn run(options: &StallsOptions) -> Result<()> {
    if !isolation::is_inside() {
        Binaries::build(options.binaries.as_deref())?;
    }
    let Entered::Here(isolation) = isolation::enter(true)? else { return Ok(()) };
    let site = Site::open(options.folder.as_deref(), Binaries::built(options.binaries.as_deref())?, isolation)?;
    let stalls = measure(&site, options)?;
    let page = stalls.page(&site);
    if !options.dry {
        let folder = options.results.clone().unwrap_or_else(results::folder);
        results::write(&folder, ("stalls", &page, &serde_json::to_string_pretty(&stalls)?))?;
    }
    results::print(&page)
}

fn measure(site: &Site, options: &StallsOptions) -> Result<Stalls> {
    let (files, seconds) = if options.quick { (2000, 2.0) } else { (options.files, options.seconds) };
    let works = vec![wrap(site, seconds).context("going round the log")?];
    let mut life = Life::begin(site, Server::Berth)?;
    let read = Load { file_bytes: 16 * MIB, folder: Some("read"), ..Load::new("read4k", 1, site) };
    life.prepare(&read)?;
    let tree = Load { entries: files, directories: files.div_ceil(1000), folder: Some("tree"), ..remove(site) };
    let making =
        watched(&mut life, "making the files (checkpoints, compaction)", &Load { phase: "prepare", ..tree.clone() });
    let mut stalls = Stalls { files, works, recovery_seconds: 0.0 };
    stalls.works.push(making?);
    stalls.recovery_seconds = recover(&mut life, &Load { phase: "measure", limit: Some(1), warmup: 0.0, ..read })?;
    stalls.works.push(watched(&mut life, "removing them", &Load { phase: "measure", ..tree })?);
    life.end()?;
    Ok(stalls)
}

/// Small files over a log that is soon full, so that it wraps and checkpoints are urgent.
fn wrap(site: &Site, seconds: f64) -> Result<Work> {
    let mut life = Life::begin(site, Server::Berth)?;
    life.how.log_bytes = 16 * MIB;
    let load = Load { seconds, warmup: 0.0, ..Load::new("small-file", 64, site) };
    let work = watched(&mut life, "small files round a log of 16 MiB (checkpoints, log wrap)", &load)?;
    life.end()?;
    Ok(work)
}

fn remove(site: &Site) -> Load {
    Load { seconds: 3600.0, warmup: 0.0, ..Load::new("remove", 64, site) }
}

fn watched(life: &mut Life<'_>, what: &'static str, load: &Load) -> Result<Work> {
    let site = life.site;
    let watched = watch(site, life.running()?, load).context(what)?;
    eprintln!("bench: {what}: {watched}");
    Ok(Work { what, watched })
}

/// Kills the server, starts it again, and reads: seconds.
fn recover(life: &mut Life<'_>, read: &Load) -> Result<f64> {
    life.kill()?;
    let begin = now();
    life.run(read).context("the first READ after kill -9")?;
    let took = begin.elapsed().as_secs_f64();
    eprintln!("bench: first READ {took:.2} s after the start that followed kill -9");
    Ok(took)
}

impl Stalls {
    fn page(&self, site: &Site) -> String {
        let mut text = String::from("# The longest waits\n\n");
        text += &results::machine(&site.log());
        text += &format!("- {} files\n\n", self.files);
        text += "| meanwhile | seconds | the work itself | GETATTR d1 | CREATE + WRITE + COMMIT d1 | all below 1 s |\n";
        text += "| --- | ---: | ---: | ---: | ---: | --- |\n";
        for Work { what, watched } in &self.works {
            let own = watched.own_ms.map_or_else(|| "-".to_owned(), |longest| format!("{longest:.0} ms"));
            text += &format!(
                "| {what} | {:.0} | {own} | {:.0} ms | {:.0} ms | {} |\n",
                watched.seconds,
                watched.getattr_ms,
                watched.small_file_ms,
                yes(watched.longest_ms() < 1000.0)
            );
        }
        let within = yes(self.recovery_seconds <= 2.0);
        let seconds = self.recovery_seconds;
        text + &format!(
            "\nFirst READ after kill -9 and a new start with {} files: {seconds:.2} s (within 2 s: {within}).\n",
            self.files
        )
    }
}

fn yes(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "**no**" }
}
