//! How each kind of row is measured.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::super::bytes::{GIB, MIB};
use super::super::life::Life;
use super::super::load::{Load, Sample};
use super::super::process::output_within;
use super::super::servers::{Server, metadata_bytes};
use super::super::site::cores;
use super::{Row, Way};

/// Measures a row.
pub(crate) fn measure(row: &Row, life: &mut Life<'_>, quick: bool) -> Result<Sample> {
    let mut run = Run { life, quick };
    match row.way {
        Way::Plain => run.plain(row),
        Way::Drained => run.drained(row),
        Way::Cached => run.cached(row),
        Way::Names => run.names(row),
        Way::UsedUp => run.used_up(row),
        Way::ColdFile => run.cold_file(row),
        Way::ColdNames => run.cold_names(row),
        Way::Listing => run.listing(row),
        Way::Idle => run.idle(row),
        Way::BesideWrites => run.beside_writes(row),
        Way::BothCores => run.both_cores(row),
        Way::Overwritten => run.overwritten(row),
    }
}

/// A row on a server.
struct Run<'a, 'b> {
    life: &'a mut Life<'b>,
    /// Small sizes and short windows.
    quick: bool,
}

impl Run<'_, '_> {
    fn plain(&mut self, row: &Row) -> Result<Sample> {
        let load = self.load(row);
        self.life.run(&load)
    }

    fn drained(&mut self, row: &Row) -> Result<Sample> {
        let load = Load { drain: DRAIN_SECONDS, ..self.load(row) };
        self.life.run(&load)
    }

    fn cached(&mut self, row: &Row) -> Result<Sample> {
        let load = Load { folder: Some(FOLDER), drain: DRAIN_SECONDS, ..self.load(row) };
        self.life.prepare(&load)?;
        let load = Load { phase: "measure", ..load };
        // A warm-up at random would leave blocks out, which are then read from the disk in the time that counts.
        let whole = Load { operation: "read1m", depth: 8, limit: Some(load.file_bytes / MIB), ..load.clone() };
        self.life.run(&Load { warmup: 0.0, seconds: WHOLE_SECONDS, ..whole })?;
        self.life.run(&load)
    }

    fn names(&mut self, row: &Row) -> Result<Sample> {
        self.life.how.log_bytes = NAMES_LOG_BYTES;
        self.drained(row)
    }

    fn used_up(&mut self, row: &Row) -> Result<Sample> {
        let entries = match self.life.server {
            _ if self.quick => 2000,
            Server::Berth => 100_000,
            // ganesha holds on to a descriptor for each file made and gives up at the limit of the process; others take
            // as long for fewer.
            Server::Ganesha | Server::Nfsserve | Server::Samba => 15_000,
        };
        self.life.how.log_bytes = NAMES_LOG_BYTES;
        let load = Load { drain: DRAIN_SECONDS, warmup: 0.0, entries, ..self.load(row) };
        self.life.run(&load)
    }

    fn cold_file(&mut self, row: &Row) -> Result<Sample> {
        self.life.how.memory_bytes = SMALL_MEMORY_BYTES;
        let file_bytes = if self.quick { 256 * MIB } else { 4 * GIB };
        // No byte twice, or few: the page cache that other servers use would have it then.
        let limit = if row.load.0 == "read1m" { file_bytes / MIB } else { file_bytes / 4096 / 10 };
        let load = Load { file_bytes, folder: Some(FOLDER), limit: Some(limit), ..self.load(row) };
        self.life.prepare(&load)?;
        self.life.cool()?;
        self.life.run(&Load { phase: "measure", warmup: 0.0, seconds: COLD_SECONDS, drain: DRAIN_SECONDS, ..load })
    }

    fn cold_names(&mut self, row: &Row) -> Result<Sample> {
        self.life.how.memory_bytes = 64 * MIB;
        let entries = if self.quick { 2000 } else { 200_000 };
        let load = Load { entries, directories: 200, folder: Some(FOLDER), drain: DRAIN_SECONDS, ..self.load(row) };
        self.life.prepare(&load)?;
        self.life.cool()?;
        self.life.run(&Load { phase: "measure", ..load })
    }

    fn listing(&mut self, row: &Row) -> Result<Sample> {
        let entries = if self.quick { 2000 } else { 100_000 };
        let load = Load { entries, folder: Some(FOLDER), drain: DRAIN_SECONDS, ..self.load(row) };
        match self.life.export_folder() {
            Some(export) => make_files(&export.join(FOLDER), entries)?,
            None => self.life.prepare(&load)?,
        }
        let load = Load { phase: "measure", ..load };
        // Warm: a whole listing before the one that counts.
        self.life.run(&Load { warmup: 0.0, limit: Some(entries / 100), ..load.clone() })?;
        self.life.run(&load)
    }

