//! What a buffer of the pool costs, for a block and for a large transfer.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on shall end")]

use std::hint::black_box;

use criterion::Criterion;
use pages::{BLOCK_SIZE, Pool, PoolSettings};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let pool = Pool::new(PoolSettings::default());
    let mut group = criterion.benchmark_group("pool");
    for (name, bytes) in [("4 KiB", BLOCK_SIZE), ("1 MiB", 1 << 20)] {
        group.bench_function(format!("take and give back {name}"), |bencher| {
            bencher.iter(|| black_box(pool.allocate(bytes).unwrap()));
        });
        group.bench_function(format!("freeze, slice and give back {name}"), |bencher| {
            bencher.iter(|| {
                let whole = pool.allocate(bytes).unwrap().freeze();
                black_box(whole.slice(..1024))
            });
        });
    }
    group.finish();
    criterion.final_summary();
}
