//! Opens, where they meet restarts, other doors and each other. What they mean is in the suite of the contract.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::thread;

use testkit::block_on;
use testkit::faulty::{Fault, FaultPoint, FaultRates};
use vfs::acl::AccessMask;
use vfs::{
    AttributeIo, Attributes, Case, CloseRequest, CommitRequest, Disposition, FileIo, OpenId, OpenRequest, OpenTarget,
    OpenedHow, ReadRequest, SetattrRequest, Stability, Via, WalkRequest, WriteRequest,
};

use super::*;

impl House {
    pub(super) async fn open(&self, request: OpenRequest) -> Result<vfs::OpenReply, FsError> {
        Opens::open(&*self.filesystem, &self.ctx, request).await.map_err(|failure| failure.error)
    }

    pub(super) fn opening(&self, name: &str, access: AccessMask) -> OpenRequest {
        OpenRequest {
            target: OpenTarget::Child { parent: self.ctx.root, name: named(name), case: Case::Insensitive },
            stream: None,
            disposition: Disposition::OpenOrCreate,
            directory: None,
            opens_links: true,
            access,
            share: EVERYTHING,
            lease: None,
            delete_on_close: false,
            attributes: SetAttributes { mode: Some(0o644), ..SetAttributes::default() },
            persistent: None,
            mailbox: Arc::default(),
        }
    }

    pub(super) async fn shut(&self, open: OpenId) -> Result<bool, FsError> {
        let reply = Opens::close(&*self.filesystem, &self.ctx, CloseRequest { open }).await;
        reply.map(|reply| reply.change.is_some()).map_err(|failure| failure.error)
    }

    pub(super) async fn write(&self, inode: InodeId, via: Via, offset: u64) -> Result<(), FsError> {
        let data = vec![7; 4096].into();
        let request = WriteRequest { inode, via, offset, data, stability: Stability::Unstable };
        self.filesystem.write(&self.ctx, request).await.map(|_| ()).map_err(|failure| failure.error)
    }

    pub(super) async fn commit(&self, inode: InodeId) {
        let request = CommitRequest { inode, via: Via::Anonymous, offset: 0, length: 0 };
        self.filesystem.commit(&self.ctx, request).await.unwrap();
    }

    pub(super) async fn read(&self, inode: InodeId, via: Via) -> Result<usize, FsError> {
        let request = ReadRequest { inode, via, offset: 0, length: 1 << 20 };
        let reply = self.filesystem.read(&self.ctx, request).await;
        reply.map(|reply| reply.data.len()).map_err(|failure| failure.error)
    }

    async fn attributes(&self, inode: InodeId) -> Result<Attributes, FsError> {
        let reply = self.filesystem.getattr(&self.ctx, inode).await;
        reply.map(|reply| reply.attributes).map_err(|failure| failure.error)
    }

    pub(super) async fn is_stored(&self, inode: InodeId) -> bool {
        let record = self.filesystem.inode(inode, &mut crate::cache::Seen::default()).await.unwrap();
        record.is_some()
    }
}

/// A file of some regions that has lost its last name while it is open.
async fn orphan(house: &House) -> (InodeId, OpenId) {
    let opened = house.open(house.opening("file", READS_AND_WRITES)).await.unwrap();
    let (inode, open) = (opened.attributes.inode, opened.open);
    for region in 0..3 {
        house.write(inode, Via::Open(open), region * (256 << 10)).await.unwrap();
    }
    house.commit(inode).await;
    house.write(inode, Via::Open(open), 4096).await.unwrap();
    house.remove("file").await;
    (inode, open)
}

#[test]
fn a_file_without_a_name_stays_whole_until_it_is_closed() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let (inode, open) = orphan(&house).await;
        house.pass(60).await;
        assert_eq!(house.read(inode, Via::Open(open)).await, Ok((512 << 10) + 4096));
        // Flushed without a name, and charged to nobody: the check of the store adds it up.
        house.write(inode, Via::Open(open), 1 << 20).await.unwrap();
        house.pass(60).await;
        assert!(house.attributes(inode).await.unwrap().allocated_bytes >= 5 * 4096);
        rig.check().await;
        assert_eq!(house.shut(open).await, Ok(false));
        assert_eq!(house.read(inode, Via::Anonymous).await, Err(FsError::StaleHandle));
        house.pass(60).await;
        assert!(!house.is_stored(inode).await);
        rig.check().await;
    });
}

