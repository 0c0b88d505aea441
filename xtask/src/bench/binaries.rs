//! The programs that a bench runs.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};

use crate::command::{Task, root};

/// Where the programs of this workspace lie.
#[derive(Clone, Debug)]
pub(crate) struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// Builds them optimised, or takes those in a folder that was named.
    pub(crate) fn build(named: Option<&Path>) -> Result<Self> {
        if let Some(folder) = named {
            return Self::in_folder(folder);
        }
        let build = Task::cargo(&["build", "--release", "--package", "berth", "--package", "benches"]);
        eprintln!("bench: {build}");
        ensure!(build.run()?.success, "{build} failed");
        Self::in_folder(&target().join("release"))
    }

    /// Takes those that were built before.
    pub(crate) fn built(named: Option<&Path>) -> Result<Self> {
        Self::in_folder(&named.map_or_else(|| target().join("release"), Path::to_owned))
    }

    pub(crate) fn berth(&self) -> PathBuf {
        self.folder.join("berth")
    }

    pub(crate) fn nfs_load(&self) -> PathBuf {
        self.folder.join("nfs-load")
    }

    pub(crate) fn smb_load(&self) -> PathBuf {
        self.folder.join("smb-load")
    }

    pub(crate) fn limits(&self) -> PathBuf {
        self.folder.join("limits")
    }

    fn in_folder(folder: &Path) -> Result<Self> {
        let binaries = Self { folder: folder.to_owned() };
        for program in [binaries.berth(), binaries.nfs_load(), binaries.smb_load(), binaries.limits()] {
            if !program.is_file() {
                bail!("{} is missing: cargo build --package berth --package benches", program.display());
            }
        }
        Ok(binaries)
    }
}

/// The target folder of this workspace.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
