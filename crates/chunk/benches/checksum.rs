//! The checksum of a block.

use std::hint::black_box;

use chunk::crc32c;
use criterion::{Criterion, Throughput};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let block = vec![0x5a; pages::BLOCK_SIZE];
    let mut group = criterion.benchmark_group("checksum");
    group.throughput(Throughput::Bytes(block.len() as u64));
    group.bench_function("crc32c of a block", |bencher| bencher.iter(|| crc32c(black_box(&block))));
    group.finish();
    criterion.final_summary();
}