#[test]
fn a_file_without_a_name_goes_after_a_crash() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let (inode, open) = orphan(&house).await;
        house.pass(60).await;
        drop(house);
        rig.check().await;
        let house = rig.open().await;
        assert_eq!(house.attributes(inode).await.err(), Some(FsError::StaleHandle));
        assert_eq!(house.shut(open).await, Err(FsError::BadOpen));
        house.pass(60).await;
        assert!(!house.is_stored(inode).await);
        rig.check().await;
        let again = house.open(house.opening("file", READS_AND_WRITES)).await.unwrap();
        assert!(again.open > open, "numbers are not used again");
    });
}

#[test]
fn a_reload_ends_all_opens() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let (inode, open) = orphan(&house).await;
        let denying = OpenRequest { share: ShareMode::default(), ..house.opening("other", READS_AND_WRITES) };
        let other = house.open(denying).await.unwrap();
        rig.faults.fail(FaultPoint::Commit, 1, Fault::Io);
        let failed = house.open(house.opening("third", READS_AND_WRITES)).await;
        assert_eq!(failed.err(), Some(FsError::Io));
        house.pass(60).await;
        for open in [open, other.open] {
            assert_eq!(house.shut(open).await, Err(FsError::BadOpen));
        }
        house.write(other.attributes.inode, Via::Anonymous, 0).await.expect("its share mode went with it");
        assert!(!house.is_stored(inode).await);
        assert_eq!(house.filesystem.opens.count(), 0);
        rig.check().await;
    });
}

#[test]
fn what_could_not_be_deleted_is_closed_all_the_same() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let access = READS_AND_WRITES.union(AccessMask::DELETE);
        let going = OpenRequest { delete_on_close: true, ..house.opening("file", access) };
        let opened = house.open(going).await.unwrap();
        rig.faults.fail(FaultPoint::Commit, 1, Fault::Io);
        assert_eq!(house.shut(opened.open).await, Err(FsError::Io));
        house.pass(60).await;
        let again = house.open(house.opening("file", access)).await.expect("neither open nor marked");
        assert_eq!(again.how, OpenedHow::Opened);
    });
}

#[test]
fn dos_shares_and_opens_bind_each_other() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let file = house.create("file", 0o644).await;
        house.remember(1).await.unwrap();
        house.share(sharing(file, 1)).await.unwrap();
        assert_eq!(house.open(house.opening("file", READS_AND_WRITES)).await.err(), Some(FsError::ShareConflict));
        house.write(file, Via::Anonymous, 0).await.expect("who holds the share writes so itself");
        let reader = house.open(house.opening("file", AccessMask::READ_DATA)).await.unwrap();
        house.free(1).await;
        house.remember(1).await.unwrap();
        let denying = OpenRequest {
            share: ShareMode { read: true, ..ShareMode::default() },
            ..house.opening("file", AccessMask::READ_DATA)
        };
        let denying = house.open(denying).await.unwrap();
        assert_eq!(house.share(sharing(file, 1)).await, Err(FsError::ShareConflict));
        house.shut(denying.open).await.unwrap();
        house.shut(reader.open).await.unwrap();
        house.share(sharing(file, 1)).await.unwrap();
    });
}

#[test]
fn of_many_who_create_a_name_one_does() {
    let rig = Rig::new();
    let house = block_on(rig.open());
    for round in 0..50 {
        let name = format!("file {round}");
        let create = || {
            let alone = OpenRequest { share: ShareMode::default(), ..house.opening(&name, READS_AND_WRITES) };
            block_on(house.open(alone)).map(|opened| (opened.how, opened.open))
        };
        let outcomes: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(create)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let granted: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
        assert!(matches!(granted.as_slice(), [(OpenedHow::Created, _)]), "{outcomes:?}");
        let others = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        assert!(others.into_iter().all(|error| *error == FsError::ShareConflict), "{outcomes:?}");
    }
}

pub(super) const READS_AND_WRITES: AccessMask = AccessMask(AccessMask::READ_DATA.0 | AccessMask::WRITE_DATA.0);
pub(super) const EVERYTHING: ShareMode = ShareMode { read: true, write: true, delete: true };

