//! Byte-range locks of opens, which bind reads and writes (MS-FSA 2.1.4.10, 2.1.5.8).

use std::sync::Arc;
use std::task::Waker;

use vfs::{
    Event, FsError, InodeId, LockKind, LockOwner, LockRange, LockReply, LockRequest, Mailbox, OpenId, OpenRequest,
    ReadRequest, SetAttributes, SetattrRequest, Vfs, Via,
};

use super::super::actor::{Actor, Scene};
use super::{opening, sharing};

pub(super) async fn all<V: Vfs>(scene: &Scene<'_, V>) {
    locks_bind_reads_and_writes(scene).await;
    each_lock_is_held_by_itself(scene).await;
    locks_need_an_open(scene).await;
    who_waits_is_told_to_ask_again(scene).await;
}

fn lock((inode, open): (InodeId, OpenId), (offset, length): (u64, u64), kind: LockKind) -> LockRequest {
    LockRequest {
        inode,
        owner: LockOwner::Open(open),
        range: LockRange { offset, length },
        kind,
        mandatory: true,
        wait: None,
        reclaim: false,
    }
}

impl<V: Vfs> Actor<'_, V> {
    async fn lock(&self, request: LockRequest) -> Result<(), FsError> {
        let reply = self.house.lock(self.next(), request).await.map_err(|failure| failure.error)?;
        assert_eq!(reply, LockReply::Granted, "nobody waits");
        Ok(())
    }

    async fn unlock(&self, request: LockRequest) -> Result<(), FsError> {
        self.house.unlock(self.next(), request).await.map_err(|failure| failure.error)
    }

    async fn reads(&self, inode: InodeId, via: Via, offset: u64) -> Option<FsError> {
        let request = ReadRequest { inode, via, offset, length: 1 };
        self.house.read(self.next(), request).await.err().map(|failure| failure.error)
    }
}

async fn who_waits_is_told_to_ask_again<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("asking", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    let one = alice.opened(opening(root, "file", "rw")).await;
    let two = alice.opened(opening(root, "file", "rw")).await;
    let mailbox = Arc::<Mailbox>::default();
    let wanted = lock((file, two), (0, 10), LockKind::Exclusive);
    let waiting = || LockRequest { wait: Some(Arc::clone(&mailbox)), ..wanted.clone() };
    let is_told = || mailbox.take(Waker::noop()).0 == [Event::LockFreed { inode: file }];
    for closes in [false, true] {
        let held = lock((file, one), (5, 10), LockKind::Shared);
        alice.lock(held.clone()).await.unwrap();
        assert_eq!(alice.house.lock(alice.next(), waiting()).await, Ok(LockReply::Queued));
        assert!(!is_told(), "nothing was given back");
        if closes {
            alice.close(one).await.unwrap();
        } else {
            alice.unlock(held).await.unwrap();
        }
        assert!(is_told());
        assert_eq!(alice.house.lock(alice.next(), waiting()).await, Ok(LockReply::Granted));
        alice.unlock(wanted.clone()).await.unwrap();
        assert!(!is_told(), "once");
    }
}

