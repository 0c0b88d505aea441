//! Small stable writes in the journal: there after every crash, and void when something newer is.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use chunk::MemoryStore;
use testkit::block_on;
use testkit::faulty::{Fault, FaultPoint};
use vfs::{
    AttributeIo, Attributes, Credentials, FileIo, FsError, InodeId, LinkRequest, Name, Namespace, OpContext,
    RenameRequest, SetAttributes, SetTime, SetattrRequest, Stability, Timestamp, Via,
};

use super::{BLOCK_BYTES, House, Rig, named, pattern};

impl Rig<MemoryStore> {
    /// Cuts the power: what is neither in the log nor synced is gone.
    async fn crash(&self, house: House<MemoryStore>) -> House<MemoryStore> {
        drop(house);
        self.chunks.power_cut();
        let house = self.open().await;
        self.check().await;
        house
    }
}

impl<C: chunk::Store> House<C> {
    async fn write_stable(&self, inode: InodeId, offset: u64, bytes: Vec<u8>) -> Attributes {
        self.write_as(inode, (offset, bytes), Stability::File).await.unwrap().change.after
    }

    async fn set(&self, inode: InodeId, attributes: SetAttributes) {
        let request = SetattrRequest { inode, via: Via::Anonymous, attributes, guard: None };
        self.filesystem.setattr(&self.ctx, request).await.unwrap();
    }
}

fn rename(root: InodeId, from_name: Name, to_name: Name) -> RenameRequest {
    RenameRequest { from_parent: root, from_name, to_parent: root, to_name, replace: true }
}

fn seen(attributes: &Attributes) -> (u64, u32, Timestamp, Timestamp) {
    (attributes.size, attributes.mode, attributes.modified, attributes.changed)
}

#[test]
fn a_small_stable_write_is_durable_before_it_is_placed() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let inode = house.create("file").await;
        let after = house.write_stable(inode, 3, pattern(1, 10_000)).await;
        house.write(inode, 30_000, pattern(2, 20)).await;
        house.commit(inode).await.unwrap();
        let committed = house.attributes(inode).await;
        assert!(committed.modified > after.modified);
        assert_eq!(committed.allocated_bytes, 4 * BLOCK_BYTES, "what is dirty counts");
        assert_eq!(rig.chunks.used_blocks(), 0);
        let house = rig.crash(house).await;
        let found = house.attributes(inode).await;
        assert_eq!(seen(&found), seen(&committed));
        assert!(found.change >= committed.change);
        let expected = [vec![0; 3], pattern(1, 10_000), vec![0; 19_997], pattern(2, 20)].concat();
        assert_eq!(house.read(inode, 0, 99_999).await, expected);
        house.rest().await;
        assert_eq!(rig.chunks.used_blocks(), 4);
        let house = rig.crash(house).await;
        assert_eq!(house.read(inode, 0, 99_999).await, expected);
    });
}

#[test]
fn the_last_of_many_writes_to_a_block_counts() {
    block_on(async {
        let rig = Rig::new();
        let mut house = rig.open().await;
        let inode = house.create("file").await;
        for round in 0..40_u8 {
            house.write_stable(inode, 0, vec![round; 100]).await;
            house.write_stable(inode, 50, vec![round + 100; 5_000]).await;
            match round % 4 {
                0 => house.rest().await,
                1 => house = rig.crash(house).await,
                _ => {}
            }
            let expected = [vec![round; 50], vec![round + 100; 5_000]].concat();
            assert_eq!(house.read(inode, 0, 9_999).await, expected, "round {round}");
        }
    });
}

#[test]
fn much_at_once_and_a_full_journal_are_placed() {
    block_on(async {
        let rig = Rig::new().with_journal(40_000);
        let house = rig.open().await;
        let inode = house.create("file").await;
        house.write_stable(inode, 0, pattern(1, 17 * 4096)).await;
        assert_eq!(rig.chunks.used_blocks(), 17, "more than an entry holds");
        for block in 0..9 {
            house.write_stable(inode, block * BLOCK_BYTES, pattern(2, 4096)).await;
        }
        assert_eq!(rig.chunks.used_blocks(), 17);
        house.write_stable(inode, 10 * BLOCK_BYTES, pattern(2, 4096)).await;
        assert!(rig.chunks.used_blocks() > 17, "the journal is full, so all of it was placed");
        assert!(!house.filesystem.files.peek(inode).unwrap().data().is_dirty());
        house.write_stable(inode, 11 * BLOCK_BYTES, pattern(2, 4096)).await;
        assert!(house.filesystem.files.peek(inode).unwrap().data().is_dirty(), "and has room again");
        let house = rig.crash(house).await;
        for block in [0, 5, 8, 10, 11] {
            assert_eq!(house.read(inode, block * BLOCK_BYTES, 4096).await, pattern(2, 4096), "block {block}");
        }
    });
}

