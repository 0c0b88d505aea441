//! What grows, and what is measured at each size.

use anyhow::Result;

use super::super::bytes::{GIB, MIB};
use super::super::life::Life;
use super::super::load::{Load, Sample};
use super::super::servers::Server;
use super::super::site::Site;

/// Operations measured at one size.
pub(super) type Samples = Vec<(&'static str, Sample)>;

/// One thing that grows.
pub(super) struct Curve {
    /// A name that never changes.
    pub(super) key: &'static str,
    /// What grows, for people; the horizontal axis.
    pub(super) what: &'static str,
    sizes: &'static [u64],
    /// One more on request.
    largest: Option<u64>,
    pub(super) measure: fn(&Site, u64, bool) -> Result<Samples>,
}

impl Curve {
    pub(super) fn sizes(&self, quick: bool, largest: bool) -> Vec<u64> {
        let some = if quick { 2 } else { self.sizes.len() };
        let more = self.largest.filter(|_| largest && !quick);
        self.sizes.iter().copied().take(some).chain(more).collect()
    }
}

pub(super) const CURVES: &[Curve] = &[
    Curve {
        key: "files",
        what: "files, a thousand in a directory",
        sizes: &[1000, 10_000, 100_000, 1_000_000],
        largest: Some(10_000_000),
        measure: files,
    },
    Curve {
        key: "connections",
        what: "connections, one call at a time each",
        sizes: &[1, 10, 100, 1000, 10_000],
        largest: None,
        measure: connections,
    },
    Curve {
        key: "directory",
        what: "entries of one directory",
        sizes: &[100, 1000, 10_000, 100_000],
        largest: Some(1_000_000),
        measure: directory,
    },
    Curve {
        key: "file-size",
        what: "bytes of a file",
        sizes: &[MIB, 16 * MIB, 256 * MIB, 4 * GIB],
        largest: None,
        measure: file_size,
    },
    Curve {
        key: "extents",
        what: "extents of a file, 4 KiB each",
        sizes: &[100, 1000, 10_000, 100_000],
        largest: None,
        measure: extents,
    },
    Curve {
        key: "memory",
        what: "bytes of the memory budget, file of 1 GiB",
        sizes: &[64 * MIB, 256 * MIB, GIB, 4 * GIB],
        largest: None,
        measure: memory,
    },
];

fn files(site: &Site, size: u64, quick: bool) -> Result<Samples> {
    let mut life = Life::begin(site, Server::Berth)?;
    let directories = size.div_ceil(FILES_OF_DIRECTORY);
    let load = Load { entries: size, directories, folder: Some(FOLDER), ..base(site, ("lookup-any", 16), quick) };
    life.prepare(&load)?;
    let load = Load { phase: "measure", ..load };
    let lookups = life.run(&load)?;
    let creates = life.run(&Load { operation: "small-file", depth: 64, ..load })?;
    life.end()?;
    Ok(vec![("LOOKUP of any, d16", lookups), ("CREATE + WRITE 4 KiB + COMMIT, d64", creates)])
}

fn connections(site: &Site, size: u64, quick: bool) -> Result<Samples> {
    let mut life = Life::begin(site, Server::Berth)?;
    // So many connections take a while to open, which the warm-up covers.
    let load = Load { connections: size, warmup: 3.0, ..base(site, ("getattr", 1), quick) };
    let sample = life.run(&load)?;
    life.end()?;
    Ok(vec![("GETATTR", sample)])
}

fn directory(site: &Site, size: u64, quick: bool) -> Result<Samples> {
    let mut life = Life::begin(site, Server::Berth)?;
    let load = Load { entries: size, folder: Some(FOLDER), ..base(site, ("lookup-any", 16), quick) };
    life.prepare(&load)?;
    let load = Load { phase: "measure", ..load };
    let lookups = life.run(&load)?;
    let listing = life.run(&Load { operation: "readdirplus", depth: 1, ..load.clone() })?;
    let creates = life.run(&Load { operation: "create", depth: 64, ..load })?;
    life.end()?;
    Ok(vec![("LOOKUP of any, d16", lookups), ("READDIRPLUS, entries", listing), ("CREATE, d64", creates)])
}

fn file_size(site: &Site, size: u64, quick: bool) -> Result<Samples> {
    let mut life = Life::begin(site, Server::Berth)?;
    let load = Load { file_bytes: size, folder: Some(FOLDER), ..base(site, ("read4k", 16), quick) };
    life.prepare(&load)?;
    let load = Load { phase: "measure", ..load };
    let random = life.run(&load)?;
    let in_order = life.run(&Load { operation: "read1m", depth: 8, ..load.clone() })?;
    let writes = life.run(&Load { operation: "write4k-sync", depth: 64, ..load })?;
    life.end()?;
    Ok(vec![("READ 4 KiB random, d16", random), ("READ 1 MiB, d8", in_order), ("WRITE 4 KiB FILE_SYNC, d64", writes)])
}

/// Every second block is written, so that each is an extent of its own.
fn extents(site: &Site, size: u64, quick: bool) -> Result<Samples> {
    let mut life = Life::begin(site, Server::Berth)?;
    let load = Load { file_bytes: size * 8192, folder: Some(FOLDER), ..base(site, ("write-every2nd", 64), quick) };
    let writes = life.run(&Load { seconds: 60.0, warmup: 0.0, drain: 5.0, ..load.clone() })?;
    // The last block is a hole behind the end.
    let load = Load { phase: "measure", file_bytes: load.file_bytes - 4096, ..load };
    let reads = life.run(&Load { operation: "read4k", depth: 16, ..load })?;
    life.end()?;
    Ok(vec![("WRITE of every second 4 KiB, d64", writes), ("READ 4 KiB random, d16", reads)])
}

fn memory(site: &Site, size: u64, quick: bool) -> Result<Samples> {
    let mut life = Life::begin(site, Server::Berth)?;
    life.how.memory_bytes = size;
    let file_bytes = if quick { 64 * MIB } else { GIB };
    let load = Load { file_bytes, folder: Some(FOLDER), ..base(site, ("read4k", 32), quick) };
    life.prepare(&load)?;
    life.cool()?;
    let load = Load { phase: "measure", ..load };
    let in_order = life.run(&Load { operation: "read1m", depth: 8, ..load.clone() })?;
    let random = life.run(&load)?;
    life.end()?;
    Ok(vec![("READ 1 MiB, d8", in_order), ("READ 4 KiB random, d32", random)])
}

fn base(site: &Site, (operation, depth): (&'static str, u64), quick: bool) -> Load {
    let load = Load::new(operation, depth, site);
    if quick { Load { seconds: 0.5, warmup: 0.1, ..load } } else { load }
}

const FOLDER: &str = "bench";
const FILES_OF_DIRECTORY: u64 = 1000;

#[cfg(test)]
mod tests {
    use super::CURVES;

    #[test]
    fn sizes_grow_and_the_largest_comes_on_request() {
        for curve in CURVES {
            assert!(curve.sizes(false, true).is_sorted(), "{}", curve.key);
            assert_eq!(curve.sizes(true, true).len(), 2, "{}", curve.key);
        }
        let files = CURVES.iter().find(|curve| curve.key == "files").unwrap();
        assert_eq!(files.sizes(false, false).last(), Some(&1_000_000));
        assert_eq!(files.sizes(false, true).last(), Some(&10_000_000));
    }
}
