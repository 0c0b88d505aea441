//! The socket of the window: for its owner only, and taken over from a gateway that died.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with};
use tokio::net::UnixListener;

use super::refusal;

/// A socket in the file system; goes when dropped.
#[derive(Debug)]
pub(crate) struct Socket {
    path: PathBuf,
    inode: u64,
}

impl Socket {
    /// Opens a socket with mode 0600, in place of one that nobody answers at. Nobody connects before the mode is set.
    ///
    /// Errors, in order: something else stands there, another gateway answers there, the system refuses.
    pub(crate) fn open(path: &Path) -> Result<(Self, UnixListener)> {
        clear(path)?;
        let opened = Self::listen(path).with_context(|| refusal(path))?;
        let inode = fs::symlink_metadata(path).with_context(|| refusal(path))?.ino();
        Ok((Self { path: path.to_owned(), inode }, opened))
    }

    fn listen(path: &Path) -> io::Result<UnixListener> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        bind(&socket, &SocketAddrUnix::new(path)?)?;
        fs::set_permissions(path, Permissions::from_mode(OWNER_ONLY))?;
        listen(&socket, BACKLOG)?;
        UnixListener::from_std(socket.into())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // One that another process has put there since is not ours.
        if fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode) {
            fs::remove_file(&self.path).ok();
        }
    }
}

/// Takes away a socket that a dead gateway left behind.
fn clear(path: &Path) -> Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        bail!("{} is no socket: move it away, or name another path in admin.socket", path.display());
    }
    if is_answered(path).with_context(|| refusal(path))? {
        bail!("another gateway answers at {}: name another path in admin.socket", path.display());
    }
    fs::remove_file(path).with_context(|| refusal(path))
}

/// Whether somebody listens, be it that its backlog is full: nobody is waited for.
fn is_answered(path: &Path) -> io::Result<bool> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    let connected = connect(&socket, &SocketAddrUnix::new(path)?);
    Ok(matches!(connected, Ok(()) | Err(Errno::AGAIN)))
}

const OWNER_ONLY: u32 = 0o600;
const BACKLOG: i32 = 64;

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::runtime::on_this_thread;

    #[test]
    fn a_socket_is_for_its_owner_and_goes_with_the_gateway() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        on_this_thread().unwrap().block_on(async {
            let (socket, _listener) = Socket::open(&path).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
            UnixStream::connect(&path).unwrap();
            let refused = Socket::open(&path).unwrap_err().to_string();
            assert!(refused.starts_with("another gateway answers at "), "{refused}");
            UnixStream::connect(&path).unwrap();
            drop(socket);
            assert!(!path.exists());
        });
    }

    #[test]
    fn what_a_dead_gateway_left_is_taken_over_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        on_this_thread().unwrap().block_on(async {
            let (socket, listener) = Socket::open(&path).unwrap();
            // As if killed: the file stays, nobody listens.
            std::mem::forget(socket);
            drop(listener);
            assert!(path.exists() && UnixStream::connect(&path).is_err());
            let (socket, _listener) = Socket::open(&path).unwrap();
            UnixStream::connect(&path).unwrap();
            drop(socket);
            fs::write(&path, "precious").unwrap();
            let refused = Socket::open(&path).unwrap_err().to_string();
            assert!(refused.contains("is no socket: move it away"), "{refused}");
            assert_eq!(fs::read(&path).unwrap(), b"precious");
            let refused = format!("{:#}", Socket::open(&folder.path().join("no/admin.sock")).unwrap_err());
            assert!(refused.contains("RuntimeDirectory=berth"), "{refused}");
        });
    }

    #[test]
    fn a_gateway_whose_backlog_is_full_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let socket = || socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::NONBLOCK, None).unwrap();
        let (listening, address) = (socket(), SocketAddrUnix::new(&path).unwrap());
        bind(&listening, &address).unwrap();
        listen(&listening, 0).unwrap();
        let waiting: Vec<_> = (0..3).map(|_| socket()).collect();
        assert!(waiting.iter().any(|waiting| connect(waiting, &address) == Err(Errno::AGAIN)));
        assert!(clear(&path).unwrap_err().to_string().contains("another gateway answers"));
        drop(listening);
        clear(&path).unwrap();
        assert!(!path.exists());
    }
}