#[test]
fn what_a_flush_placed_is_not_put_back() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let inode = house.create("file").await;
        house.write_stable(inode, 0, vec![1; 8192]).await;
        house.rest().await;
        // Too much for the journal: the entry of above must not come over it.
        house.write_stable(inode, 0, vec![2; 1 << 20]).await;
        let house = rig.crash(house).await;
        assert!(!house.filesystem.files.peek(inode).is_some_and(|file| file.data().is_dirty()));
        assert!(house.read(inode, 0, 1 << 20).await.iter().all(|byte| *byte == 2));
    });
}

#[test]
fn a_cut_is_not_undone() {
    block_on(async {
        for (to, again) in [(5_000, 20_000), (4096, 4096), (0, 30_000), (1, 0), (20_000, 40_000)] {
            for is_flushed in [false, true] {
                let rig = Rig::new();
                let house = rig.open().await;
                let inode = house.create("file").await;
                house.write_stable(inode, 0, vec![1; 12_000]).await;
                house.truncate(inode, to).await;
                house.truncate(inode, again).await;
                if is_flushed {
                    house.rest().await;
                }
                let before = house.attributes(inode).await;
                let house = rig.crash(house).await;
                let mut expected = vec![1; 12_000];
                expected.resize(usize::try_from(to).unwrap(), 0);
                expected.resize(usize::try_from(again).unwrap(), 0);
                assert_eq!(house.read(inode, 0, 99_999).await, expected, "{to}, {again}");
                assert_eq!(seen(&house.attributes(inode).await), seen(&before));
            }
        }
    });
}

#[test]
fn a_removed_file_stays_removed() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let (removed, replaced) = (house.create("removed").await, house.create("replaced").await);
        let other = house.create("other").await;
        for inode in [removed, replaced, other] {
            house.write_stable(inode, 0, vec![1; 12_000]).await;
        }
        house.remove("removed").await;
        let root = house.ctx.root;
        let request = rename(root, named("other"), named("replaced"));
        house.filesystem.rename(&house.ctx, request).await.unwrap();
        assert_eq!(house.filesystem.data.dirty.used(), 12 << 10);
        let house = rig.crash(house).await;
        assert_eq!(house.filesystem.data.dirty.used(), 12 << 10);
        assert_eq!(house.try_read(removed, 0, 1).await, Err(FsError::StaleHandle));
        assert_eq!(house.try_read(replaced, 0, 1).await, Err(FsError::StaleHandle));
        assert_eq!(house.read(other, 0, 99_999).await, vec![1; 12_000]);
        house.rest().await;
        assert_eq!(rig.chunks.used_blocks(), 3);
        rig.check().await;
    });
}