/// What a watch has to know of the way up is looked for before the open stands in the tables, in which nothing may stand
/// twice.
#[test]
fn a_watch_far_above_makes_no_open_twice() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let mut parent = house.ctx.root;
        for name in ["a", "b", "c"] {
            let request = vfs::MkdirRequest { parent, name: named(name), attributes: SetAttributes::default() };
            parent = house.filesystem.mkdir(&house.ctx, request).await.unwrap().attributes.inode;
        }
        drop(house);
        let house = rig.open().await;
        let target = OpenTarget::Inode(house.ctx.root);
        let opening =
            OpenRequest { target, disposition: Disposition::Open, ..house.opening("-", AccessMask::READ_DATA) };
        let open = house.open(opening).await.unwrap().open;
        let notices = Arc::<vfs::Notices>::default();
        let filter = vfs::WatchFilter::FILE_NAME;
        let watching = vfs::WatchRequest { open, recursive: true, filter, notices: Arc::clone(&notices) };
        vfs::Watch::watch(&*house.filesystem, &house.ctx, watching).await.unwrap();
        let target = OpenTarget::Child { parent, name: named("file"), case: Case::Sensitive };
        let share = ShareMode::default();
        let alone = OpenRequest { target, share, ..house.opening("file", READS_AND_WRITES) };
        let opened = house.open(alone.clone()).await.unwrap();
        let path = ["a", "b", "c", "file"].map(named).to_vec();
        let added = vfs::Notice { kind: vfs::NoticeKind::Added, path };
        let told = notices.poll(&Context::from_waker(Waker::noop()));
        assert_eq!(told, Poll::Ready(vfs::Noticed::Changes(vec![added])));
        house.shut(opened.open).await.unwrap();
        house.open(alone).await.expect("nobody else has it open");
    });
}

/// What becomes of it at one look.
fn look<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn an_open_waits_for_what_it_shows_and_not_for_its_neighbours() {
    block_on(async {
        let faults = Faults::seeded(1, FaultRates::default());
        let engine = FaultyEngine::new(MemoryEngine::new(), faults.clone());
        let rig = Rig { engine, faults: faults.clone(), ..Rig::new() };
        let house = rig.open().await;
        for name in ["file", "other", "third"] {
            let opened = house.open(house.opening(name, READS_AND_WRITES)).await.unwrap();
            house.shut(opened.open).await.unwrap();
        }
        faults.set_rates(FaultRates { delay_percent: 100, delay_polls_max: 50, ..FaultRates::default() });
        let mut removing = pin!(house.remove("other"));
        assert!(look(removing.as_mut()).is_pending());
        let existing = || OpenRequest { disposition: Disposition::Open, ..house.opening("file", READS_AND_WRITES) };
        let Poll::Ready(opened) = look(pin!(house.open(existing()))) else { panic!("it waits for a neighbour") };
        let inode = opened.unwrap().attributes.inode;
        let walk = || WalkRequest { start: house.ctx.root, path: Vec::new(), case: Case::Sensitive };
        let walking = pin!(house.filesystem.walk(&house.ctx, walk()));
        assert!(look(walking).is_ready());
        // That the name is gone, and what is listed of the directory, shows the change.
        let gone = OpenRequest { disposition: Disposition::Open, ..house.opening("other", READS_AND_WRITES) };
        assert!(look(pin!(house.open(gone))).is_pending());
        assert!(look(pin!(house.attributes(house.ctx.root))).is_pending());
        removing.await;
        // Who may pass is shown by passing.
        let attributes = SetAttributes { mode: Some(0o711), ..SetAttributes::default() };
        let request = SetattrRequest { inode: house.ctx.root, via: Via::Anonymous, attributes, guard: None };
        let mut changing = pin!(house.filesystem.setattr(&house.ctx, request));
        assert!(look(changing.as_mut()).is_pending());
        let mut removing = pin!(house.remove("third"));
        assert!(look(removing.as_mut()).is_pending());
        assert!(look(pin!(house.open(existing()))).is_pending());
        assert!(look(pin!(house.filesystem.walk(&house.ctx, walk()))).is_pending());
        changing.await.unwrap();
        removing.await;
        assert_eq!(house.open(existing()).await.unwrap().attributes.inode, inode);
    });
}
