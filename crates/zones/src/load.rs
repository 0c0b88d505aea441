//! Reads a folder of zone files. The only place with I/O: at start and reload.

use std::fs;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use crate::conflicts::find_conflicts;
use crate::error::{ConfigError, ConfigErrors};
use crate::parse::parse;
use crate::zone::ZoneDefinition;

/// Finds the addresses of a host name.
pub type HostResolver = dyn Fn(&str) -> io::Result<Vec<IpAddr>>;

/// Reads every zone file of a folder: the files named `*.toml`, without hidden ones and those named `*.example.toml`,
/// in the order of their names. Host names in client lists are resolved here, by the system, and stand until the next
/// load.
///
/// Errors: all that is wrong in all files; when each file is right by itself, all in which files contradict each other
/// (names, addresses, bases).
pub fn load(folder: &Path) -> Result<Vec<ZoneDefinition>, ConfigErrors> {
    load_with(folder, &system_resolver)
}

/// [`load`] with another way to resolve host names.
///
/// Errors: as `load`.
pub fn load_with(folder: &Path, resolve: &HostResolver) -> Result<Vec<ZoneDefinition>, ConfigErrors> {
    let mut zones = Vec::new();
    let mut errors = Vec::new();
    for file in zone_files(folder)? {
        match read(&file).and_then(|text| parse(&file, &text, resolve)) {
            Ok(zone) => zones.push(zone),
            Err(found) => errors.extend(found.0),
        }
    }
    if errors.is_empty() {
        errors = find_conflicts(&zones);
    }
    if errors.is_empty() { Ok(zones) } else { Err(ConfigErrors(errors)) }
}

/// Resolves by the system's resolver; blocks.
///
/// Errors: as the system reports them.
pub fn system_resolver(host: &str) -> io::Result<Vec<IpAddr>> {
    let mut addresses: Vec<_> = (host, 0).to_socket_addrs()?.map(|address| address.ip().to_canonical()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    Ok(addresses)
}

fn zone_files(folder: &Path) -> Result<Vec<PathBuf>, ConfigErrors> {
    let refuse = |error: io::Error| about(folder, format!("cannot read the folder of zone files: {error}"));
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(refuse)? {
        let path = entry.map_err(refuse)?.path();
        if is_zone_file(&path) {
            files.push(path);
        }
    }
    if files.len() > ZONES_MAX {
        return Err(about(folder, format!("more than {ZONES_MAX} zone files")).into());
    }
    if files.is_empty() {
        return Err(about(folder, "no zone file (*.toml) in this folder").into());
    }
    files.sort();
    Ok(files)
}

fn is_zone_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.ends_with(b".toml") && !name.ends_with(b".example.toml") && !name.starts_with(b".")
}

fn read(file: &Path) -> Result<String, ConfigErrors> {
    let refuse = |error: io::Error| about(file, format!("cannot read the zone file: {error}"));
    let size = fs::metadata(file).map_err(refuse)?.len();
    if size > ZONE_FILE_BYTES_MAX {
        return Err(about(file, format!("larger than {ZONE_FILE_BYTES_MAX} bytes")).into());
    }
    Ok(fs::read_to_string(file).map_err(refuse)?)
}

fn about(file: &Path, reason: impl Into<String>) -> ConfigError {
    ConfigError::about(file, "", reason)
}

/// Most zones of one gateway.
const ZONES_MAX: usize = 4096;
/// Largest zone file; bounds the number of exports and clients too.
const ZONE_FILE_BYTES_MAX: u64 = 1 << 20;
