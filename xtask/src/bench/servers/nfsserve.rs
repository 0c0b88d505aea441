//! A demo in memory on the crate nfsserve, built in a workspace of its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Result, ensure};

use super::super::binaries::target;
use super::super::process::Process;
use super::super::site::Site;
use super::{How, NfsDoor, Running};
use crate::command::{Task, root};

pub(super) fn install() -> Result<()> {
    let manifest = root().join("benches/peers/nfsserve/Cargo.toml");
    let (manifest, folder) = (manifest.to_string_lossy().into_owned(), target().join("peers"));
    let folder = folder.to_string_lossy();
    let build = Task::cargo(&["build", "--release", "--locked", "--manifest-path", &manifest, "--target-dir", &folder]);
    eprintln!("bench: {build}");
    ensure!(build.run()?.success, "{build} failed");
    Ok(())
}

pub(super) fn missing() -> Option<String> {
    (!program().is_file()).then(|| "its demo could not be built".to_owned())
}

pub(super) fn start(site: &Site, how: How) -> Result<Running> {
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT);
    let process = Process::start(&program(), &[address.to_string()], (how.cores, &site.log()))?;
    let nfs = Some(NfsDoor { address, mount_port: PORT, export: "/".to_owned() });
    Ok(Running { nfs, smb: None, process, beside: None })
}

fn program() -> PathBuf {
    target().join("peers/release/nfsserve-demo")
}

const PORT: u16 = 11_111;
