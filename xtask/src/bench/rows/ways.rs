//! How each kind of row is measured.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::super::bytes::{GIB, MIB};
use super::super::load::{Load, Sample};
use super::super::process::output_within;
use super::super::servers::{How, Running, Server};
use super::super::site::{Site, cores};
use super::{Row, Way};

/// One server on one folder, from the first row of a stage to the last.
#[derive(Debug)]
pub(crate) struct Life<'a> {
    site: &'a Site,
    server: Server,
    data: PathBuf,
    running: Option<Running>,
    /// It did not start: no row tries again.
    is_broken: bool,
    how: How,
    /// Small sizes and short windows.
    quick: bool,
    /// Whether an earlier row of the stage has made what these rows share.
    is_prepared: bool,
}

/// Measures a row.
pub(crate) fn measure(row: &Row, life: &mut Life<'_>) -> Result<Sample> {
    match row.way {
        Way::Plain => life.plain(row),
        Way::Drained => life.drained(row),
        Way::UsedUp => life.used_up(row),
        Way::ColdFile => life.cold_file(row),
        Way::ColdNames => life.cold_names(row),
        Way::Listing => life.listing(row),
        Way::Idle => life.idle(row),
        Way::BesideWrites => life.beside_writes(row),
        Way::BothCores => life.both_cores(row),
        Way::Overwritten => life.overwritten(row),
    }
}

impl<'a> Life<'a> {
    /// On an empty folder; nothing runs yet.
    pub(crate) fn begin(site: &'a Site, server: Server, quick: bool) -> Result<Self> {
        let how = How { cores: site.server_cores(), memory_bytes: MEMORY_BYTES, log_bytes: LOG_BYTES };
        Ok(Self { site, server, data: site.fresh()?, running: None, is_broken: false, how, quick, is_prepared: false })
    }

    pub(crate) fn end(mut self) -> Result<()> {
        self.stop()
    }

    fn plain(&mut self, row: &Row) -> Result<Sample> {
        let load = self.load(row);
        self.run(&load)
    }

    fn drained(&mut self, row: &Row) -> Result<Sample> {
        let load = Load { drain: DRAIN_SECONDS, ..self.load(row) };
        self.run(&load)
    }

    fn used_up(&mut self, row: &Row) -> Result<Sample> {
        let entries = match self.server {
            _ if self.quick => 2000,
            Server::Berth => 100_000,
            // It holds on to a descriptor for each file made and gives up at the limit of the process.
            Server::Ganesha | Server::Nfsserve => 15_000,
        };
        let load = Load { drain: DRAIN_SECONDS, warmup: 0.0, entries, ..self.load(row) };
        self.run(&load)
    }

    fn cold_file(&mut self, row: &Row) -> Result<Sample> {
        self.how.memory_bytes = SMALL_MEMORY_BYTES;
        let file_bytes = if self.quick { 256 * MIB } else { 4 * GIB };
        let load = Load { file_bytes, folder: Some(FOLDER), ..self.load(row) };
        self.prepare(&load)?;
        self.cool()?;
        self.run(&Load { phase: "measure", ..load })
    }

    fn cold_names(&mut self, row: &Row) -> Result<Sample> {
        self.how.memory_bytes = 64 * MIB;
        let entries = if self.quick { 2000 } else { 200_000 };
        let load = Load { entries, directories: 200, folder: Some(FOLDER), ..self.load(row) };
        self.prepare(&load)?;
        self.cool()?;
        self.run(&Load { phase: "measure", ..load })
    }

    fn listing(&mut self, row: &Row) -> Result<Sample> {
        let entries = if self.quick { 2000 } else { 100_000 };
        let load = Load { entries, folder: Some(FOLDER), ..self.load(row) };
        match self.server.export_folder(&self.data) {
            Some(export) => make_files(&export.join(FOLDER), entries)?,
            None => self.prepare(&load)?,
        }
        let load = Load { phase: "measure", ..load };
        // Warm: a whole listing before the one that counts.
        self.run(&Load { warmup: 0.0, limit: Some(entries / 100), ..load.clone() })?;
        self.run(&load)
    }

    fn idle(&mut self, row: &Row) -> Result<Sample> {
        let idle_connections = if self.quick { 100 } else { 2000 };
        let load = Load { idle_connections, seconds: 0.5, ..self.load(row) };
        self.run(&load)
    }

