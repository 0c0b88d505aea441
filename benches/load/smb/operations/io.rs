//! READ and WRITE.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, ensure};
use bytes::Bytes;
use load::{Next, Operation, Random};
use smb_wire::read::{ReadFlags, ReadRequest, ReadResponse};
use smb_wire::write::{WriteFlags, WriteResponse};
use smb_wire::{Channel, Command, FileId, FlushRequest};

use super::{Place, done};
use crate::message::{Call, Reply};
use crate::prepare::Ground;

/// READ of 4 KiB at random places.
pub(crate) struct ReadRandom {
    ground: Arc<Ground>,
    file_id: FileId,
    random: Random,
}

/// READ of 1 MiB in order; all slots share the place.
pub(crate) struct ReadInOrder {
    ground: Arc<Ground>,
    file_id: FileId,
}

/// WRITE of 4 KiB at random places, written through, or with a FLUSH now and then.
pub(crate) struct WriteRandom {
    ground: Arc<Ground>,
    random: Random,
    payload: Bytes,
    flags: WriteFlags,
    flushes: Flushes,
}

/// WRITE of 1 MiB in order, with a FLUSH now and then.
pub(crate) struct WriteInOrder {
    ground: Arc<Ground>,
    payload: Bytes,
    flushes: Flushes,
}

/// Fills a file from its start to its size, written through.
pub(crate) struct FileFill {
    ground: Arc<Ground>,
    file_id: FileId,
    next: Arc<AtomicU64>,
    payload: Bytes,
}

/// The FLUSH that comes now and then belongs to the WRITE that it follows.
struct Flushes {
    file_id: FileId,
    writes: u64,
    writes_per_flush: Option<u64>,
    is_flushing: bool,
}

impl ReadRandom {
    pub(crate) fn new(ground: &Arc<Ground>, place: Place) -> Self {
        Self { ground: Arc::clone(ground), file_id: place.file_id, random: Random::new(place.number as u64) }
    }
}

impl Operation<Call, Reply> for ReadRandom {
    fn begin(&mut self) -> Option<Call> {
        let offset = self.random.below(self.ground.file_bytes / SMALL) * SMALL;
        Some(read(self.file_id, offset, SMALL_COUNT))
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        was_read(reply, SMALL)
    }
}

impl ReadInOrder {
    pub(crate) fn new(ground: &Arc<Ground>, place: Place) -> Self {
        Self { ground: Arc::clone(ground), file_id: place.file_id }
    }
}

impl Operation<Call, Reply> for ReadInOrder {
    fn begin(&mut self) -> Option<Call> {
        Some(read(self.file_id, next_large(&self.ground), LARGE_COUNT))
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        was_read(reply, LARGE)
    }
}

impl WriteRandom {
    pub(crate) fn new(ground: &Arc<Ground>, place: Place, flags: WriteFlags) -> Self {
        let is_through = flags.contains(WriteFlags::WRITE_THROUGH);
        let flushes = Flushes::new(place.file_id, (!is_through).then_some(SMALL_WRITES_PER_FLUSH));
        let (random, payload) = (Random::new(place.number as u64), Bytes::from(vec![0xa5; 4096]));
        Self { ground: Arc::clone(ground), random, payload, flags, flushes }
    }
}

impl Operation<Call, Reply> for WriteRandom {
    fn begin(&mut self) -> Option<Call> {
        let offset = self.random.below(self.ground.file_bytes / SMALL) * SMALL;
        Some(Call::write(self.flushes.file_id, (offset, self.payload.clone()), self.flags))
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        self.flushes.written(reply, SMALL)
    }
}

impl WriteInOrder {
    pub(crate) fn new(ground: &Arc<Ground>, place: Place) -> Self {
        let flushes = Flushes::new(place.file_id, Some(WRITES_PER_FLUSH));
        Self { ground: Arc::clone(ground), payload: Bytes::from_static(&PAYLOAD_1M), flushes }
    }
}

impl Operation<Call, Reply> for WriteInOrder {
    fn begin(&mut self) -> Option<Call> {
        let place = (next_large(&self.ground), self.payload.clone());
        Some(Call::write(self.flushes.file_id, place, WriteFlags::empty()))
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        self.flushes.written(reply, LARGE)
    }
}

impl FileFill {
    pub(crate) fn new(ground: &Arc<Ground>, (file_id, next): (FileId, &Arc<AtomicU64>)) -> Self {
        let payload = Bytes::from_static(&PAYLOAD_1M);
        Self { ground: Arc::clone(ground), file_id, next: Arc::clone(next), payload }
    }
}

impl Operation<Call, Reply> for FileFill {
    fn begin(&mut self) -> Option<Call> {
        let offset = self.next.fetch_add(LARGE, Ordering::Relaxed);
        let is_over = offset >= self.ground.file_bytes;
        (!is_over).then(|| Call::write(self.file_id, (offset, self.payload.clone()), WriteFlags::WRITE_THROUGH))
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        done(reply, LARGE)
    }
}

impl Flushes {
    const fn new(file_id: FileId, writes_per_flush: Option<u64>) -> Self {
        Self { file_id, writes: 0, writes_per_flush, is_flushing: false }
    }

    fn written(&mut self, reply: &Reply, bytes: u64) -> Result<Next<Call>> {
        if std::mem::take(&mut self.is_flushing) {
            return done(reply, bytes);
        }
        let response: WriteResponse = reply.decode()?;
        ensure!(u64::from(response.count) == bytes, "a short WRITE of {} bytes", response.count);
        self.writes += 1;
        self.is_flushing = self.writes_per_flush.is_some_and(|writes| self.writes.is_multiple_of(writes));
        if !self.is_flushing {
            return Ok(Next::Done { operations: 1, bytes });
        }
        Ok(Next::Call(Call::new(Command::FLUSH, &FlushRequest { file_id: self.file_id })))
    }
}

fn next_large(ground: &Ground) -> u64 {
    ground.next_place.fetch_add(LARGE, Ordering::Relaxed) % ground.file_bytes.max(LARGE)
}

fn read(file_id: FileId, offset: u64, length: u32) -> Call {
    let request = ReadRequest {
        padding: 0,
        flags: ReadFlags::empty(),
        length,
        offset,
        file_id,
        minimum_count: 0,
        channel: Channel::NONE,
        channel_info: &[],
    };
    Call::new(Command::READ, &request).answered_with(length)
}

fn was_read(reply: &Reply, bytes: u64) -> Result<Next<Call>> {
    let response: ReadResponse<'_> = reply.decode()?;
    ensure!(response.data.len() as u64 == bytes, "a short READ of {} bytes", response.data.len());
    Ok(Next::Done { operations: 1, bytes })
}

/// What is written: not zeros, which a server might leave out.
static PAYLOAD_1M: [u8; 1 << 20] = [0x5a; 1 << 20];
const SMALL: u64 = 4096;
const SMALL_COUNT: u32 = 4096;
const LARGE: u64 = 1 << 20;
const LARGE_COUNT: u32 = 1 << 20;
const WRITES_PER_FLUSH: u64 = 8;
const SMALL_WRITES_PER_FLUSH: u64 = 256;
