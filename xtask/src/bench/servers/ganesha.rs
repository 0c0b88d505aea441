//! nfs-ganesha with its VFS back end, out of Debian.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};

use super::super::isolation::Isolation;
use super::super::process::Process;
use super::super::site::Site;
use super::{How, NfsDoor, Running};
use crate::clients::install_packages;
use crate::command::is_installed;
use crate::report::now;

pub(super) fn install() -> Result<()> {
    if !is_installed("ganesha.nfsd") || !is_installed("rpcbind") {
        install_packages(&["nfs-ganesha", "nfs-ganesha-vfs", "rpcbind"]);
    }
    Ok(())
}

pub(super) fn missing(isolation: Isolation) -> Option<String> {
    if isolation == Isolation::Shared {
        return Some("it runs as root in namespaces of its own only".to_owned());
    }
    let wanted = [("ganesha.nfsd", "nfs-ganesha nfs-ganesha-vfs"), ("rpcbind", "rpcbind")];
    let (program, package) = wanted.into_iter().find(|(program, _)| !is_installed(program))?;
    Some(format!("{program} is not installed (apt-get install {package})"))
}

pub(super) fn export_folder(data: &Path) -> PathBuf {
    data.join("export")
}

pub(super) fn start(site: &Site, data: &Path, how: How) -> Result<Running> {
    let export = export_folder(data);
    fs::create_dir_all(&export)?;
    fs::create_dir_all(data.join("recovery"))?;
    fs::set_permissions(&export, fs::Permissions::from_mode(0o777))?;
    let (config, log) = (data.join("ganesha.conf"), site.log());
    fs::write(&config, settings(data, &export))?;
    // It ends at once without a port mapper; this one is in the private network.
    fs::remove_file(MAPPER).ok();
    let mapper = Process::start(Path::new("rpcbind"), &["-f".to_owned()], (None, &log))?;
    wait_for_mapper()?;
    let words = [
        "-F".to_owned(),
        "-f".to_owned(),
        config.to_string_lossy().into_owned(),
        "-L".to_owned(),
        log.to_string_lossy().into_owned(),
        "-p".to_owned(),
        data.join("pid").to_string_lossy().into_owned(),
    ];
    let process = Process::start(Path::new("ganesha.nfsd"), &words, (how.cores, &log))?;
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), NFS_PORT);
    let export = export.to_string_lossy().into_owned();
    let nfs = Some(NfsDoor { address, mount_port: MOUNT_PORT, export });
    Ok(Running { nfs, smb: None, process, beside: Some(mapper) })
}

fn wait_for_mapper() -> Result<()> {
    let begin = now();
    while UnixStream::connect(MAPPER).is_err() {
        if begin.elapsed() > MAPPER_LIMIT {
            bail!("its rpcbind does not start");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Nothing that would slow it down, and nothing squashed.
fn settings(data: &Path, export: &Path) -> String {
    let (data, export) = (data.display(), export.display());
    format!(
        "NFS_CORE_PARAM {{ Protocols = 3; NFS_Port = {NFS_PORT}; MNT_Port = {MOUNT_PORT}; Bind_addr = 127.0.0.1; \
         Enable_NLM = false; Enable_RQUOTA = false; Enable_UDP = false; mount_path_pseudo = false; }}\n\
         NFSV4 {{ Graceless = true; RecoveryRoot = \"{data}/recovery\"; }}\n\
         LOG {{ Default_Log_Level = EVENT; }}\n\
         EXPORT_DEFAULTS {{ SecType = sys; Squash = No_Root_Squash; Access_Type = RW; Protocols = 3; Transports = TCP; }}\n\
         EXPORT {{ Export_Id = 1; Path = \"{export}\"; Pseudo = /bench; Tag = bench; MaxRead = 1048576; \
         MaxWrite = 1048576; PrefRead = 1048576; PrefWrite = 1048576; FSAL {{ Name = VFS; }} }}\n"
    )
}

/// A stale one would send it to a mapper that has ended.
const MAPPER: &str = "/run/rpcbind.sock";
const NFS_PORT: u16 = 20_490;
const MOUNT_PORT: u16 = 20_480;
const MAPPER_LIMIT: Duration = Duration::from_secs(10);