#[test]
fn attributes_set_after_a_stable_write_stay_and_those_of_the_write_too() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let old = Timestamp { seconds: 5, nanoseconds: 6 };
        let set_time = SetAttributes { modified: Some(SetTime::To(old)), ..SetAttributes::default() };
        let set_mode = SetAttributes { mode: Some(0o6755), ..SetAttributes::default() };
        let mut made = Vec::new();
        for name in ["time", "mode", "link", "rename", "write"] {
            let inode = house.create(name).await;
            house.set(inode, SetAttributes { mode: Some(0o6777), ..SetAttributes::default() }).await;
            made.push((name, inode));
        }
        house.rest().await;
        let mut files = Vec::new();
        for (name, inode) in made {
            let stranger = Credentials::unix(77, 77, &[]);
            let ctx = OpContext { credentials: stranger.into(), ..house.ctx.clone() };
            let request = vfs::WriteRequest {
                inode,
                via: Via::Anonymous,
                offset: 0,
                data: pages::Payload::from(vec![1; 10]),
                stability: Stability::File,
            };
            let written = FileIo::write(&house.filesystem, &ctx, request).await.unwrap().change.after;
            assert_eq!(written.mode, 0o777, "a stranger takes the set-id bits away");
            match name {
                "time" => house.set(inode, set_time.clone()).await,
                "mode" => house.set(inode, set_mode.clone()).await,
                "link" => {
                    let parent = house.ctx.root;
                    let request = LinkRequest { inode, parent, name: named("another"), replace: false };
                    house.filesystem.link(&house.ctx, request).await.unwrap();
                }
                "rename" => {
                    let root = house.ctx.root;
                    let request = rename(root, named(name), named("new"));
                    house.filesystem.rename(&house.ctx, request).await.unwrap();
                }
                _ => {}
            }
            let after = house.attributes(inode).await;
            let modified = if name == "time" { old } else { written.modified };
            let mode = if name == "mode" { 0o6755 } else { 0o777 };
            assert_eq!((after.modified, after.mode), (modified, mode), "{name}");
            files.push((name, inode, after));
        }
        let house = rig.crash(house).await;
        for (name, inode, before) in &files {
            assert_eq!(seen(&house.attributes(*inode).await), seen(before), "{name}");
        }
        house.rest().await;
        for (name, inode, before) in &files {
            assert_eq!(seen(&house.attributes(*inode).await), seen(before), "{name} after its flush");
        }
        let house = rig.crash(house).await;
        for (name, inode, before) in &files {
            assert_eq!(seen(&house.attributes(*inode).await), seen(before), "{name} after another crash");
            assert_eq!(house.read(*inode, 0, 100).await, [1; 10]);
        }
    });
}

#[test]
fn a_reload_brings_back_what_is_stable_and_nothing_else() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let inode = house.create("file").await;
        house.write_stable(inode, 0, vec![1; 5_000]).await;
        house.write(inode, 4_000, vec![2; 10_000]).await;
        let verifier = house.filesystem.write_verifier();
        rig.faults.fail(FaultPoint::Commit, 1, Fault::Io);
        assert_eq!(house.commit(inode).await, Err(FsError::Io));
        assert_eq!(house.commit(inode).await, Err(FsError::Io));
        house.rest().await;
        assert_ne!(house.filesystem.write_verifier(), verifier);
        assert_eq!(house.read(inode, 0, 99_999).await, vec![1; 5_000]);
        house.commit(inode).await.unwrap();
        house.write_stable(inode, 5_000, vec![3; 10]).await;
        let house = rig.crash(house).await;
        assert_eq!(house.read(inode, 0, 99_999).await, [vec![1; 5_000], vec![3; 10]].concat());
    });
}

/// The outcome of the commit was unknown, and it was applied: what it held is there, and can be committed again.
#[test]
fn what_came_through_in_spite_of_an_error_can_be_committed() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let inode = house.create("file").await;
        rig.faults.fail(FaultPoint::Commit, 1, Fault::UnknownApplied);
        assert!(house.write_as(inode, (0, vec![1; 5_000]), Stability::File).await.is_err());
        house.filesystem.background_round().await;
        assert_eq!(house.read(inode, 0, 99_999).await, vec![1; 5_000]);
        house.commit(inode).await.unwrap();
    });
}

/// Entries are given back when the change that makes them void is durable, and room comes with it.
#[test]
fn the_journal_empties() {
    block_on(async {
        let rig = Rig::new().with_journal(100_000);
        let house = rig.open().await;
        for round in 0..40 {
            let name = format!("{round}");
            let inode = house.create(&name).await;
            house.write_stable(inode, 0, vec![1; 4096]).await;
            if round % 3 == 0 {
                house.remove(&name).await;
            }
            if round % 4 == 0 {
                house.rest().await;
                assert!(!house.filesystem.data.journal.is_above(0, 1), "round {round}");
            }
        }
    });
}

