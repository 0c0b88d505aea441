//! Changes that gather and become one commit of an engine in memory: what folding and waking cost.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on shall end")]

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput};
use kv::MemoryEngine;
use meta::{Change, Key, Meta};
use tokio::runtime::Builder;
use vfs::Timestamp;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let runtime = Builder::new_current_thread().build().unwrap();
    let meta = runtime.block_on(Meta::open(MemoryEngine::default(), Timestamp::default(), [7; 64])).unwrap();
    let mut group = criterion.benchmark_group("group");
    for count in [1_u64, 64, 1024] {
        group.throughput(Throughput::Elements(count));
        let gather = |changes: Vec<Change>| {
            for change in changes {
                meta.submit(change).unwrap();
            }
            runtime.block_on(meta.durable(meta.submitted())).unwrap();
        };
        group.bench_function(format!("{count} changes"), |bencher| {
            bencher.iter_batched(|| changes(count), gather, BatchSize::SmallInput);
        });
    }
    group.finish();
    criterion.final_summary();
}

/// Each writes two keys of its own and one that all of them write, as changes of one directory do.
fn changes(count: u64) -> Vec<Change> {
    let inode =
        |number: u64| vfs::InodeId { shard: vfs::ShardId(1), tree: vfs::TreeId(0), number: vfs::InodeNumber(number) };
    let change = |number: u64| {
        let mut change = Change::new();
        let value = Bytes::from(vec![7; 120]);
        let own = meta::keys::inode(inode(number + 10));
        let keys: [Key; 3] = [own, meta::keys::region(inode(number + 10), 0), meta::keys::inode(inode(2))];
        keys.into_iter().for_each(|key| change.put(key, value.clone()));
        change
    };
    (0..count).map(change).collect()
}
