//! READ and WRITE.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, ensure};
use bytes::Bytes;
use nfs_wire::nfs3::{Commit, CommitArgs, Read, ReadArgs, StableHow, Write, WriteArgs};

use super::{Next, Operation, check, done};
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

/// WRITE of 4 KiB at random places, FILE_SYNC.
pub(crate) struct WriteRandom {
    ground: Arc<Ground>,
    random: Random,
    payload: Bytes,
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

/// splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }
}

impl ReadRandom {
    pub(crate) fn new(ground: &Arc<Ground>, number: usize) -> Self {
        Self { ground: Arc::clone(ground), random: Random(number as u64) }
    }
}

impl Operation for ReadRandom {
    fn begin(&mut self) -> Option<Call> {
        let offset = self.random.below(self.ground.file_bytes / SMALL) * SMALL;
        Some(read(&self.ground, offset, SMALL_COUNT))
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next> {
        ensure!(reply.status() != 0 || reply.body.len() > 4096, "a short READ of {} bytes", reply.body.len());
        done(reply, SMALL)
    }
}

impl ReadInOrder {
    pub(crate) fn new(ground: &Arc<Ground>) -> Self {
        Self { ground: Arc::clone(ground) }
    }
}

impl Operation for ReadInOrder {
    fn begin(&mut self) -> Option<Call> {
        let offset = self.ground.next_place.fetch_add(LARGE, Ordering::Relaxed) % self.ground.file_bytes.max(LARGE);
        Some(read(&self.ground, offset, LARGE_COUNT))
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next> {
        ensure!(reply.status() != 0 || reply.body.len() > 1 << 20, "a short READ of {} bytes", reply.body.len());
        done(reply, LARGE)
    }
}

impl WriteRandom {
    pub(crate) fn new(ground: &Arc<Ground>, number: usize) -> Self {
        let payload = Bytes::from(vec![0xa5; 4096]);
        Self { ground: Arc::clone(ground), random: Random(number as u64), payload }
    }
}

impl Operation for WriteRandom {
    fn begin(&mut self) -> Option<Call> {
        let offset = self.random.below(self.ground.file_bytes / SMALL) * SMALL;
        Some(write(&self.ground, (offset, &self.payload), StableHow::FileSync))
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next> {
        done(reply, SMALL)
    }
}

impl WriteInOrder {
    pub(crate) fn new(ground: &Arc<Ground>) -> Self {
        Self { ground: Arc::clone(ground), payload: Bytes::from_static(&PAYLOAD_1M), writes: 0 }
    }
}

impl Operation for WriteInOrder {
    fn begin(&mut self) -> Option<Call> {
        let offset = self.ground.next_place.fetch_add(LARGE, Ordering::Relaxed) % self.ground.file_bytes.max(LARGE);
        Some(write(&self.ground, (offset, &self.payload), StableHow::Unstable))
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next> {
        check(reply)?;
        self.writes += 1;
        // The COMMIT belongs to the operation that it follows.
        if self.writes.is_multiple_of(WRITES_PER_COMMIT) {
            self.writes = 0;
            return Ok(Next::Call(Call::new::<Commit>(&CommitArgs {
                file: self.ground.file.clone(),
                offset: 0,
                count: 0,
            })));
        }
        Ok(Next::Done { operations: 1, bytes: LARGE })
    }
}

impl FileFill {
    pub(crate) fn new(ground: &Arc<Ground>, next: &Arc<AtomicU64>) -> Self {
        Self { ground: Arc::clone(ground), next: Arc::clone(next), payload: Bytes::from_static(&PAYLOAD_1M) }
    }
}

impl Operation for FileFill {
    fn begin(&mut self) -> Option<Call> {
        let offset = self.next.fetch_add(LARGE, Ordering::Relaxed);
        let is_over = offset >= self.ground.file_bytes;
        (!is_over).then(|| write(&self.ground, (offset, &self.payload), StableHow::FileSync))
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next> {
        done(reply, LARGE)
    }
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
