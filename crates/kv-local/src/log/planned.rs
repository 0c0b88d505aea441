//! A log file whose operations a plan of faults decides.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use kv::KvError;
use pages::{PageBuf, Payload};
use uring::{Create, Faults, File, OpenHow};

use super::device::{FileDevice, LogDevice};
use crate::engine::Disk;
use crate::errors::from_io;

/// The file system, with this plan for all that happens to a log after it was made.
#[derive(Debug)]
pub(crate) struct PlannedDisk(pub(crate) Arc<Faults>);

impl Disk for PlannedDisk {
    fn create(&self, path: &Path, size_bytes: u64) -> Result<(), KvError> {
        FileDevice::create(path, size_bytes)
    }

    fn open(&self, path: &Path, _size_bytes: u64) -> Result<Arc<dyn LogDevice>, KvError> {
        let faults = Some(Arc::clone(&self.0));
        let how = OpenHow { write: true, create: Create::Never, direct: false, ring: false, faults };
        let file = File::open(path, &how).map_err(|error| from_io("cannot open the log", path, &error))?;
        Ok(Arc::new(PlannedDevice(file)))
    }
}

#[derive(Debug)]
struct PlannedDevice(File);

impl LogDevice for PlannedDevice {
    fn write_at_durable(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        wait(self.0.write_at_durably(Payload::from(Bytes::copy_from_slice(bytes)), offset))
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let (buffer, outcome) = wait(self.0.read_at(PageBuf::unpooled(bytes.len()), offset));
        let found = buffer.get(..outcome?).filter(|found| found.len() == bytes.len());
        bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// Polls until it is done: a plan of faults counts polls.
fn wait<T>(operation: impl Future<Output = T>) -> T {
    let mut operation = pin!(operation);
    loop {
        if let Poll::Ready(outcome) = operation.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return outcome;
        }
        std::thread::yield_now();
    }
}
