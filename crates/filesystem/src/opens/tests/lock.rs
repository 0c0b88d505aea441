//! Taking, waiting, giving back.

use testkit::block_on;
use vfs::{
    Admin, FsError, LockFigures, LockKind, LockOwner, LockRange, LockReply, LockRequest, LockState, MkdirRequest,
    Namespace, OpenId, Opens, SetAttributes,
};

use super::{Rig, as_user, client, exclusive, named, owner, sharing};

#[test]
fn a_lock_is_waited_for_and_granted_by_mail() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let file = house.create("file", 0o644).await;
        house.remember(1).await.unwrap();
        house.remember(2).await.unwrap();
        assert_eq!(house.lock(exclusive(file, 1)).await, Ok(LockReply::Granted));
        assert_eq!(house.lock(exclusive(file, 2)).await, Err(FsError::LockConflict));
        assert_eq!(house.lock(house.waiting(file, 2)).await, Ok(LockReply::Queued));
        assert_eq!(house.lock(house.waiting(file, 2)).await, Ok(LockReply::Queued));
        let figures = house.filesystem.figures().locks;
        assert_eq!(figures, LockFigures { held: 1, waiting: 1, shares: 0, clients: 2 });
        house.unlock(exclusive(file, 1)).await;
        assert_eq!(house.told(), [owner(2)]);
        let tested = house.filesystem.test_lock(&house.ctx, exclusive(file, 1)).await.unwrap();
        let all = LockRange { offset: 0, length: 0 };
        assert_eq!(tested.conflict, Some((owner(2), all, LockKind::Exclusive)));
        assert!(house.filesystem.test_lock(&house.ctx, exclusive(file, 2)).await.unwrap().conflict.is_none());
    });
}

#[test]
fn a_wait_is_taken_back() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let file = house.create("file", 0o644).await;
        house.remember(1).await.unwrap();
        house.remember(2).await.unwrap();
        house.lock(exclusive(file, 1)).await.unwrap();
        house.lock(house.waiting(file, 2)).await.unwrap();
        assert!(house.filesystem.cancel_lock(&house.ctx, exclusive(file, 2)).await.unwrap());
        assert!(!house.filesystem.cancel_lock(&house.ctx, exclusive(file, 2)).await.unwrap());
        house.unlock(exclusive(file, 1)).await;
        assert_eq!(house.told(), []);
        assert_eq!(house.filesystem.figures().locks.held, 0);
    });
}

#[test]
fn waiting_for_each_other_over_two_files_is_a_deadlock() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let (one, other) = (house.create("one", 0o644).await, house.create("other", 0o644).await);
        house.remember(1).await.unwrap();
        house.remember(2).await.unwrap();
        house.lock(exclusive(one, 1)).await.unwrap();
        house.lock(exclusive(other, 2)).await.unwrap();
        assert_eq!(house.lock(house.waiting(other, 1)).await, Ok(LockReply::Queued));
        assert_eq!(house.lock(house.waiting(one, 2)).await, Err(FsError::Deadlock));
    });
}

#[test]
fn refusals_come_in_the_order_of_the_contract() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let file = house.create("file", 0o600).await;
        let request = MkdirRequest { parent: house.ctx.root, name: named("dir"), attributes: SetAttributes::default() };
        let directory = house.filesystem.mkdir(&house.ctx, request).await.unwrap().attributes.inode;
        let gone = house.create("gone", 0o644).await;
        house.remove("gone").await;
        house.remember(1).await.unwrap();
        assert_eq!(house.lock(exclusive(gone, 1)).await, Err(FsError::StaleHandle));
        assert_eq!(house.lock(exclusive(directory, 1)).await, Err(FsError::WrongType));
        let stranger = as_user(&house.ctx, 1000);
        let denied = house.filesystem.lock(&stranger, exclusive(file, 1)).await.unwrap_err();
        assert_eq!(denied.error, FsError::AccessDenied);
        let denied = house.filesystem.share(&stranger, sharing(file, 1)).await.unwrap_err();
        assert_eq!(denied.error, FsError::AccessDenied);
        let range = LockRange { offset: u64::MAX, length: 2 };
        assert_eq!(house.lock(LockRequest { range, ..exclusive(file, 1) }).await, Err(FsError::InvalidArgument));
        assert_eq!(house.lock(exclusive(file, 7)).await, Err(FsError::InvalidArgument), "not remembered");
        assert_eq!(house.share(sharing(file, 7)).await, Err(FsError::InvalidArgument));
        let open = LockRequest { owner: LockOwner::Open(OpenId(1)), ..exclusive(file, 1) };
        assert_eq!(house.lock(open).await, Err(FsError::InvalidArgument));
        let long = LockOwner::Nlm { client: vfs::ClientId(1), owner: vec![0; 2000].into() };
        assert_eq!(house.lock(LockRequest { owner: long, ..exclusive(file, 1) }).await, Err(FsError::InvalidArgument));
        assert_eq!(house.filesystem.figures().locks.held, 0);
    });
}