/// A flush of many regions is several changes: what it has not named yet must come back when it is cut short.
#[test]
fn a_flush_that_ends_halfway_voids_nothing() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let inode = house.create("file").await;
        let place = |region: u64| region * super::super::REGION_BYTES;
        for region in 0..40 {
            house.write(inode, place(region), vec![1; 10]).await;
        }
        house.rest().await;
        house.write_stable(inode, place(39), vec![2; 10]).await;
        for region in 0..39 {
            house.write(inode, place(region), vec![3; 10]).await;
        }
        house.filesystem.records.regions.clear();
        rig.faults.fail(FaultPoint::Get, 35, Fault::Io);
        assert!(house.filesystem.flush(inode).await.is_err());
        house.filesystem.settle(house.filesystem.meta.submitted()).await.unwrap();
        let house = rig.crash(house).await;
        assert_eq!(house.read(inode, place(0), 10).await, [3; 10], "the first change was made");
        assert_eq!(house.read(inode, place(39), 10).await, [2; 10]);
    });
}

/// What such a flush has named is newer than what the journal holds, and the journal is put back over it: a COMMIT in
/// between has to bring it into the journal too.
#[test]
fn a_commit_within_a_flush_outlives_older_entries() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let inode = house.create("file").await;
        let place = |region: u64| region * super::super::REGION_BYTES;
        for region in 0..40 {
            house.write_stable(inode, place(region), vec![1; 10]).await;
        }
        house.rest().await;
        for region in 0..40 {
            house.write_stable(inode, place(region), vec![2; 10]).await;
        }
        house.write(inode, place(0), vec![3; 10]).await;
        house.filesystem.records.regions.clear();
        rig.faults.fail(FaultPoint::Get, 35, Fault::Io);
        assert!(house.filesystem.flush(inode).await.is_err());
        house.commit(inode).await.unwrap();
        let modified = house.attributes(inode).await.modified;
        let house = rig.crash(house).await;
        assert_eq!(house.read(inode, place(0), 10).await, [3; 10], "it was committed");
        assert_eq!(house.read(inode, place(39), 10).await, [2; 10]);
        assert_eq!(house.attributes(inode).await.modified, modified);
    });
}

/// A large file is removed in pages: until that is done its inode is there, without links.
#[test]
fn nothing_is_put_back_into_an_orphan() {
    block_on(async {
        let rig = Rig::new();
        let house = rig.open().await;
        let inode = house.create("file").await;
        for region in 0..60 {
            house.write(inode, region * super::super::REGION_BYTES, vec![1; 10]).await;
        }
        house.rest().await;
        house.write_stable(inode, 0, vec![2; 10]).await;
        house.remove("file").await;
        let house = rig.crash(house).await;
        assert_eq!(house.filesystem.data.dirty.used(), 0);
        house.rest().await;
        assert_eq!(rig.chunks.used_blocks(), 0);
    });
}

/// A crash in the middle of what follows a crash: what was put back and not flushed is put back again.
#[test]
fn entries_are_kept_over_many_starts() {
    block_on(async {
        let rig = Rig::new();
        let mut house = rig.open().await;
        let inode = house.create("file").await;
        let mut expected = Vec::new();
        for round in 0..10_u8 {
            house.write_stable(inode, expected.len() as u64, vec![round + 1; 1_000]).await;
            expected.extend(vec![round + 1; 1_000]);
            house = rig.crash(house).await;
            house.filesystem.reload().await.unwrap();
            assert_eq!(house.read(inode, 0, 99_999).await, expected);
        }
    });
}

#[test]
fn a_journal_that_is_half_full_is_written_back_at_once() {
    block_on(async {
        let rig = Rig::new().with_journal(40_000);
        let house = rig.open().await;
        let mut due = pin!(house.filesystem.write_back_is_due());
        let mut context = Context::from_waker(Waker::noop());
        for number in 0..4 {
            let inode = house.create(&number.to_string()).await;
            house.write_stable(inode, 0, vec![1; 4096]).await;
            assert!(due.as_mut().poll(&mut context).is_pending(), "file {number}");
        }
        let inode = house.create("last").await;
        house.write_stable(inode, 0, vec![1; 4096]).await;
        assert!(due.as_mut().poll(&mut context).is_ready());
        while house.filesystem.write_back_round().await {}
        assert!(!house.filesystem.data.journal.is_above(0, 1));
        assert_eq!(rig.chunks.used_blocks(), 5);
    });
}
