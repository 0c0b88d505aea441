//! The disk below a folder, around the page cache.

use std::cell::Cell;
use std::future::Future;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use pages::{PageBuf, Payload, Pool, PoolSettings};
use uring::{Create, File, OpenHow};

use crate::cpu::{now, per_gibibyte, per_operation, rate, used};
use crate::figure::{Figure, MEGABYTES, PER_SECOND};

/// Streams of 1 MiB, reads of 4 KiB at random, overwrites of 1 MiB that last.
pub(crate) async fn measure(folder: &Path, file_bytes: u64, time: Duration) -> Result<Vec<Figure>> {
    let (file, _scratch) = Scratch::open(folder, "limits-device")?;
    let mut figures = vec![fill(&file, file_bytes).await.context("streaming write")?];
    let pool = Pool::new(PoolSettings { bytes_max: POOL_BYTES, ..PoolSettings::default() });
    let device = Device { file, file_bytes, time, pool };
    figures.push(device.stream_read().await.context("streaming read")?);
    for depth in [1, 32] {
        figures.push(device.random_read(depth).await.context("random read")?);
    }
    figures.push(device.overwrite().await.context("durable overwrite")?);
    Ok(figures)
}

/// A file that is removed at the end.
pub(crate) struct Scratch(std::path::PathBuf);

impl Scratch {
    pub(crate) fn open(folder: &Path, name: &str) -> Result<(File, Self)> {
        let path = folder.join(name);
        let how = OpenHow { write: true, create: Create::IfMissing, ..OpenHow::default() };
        let file = File::open(&path, &how).with_context(|| format!("cannot make {}", path.display()))?;
        Ok((file, Self(path)))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left behind is in a folder of its own.
        std::fs::remove_file(&self.0).ok();
    }
}

struct Device {
    file: File,
    file_bytes: u64,
    time: Duration,
    /// Buffers are used again, as a server would.
    pool: Pool,
}

impl Device {
    async fn stream_read(&self) -> Result<Figure> {
        let next = Cell::new(0);
        let counted = self.repeat(STREAM_DEPTH, |_| {
            let offset = next.replace(next.get() + LARGE) % self.file_bytes;
            self.read(offset, LARGE)
        });
        let done = counted.await?;
        let bytes = done.count * LARGE;
        let value = rate(bytes, done.took) / 1e6;
        let what = "disk, streaming read, 1 MiB, depth 8, O_DIRECT";
        Ok(Figure::new("disk_stream_read", what, (value, MEGABYTES)).with_cpu(per_gibibyte(done.cpu, bytes)))
    }

    async fn random_read(&self, depth: usize) -> Result<Figure> {
        let blocks = (self.file_bytes / SMALL).max(1);
        let seed = Cell::new(0x9e37_79b9_7f4a_7c15_u64);
        let counted = self.repeat(depth, |_| {
            // xorshift64.
            let mut x = seed.get();
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            seed.set(x);
            self.read(x % blocks * SMALL, SMALL)
        });
        let done = counted.await?;
        let (key, what) = (format!("disk_random_read_d{depth}"), format!("disk, random read, 4 KiB, depth {depth}"));
        let figure = Figure::new(&key, &what, (rate(done.count, done.took), PER_SECOND));
        Ok(figure.with_cpu(per_operation(done.cpu, done.count)))
    }

    async fn overwrite(&self) -> Result<Figure> {
        let data = payload(LARGE)?;
        let counted = self.repeat(1, |number| {
            let (data, offset) = (data.clone(), number * LARGE % self.file_bytes);
            async move { Ok(self.file.write_at_durably(data, offset).await?) }
        });
        let done = counted.await?;
        let bytes = done.count * LARGE;
        let figure = Figure::new(
            "disk_durable_overwrite",
            "disk, overwrite of 1 MiB, durable, one after the other",
            (rate(bytes, done.took) / 1e6, MEGABYTES),
        );
        Ok(figure.with_cpu(per_gibibyte(done.cpu, bytes)))
    }

    async fn read(&self, offset: u64, length: u64) -> Result<()> {
        let (_buffer, outcome) = self.file.read_at(self.pool.allocate(usize::try_from(length)?)?, offset).await;
        outcome?;
        Ok(())
    }

    /// Keeps `depth` of these operations in flight until the time is up.
    async fn repeat<F: Future<Output = Result<()>>>(&self, depth: usize, begin: impl Fn(u64) -> F) -> Result<Done> {
        let (start, before, count) = (now(), used(), Cell::new(0));
        let slot = async || -> Result<()> {
            while start.elapsed() < self.time {
                begin(count.replace(count.get() + 1)).await?;
            }
            Ok(())
        };
        try_join_all((0..depth).map(|_| slot())).await?;
        Ok(Done { count: count.get(), took: start.elapsed(), cpu: used().saturating_sub(before) })
    }
}

/// What was done in which time.
struct Done {
    count: u64,
    took: Duration,
    cpu: Duration,
}

/// Writes the file from its start to its end, and syncs it.
async fn fill(file: &File, file_bytes: u64) -> Result<Figure> {
    let (data, next) = (payload(LARGE)?, Cell::new(0));
    let (begin, before) = (now(), used());
    let slot = async || -> Result<()> {
        loop {
            let offset = next.replace(next.get() + LARGE);
            if offset >= file_bytes {
                return Ok(());
            }
            file.write_at(data.clone(), offset).await?;
        }
    };
    try_join_all((0..STREAM_DEPTH).map(|_| slot())).await?;
    file.sync_all().await?;
    let (took, cpu) = (begin.elapsed(), used().saturating_sub(before));
    let figure = Figure::new(
        "disk_stream_write",
        "disk, streaming write of a new file, 1 MiB, depth 8, then sync",
        (rate(file_bytes, took) / 1e6, MEGABYTES),
    );
    Ok(figure.with_cpu(per_gibibyte(cpu, file_bytes)))
}

/// Aligned bytes that are not zero.
pub(crate) fn payload(length: u64) -> Result<Payload> {
    let mut buffer = PageBuf::unpooled(usize::try_from(length)?);
    buffer.fill(0x5a);
    let mut payload = Payload::new();
    payload.push(buffer.freeze());
    Ok(payload)
}

const STREAM_DEPTH: usize = 8;
const LARGE: u64 = 1 << 20;
const SMALL: u64 = 4096;
const POOL_BYTES: usize = 64 << 20;
