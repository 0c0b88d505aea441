//! READ and WRITE.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, ensure};
use bytes::Bytes;
use nfs_wire::nfs3::{Commit, CommitArgs, Read, ReadArgs, StableHow, Write, WriteArgs};

use load::{Next, Operation, Random};

use super::{check, done};
use crate::prepare::Ground;
use crate::rpc::{Call, Reply};

/// READ of 4 KiB at random places.
pub(crate) struct ReadRandom {
    ground: Arc<Ground>,
    random: Random,
}

/// READ of 1 MiB in order; all slots share the place.
pub(crate) struct ReadInOrder {
    ground: Arc<Ground>,
}

/// WRITE of 4 KiB at random places, FILE_SYNC, or UNSTABLE with a COMMIT now and then.
pub(crate) struct WriteRandom {
    ground: Arc<Ground>,
    random: Random,
    payload: Bytes,
    stable: StableHow,
    writes: u64,
}

/// WRITE of every second 4 KiB, UNSTABLE, with a COMMIT now and then, until the file's size is reached.
pub(crate) struct WriteEvery2nd {
    ground: Arc<Ground>,
    payload: Bytes,
    writes: u64,
}

/// WRITE of 1 MiB in order, UNSTABLE, with a COMMIT now and then.
pub(crate) struct WriteInOrder {
    ground: Arc<Ground>,
    payload: Bytes,
    writes: u64,
}

/// Fills a file from its start to its size, FILE_SYNC.
pub(crate) struct FileFill {
    ground: Arc<Ground>,
    next: Arc<AtomicU64>,
    payload: Bytes,
}

impl ReadRandom {
    pub(crate) fn new(ground: &Arc<Ground>, number: usize) -> Self {
        Self { ground: Arc::clone(ground), random: Random::new(number as u64) }
    }
}

impl Operation<Call, Reply> for ReadRandom {
    fn begin(&mut self) -> Option<Call> {
        let offset = self.random.below(self.ground.file_bytes / SMALL) * SMALL;
        Some(read(&self.ground, offset, SMALL_COUNT))
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        ensure!(reply.status() != 0 || reply.body.len() > 4096, "a short READ of {} bytes", reply.body.len());
        done(reply, SMALL)
    }
}

impl ReadInOrder {
    pub(crate) fn new(ground: &Arc<Ground>) -> Self {
        Self { ground: Arc::clone(ground) }
    }
}

impl Operation<Call, Reply> for ReadInOrder {
    fn begin(&mut self) -> Option<Call> {
        let offset = self.ground.next_place.fetch_add(LARGE, Ordering::Relaxed) % self.ground.file_bytes.max(LARGE);
        Some(read(&self.ground, offset, LARGE_COUNT))
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        ensure!(reply.status() != 0 || reply.body.len() > 1 << 20, "a short READ of {} bytes", reply.body.len());
        done(reply, LARGE)
    }
}

impl WriteRandom {
    pub(crate) fn new(ground: &Arc<Ground>, number: usize, stable: StableHow) -> Self {
        let payload = Bytes::from(vec![0xa5; 4096]);
        Self { ground: Arc::clone(ground), random: Random::new(number as u64), payload, stable, writes: 0 }
    }
}

impl Operation<Call, Reply> for WriteRandom {
    fn begin(&mut self) -> Option<Call> {
        let offset = self.random.below(self.ground.file_bytes / SMALL) * SMALL;
        Some(write(&self.ground, (offset, &self.payload), self.stable))
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        match self.stable {
            StableHow::Unstable => written(reply, &self.ground, (&mut self.writes, SMALL_WRITES_PER_COMMIT, SMALL)),
            _ => done(reply, SMALL),
        }
    }
}

impl WriteEvery2nd {
    pub(crate) fn new(ground: &Arc<Ground>) -> Self {
        Self { ground: Arc::clone(ground), payload: Bytes::from(vec![0xa5; 4096]), writes: 0 }
    }
}

impl Operation<Call, Reply> for WriteEvery2nd {
    fn begin(&mut self) -> Option<Call> {
        let offset = self.ground.next_place.fetch_add(2 * SMALL, Ordering::Relaxed);
        (offset < self.ground.file_bytes).then(|| write(&self.ground, (offset, &self.payload), StableHow::Unstable))
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        written(reply, &self.ground, (&mut self.writes, SMALL_WRITES_PER_COMMIT, SMALL))
    }
}

impl WriteInOrder {
    pub(crate) fn new(ground: &Arc<Ground>) -> Self {
        Self { ground: Arc::clone(ground), payload: Bytes::from_static(&PAYLOAD_1M), writes: 0 }
    }
}

impl Operation<Call, Reply> for WriteInOrder {
    fn begin(&mut self) -> Option<Call> {
        let offset = self.ground.next_place.fetch_add(LARGE, Ordering::Relaxed) % self.ground.file_bytes.max(LARGE);
        Some(write(&self.ground, (offset, &self.payload), StableHow::Unstable))
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        written(reply, &self.ground, (&mut self.writes, WRITES_PER_COMMIT, LARGE))
    }
}

impl FileFill {
    pub(crate) fn new(ground: &Arc<Ground>, next: &Arc<AtomicU64>) -> Self {
        Self { ground: Arc::clone(ground), next: Arc::clone(next), payload: Bytes::from_static(&PAYLOAD_1M) }
    }
}

impl Operation<Call, Reply> for FileFill {
    fn begin(&mut self) -> Option<Call> {
        let offset = self.next.fetch_add(LARGE, Ordering::Relaxed);
        let is_over = offset >= self.ground.file_bytes;
        (!is_over).then(|| write(&self.ground, (offset, &self.payload), StableHow::FileSync))
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        done(reply, LARGE)
    }
}

/// A WRITE is answered: the COMMIT that comes now and then belongs to the operation that it follows.
fn written(reply: &Reply, ground: &Ground, (writes, per_commit, bytes): (&mut u64, u64, u64)) -> Result<Next<Call>> {
    check(reply)?;
    *writes = writes.wrapping_add(1);
    if *writes == 0 || !writes.is_multiple_of(per_commit) {
        return Ok(Next::Done { operations: 1, bytes });
    }
    // The next reply is the COMMIT's and must not ask for another one.
    *writes = u64::MAX;
    Ok(Next::Call(Call::new::<Commit>(&CommitArgs { file: ground.file.clone(), offset: 0, count: 0 })))
}

fn read(ground: &Ground, offset: u64, count: u32) -> Call {
    Call::new::<Read>(&ReadArgs { file: ground.file.clone(), offset, count })
}

fn write(ground: &Ground, (offset, payload): (u64, &Bytes), stable: StableHow) -> Call {
    let count = u32::try_from(payload.len()).unwrap_or(0);
    let args = WriteArgs { file: ground.file.clone(), offset, count, stable, data: Bytes::new() };
    Call::with_payload::<Write>(&args, payload.clone())
}

/// What is written: not zeros, which a server might leave out.
static PAYLOAD_1M: [u8; 1 << 20] = [0x5a; 1 << 20];
const SMALL: u64 = 4096;
const SMALL_COUNT: u32 = 4096;
const LARGE: u64 = 1 << 20;
const LARGE_COUNT: u32 = 1 << 20;
const WRITES_PER_COMMIT: u64 = 8;
const SMALL_WRITES_PER_COMMIT: u64 = 256;
