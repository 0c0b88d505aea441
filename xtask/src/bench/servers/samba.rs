//! smbd out of Debian, standalone, with a share for root.

use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::super::isolation::Isolation;
use super::super::process::Process;
use super::super::site::Site;
use super::{How, Running, SmbDoor};
use crate::clients::install_packages;
use crate::command::is_installed;

pub(super) fn install() -> Result<()> {
    if !is_installed("smbd") {
        install_packages(&["samba"]);
    }
    Ok(())
}

pub(super) fn missing(isolation: Isolation) -> Option<String> {
    if isolation == Isolation::Shared {
        return Some("it runs as root in namespaces of its own only".to_owned());
    }
    (!is_installed("smbd")).then(|| "smbd is not installed (apt-get install samba)".to_owned())
}

pub(super) fn share_folder(data: &Path) -> PathBuf {
    data.join("share")
}

pub(super) fn start(site: &Site, data: &Path, how: How) -> Result<Running> {
    for folder in FOLDERS {
        fs::create_dir_all(data.join(folder))?;
    }
    let config = data.join("smb.conf");
    fs::write(&config, settings(data))?;
    set_password(&config)?;
    let words = ["-F", "-s", &config.to_string_lossy()].map(str::to_owned);
    let process = Process::start(Path::new("smbd"), &words, (how.cores, &site.log()))?;
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT);
    let smb = Some(SmbDoor { address, share: "share", user: "root", password: PASSWORD });
    Ok(Running { nfs: None, smb, process, beside: None })
}

/// As somebody who types it twice.
fn set_password(config: &Path) -> Result<()> {
    let mut smbpasswd = Command::new("smbpasswd");
    smbpasswd.arg("-c").arg(config).args(["-L", "-s", "-a", "root"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = smbpasswd.spawn().context("cannot start smbpasswd")?;
    child.stdin.take().context("no input")?.write_all(format!("{PASSWORD}\n{PASSWORD}\n").as_bytes())?;
    ensure!(child.wait()?.success(), "smbpasswd failed");
    Ok(())
}

/// As it comes, but for where it keeps its things, and nothing beside files.
fn settings(data: &Path) -> String {
    let data = data.display();
    format!(
        "[global]\nserver role = standalone server\nworkgroup = BENCH\nnetbios name = BENCH\ndisable netbios = yes\n\
         smb ports = {PORT}\ninterfaces = lo\nbind interfaces only = yes\nserver max protocol = SMB3_11\n\
         private dir = {data}/private\nstate directory = {data}/state\nlock directory = {data}/lock\n\
         cache directory = {data}/cache\npid directory = {data}/pid\nncalrpc dir = {data}/ncalrpc\n\
         log file = {data}/log/smbd.log\nlog level = 0\npassdb backend = tdbsam\nload printers = no\n\
         disable spoolss = yes\nprintcap name = /dev/null\nmap to guest = Never\n\
         [share]\npath = {data}/share\nread only = no\n"
    )
}

const FOLDERS: [&str; 8] = ["private", "state", "lock", "cache", "pid", "ncalrpc", "log", "share"];
const PORT: u16 = 14_946;
const PASSWORD: &str = "Bench.Pw1";
