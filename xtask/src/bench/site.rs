//! Where a bench keeps what its servers write, and which cores they get.

use std::fs::{self, File};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use anyhow::{Context, Result, bail};
use rustix::fs::{Advice, fadvise};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::binaries::{Binaries, target};
use super::isolation::Isolation;
use super::process::Cores;

/// The folder, programs and cores of a bench.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) binaries: Binaries,
    pub(crate) isolation: Isolation,
    folder: PathBuf,
    _lock: File,
}

impl Site {
    /// Takes the folder for this run alone and removes what an earlier one left there.
    pub(crate) fn open(named: Option<&Path>, binaries: Binaries, isolation: Isolation) -> Result<Self> {
        let folder = named.map_or_else(|| target().join("bench"), Path::to_owned);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let folder = folder.canonicalize()?;
        let lock = File::create(folder.join("lock"))?;
        if lock.try_lock().is_err() {
            bail!("another bench runs in {}", folder.display());
        }
        allow_many_files();
        let site = Self { binaries, isolation, folder, _lock: lock };
        site.wipe()?;
        Ok(site)
    }

    /// An empty folder for what a server writes.
    pub(crate) fn fresh(&self) -> Result<PathBuf> {
        self.wipe()?;
        let data = self.data();
        fs::create_dir_all(&data)?;
        Ok(data)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Cores of the server: the first one, where there are two.
    pub(crate) fn server_cores(&self) -> Cores {
        (cores() > 1).then_some("0")
    }

    /// Cores of the load: the second one, where there are two.
    pub(crate) fn load_cores(&self) -> Cores {
        (cores() > 1).then_some("1")
    }

    /// Takes what servers wrote out of the page cache.
    pub(crate) fn forget_pages(&self) -> Result<()> {
        forget(&self.data())
    }

    /// Removes what servers wrote.
    pub(crate) fn wipe(&self) -> Result<()> {
        match fs::remove_dir_all(self.data()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // What is left here is removed by the next run.
        self.wipe().ok();
    }
}

pub(crate) fn cores() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

/// Servers with many connections or files need more than the usual 1,024.
fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    // Without it only the rows with many connections fail, and say so.
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).ok();
}

fn forget(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            forget(&entry.path())?;
        } else if entry.file_type()?.is_file() {
            let file = File::open(entry.path())?;
            file.sync_all()?;
            fadvise(&file, 0, None, Advice::DontNeed)?;
        }
    }
    Ok(())
}
