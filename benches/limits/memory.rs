//! Memory: copying, and the checksum of blocks.

use std::hint::black_box;
use std::time::Duration;

use crate::cpu::{now, rate};
use crate::figure::{Figure, MEGABYTES};

/// On one core, over more memory than the caches hold, and for the checksum block by block.
pub(crate) fn measure(time: Duration) -> Vec<Figure> {
    let source = vec![0x5a_u8; COPIED_BYTES];
    let mut target = vec![0_u8; COPIED_BYTES];
    let copied = repeat(time, || {
        target.copy_from_slice(black_box(&source));
        black_box(&target);
    });
    let summed = repeat(time, || {
        for block in source.chunks_exact(BLOCK_BYTES) {
            black_box(crc_fast::crc32_iscsi(black_box(block)));
        }
    });
    vec![
        Figure::new("memory_copy", "memory copy, 64 MiB", (copied, MEGABYTES)),
        Figure::new("crc32c", "crc32c of 4 KiB blocks", (summed, MEGABYTES)),
    ]
}

/// Megabytes in a second.
fn repeat(time: Duration, mut work: impl FnMut()) -> f64 {
    let (begin, mut bytes) = (now(), 0);
    while begin.elapsed() < time {
        work();
        bytes += COPIED_BYTES as u64;
    }
    rate(bytes, begin.elapsed()) / 1e6
}

const COPIED_BYTES: usize = 64 << 20;
const BLOCK_BYTES: usize = 4096;
