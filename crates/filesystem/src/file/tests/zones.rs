//! Zones beside each other.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};

use chunk::Store;
use testkit::block_on;
use vfs::{Admin, CreateHow, CreateRequest, InodeId, Namespace, OpContext, SetAttributes, Stability, ZoneRootRequest};

use super::space::Slow;
use super::{House, Rig, named};

/// A file in a zone of its own.
async fn file_of_zone<C: Store>(house: &House<C>, zone: &str) -> InodeId {
    let attributes = SetAttributes { mode: Some(0o755), ..SetAttributes::default() };
    let request = ZoneRootRequest { base: vec![named(zone)], attributes: attributes.clone() };
    let root = house.filesystem.zone_root(&house.ctx, request).await.unwrap().attributes.inode;
    let request = CreateRequest { parent: root, name: named("file"), how: CreateHow::Guarded(attributes) };
    house.filesystem.create(&OpContext::internal(root), request).await.unwrap().attributes.inode
}

/// Writes 64 KiB after 64 KiB while there is room for dirty data; says how often.
async fn fill<C: Store>(house: &House<C>, inode: InodeId) -> u64 {
    let mut written = 0;
    loop {
        let bytes = (written << 16, vec![7; 64 << 10]);
        let mut write = pin!(house.write_as(inode, bytes, Stability::Unstable));
        // Who finds none flushes something, which the store holds up.
        if write.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            return written;
        }
        written += 1;
    }
}

#[test]
fn a_zone_that_fills_its_share_leaves_others_theirs() {
    block_on(async {
        let mut rig = Rig::over(Slow::default()).with_journal(0);
        // A quarter of it for dirty data: 64 times 64 KiB.
        rig.settings.memory_bytes = 16 << 20;
        let house = rig.open().await;
        let (greedy, modest, late) =
            (file_of_zone(&house, "a").await, file_of_zone(&house, "b").await, file_of_zone(&house, "c").await);
        assert!(greedy.shard != modest.shard && modest.shard != late.shard);
        rig.chunks.is_sync_held.store(true, Ordering::Release);
        assert_eq!(fill(&house, greedy).await, 48, "three quarters");
        assert_eq!(fill(&house, modest).await, 12, "three quarters of the rest");
        assert_eq!(fill(&house, late).await, 3, "and of that");
        rig.chunks.is_sync_held.store(false, Ordering::Release);
        house.rest().await;
        assert_eq!(house.filesystem.data.dirty.used(), 0);
        rig.check().await;
    });
}
