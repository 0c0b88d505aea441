//! One server on one folder, from an empty folder on.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::bytes::{GIB, MIB};
use super::load::{Load, Sample};
use super::servers::{How, Running, Server};
use super::site::Site;

/// One server on one folder; started when something is asked of it.
#[derive(Debug)]
pub(crate) struct Life<'a> {
    pub(crate) site: &'a Site,
    pub(crate) server: Server,
    pub(crate) data: PathBuf,
    /// For the next start.
    pub(crate) how: How,
    running: Option<Running>,
    /// It did not start: nobody tries again.
    is_broken: bool,
    /// Whether an earlier row of the stage has made what these rows share.
    is_prepared: bool,
}

impl<'a> Life<'a> {
    /// On an empty folder; nothing runs yet.
    pub(crate) fn begin(site: &'a Site, server: Server) -> Result<Self> {
        let how = How { cores: site.server_cores(), memory_bytes: MEMORY_BYTES, log_bytes: LOG_BYTES };
        let data = site.fresh()?;
        Ok(Self { site, server, data, how, running: None, is_broken: false, is_prepared: false })
    }

    pub(crate) fn end(mut self) -> Result<()> {
        self.stop()
    }

    /// Runs a load to its end.
    pub(crate) fn run(&mut self, load: &Load) -> Result<Sample> {
        let site = self.site;
        load.run(site, self.running()?)
    }

    pub(crate) fn running(&mut self) -> Result<&Running> {
        if self.running.is_none() {
            ensure!(!self.is_broken, "it did not start");
            self.is_broken = true;
            self.running = Some(self.server.start(self.site, &self.data, self.how)?);
            self.is_broken = false;
        }
        self.running.as_ref().context("the server does not run")
    }

    /// Makes what a load needs, if no load before it has done that in this life.
    pub(crate) fn prepare(&mut self, load: &Load) -> Result<()> {
        if !std::mem::replace(&mut self.is_prepared, true) {
            self.run(&Load { phase: "prepare", ..load.clone() })?;
        }
        Ok(())
    }

    pub(crate) fn stop(&mut self) -> Result<()> {
        self.running.take().map_or(Ok(()), Running::stop)
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.running.take().map_or(Ok(()), Running::kill)
    }

    /// Stopped, with nothing cached.
    pub(crate) fn cool(&mut self) -> Result<()> {
        self.stop()?;
        self.site.forget_pages()
    }

    /// The folder on disk that the export shows, where it is one.
    pub(crate) fn export_folder(&self) -> Option<PathBuf> {
        let data: &Path = &self.data;
        self.server.export_folder(data)
    }
}

const MEMORY_BYTES: u64 = GIB;
/// The default.
const LOG_BYTES: u64 = 256 * MIB;
