//! A durable commit, of one change and of a group of them, on the disk of the system's temporary folder.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on shall end")]

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use kv::{Batch, Engine};
use kv_local::{LocalEngine, Settings};
use tokio::runtime::Builder;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let folder = tempfile::tempdir().unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let engine = runtime.block_on(async { LocalEngine::open(Settings::new(folder.path())) }).unwrap();
    let mut group = criterion.benchmark_group("commit");
    group.sample_size(20);
    let mut number = 0;
    for changes in [1_u64, 64] {
        group.throughput(Throughput::Elements(changes));
        group.bench_function(format!("{changes} creations"), |bencher| {
            bencher.iter(|| {
                number += changes;
                runtime.block_on(engine.commit(creations(number, changes))).unwrap()
            });
        });
    }
    group.finish();
    criterion.final_summary();
}

/// Four keys each, as a creation of a file writes.
fn creations(number: u64, count: u64) -> Batch {
    let put = |key: u64| (Bytes::copy_from_slice(&key.to_be_bytes()), Bytes::from(vec![7; 120]));
    Batch { puts: (number * 4..(number + count) * 4).map(put).collect(), ..Batch::default() }
}
