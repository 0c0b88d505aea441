//! The servers that are compared: how each is started on a folder, stopped and crashed.

mod berth;
mod ganesha;
mod nfsserve;
mod samba;

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

pub(crate) use berth::metadata_bytes;

use super::isolation::Isolation;
use super::process::{Cores, Process, tail};
use super::site::Site;
use crate::report::now;

/// A server that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Server {
    /// This project.
    Berth,
    /// nfs-ganesha of Debian, with its VFS back end.
    Ganesha,
    /// A demo in memory on the crate nfsserve.
    Nfsserve,
    /// smbd of Debian.
    Samba,
}

/// How a server is started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    pub(crate) cores: Cores,
    /// For caches; only Berth can be told.
    pub(crate) memory_bytes: u64,
    /// Of Berth's metadata log; small makes it wrap often.
    pub(crate) log_bytes: u64,
}

/// A server that takes calls.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) nfs: Option<NfsDoor>,
    pub(crate) smb: Option<SmbDoor>,
    process: Process,
    /// What it needs beside it.
    beside: Option<Process>,
}

/// Where it speaks NFS.
#[derive(Clone, Debug)]
pub(crate) struct NfsDoor {
    pub(crate) address: SocketAddr,
    pub(crate) mount_port: u16,
    pub(crate) export: String,
}

/// Where it speaks SMB, to whom.
#[derive(Clone, Debug)]
pub(crate) struct SmbDoor {
    pub(crate) address: SocketAddr,
    pub(crate) share: &'static str,
    pub(crate) user: &'static str,
    pub(crate) password: &'static str,
}

impl Server {
    pub(crate) const ALL: [Self; 4] = [Self::Berth, Self::Ganesha, Self::Nfsserve, Self::Samba];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Berth => "Berth",
            Self::Ganesha => "ganesha",
            Self::Nfsserve => "nfsserve",
            Self::Samba => "Samba",
        }
    }

    /// What of its answers survives a crash.
    pub(crate) fn durability(self) -> &'static str {
        match self {
            Self::Berth => "every change of names and attributes, FILE_SYNC and written-through writes, COMMIT, FLUSH",
            Self::Ganesha => {
                "FILE_SYNC writes and COMMIT; **not** CREATE, MKDIR, REMOVE, RENAME, SETATTR, which it answers before they are stable"
            }
            Self::Nfsserve => "nothing: it keeps everything in memory",
            Self::Samba => "written-through writes and FLUSH; **not** what changes names and attributes",
        }
    }

    /// Installs or builds what it needs. Needs the network, so it is done outside of the isolation.
    pub(crate) fn install(self) -> Result<()> {
        match self {
            Self::Berth => Ok(()),
            Self::Ganesha => ganesha::install(),
            Self::Nfsserve => nfsserve::install(),
            Self::Samba => samba::install(),
        }
    }

    /// Why it cannot be measured here.
    pub(crate) fn missing(self, isolation: Isolation) -> Option<String> {
        match self {
            Self::Berth => None,
            Self::Ganesha => ganesha::missing(isolation),
            Self::Nfsserve => nfsserve::missing(),
            Self::Samba => samba::missing(isolation),
        }
    }

    /// Starts it on what lies in `data`, and waits until it takes connections.
    pub(crate) fn start(self, site: &Site, data: &Path, how: How) -> Result<Running> {
        let started = match self {
            Self::Berth => berth::start(site, data, how),
            Self::Ganesha => ganesha::start(site, data, how),
            Self::Nfsserve => nfsserve::start(site, how),
            Self::Samba => samba::start(site, data, how),
        };
        let mut running = started.with_context(|| format!("cannot start {}", self.name()))?;
        running.wait_until_ready().with_context(|| format!("{}; its log:\n{}", self.name(), tail(&site.log())))?;
        Ok(running)
    }

    /// The folder on disk that its export or share shows, where it is one.
    pub(crate) fn export_folder(self, data: &Path) -> Option<PathBuf> {
        match self {
            Self::Berth | Self::Nfsserve => None,
            Self::Ganesha => Some(ganesha::export_folder(data)),
            Self::Samba => Some(samba::share_folder(data)),
        }
    }
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub(crate) fn stop(self) -> Result<()> {
        self.process.stop()?;
        self.beside.map_or(Ok(()), Process::stop)
    }

    pub(crate) fn kill(self) -> Result<()> {
        self.process.kill()
    }

    fn ports(&self) -> Vec<SocketAddr> {
        let of_nfs = |nfs: &NfsDoor| [nfs.address, SocketAddr::new(nfs.address.ip(), nfs.mount_port)];
        let nfs = self.nfs.iter().flat_map(of_nfs);
        nfs.chain(self.smb.iter().map(|smb| smb.address)).collect()
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let begin = now();
        while begin.elapsed() < START_LIMIT {
            self.process.ensure_running()?;
            if self.ports().iter().all(|port| TcpStream::connect_timeout(port, CONNECT_LIMIT).is_ok()) {
                return Ok(());
            }
            std::thread::sleep(POLL);
        }
        bail!("it takes no connections");
    }
}

const START_LIMIT: Duration = Duration::from_secs(60);
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(5);
