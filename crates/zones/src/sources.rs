//! Where a zone file gets what does not stand in it: addresses of host names, and the files it names.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Finds the addresses of a host name.
pub type HostResolver = dyn Fn(&str) -> io::Result<Vec<IpAddr>>;

/// Reads a file of at most so many bytes. Errors: `FileTooLarge` above that; as the system reports them.
pub type FileReader<'a> = dyn Fn(&Path, u64) -> io::Result<Vec<u8>> + 'a;

/// Where a zone file gets what does not stand in it.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// For host names in client lists and netgroups.
    pub resolve: &'a HostResolver,
    /// For `users_file`, `groups_file` and `netgroup_file`.
    pub read: &'a FileReader<'a>,
    /// For `passwords_file`. Errors besides: `PermissionDenied` for a file that others than its owner may read.
    pub read_secret: &'a FileReader<'a>,
}

impl fmt::Debug for Sources<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sources").finish_non_exhaustive()
    }
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

/// Reads a regular file from the file system; blocks.
///
/// Errors: `InvalidInput` (no regular file: a pipe would never end), `FileTooLarge`, as the system reports them.
pub fn system_reader(file: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    // Asked before it is opened: opening a pipe would not end either.
    if !std::fs::metadata(file)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no regular file"));
    }
    read_whole(File::open(file)?, bytes_max)
}

/// Reads a regular file that nobody but its owner may read, write or run; blocks.
///
/// Errors: `InvalidInput` (no regular file), `PermissionDenied` (others may), `FileTooLarge`, as the system reports them.
pub fn system_secret_reader(file: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(file)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no regular file"));
    }
    let opened = File::open(file)?;
    if opened.metadata()?.permissions().mode() & 0o077 != 0 {
        let reason = "others than its owner may read it: chmod 600";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
    }
    read_whole(opened, bytes_max)
}

fn read_whole(file: File, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too large, also one that grows while it is read.
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {bytes_max} bytes")));
    }
    Ok(bytes)
}