async fn locks_bind_reads_and_writes<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("bytes", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    alice.write(file, 0, &[1; 100]).await.unwrap();
    let one = alice.opened(opening(root, "file", "rw")).await;
    let two = alice.opened(opening(root, "file", "rw")).await;
    let conflict = Some(FsError::LockConflict);
    alice.lock(lock((file, one), (10, 10), LockKind::Exclusive)).await.unwrap();
    assert_eq!(alice.reads(file, Via::Open(one), 15).await, None, "its own");
    assert_eq!(alice.reads(file, Via::Open(two), 15).await, conflict);
    assert_eq!(alice.reads(file, Via::Anonymous, 19).await, conflict);
    assert_eq!(alice.reads(file, Via::Anonymous, 20).await, None, "behind it");
    assert_eq!(alice.write(file, 5, &[2; 6]).await.err(), conflict, "into it");
    alice.write(file, 5, &[2; 5]).await.expect("in front of it");
    assert_eq!(alice.truncate(file, 12).await.err(), conflict);
    alice.truncate(file, 50).await.expect("behind it");
    let attributes = SetAttributes { size: Some(12), ..SetAttributes::default() };
    let cut = SetattrRequest { inode: file, via: Via::Open(two), attributes, guard: None };
    alice.house.setattr(alice.next(), cut).await.expect("an open cuts what another has locked");
    alice.unlock(lock((file, one), (10, 10), LockKind::Exclusive)).await.unwrap();
    alice.lock(lock((file, one), (0, 10), LockKind::Shared)).await.unwrap();
    assert_eq!(alice.reads(file, Via::Open(two), 5).await, None);
    assert_eq!(alice.write(file, 5, b"x").await.err(), conflict);
    assert_eq!(alice.write_by((file, one), b"x").await.err(), conflict, "who shares does not write either");
    alice.close(one).await.unwrap();
    alice.write(file, 5, b"x").await.expect("its locks go with an open");
    alice.close(two).await.unwrap();
}

async fn each_lock_is_held_by_itself<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("ranges", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    let one = (file, alice.opened(opening(root, "file", "rw")).await);
    let two = (file, alice.opened(opening(root, "file", "rw")).await);
    let (shared, exclusive) = (LockKind::Shared, LockKind::Exclusive);
    let conflict = Err(FsError::LockConflict);
    // (who, range, kind, what comes of it)
    let steps = [
        (one, (10, 10), exclusive, Ok(())),
        (one, (15, 10), exclusive, conflict),
        (one, (10, 10), shared, Ok(())),
        (two, (19, 1), shared, conflict),
        (two, (20, 1), exclusive, Ok(())),
        (two, (15, 0), exclusive, conflict),
        (two, (10, 0), exclusive, Ok(())),
        (two, (10, 0), exclusive, Ok(())),
        (one, (5, 10), exclusive, conflict),
        (two, (u64::MAX, 1), exclusive, Ok(())),
        (one, (u64::MAX, 1), shared, conflict),
        (one, (u64::MAX, 2), shared, Err(FsError::InvalidArgument)),
    ];
    for (who, range, kind, expected) in steps {
        assert_eq!(alice.lock(lock(who, range, kind)).await, expected, "{who:?} {range:?} {kind:?}");
    }
    assert_eq!(alice.unlock(lock(one, (10, 5), exclusive)).await, Err(FsError::NotFound), "not a part of it");
    assert_eq!(alice.unlock(lock(two, (10, 10), exclusive)).await, Err(FsError::NotFound), "another's");
    alice.unlock(lock(one, (10, 10), shared)).await.expect("the exclusive one first");
    alice.lock(lock(two, (15, 1), shared)).await.expect("the other is shared");
    alice.unlock(lock(one, (10, 10), shared)).await.unwrap();
    assert_eq!(alice.unlock(lock(one, (10, 10), shared)).await, Err(FsError::NotFound));
    alice.close(one.1).await.unwrap();
    alice.close(two.1).await.unwrap();
}

async fn locks_need_an_open<V: Vfs>(scene: &Scene<'_, V>) {
    let (alice, root) = (scene.alice(), scene.stage("needs", 0o755).await);
    let file = alice.create(root, "file", 0o644).await.unwrap();
    let looking = OpenRequest { share: sharing(""), ..opening(root, "file", "as") };
    let looking = alice.opened(looking).await;
    let refused = alice.lock(lock((file, looking), (0, 1), LockKind::Shared)).await;
    assert_eq!(refused, Err(FsError::AccessDenied));
    alice.close(looking).await.unwrap();
    assert_eq!(alice.lock(lock((file, looking), (0, 1), LockKind::Shared)).await, Err(FsError::BadOpen));
    assert_eq!(alice.unlock(lock((file, looking), (0, 1), LockKind::Shared)).await, Err(FsError::BadOpen));
}
