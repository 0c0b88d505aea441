//! Files: the public face of this crate.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pages::{PageBuf, Payload};
use rustix::fs::{FallocateFlags, Mode, OFlags, fstat, ftruncate, open};

use crate::faults::{Faults, OperationKind};
use crate::operation::{Operation, Read};
use crate::pending::Pending;
use crate::probe::warn_no_direct;

/// What to do when a file is there, or is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Create {
    /// It must be there.
    #[default]
    Never,
    /// It is made when it is not there.
    IfMissing,
    /// It must not be there.
    New,
}

/// How to open a file.
#[derive(Clone, Debug)]
pub struct OpenHow {
    /// Allow writing.
    pub write: bool,
    /// What to do when it is missing.
    pub create: Create,
    /// Go around the page cache (O_DIRECT): memory, offset and length of each transfer must then be multiples of
    /// 4,096. A file system that refuses this gets buffered I/O, with one warning in the log.
    pub direct: bool,
    /// Use the ring of the runtime thread where there is one.
    pub ring: bool,
    /// Faults to inject; for tests.
    pub faults: Option<Arc<Faults>>,
}

impl Default for OpenHow {
    /// Existing, read-only, direct, over the ring.
    fn default() -> Self {
        Self { write: false, create: Create::Never, direct: true, ring: true, faults: None }
    }
}

/// An open file. Clones are the same open file; it is closed with the last of them, operations in flight included.
#[derive(Clone)]
pub struct File(Arc<Inner>);

impl File {
    /// Opens a file; on the calling thread, at the cost of a system call or two.
    ///
    /// # Errors
    /// Those of `open(2)`.
    pub fn open(path: &Path, how: &OpenHow) -> io::Result<Self> {
        let missing = how.create != Create::Never && !path.exists();
        if let Some(faults) = &how.faults {
            faults.check(OperationKind::Open)?;
        }
        let (fd, direct) = open_fd(path, how)?;
        if let Some(faults) = how.faults.as_ref().filter(|_| missing) {
            faults.created(path);
        }
        Ok(Self(Arc::new(Inner { fd, direct, ring: how.ring, path: path.to_owned(), faults: how.faults.clone() })))
    }

    /// Fills `buffer` (its whole length) from `offset` on. Gives back the buffer and the bytes read, which are fewer
    /// only at the end of the file; what lies behind them in the buffer is unspecified.
    pub async fn read_at(&self, buffer: PageBuf, offset: u64) -> (PageBuf, io::Result<usize>) {
        let (mut buffers, outcome) = self.read_all_at(vec![buffer], offset).await;
        (buffers.pop().unwrap_or_else(|| PageBuf::unpooled(0)), outcome)
    }

    /// As [`File::read_at`], into buffers one after the other: one system call, or operation of the ring.
    pub async fn read_all_at(&self, buffers: Vec<PageBuf>, offset: u64) -> (Vec<PageBuf>, io::Result<usize>) {
        let done = self.run(Operation::Read(Read::new(buffers, offset))).await;
        match done.operation {
            Operation::Read(read) => {
                let count = read.done;
                (read.into_buffers(), done.result.map(|()| count))
            }
            _ => (Vec::new(), Err(io::ErrorKind::Other.into())),
        }
    }

    /// Writes all of `data` at `offset`. When the future is dropped, the write may still happen.
    ///
    /// # Errors
    /// Those of `pwritev(2)`; any part may have been written then.
    pub async fn write_at(&self, data: Payload, offset: u64) -> io::Result<()> {
        self.write(data, offset, false).await
    }

    /// As [`File::write_at`]; the bytes are on stable storage when it returns (RWF_DSYNC).
    ///
    /// # Errors
    /// Those of `pwritev2(2)`; any part may have been written then.
    pub async fn write_at_durably(&self, data: Payload, offset: u64) -> io::Result<()> {
        self.write(data, offset, true).await
    }