    fn beside_writes(&mut self, row: &Row) -> Result<Sample> {
        let load = self.load(row);
        let seconds = load.seconds + 2.0 * load.warmup + 2.0;
        let writes = Load { operation: "write1m", depth: 8, seconds, ..load.clone() };
        let stream = writes.command(self.site, self.running()?).spawn().context("cannot start nfs-load")?;
        // The file that it writes is filled before.
        std::thread::sleep(Duration::from_secs(1));
        let sample = self.run(&load);
        let wrote = output_within(stream, WRITES_LIMIT)?;
        ensure!(wrote.status.success(), "the writes: {}", String::from_utf8_lossy(&wrote.stderr).trim());
        sample
    }

    fn both_cores(&mut self, row: &Row) -> Result<Sample> {
        ensure!(cores() > 1, "this machine has one core");
        let mut samples = Vec::new();
        for (cores, threads) in [("0", 1), ("0,1", 2)] {
            self.stop()?;
            self.how.cores = Some(cores);
            let load = Load { cores: Some(cores), threads, ..self.load(row) };
            samples.push(self.run(&load)?);
        }
        let (both, one) = (samples.pop().context("no sample")?, samples.pop().context("no sample")?);
        let ratio = Some(both.operations_per_second / one.operations_per_second);
        Ok(Sample { ratio, ..both })
    }

    fn overwritten(&mut self, row: &Row) -> Result<Sample> {
        self.how.memory_bytes = SMALL_MEMORY_BYTES;
        let file_bytes = if self.quick { 64 * MIB } else { GIB };
        let read = Load { file_bytes, folder: Some(FOLDER), limit: Some(file_bytes / MIB), ..self.load(row) };
        let read = Load { warmup: 0.0, seconds: 60.0, ..read };
        self.prepare(&read)?;
        let read = Load { phase: "measure", ..read };
        self.cool()?;
        let fresh = self.run(&read)?;
        let writes = Load { operation: "write4k", depth: 64, limit: Some(file_bytes / 4096), ..read.clone() };
        self.run(&Load { drain: DRAIN_SECONDS, ..writes })?;
        self.cool()?;
        let after = self.run(&read)?;
        let ratio = Some(after.megabytes_per_second / fresh.megabytes_per_second);
        Ok(Sample { ratio, ..after })
    }

    fn load(&self, row: &Row) -> Load {
        let (operation, connections, depth) = row.load;
        let load = Load { connections, ..Load::new(operation, depth, self.site) };
        if self.quick { Load { seconds: 0.5, warmup: 0.1, file_bytes: 16 * MIB, ..load } } else { load }
    }

    fn run(&mut self, load: &Load) -> Result<Sample> {
        let site = self.site;
        load.run(site, self.running()?)
    }

    fn running(&mut self) -> Result<&Running> {
        if self.running.is_none() {
            ensure!(!self.is_broken, "it did not start");
            self.is_broken = true;
            self.running = Some(self.server.start(self.site, &self.data, self.how)?);
            self.is_broken = false;
        }
        self.running.as_ref().context("the server does not run")
    }

    fn prepare(&mut self, load: &Load) -> Result<()> {
        if !std::mem::replace(&mut self.is_prepared, true) {
            self.run(&Load { phase: "prepare", ..load.clone() })?;
        }
        Ok(())
    }

    fn stop(&mut self) -> Result<()> {
        self.running.take().map_or(Ok(()), Running::stop)
    }

    /// Started again, with nothing cached.
    fn cool(&mut self) -> Result<()> {
        self.stop()?;
        self.site.forget_pages()
    }
}

/// As `nfs-load` names them.
fn make_files(folder: &Path, entries: u64) -> Result<()> {
    fs::create_dir_all(folder)?;
    for name in std::iter::once("file".to_owned()).chain((0..entries).map(|number| format!("old-{number}"))) {
        File::create(folder.join(name))?;
    }
    Ok(())
}

const WRITES_LIMIT: Duration = Duration::from_secs(60);
const FOLDER: &str = "bench";
const MEMORY_BYTES: u64 = GIB;
/// Files that shall not be cached are many times as large.
const SMALL_MEMORY_BYTES: u64 = 256 * MIB;
/// The default.
const LOG_BYTES: u64 = 256 * MIB;
/// Write-back and checkpoints of the servers end within it.
const DRAIN_SECONDS: f64 = 15.0;
