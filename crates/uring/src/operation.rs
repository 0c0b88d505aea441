//! One operation on a file, as it travels between a future and the kernel.

use std::io::{self, IoSlice, IoSliceMut};
use std::slice;

use bytes::Bytes;
use io_uring::{opcode, squeue, types};
use pages::{PageBuf, Payload};
use rustix::fs::FallocateFlags;
use rustix::io::ReadWriteFlags;

use crate::faults::OperationKind;

/// What is asked of the kernel, with everything it may touch.
pub(crate) enum Operation {
    Read(Read),
    Write(Write),
    /// `data_only` leaves out times and the like, never what is needed to read the data back.
    Sync {
        data_only: bool,
    },
    Allocate {
        flags: FallocateFlags,
        offset: u64,
        length: u64,
    },
}

pub(crate) struct Read {
    /// Filled one after the other.
    buffers: Vec<PageBuf>,
    /// What is not filled yet of them.
    vectors: Vec<IoSliceMut<'static>>,
    offset: u64,
    pub(crate) done: usize,
    length: usize,
}

pub(crate) struct Write {
    /// Keeps the memory of `vectors` alive.
    slices: Payload,
    vectors: Vec<IoSlice<'static>>,
    pub(crate) offset: u64,
    pub(crate) done: usize,
    length: usize,
    pub(crate) durable: bool,
}

/// Whether an operation has to go to the kernel again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Unfinished,
    Finished,
}

impl Operation {
    pub(crate) fn write(data: Payload, offset: u64, durable: bool) -> Self {
        let length = data.len();
        let mut write = Write { slices: data, vectors: Vec::new(), offset, done: 0, length, durable };
        write.point_at_rest();
        Self::Write(write)
    }

    pub(crate) fn kind(&self) -> OperationKind {
        match self {
            Self::Read(_) => OperationKind::Read,
            Self::Write(_) => OperationKind::Write,
            Self::Sync { .. } => OperationKind::Sync,
            Self::Allocate { flags, .. } if flags.contains(FallocateFlags::PUNCH_HOLE) => OperationKind::Punch,
            Self::Allocate { .. } => OperationKind::Allocate,
        }
    }

    /// Takes what one system call returned. A transfer goes on until all is done, the file ends, or an error comes.
    pub(crate) fn advance(&mut self, count: usize) -> io::Result<Progress> {
        match self {
            Self::Read(read) => Ok(read.advance(count)),
            Self::Write(write) => write.advance(count),
            Self::Sync { .. } | Self::Allocate { .. } => Ok(Progress::Finished),
        }
    }

    /// The ring's form of the next system call. It points into buffers of `self`, which must neither be dropped nor
    /// be touched before the kernel has answered; moving `self` is fine.
    pub(crate) fn entry(&mut self, file: types::Fd) -> squeue::Entry {
        match self {
            Self::Read(read) => {
                let offset = read.position();
                match read.vectors.as_mut_slice() {
                    [one] => {
                        let length = u32::try_from(one.len()).unwrap_or(TRANSFER_BYTES_MAX);
                        opcode::Read::new(file, one.as_mut_ptr(), length).offset(offset).build()
                    }
                    many => {
                        #[expect(clippy::cast_possible_truncation, reason = "at most VECTORS_MAX")]
                        let count = many.len() as u32;
                        opcode::Readv::new(file, many.as_ptr().cast(), count).offset(offset).build()
                    }
                }
            }
            Self::Write(write) => {
                #[expect(clippy::cast_possible_truncation, reason = "at most VECTORS_MAX")]
                let count = write.vectors.len() as u32;
                let entry = opcode::Writev::new(file, write.vectors.as_ptr().cast(), count);
                entry.offset(write.position()).rw_flags(write.raw_flags()).build()
            }
            Self::Sync { data_only } => {
                let flags = if *data_only { types::FsyncFlags::DATASYNC } else { types::FsyncFlags::empty() };
                opcode::Fsync::new(file).flags(flags).build()
            }
            Self::Allocate { flags, offset, length } => {
                let mode = flags.bits().cast_signed();
                opcode::Fallocate::new(file, *length).offset(*offset).mode(mode).build()
            }
        }
    }
}

impl Read {
    pub(crate) fn new(buffers: Vec<PageBuf>, offset: u64) -> Self {
        let length = buffers.iter().map(|buffer| buffer.len()).sum();
        let mut read = Self { buffers, vectors: Vec::new(), offset, done: 0, length };
        read.point_at_rest();
        read
    }

    pub(crate) fn position(&self) -> u64 {
        self.offset + self.done as u64
    }

    pub(crate) fn vectors(&mut self) -> &mut [IoSliceMut<'static>] {
        &mut self.vectors
    }

    pub(crate) fn into_buffers(self) -> Vec<PageBuf> {
        self.buffers
    }

    fn advance(&mut self, count: usize) -> Progress {
        self.done += count;
        // A part that ends off a sector is the end of the file; asking again would be refused under O_DIRECT.
        let ended = count == 0 || self.done >= self.length || !count.is_multiple_of(SECTOR_BYTES);
        if ended {
            return Progress::Finished;
        }
        self.point_at_rest();
        Progress::Unfinished
    }