    fn idle(&mut self, row: &Row) -> Result<Sample> {
        let idle_connections = if self.quick { 100 } else { 1000 };
        let load = Load { idle_connections, seconds: 0.5, ..self.load(row) };
        self.life.run(&load)
    }

    fn beside_writes(&mut self, row: &Row) -> Result<Sample> {
        let load = self.load(row);
        let seconds = load.seconds + 2.0 * load.warmup + 2.0;
        let writes = Load { operation: "write1m", depth: 8, seconds, ..load.clone() };
        let stream = writes.command(self.life.site, self.life.running()?)?.spawn().context("cannot start the load")?;
        // The file that it writes is filled before.
        std::thread::sleep(Duration::from_secs(1));
        let sample = self.life.run(&load);
        let wrote = output_within(stream, WRITES_LIMIT)?;
        ensure!(wrote.status.success(), "the writes: {}", String::from_utf8_lossy(&wrote.stderr).trim());
        sample
    }

    fn both_cores(&mut self, row: &Row) -> Result<Sample> {
        ensure!(cores() > 1, "this machine has one core");
        let mut samples = Vec::new();
        for (cores, threads) in [("0", 1), ("0,1", 2)] {
            self.life.stop()?;
            self.life.how.cores = Some(cores);
            let load = Load { cores: Some(cores), threads, ..self.load(row) };
            samples.push(self.life.run(&load)?);
        }
        let (both, one) = (samples.pop().context("no sample")?, samples.pop().context("no sample")?);
        let ratio = Some(both.operations_per_second / one.operations_per_second);
        Ok(Sample { ratio, ..both })
    }

    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    fn overwritten(&mut self, row: &Row) -> Result<Sample> {
        self.life.how.memory_bytes = SMALL_MEMORY_BYTES;
        let file_bytes = if self.quick { 64 * MIB } else { GIB };
        let read = Load { file_bytes, folder: Some(FOLDER), limit: Some(file_bytes / MIB), ..self.load(row) };
        let read = Load { warmup: 0.0, seconds: 60.0, ..read };
        self.life.prepare(&read)?;
        let read = Load { phase: "measure", ..read };
        self.life.cool()?;
        let fresh = self.life.run(&read)?;
        let writes = Load { operation: "write4k", depth: 64, limit: Some(file_bytes / 4096), ..read.clone() };
        self.life.run(&Load { drain: DRAIN_SECONDS, ..writes })?;
        self.life.cool()?;
        let metadata_part = metadata_bytes(&self.life.data).map(|bytes| bytes as f64 / file_bytes as f64);
        let after = self.life.run(&read)?;
        // Whatever puts the file in order has heard of it by this read. It rests in between, so its CPU tells nothing.
        std::thread::sleep(ORDER_BEGIN + ORDER_OF_MIB * u32::try_from(file_bytes / MIB)?);
        self.life.cool()?;
        let in_order = self.life.run(&read)?;
        let to_fresh = |sample: &Sample| Some(sample.megabytes_per_second / fresh.megabytes_per_second);
        let (ratio, ratio_in_order) = (to_fresh(&after), to_fresh(&in_order));
        Ok(Sample { ratio, ratio_in_order, metadata_part, ..after })
    }

    fn load(&self, row: &Row) -> Load {
        let (operation, connections, depth) = row.load;
        let load = Load { door: row.door, connections, ..Load::new(operation, depth, self.life.site) };
        if self.quick { Load { seconds: 0.5, warmup: 0.1, file_bytes: 16 * MIB, ..load } } else { load }
    }
}

/// As the load generators name them.
fn make_files(folder: &Path, entries: u64) -> Result<()> {
    fs::create_dir_all(folder)?;
    for name in std::iter::once("file".to_owned()).chain((0..entries).map(|number| format!("old-{number}"))) {
        File::create(folder.join(name))?;
    }
    Ok(())
}

const WRITES_LIMIT: Duration = Duration::from_secs(60);
/// At most; they end before when everything was read.
const COLD_SECONDS: f64 = 15.0;
/// Likewise.
const WHOLE_SECONDS: f64 = 15.0;
/// Berth puts 80 MB a second in order at most.
const ORDER_OF_MIB: Duration = Duration::from_millis(20);
const ORDER_BEGIN: Duration = Duration::from_secs(3);
/// A checkpoint begins when it is half full.
const NAMES_LOG_BYTES: u64 = 64 * MIB;
const FOLDER: &str = "bench";
/// Files that shall not be cached are many times as large.
const SMALL_MEMORY_BYTES: u64 = 256 * MIB;
/// Write-back and checkpoints of the servers end within it.
const DRAIN_SECONDS: f64 = 15.0;
