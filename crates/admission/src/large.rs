//! A large record that is received to where its data can stay: into blocks of the pool, so placed that the data lies in
//! memory as it will lie in the file, and nothing copies it between the socket and the device.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use pages::{BLOCK_SIZE, PageBuf, Pool};
use tokio::io::{AsyncRead, ReadBuf};

/// A record of known length that comes into blocks.
#[derive(Debug)]
pub struct LargeRecord {
    memory: PageBuf,
    /// Where it begins in the memory, how far it has come, and where it ends.
    start: usize,
    filled: usize,
    end: usize,
}

impl LargeRecord {
    /// A record of `length` bytes of which `come` are there. Its data begins at byte `at`, and goes to byte `within` of a
    /// block of the file. `None` when the pool has no room, or more has come than the record is long.
    #[must_use]
    pub fn begin(pool: &Pool, (length, come): (usize, &[u8]), (at, within): (usize, usize)) -> Option<Self> {
        let start = (BLOCK_SIZE + within - at % BLOCK_SIZE) % BLOCK_SIZE;
        let (filled, end) = (start + come.len(), start + length);
        let mut memory = pool.allocate(end).ok()?;
        memory.get_mut(start..end)?.get_mut(..come.len())?.copy_from_slice(come);
        Some(Self { memory, start, filled, end })
    }

    /// Bytes of memory that it holds.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.memory.capacity()
    }

    /// Whether all of it has come.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.filled == self.end
    }

    /// Receives once, at most so many bytes and nothing of what comes behind the record.
    ///
    /// Errors: those of the stream.
    pub fn poll_receive<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        bytes_max: usize,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let end = self.end.min(self.filled.saturating_add(bytes_max));
        let mut buffer = ReadBuf::new(self.memory.get_mut(self.filled..end).unwrap_or_default());
        ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
        let count = buffer.filled().len();
        self.filled += count;
        Poll::Ready(Ok(count))
    }

    /// What has come of it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.memory.get(self.start..self.filled).unwrap_or_default()
    }

    /// What has come of it, to be changed where it lies.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.memory.get_mut(self.start..self.filled).unwrap_or_default()
    }

    /// What has come of it, which nobody changes any more.
    #[must_use]
    pub fn freeze(self) -> Bytes {
        self.memory.freeze().slice(self.start..self.filled)
    }
}
