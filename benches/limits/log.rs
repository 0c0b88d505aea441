//! A log of 4 KiB records in a file written before: whoever waits goes into the next write, which lasts when it is done.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use uring::File;

use crate::cpu::{now, per_operation, rate, used};
use crate::device::{Scratch, payload};
use crate::figure::{Figure, PER_SECOND};

/// With 1, 16 and 64 writers, each of which waits for its record.
pub(crate) async fn measure(folder: &Path, time: Duration) -> Result<Vec<Figure>> {
    let (file, _scratch) = Scratch::open(folder, "limits-log")?;
    let piece = payload(1 << 20)?;
    for offset in (0..LOG_BYTES).step_by(1 << 20) {
        file.write_at(piece.clone(), offset).await.context("writing the log before")?;
    }
    file.sync_all().await?;
    let mut figures = Vec::new();
    for writers in [1, 16, 64] {
        figures.push(append(&file, writers, time).await.context("appending to the log")?);
    }
    Ok(figures)
}

async fn append(file: &File, writers: u64, time: Duration) -> Result<Figure> {
    let group = payload(writers * RECORD_BYTES)?;
    let (begin, before, mut records) = (now(), used(), 0);
    while begin.elapsed() < time {
        file.write_at_durably(group.clone(), records * RECORD_BYTES % LOG_BYTES).await?;
        records += writers;
    }
    let (took, cpu) = (begin.elapsed(), used().saturating_sub(before));
    let what = format!("log, durable 4 KiB records, {writers} writers, O_DIRECT and DSYNC");
    let figure = Figure::new(&format!("log_append_w{writers}"), &what, (rate(records, took), PER_SECOND));
    Ok(figure.with_cpu(per_operation(cpu, records)))
}

const RECORD_BYTES: u64 = 4096;
/// A multiple of each group.
const LOG_BYTES: u64 = 256 << 20;
