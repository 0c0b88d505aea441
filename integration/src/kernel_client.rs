//! The Linux kernel's own clients of NFS and SMB: this machine's where it has one, else the lab's guest kernel.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::Result;

use crate::command::{Limit, is_installed, is_root, run_checked};
use crate::site::{CONTOSO, FABRIKAM, Site};
use crate::workspace_root;

/// Somewhere to run a script that mounts.
#[derive(Debug)]
pub enum KernelClient {
    /// This machine's kernel, in a private mount namespace.
    Native,
    /// A guest kernel, started by the `guest` script at this path for each script.
    Lab(PathBuf),
}

/// A script for the client. Its variables: `HOST` and `HOST2` (the two zones), `OPTIONS` (mount options), `IN` (the folder
/// `inbox`, read-only by custom), `OUT` (the folder `outbox`; what is synced there is seen outside at once), `M` (an empty
/// folder to mount in). Its functions: `attach HOST FOLDER` mounts that zone's `/projects` there without locking,
/// `attach_locking HOST FOLDER` with the network lock manager, which only a client of [`KernelClient::find_lab`] finds;
/// `attach_smb OPTIONS HOST FOLDER` mounts the share `projects` by the SMB client, which only the lab's kernel has for sure.
#[derive(Debug)]
pub struct ClientScript<'a> {
    /// Bash, run as root with `set -eu`.
    pub text: &'a str,
    /// Files for the script.
    pub inbox: &'a Path,
    /// Files from the script.
    pub outbox: &'a Path,
    /// Seconds after which it is killed, and that is an error.
    pub limit_seconds: u64,
}

impl KernelClient {
    /// A client, or the reason why there is none. `BERTH_LAB` names the lab's folder (default: `../shared/lab` of the
    /// workspace) or is `off`.
    pub fn find() -> Result<Self, String> {
        let named = std::env::var_os("BERTH_LAB");
        if named.as_ref().is_some_and(|value| value == "off") {
            return Err("kernel clients are turned off (BERTH_LAB=off)".to_owned());
        }
        if !is_root() {
            return Err("mounting needs root".to_owned());
        }
        if fs::read_to_string("/proc/filesystems").unwrap_or_default().contains("\tnfs\n") && is_installed("mount.nfs")
        {
            return Ok(Self::Native);
        }
        let lab = named.map_or_else(|| workspace_root().join("../shared/lab"), PathBuf::from);
        if !lab.join("guest").is_file() {
            return Err("this kernel has no NFS client, and no lab is there (BERTH_LAB names its folder)".to_owned());
        }
        let store = std::env::var_os("LAB_DIR").map_or_else(|| PathBuf::from("/var/tmp/nas-lab"), PathBuf::from);
        if !store.join("rootfs.img").is_file() || !is_installed("linux.uml") {
            return Err("the lab is not set up (cargo xtask clients --lab)".to_owned());
        }
        let guest = lab.join("guest");
        if !*BOOTS.get_or_init(|| boots(&guest)) {
            return Err(format!(
                "the lab's guest dies at boot on this machine; `{} -- true` tells more",
                guest.display()
            ));
        }
        Ok(Self::Lab(guest))
    }

    /// A client that is a machine of its own: its lock manager is not this machine's, and several are several machines.
    /// Else the reason why there is none.
    pub fn find_lab() -> Result<Self, String> {
        match Self::find()? {
            Self::Native => Err("two machines are needed, and only this one's kernel is there".to_owned()),
            lab @ Self::Lab(_) => Ok(lab),
        }
    }

    /// Runs a script against the site's gateway; its output, or an error with its output unless it succeeds.
    pub fn run(&self, site: &Site, script: &ClientScript<'_>) -> Result<String> {
        let port = site.nfs_port();
        let options = format!("vers=3,proto=tcp,port={port},mountport={port},mountproto=tcp");
        let smb = format!("port={}", site.smb_port());
        let work = tempfile::tempdir()?;
        let file = work.path().join("script");
        let (mut command, setup) = match self {
            Self::Lab(guest) => (lab_command(guest, site, script), "IN=/in OUT=/out M=/m; mkdir -p /m".to_owned()),
            Self::Native => (native_command(), native_setup(script, &work.path().join("m"))),
        };
        fs::write(&file, format!("set -eu; OPTIONS={options} SMB_OPTIONS={smb}; {setup}\n{PRELUDE}\n{}", script.text))?;
        if let Self::Lab(_) = self {
            command.arg("-f");
        }
        command.arg(&file);
        run_checked(&mut command, Limit::seconds(script.limit_seconds + GRACE_SECONDS))
    }
}

/// Whether a guest lives to run a command. Guest kernels know the registers of the processors of their time only: on a newer
/// one they die before they run anything. Whatever else goes wrong is for the test to find.
fn boots(guest: &Path) -> bool {
    let boot = Command::new(guest).args(["-t", "60", "--", "true"]).output();
    boot.is_ok_and(|boot| boot.status.code() != Some(GUEST_DIED))
}

fn lab_command(guest: &Path, site: &Site, script: &ClientScript<'_>) -> Command {
    let mut command = Command::new(guest);
    command.arg("-t").arg(script.limit_seconds.to_string());
    // The kernel's lock manager asks for the server's at this port only.
    command.arg("-P").arg(format!("111:{}", site.portmap_port()));
    command.arg("-i").arg(script.inbox).arg("-o").arg(script.outbox);
    command
}

fn native_command() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "bash"]);
    command
}

fn native_setup(script: &ClientScript<'_>, mounts: &Path) -> String {
    let (first, second) = (CONTOSO.address, FABRIKAM.address);
    let ClientScript { inbox, outbox, .. } = script;
    format!("HOST={first} HOST2={second} IN={inbox:?} OUT={outbox:?} M={mounts:?}; mkdir -p $M")
}

/// `attach HOST FOLDER`: the zone's export at that folder.
const PRELUDE: &str = "attach_locking() { mkdir -p $2; mount -t nfs -o $OPTIONS $1:/projects $2; }
    attach_smb() { mkdir -p $3; mount -t cifs -o $SMB_OPTIONS,$1 //$2/projects $3; }
    attach() { mkdir -p $2; mount -t nfs -o $OPTIONS,nolock $1:/projects $2; }";

/// Asked once in a process.
static BOOTS: OnceLock<bool> = OnceLock::new();
/// How the `guest` script ends when its guest did.
const GUEST_DIED: i32 = 125;
/// A guest that is killed at its own limit still has to clean up.
const GRACE_SECONDS: u64 = 30;
