//! The pread twin: the same operations as plain system calls on the calling thread.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::{fallocate, fdatasync, fsync};
use rustix::io::{Errno, preadv, pwritev, pwritev2};

use crate::operation::{Operation, Progress};

/// Runs an operation to its end.
pub(crate) fn run(file: BorrowedFd<'_>, operation: &mut Operation) -> io::Result<()> {
    loop {
        let count = match step(file, operation) {
            Err(Errno::INTR | Errno::AGAIN) => continue,
            outcome => outcome?,
        };
        if operation.advance(count)? == Progress::Finished {
            return Ok(());
        }
    }
}

fn step(file: BorrowedFd<'_>, operation: &mut Operation) -> Result<usize, Errno> {
    match operation {
        Operation::Read(read) => {
            let position = read.position();
            preadv(file, read.vectors(), position)
        }
        Operation::Write(write) if write.durable => pwritev2(file, write.vectors(), write.position(), write.flags()),
        Operation::Write(write) => pwritev(file, write.vectors(), write.position()),
        Operation::Sync { data_only: true } => fdatasync(file).map(|()| 0),
        Operation::Sync { data_only: false } => fsync(file).map(|()| 0),
        Operation::Allocate { flags, offset, length } => fallocate(file, *flags, *offset, *length).map(|()| 0),
    }
}