    /// Returns when everything written before is on stable storage (fdatasync).
    ///
    /// # Errors
    /// Those of `fdatasync(2)`. After one, what was written since the last good sync may be lost, even if a later
    /// call succeeds.
    pub async fn sync_data(&self) -> io::Result<()> {
        self.run(Operation::Sync { data_only: true }).await.result
    }

    /// As [`File::sync_data`], with all attributes (fsync).
    ///
    /// # Errors
    /// Those of `fsync(2)`.
    pub async fn sync_all(&self) -> io::Result<()> {
        self.run(Operation::Sync { data_only: false }).await.result
    }

    /// Makes sure that the range has room on the device, and lengthens the file to its end; it reads as zeros.
    ///
    /// # Errors
    /// Those of `fallocate(2)`: `StorageFull` when there is no room.
    pub async fn allocate(&self, offset: u64, length: u64) -> io::Result<()> {
        self.run(Operation::Allocate { flags: FallocateFlags::empty(), offset, length }).await.result
    }

    /// Gives the room of the range back; it reads as zeros afterwards, the file keeps its length.
    ///
    /// # Errors
    /// Those of `fallocate(2)`: `Unsupported` where the file system cannot.
    pub async fn punch(&self, offset: u64, length: u64) -> io::Result<()> {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        self.run(Operation::Allocate { flags, offset, length }).await.result
    }

    /// Length of the file in bytes.
    ///
    /// # Errors
    /// Those of `fstat(2)`.
    pub fn length(&self) -> io::Result<u64> {
        Ok(u64::try_from(fstat(&self.0.fd)?.st_size).unwrap_or(0))
    }

    /// Cuts or lengthens the file, on the calling thread.
    ///
    /// # Errors
    /// Those of `ftruncate(2)`.
    pub fn set_length(&self, length: u64) -> io::Result<()> {
        self.0.faults.as_ref().map_or(Ok(()), |faults| faults.check_power())?;
        Ok(ftruncate(&self.0.fd, length)?)
    }

    /// Whether transfers go around the page cache.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.0.direct
    }

    async fn write(&self, data: Payload, offset: u64, durable: bool) -> io::Result<()> {
        if data.is_empty() {
            return Ok(());
        }
        self.run(Operation::write(data, offset, durable)).await.result
    }

    fn run(&self, operation: Operation) -> Pending {
        Pending::new(Arc::clone(&self.0), operation)
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }
}

impl fmt::Debug for File {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("File").field("path", &self.0.path).field("direct", &self.0.direct).finish()
    }
}

pub(crate) struct Inner {
    fd: OwnedFd,
    direct: bool,
    ring: bool,
    pub(crate) path: PathBuf,
    pub(crate) faults: Option<Arc<Faults>>,
}

impl Inner {
    pub(crate) fn for_directory(fd: OwnedFd, path: PathBuf, ring: bool, faults: Option<Arc<Faults>>) -> Self {
        Self { fd, direct: false, ring, path, faults }
    }

    pub(crate) fn raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Whether a ring is the better way: buffered transfers would be handed to a kernel thread for each.
    pub(crate) fn wants_ring(&self, operation: &Operation) -> bool {
        self.ring && (self.direct || !matches!(operation, Operation::Read(_) | Operation::Write(_)))
    }
}

impl AsFd for Inner {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn open_fd(path: &Path, how: &OpenHow) -> io::Result<(OwnedFd, bool)> {
    let mut flags = OFlags::CLOEXEC | if how.write { OFlags::RDWR } else { OFlags::RDONLY };
    flags |= match how.create {
        Create::Never => OFlags::empty(),
        Create::IfMissing => OFlags::CREATE,
        Create::New => OFlags::CREATE | OFlags::EXCL,
    };
    let mode = Mode::RUSR | Mode::WUSR;
    if how.direct {
        match open(path, flags | OFlags::DIRECT, mode) {
            Err(rustix::io::Errno::INVAL) => warn_no_direct(path),
            outcome => return Ok((outcome?, true)),
        }
        // Some file systems make the file before they refuse the flag.
        flags -= OFlags::EXCL;
    }
    Ok((open(path, flags, mode)?, false))
}