    fn point_at_rest(&mut self) {
        self.vectors.clear();
        let (mut skip, mut left) = (self.done, TRANSFER_BYTES_MAX as usize);
        for buffer in &mut self.buffers {
            let length = buffer.len();
            let take = length.saturating_sub(skip).min(left);
            if take > 0 && self.vectors.len() < VECTORS_MAX {
                self.vectors.extend(buffer.get_mut(skip..skip + take).map(unbound_mut));
                left -= take;
            }
            skip = skip.saturating_sub(length);
        }
    }
}

impl Write {
    pub(crate) fn position(&self) -> u64 {
        self.offset + self.done as u64
    }

    pub(crate) fn length(&self) -> usize {
        self.length
    }

    pub(crate) fn vectors(&self) -> &[IoSlice<'static>] {
        &self.vectors
    }

    pub(crate) fn slices(&self) -> &Payload {
        &self.slices
    }

    pub(crate) fn flags(&self) -> ReadWriteFlags {
        if self.durable { ReadWriteFlags::DSYNC } else { ReadWriteFlags::empty() }
    }

    fn raw_flags(&self) -> i32 {
        self.flags().bits().cast_signed()
    }

    fn advance(&mut self, count: usize) -> io::Result<Progress> {
        self.done += count;
        if self.done >= self.length {
            return Ok(Progress::Finished);
        }
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.point_at_rest();
        Ok(Progress::Unfinished)
    }

    fn point_at_rest(&mut self) {
        let rest = self.slices.slice(self.done, TRANSFER_BYTES_MAX as usize);
        self.vectors = rest.slices().iter().take(VECTORS_MAX).map(unbound).collect();
    }
}

/// A vector that forgets whose memory it points to.
fn unbound(part: &Bytes) -> IoSlice<'static> {
    // SAFETY: `part` shares the memory of `Write::slices`, which lives and stays unchanged as long as the vector,
    // because both stand in the same `Write` and vectors never leave it except by a borrow.
    IoSlice::new(unsafe { slice::from_raw_parts(part.as_ptr(), part.len()) })
}

/// As [`unbound`], of memory that is written.
fn unbound_mut(part: &mut [u8]) -> IoSliceMut<'static> {
    // SAFETY: `part` is memory of `Read::buffers`, which lives as long as the vector, because both stand in the same
    // `Read`; nobody touches a buffer before `into_buffers` has taken the vectors away, and vectors never leave the
    // `Read` except by a borrow.
    IoSliceMut::new(unsafe { slice::from_raw_parts_mut(part.as_mut_ptr(), part.len()) })
}

/// The kernel moves at most 2 GiB - 4 KiB in one call; whole megabytes keep every part aligned.
const TRANSFER_BYTES_MAX: u32 = 1 << 30;
/// UIO_MAXIOV of Linux.
const VECTORS_MAX: usize = 1024;
const SECTOR_BYTES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn left(operation: &Operation) -> Vec<u8> {
        let Operation::Write(write) = operation else { panic!("a write") };
        write.vectors().iter().flat_map(|vector| vector.to_vec()).collect()
    }

    #[test]
    fn a_short_write_goes_on_where_it_stopped() {
        let data: Payload = [Bytes::from_static(b"abc"), Bytes::from_static(b"defg")].into_iter().collect();
        let mut operation = Operation::write(data, 10, false);
        assert_eq!(left(&operation), b"abcdefg");
        assert_eq!(operation.advance(4).unwrap(), Progress::Unfinished);
        assert_eq!(left(&operation), b"efg");
        assert_eq!(operation.advance(0).unwrap_err().kind(), io::ErrorKind::WriteZero);
        assert_eq!(operation.advance(3).unwrap(), Progress::Finished);
    }

    #[test]
    fn many_slices_are_written_in_several_calls() {
        let data: Payload = (0..3000_u32).map(|_| Bytes::from_static(b"x")).collect();
        let mut operation = Operation::write(data, 0, false);
        assert_eq!(left(&operation).len(), VECTORS_MAX);
        assert_eq!(operation.advance(VECTORS_MAX).unwrap(), Progress::Unfinished);
        assert_eq!(operation.advance(VECTORS_MAX).unwrap(), Progress::Unfinished);
        assert_eq!(left(&operation).len(), 3000 - 2 * VECTORS_MAX);
    }

    #[test]
    fn a_read_ends_with_the_file() {
        let mut read = Read::new(vec![PageBuf::unpooled(8192)], 0);
        assert_eq!(read.advance(4096), Progress::Unfinished);
        assert_eq!(left_to_read(&mut read), [4096]);
        assert_eq!(read.advance(0), Progress::Finished);
        assert_eq!(read.advance(100), Progress::Finished);
    }

    #[test]
    fn a_short_read_goes_on_in_the_buffer_where_it_stopped() {
        let mut read = Read::new([4096, 8192, 4096].map(PageBuf::unpooled).into(), 1 << 20);
        assert_eq!(left_to_read(&mut read), [4096, 8192, 4096]);
        assert_eq!(read.advance(4096 + 512), Progress::Unfinished);
        assert_eq!((left_to_read(&mut read), read.position()), (vec![8192 - 512, 4096], (1 << 20) + 4608));
        assert_eq!(read.advance(8192 - 512), Progress::Unfinished);
        assert_eq!(left_to_read(&mut read), [4096]);
        assert_eq!(read.advance(4096), Progress::Finished);
        assert_eq!(read.into_buffers().len(), 3);
    }

    fn left_to_read(read: &mut Read) -> Vec<usize> {
        read.vectors().iter().map(|vector| vector.len()).collect()
    }
}
