//! The libnfs command-line clients: NFSv3 in user space, no mount, no root.

use std::process::Command;

use anyhow::Result;

use crate::command::{Limit, is_installed, run_checked};
use crate::site::{Site, Zone};

/// `nfs-ls`, `nfs-cp` and `nfs-cat` against one zone's `/projects`.
#[derive(Debug)]
pub struct Libnfs {
    host: &'static str,
    port: u16,
}

impl Libnfs {
    /// Clients for a zone of the site; the reason when they are not installed.
    pub fn find(site: &Site, zone: Zone) -> Result<Self, String> {
        Self::installed().map(|()| Self::at(zone, site.nfs_port()))
    }

    /// The reason when they are not installed.
    pub fn installed() -> Result<(), String> {
        let missing: Vec<_> = ["nfs-ls", "nfs-cp", "nfs-cat"].into_iter().filter(|name| !is_installed(name)).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("{} missing (Debian: libnfs-utils)", missing.join(", "))) }
    }

    /// Clients for a zone at a known port.
    #[must_use]
    pub fn at(zone: Zone, port: u16) -> Self {
        Self { host: zone.address, port }
    }

    /// The URL of a path below `/projects`, acting as root.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let Self { host, port } = self;
        format!("nfs://{host}/projects{path}?nfsport={port}&mountport={port}&version=3&uid=0&gid=0")
    }

    /// A recursive listing.
    pub fn list(&self, path: &str) -> Result<String> {
        self.run("nfs-ls", &["-R", &self.url(path)])
    }

    /// Copies a local file in.
    pub fn copy_in(&self, local: &str, path: &str) -> Result<()> {
        self.run("nfs-cp", &[local, &self.url(path)]).map(drop)
    }

    /// Copies a file out.
    pub fn copy_out(&self, path: &str, local: &str) -> Result<()> {
        self.run("nfs-cp", &[&self.url(path), local]).map(drop)
    }

    /// The text of a file.
    pub fn read(&self, path: &str) -> Result<String> {
        self.run("nfs-cat", &[&self.url(path)])
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        run_checked(Command::new(program).args(arguments), Limit::seconds(COMMAND_LIMIT))
    }
}

const COMMAND_LIMIT: u64 = 120;