#[test]
fn who_may_read_or_write_may_lock() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        house.remember(1).await.unwrap();
        let reader = as_user(&house.ctx, 1000);
        for (mode, may) in [(0o604, true), (0o602, true), (0o601, false), (0o660, false)] {
            let file = house.create(&format!("file {mode:o}"), mode).await;
            let locked = house.filesystem.lock(&reader, exclusive(file, 1)).await;
            assert_eq!(locked.is_ok(), may, "{mode:o}");
        }
    });
}

#[test]
fn locks_of_a_file_that_is_gone_are_given_back() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let file = house.create("file", 0o644).await;
        house.remember(1).await.unwrap();
        house.remember(2).await.unwrap();
        house.lock(exclusive(file, 1)).await.unwrap();
        house.share(sharing(file, 1)).await.unwrap();
        house.lock(house.waiting(file, 2)).await.unwrap();
        house.remove("file").await;
        house.unlock(exclusive(file, 1)).await;
        house.filesystem.unshare(&house.ctx, sharing(file, 1)).await.unwrap();
        assert_eq!(house.told(), [owner(2)]);
        house.unlock(exclusive(file, 2)).await;
        assert_eq!(house.filesystem.figures().locks, LockFigures { clients: 2, ..LockFigures::default() });
    });
}

#[test]
fn shares_are_denied_replaced_and_given_back() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let file = house.create("file", 0o644).await;
        house.remember(1).await.unwrap();
        house.remember(2).await.unwrap();
        house.share(sharing(file, 1)).await.unwrap();
        house.share(sharing(file, 1)).await.unwrap();
        assert_eq!(house.share(sharing(file, 2)).await, Err(FsError::ShareConflict));
        assert_eq!(house.filesystem.figures().locks.shares, 1);
        house.filesystem.unshare(&house.ctx, sharing(file, 2)).await.unwrap();
        house.filesystem.unshare(&house.ctx, sharing(file, 1)).await.unwrap();
        house.share(sharing(file, 2)).await.unwrap();
    });
}

#[test]
fn a_client_that_is_freed_lets_others_go() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let file = house.create("file", 0o644).await;
        house.remember(1).await.unwrap();
        house.remember(2).await.unwrap();
        house.lock(exclusive(file, 1)).await.unwrap();
        house.share(sharing(file, 1)).await.unwrap();
        house.lock(house.waiting(file, 2)).await.unwrap();
        let entries = house.filesystem.lock_entries(10);
        let shown: Vec<_> = entries.iter().map(|entry| (entry.state, entry.client.clone())).collect();
        let (one, other) = (Some(client(1)), Some(client(2)));
        assert_eq!(shown, [(LockState::Held, one.clone()), (LockState::Held, one), (LockState::Waiting, other)]);
        assert_eq!(house.filesystem.lock_entries(1).len(), 1);
        house.free(1).await;
        assert_eq!(house.told(), [owner(2)]);
        assert_eq!(house.clients(), [2]);
        assert_eq!(house.lock(exclusive(file, 1)).await, Err(FsError::InvalidArgument), "it must be remembered anew");
        house.free(1).await;
        assert_eq!(house.filesystem.figures().locks, LockFigures { held: 1, clients: 1, ..LockFigures::default() });
    });
}
