//! What the log lies on: a file, or in tests a simulated one with faults.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use kv::KvError;
use rustix::fs::{FallocateFlags, OFlags};

use crate::errors::from_io;

/// Stable storage of fixed size, read and written in aligned blocks.
pub(crate) trait LogDevice: Send + Sync + std::fmt::Debug {
    /// Writes, and returns when the bytes are on stable storage. After an error any part of them may be.
    fn write_at_durable(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Reads all of `bytes`.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
}

/// A file opened for `O_DIRECT` and `O_DSYNC`, or for buffered writes and `fdatasync` where that is refused.
#[derive(Debug)]
pub(crate) struct FileDevice {
    file: File,
    is_buffered: bool,
}

impl FileDevice {
    /// Makes the file and reserves its space, so that later writes cannot run out of it.
    pub(crate) fn create(path: &Path, size_bytes: u64) -> Result<(), KvError> {
        let create = || {
            let file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
            match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, size_bytes) {
                Err(error) if error == rustix::io::Errno::OPNOTSUPP => file.set_len(size_bytes)?,
                outcome => outcome?,
            }
            file.sync_all()
        };
        create().map_err(|error| match from_io("cannot create the log", path, &error) {
            // Which file system is full would else be anybody's guess.
            KvError::NoSpace => KvError::Io(format!("no room for the log, {}, of {size_bytes} bytes", path.display())),
            error => error,
        })
    }

    /// Opens a file that was created with this size, and keeps others out of it: two copies of a store may name one log.
    pub(crate) fn open(path: &Path, size_bytes: u64) -> Result<Self, KvError> {
        let device = Self::open_direct(path).map_err(|error| from_io("cannot open the log", path, &error))?;
        match device.file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(KvError::Io(format!("{} is in use by another process or engine", path.display())));
            }
            Err(TryLockError::Error(error)) => return Err(from_io("cannot lock", path, &error)),
        }
        let found = device.file.metadata().map_err(|error| from_io("cannot stat", path, &error))?.len();
        if found != size_bytes {
            let path = path.display();
            return Err(KvError::Damaged(format!("{path} has {found} bytes, but the superblock says {size_bytes}")));
        }
        Ok(device)
    }

    fn open_direct(path: &Path) -> io::Result<Self> {
        let flags = (OFlags::DIRECT | OFlags::DSYNC).bits().cast_signed();
        match OpenOptions::new().read(true).write(true).custom_flags(flags).open(path) {
            Ok(file) => Ok(Self { file, is_buffered: false }),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                tracing::warn!(path = %path.display(), "the file system refuses O_DIRECT: the log is written with fdatasync");
                let file = OpenOptions::new().read(true).write(true).open(path)?;
                Ok(Self { file, is_buffered: true })
            }
            Err(error) => Err(error),
        }
    }
}

impl LogDevice for FileDevice {
    fn write_at_durable(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)?;
        if self.is_buffered {
            self.file.sync_data()?;
        }
        Ok(())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(bytes, offset)
    }
}
