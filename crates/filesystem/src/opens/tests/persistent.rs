//! Opens that survive a restart.

use testkit::block_on;
use vfs::acl::AccessMask;
use vfs::{
    LeaseGrant, LeaseKey, LeaseRequest, LeaseState, OpenId, OpenRequest, RenameRequest, RestoredOpen, SessionId,
    TakeOverRequest, Via, ZoneId,
};

use super::open::{EVERYTHING, READS_AND_WRITES};
use super::*;

const NOTE: &[u8] = b"alice's";
const MINE: SessionId = SessionId(77);
const RWH: LeaseState = LeaseState { read: true, handle: true, write: true };

fn lease() -> LeaseRequest {
    let key = LeaseKey { zone: ZoneId(1), client: 2, key: 3 };
    LeaseRequest { wanted: RWH, key: Some(key), parent: None, epoch: Some(5) }
}

impl House {
    fn surviving(&self, name: &str) -> OpenRequest {
        let share = ShareMode { read: true, ..ShareMode::default() };
        OpenRequest {
            share,
            lease: Some(lease()),
            persistent: Some(Bytes::from_static(NOTE)),
            ..self.opening(name, READS_AND_WRITES.union(AccessMask::DELETE))
        }
    }

    fn restored(&self) -> Vec<RestoredOpen> {
        self.filesystem.restored_opens()
    }

    fn take(&mut self, open: OpenId) -> Result<LeaseGrant, FsError> {
        self.ctx.session = MINE;
        let mailbox = Arc::clone(&self.mailbox);
        let request = TakeOverRequest { open, from: SessionId::RESTORED, mailbox, is_away: false };
        Opens::take_over(&*self.filesystem, &self.ctx, request)
    }
}

fn byte(inode: InodeId, open: OpenId) -> LockRequest {
    let range = LockRange { offset: 3, length: 1 };
    LockRequest { owner: LockOwner::Open(open), range, mandatory: true, ..exclusive(inode, 0) }
}

#[test]
fn an_open_comes_back_with_all_that_it_held() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let opened = house.open(house.surviving("file")).await.unwrap();
        let (inode, open) = (opened.attributes.inode, opened.open);
        house.lock(byte(inode, open)).await.unwrap();
        let plain = house.open(house.opening("other", READS_AND_WRITES)).await.unwrap();
        let to = (house.ctx.root, named("renamed"));
        let request = RenameRequest {
            from_parent: to.0,
            from_name: named("file"),
            to_parent: to.0,
            to_name: to.1.clone(),
            replace: false,
        };
        assert!(house.filesystem.rename(&house.ctx, request).await.is_err(), "it lets nobody else delete");
        let request = vfs::RenameOpenRequest {
            open,
            to_parent: to.0,
            to_name: to.1.clone(),
            replace: false,
            case: vfs::Case::Sensitive,
        };
        house.filesystem.rename_open(&house.ctx, request).await.unwrap();
        drop(house);
        rig.check().await;

        let mut house = rig.open().await;
        let restored = house.restored();
        let expected = RestoredOpen {
            open,
            inode,
            file: inode,
            is_directory: false,
            granted: opened.granted,
            lease: lease().key,
            note: Bytes::from_static(NOTE),
        };
        assert_eq!(restored, [expected]);
        assert_eq!(house.shut(plain.open).await, Err(FsError::BadOpen));
        let others = house.open(OpenRequest { lease: None, ..house.opening("renamed", READS_AND_WRITES) }).await;
        assert!(others.is_err(), "it stands in the way of others from the start");
        let grant = house.take(open).unwrap();
        assert!(grant.state.read && grant.is_breaking, "they have asked for it");
        assert!(grant.epoch.unwrap() > 5);
        assert_eq!(house.restored(), []);
        let state = house.filesystem.open_state(&house.ctx, open).unwrap();
        assert_eq!(state.name, Some(to));
        assert_eq!(house.lock(byte(inode, open)).await, Err(FsError::LockConflict), "its own");
        house.unlock(byte(inode, open)).await;
        house.write(inode, Via::Open(open), 0).await.unwrap();
        assert_eq!(house.shut(open).await, Ok(true));
        drop(house);
        rig.check().await;
        assert_eq!(rig.open().await.restored(), [], "once it is closed it is gone");
    });
}

#[test]
fn what_is_given_back_or_marked_is_so_after_a_restart() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let opened = house.open(house.surviving("file")).await.unwrap();
        let (inode, open) = (opened.attributes.inode, opened.open);
        house.lock(byte(inode, open)).await.unwrap();
        house.unlock(byte(inode, open)).await;
        let request = vfs::DeletePendingRequest { open, pending: true };
        house.filesystem.set_delete_pending(&house.ctx, request).await.unwrap();
        drop(house);
        let mut house = rig.open().await;
        house.take(open).unwrap();
        assert_eq!(house.lock(byte(inode, open)).await, Ok(LockReply::Granted));
        assert!(house.filesystem.open_state(&house.ctx, open).unwrap().delete_pending);
        assert_eq!(house.shut(open).await, Ok(false));
        rig.check().await;
    });
}

#[test]
fn a_file_without_a_name_waits_for_an_open_that_survives() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let request = OpenRequest { share: EVERYTHING, lease: None, ..house.surviving("file") };
        let opened = house.open(request).await.unwrap();
        let (inode, open) = (opened.attributes.inode, opened.open);
        house.write(inode, Via::Open(open), 0).await.unwrap();
        house.commit(inode).await;
        house.remove("file").await;
        drop(house);
        let mut house = rig.open().await;
        house.pass(60).await;
        house.take(open).unwrap();
        assert_eq!(house.read(inode, Via::Open(open)).await, Ok(4096));
        assert_eq!(house.shut(open).await, Ok(false));
        house.pass(60).await;
        assert!(!house.is_stored(inode).await);
        rig.check().await;
    });
}

#[test]
fn opens_come_back_after_a_reload_too() {
    block_on(async {
        let rig = Rig::new();
        let mut house = rig.open().await;
        let opened = house.open(house.surviving("file")).await.unwrap();
        house.filesystem.reload().await.unwrap();
        assert_eq!(house.restored().len(), 1);
        house.take(opened.open).unwrap();
        assert_eq!(house.shut(opened.open).await, Ok(true));
        rig.check().await;
    });
}
