//! Berth, as an operator would run it: its default settings, an export without squashing and a share for root, all caches
//! in one budget. Only signing is not demanded, so that unsigned rows can be measured.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Result;

use super::super::process::Process;
use super::super::site::Site;
use super::{How, NfsDoor, Running, SmbDoor};

pub(super) fn start(site: &Site, data: &Path, how: How) -> Result<Running> {
    fs::create_dir_all(data.join("zones"))?;
    let config = data.join("berth.toml");
    fs::write(&config, settings(how))?;
    fs::write(data.join("zones/users"), "bench:x:0:0\n")?;
    let passwords = data.join("zones/passwords");
    fs::write(&passwords, format!("bench:{PASSWORD_HASH}:enabled:0\n"))?;
    fs::set_permissions(&passwords, fs::Permissions::from_mode(0o600))?;
    fs::write(data.join("zones/bench.toml"), ZONE)?;
    let arguments = ["serve", "--config", &config.to_string_lossy()].map(str::to_owned);
    let process = Process::start(&site.binaries.berth(), &arguments, (how.cores, &site.log()))?;
    let at = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let nfs = Some(NfsDoor { address: at(PORT), mount_port: PORT, export: "/export".to_owned() });
    let smb = Some(SmbDoor { address: at(SMB_PORT), share: "export", user: "bench", password: PASSWORD });
    Ok(Running { nfs, smb, process, beside: None })
}

/// What the tables of Berth's metadata take; without the log, whose size is fixed.
pub(crate) fn metadata_bytes(data: &Path) -> Option<u64> {
    folder_bytes(&data.join("store/metadata/tree")).ok()
}

fn folder_bytes(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_folder = entry.file_type()?.is_dir();
        bytes += if is_folder { folder_bytes(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}

fn settings(how: How) -> String {
    format!(
        "data = \"store\"\n[nfs]\nport = {PORT}\nconnections_max = 65536\nconnections_per_zone_max = 65536\n\
         connections_per_client_max = 65536\n[smb]\nport = {SMB_PORT}\nsigning = \"offered\"\n[portmap]\nport = 0\n[memory]\nbudget_bytes = {}\n\
         [metadata]\nlog_bytes = {}\n",
        how.memory_bytes, how.log_bytes
    )
}

const ZONE: &str = "name = \"bench\"\nbase = \"/bench\"\naddresses = [\"127.0.0.1\"]\n\
                    users_file = \"users\"\npasswords_file = \"passwords\"\n\
                    [[export]]\npaths = [\"/export\"]\nmap_root = \"off\"\n\
                    [[share]]\nname = \"export\"\npath = \"/export\"\n";
const PORT: u16 = 12_949;
const SMB_PORT: u16 = 14_945;
const PASSWORD: &str = "Bench.Pw1";
/// Its NT hash.
const PASSWORD_HASH: &str = "8c753e457a14395eae34402bca6d8f95";
