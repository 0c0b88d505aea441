//! A small house that is whole, and every kind of damage planted in it.

use bytes::Bytes;
use kv::{Batch, Engine, MemoryEngine};
use vfs::{
    ClientId, Cookie, Epoch, FileType, InodeId, InodeNumber, Name, Principal, ShardId, SnapshotId, Timestamp, TreeId,
};

use super::*;
use crate::keys::{OwnerKind, QuotaDomain};
use crate::records::*;
use crate::{Change, Meta, ShardClock};

const CLOCK: ShardClock = ShardClock { current: Epoch(3), newest_snapshot: Some(Epoch(2)) };
const DIRECTORY: u64 = 2;
const FILE: u64 = 3;
const LINKED: u64 = 4;
const ORPHAN: u64 = 5;

fn at(number: u64) -> InodeId {
    InodeId { shard: ShardId(0), tree: TreeId(0), number: InodeNumber(number) }
}

fn inode(file_type: FileType, parent: u64, links: u32) -> InodeRecord {
    InodeRecord {
        born: CLOCK.current,
        file_type,
        mode: 0o755,
        owner: Principal::Unix(10),
        group: Principal::Unix(20),
        descriptor: None,
        dos: vfs::DosAttributes(0),
        accessed: Timestamp::default(),
        modified: Timestamp::default(),
        changed: Timestamp::default(),
        created: Timestamp::default(),
        change: 1,
        size: 0,
        links,
        ever_linked: links > 1,
        home_parent: InodeNumber(parent),
        home_cookie: Cookie(0),
        device: vfs::DeviceNumber::default(),
        allocated_blocks: 0,
        stored_bytes: 0,
        mask_generation: 0,
        masks: smallvec::SmallVec::new(),
        tier: 0,
        archive: ArchiveState::Online,
        retained_until: None,
        holds: 0,
        create_verifier: None,
        xattr_bytes: 0,
        symlink: Bytes::new(),
        streams: 0,
        journal_floor: 0,
        attributes_floor: 0,
    }
}

fn snapshot(epoch: Epoch) -> SnapshotRecord {
    SnapshotRecord {
        tree: TreeId::LIVE,
        root: InodeNumber::ROOT,
        epoch,
        name: Name::try_from("yesterday").unwrap(),
        fsid: 1,
        created: Timestamp::default(),
        expires: None,
        locks: 0,
        deleting: false,
    }
}

struct House {
    engine: MemoryEngine,
    meta: Meta<MemoryEngine>,
}

impl House {
    fn cookie(&self, name: &str) -> Cookie {
        let name = Name::try_from(name).unwrap();
        let hash = self.meta.hasher().hash47(&name);
        keys::cookie_of(hash, self.meta.hasher().slot16(hash, &name))
    }

    fn dentry(&self, change: &mut Change, directory: u64, entry: (&str, u64, FileType)) {
        let (name, number, file_type) = entry;
        let record = DentryRecord {
            born: CLOCK.current,
            name: Name::try_from(name).unwrap(),
            tree: TreeId::LIVE,
            number: InodeNumber(number),
            shard: None,
            file_type,
        };
        change.put_record(keys::dentry(at(directory), self.cookie(name)), &record);
    }

    async fn commit(&self, change: Change) {
        let version = self.meta.submit(change).unwrap();
        self.meta.durable(version).await.unwrap();
    }

    async fn report(&self) -> Report {
        check(&self.engine.view().await.unwrap()).await.unwrap()
    }

    /// Writes past the rules, as damage does.
    async fn plant(&self, key: Key, value: Option<Bytes>) {
        let mut batch = Batch::default();
        match value {
            Some(value) => batch.puts.push((key.to_bytes(), value)),
            None => batch.deletes.push(key.to_bytes()),
        }
        self.engine.commit(batch).await.unwrap();
    }

    async fn inode_is(&self, number: u64, damage: impl FnOnce(&mut InodeRecord)) {
        let key = keys::inode(at(number));
        let mut record = InodeRecord::decode(&self.meta.read(&key).await.unwrap().unwrap()).unwrap();
        damage(&mut record);
        self.plant(key, Some(record.encode())).await;
    }

    async fn usage_is(&self, number: u64, damage: impl FnOnce(&mut UsageRecord)) {
        let key = keys::usage(at(number));
        let mut record = UsageRecord::decode(&self.meta.read(&key).await.unwrap().unwrap()).unwrap();
        damage(&mut record);
        self.plant(key, Some(record.encode())).await;
    }

    async fn finds(&self, what: &str) {
        let report = self.report().await;
        let shown: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
        assert!(shown.iter().any(|problem| problem.contains(what)), "expected '{what}', found {shown:#?}");
    }
}

/// Root with a directory; in it a file of 3 blocks and one with two names (the other in the root); an orphan of one
/// block; one region has an ended state that holds a block.
async fn house() -> House {
    let engine = MemoryEngine::new();
    let meta = Meta::open(engine.clone(), Timestamp::default(), [9; 64]).await.unwrap();
    let house = House { engine, meta };
    house.write_names().await;
    house.write_data().await;
    house.write_counters().await;
    house
}

impl House {
    async fn write_names(&self) {
        let mut change = Change::new();
        let shard =
            ShardRecord { base: Vec::new(), parent: at(1), clock: CLOCK, fsid: 1, created: Timestamp::default() };
        change.put_record(keys::shard(ShardId(0)), &shard);
        change.put_record(keys::snapshot(ShardId(0), SnapshotId(1)), &snapshot(Epoch(2)));
        change.put_record(keys::inode(at(1)), &InodeRecord { size: 2, ..inode(FileType::Directory, 1, 3) });
        let directory =
            InodeRecord { size: 2, home_cookie: self.cookie("directory"), ..inode(FileType::Directory, 1, 2) };
        change.put_record(keys::inode(at(DIRECTORY)), &directory);
        let linked = InodeRecord { home_cookie: self.cookie("linked"), ..inode(FileType::Regular, DIRECTORY, 2) };
        change.put_record(keys::inode(at(LINKED)), &linked);
        self.dentry(&mut change, 1, ("directory", DIRECTORY, FileType::Directory));
        self.dentry(&mut change, DIRECTORY, ("file", FILE, FileType::Regular));
        self.dentry(&mut change, DIRECTORY, ("linked", LINKED, FileType::Regular));
        self.dentry(&mut change, 1, ("other", LINKED, FileType::Regular));
        for (sequence, directory, name) in [(1, DIRECTORY, "linked"), (2, 1, "other")] {
            let record = BacklinkRecord { born: CLOCK.current, sequence, name: None };
            let place = keys::backlink(at(LINKED), TreeId::LIVE, InodeNumber(directory), self.cookie(name));
            change.put_record(place, &record);
        }
        let allocator = AllocatorRecord { next_inode: InodeNumber(100), ..AllocatorRecord::default() };
        change.put_record(keys::allocator(ShardId(0)), &allocator);
        self.commit(change).await;
    }

    async fn write_data(&self) {
        let mut change = Change::new();
        let file = InodeRecord {
            size: 3 * 4096 - 5,
            allocated_blocks: 3,
            stored_bytes: 3 * 4096,
            home_cookie: self.cookie("file"),
            ..inode(FileType::Regular, DIRECTORY, 1)
        };
        change.put_record(keys::inode(at(FILE)), &file);
        let mut old = RegionRecord::empty(Epoch(1), 0);
        old.replace(Extent::plain(0, 3, Epoch(1), 7 << 24), &[1, 2, 3]);
        let mut new = RegionRecord { born: CLOCK.current, ..old.clone() };
        new.replace(Extent::plain(1, 1, CLOCK.current, 7 << 24 | 10), &[4]);
        change.named(ShardId(0), 7 << 24, 3);
        change.named(ShardId(0), 7 << 24 | 10, 1);
        change.replace(&CLOCK, keys::region(at(FILE), 0), Some(&old), Some(new.encode()));
        let orphan = InodeRecord {
            size: 4096,
            allocated_blocks: 1,
            stored_bytes: 4096,
            ..inode(FileType::Regular, DIRECTORY, 0)
        };
        change.put_record(keys::inode(at(ORPHAN)), &orphan);
        let mut region = RegionRecord::empty(CLOCK.current, 0);
        region.replace(Extent::plain(0, 1, CLOCK.current, 8 << 24), &[5]);
        change.put_record(keys::region(at(ORPHAN), 0), &region);
        change.named(ShardId(0), 8 << 24, 1);
        let intent = IntentRecord { created: Timestamp::default(), intent: Intent::Remove { inode: at(ORPHAN) } };
        change.put_record(keys::intent(ShardId(0), 1), &intent);
        self.commit(change).await;
        let (folded, version) = self.meta.fold_space(1).await.unwrap();
        assert_eq!(folded, 1);
        self.meta.durable(version).await.unwrap();
    }

    async fn write_counters(&self) {
        let mut change = Change::new();
        let usage = UsageRecord {
            born: CLOCK.current,
            inodes: 3,
            application_bytes: 3 * 4096 - 5,
            logical_bytes: 3 * 4096,
            physical_bytes: 3 * 4096,
            held_bytes: 4096,
            height: 0,
        };
        change.put_record(keys::usage(at(DIRECTORY)), &usage);
        change.put_record(keys::usage(at(1)), &UsageRecord { inodes: 4, height: 1, ..usage });
        let owned = OwnerUsageRecord {
            ready: true,
            inodes: 4,
            application_bytes: 3 * 4096 - 5,
            logical_bytes: 3 * 4096,
            physical_bytes: 3 * 4096,
        };
        change.put_record(keys::owner_usage(at(1), OwnerKind::User, &Principal::Unix(10)), &owned);
        change.put_record(keys::owner_usage(at(1), OwnerKind::Group, &Principal::Unix(20)), &owned);
        self.commit(change).await;
    }
}

#[tokio::test]
async fn a_whole_house_has_no_problem() {
    let house = house().await;
    let report = house.report().await;
    assert!(report.is_clean(), "{:#?}", report.problems.iter().map(ToString::to_string).collect::<Vec<_>>());
    let counts = report.counts;
    assert_eq!((counts.inodes, counts.dentries, counts.regions, counts.blocks), (5, 4, 2, 4));
    assert_eq!((counts.held_blocks, counts.versions, counts.expiries, counts.intents), (1, 1, 1, 1));
    assert_eq!((counts.segments, counts.space_records), (2, 0));
}

#[tokio::test]
async fn damage_to_names_is_found() {
    let house1 = house().await;
    house1.plant(keys::inode(at(FILE)), None).await;
    house1.finds("file names inode 3, which does not exist").await;
    house1.finds("belongs to an inode that does not exist").await;
    let house2 = house().await;
    house2.inode_is(FILE, |file| file.file_type = FileType::Fifo).await;
    house2.finds("file is a Regular, its inode a Fifo").await;
    let house3 = house().await;
    house3.inode_is(LINKED, |file| file.links = 3).await;
    house3.finds("has 2 names, its record says 3 links").await;
    let house4 = house().await;
    house4.inode_is(DIRECTORY, |directory| directory.size = 9).await;
    house4.finds("has 2 entries, its record says 9").await;
    let house5 = house().await;
    house5.inode_is(1, |root| root.links = 2).await;
    house5.finds("has 2 links, but 1 sub-directories").await;
    let house6 = house().await;
    house6.inode_is(FILE, |file| file.home_parent = InodeNumber(1)).await;
    house6.finds("of its home 1").await;
    let house7 = house().await;
    house7.plant(keys::dentry(at(1), house7.cookie("directory")), None).await;
    house7.finds("is a directory with 0 names").await;
    let house8 = house().await;
    let name = keys::dentry(at(DIRECTORY), house8.cookie("file"));
    let moved = house8.meta.read(&name).await.unwrap();
    house8.plant(keys::dentry(at(DIRECTORY), Cookie(99 << 16)), moved).await;
    house8.finds("does not belong at this hash").await;
}

#[tokio::test]
async fn damage_to_backlinks_and_loops_is_found() {
    let house1 = house().await;
    let backlink = keys::backlink(at(LINKED), TreeId::LIVE, InodeNumber(1), house1.cookie("other"));
    let record = house1.meta.read(&backlink).await.unwrap();
    house1.plant(backlink, None).await;
    house1.finds("has 1 backlinks for 2 links").await;
    house1.plant(keys::backlink(at(LINKED), TreeId::LIVE, InodeNumber(1), Cookie(77)), record).await;
    house1.finds("or to other places").await;
    let house2 = house().await;
    house2.inode_is(DIRECTORY, |directory| directory.home_parent = InodeNumber(DIRECTORY)).await;
    house2.finds("lie below themselves").await;
}

#[tokio::test]
async fn damage_to_counters_is_found() {
    let house1 = house().await;
    house1.usage_is(1, |usage| usage.application_bytes += 1).await;
    house1.finds("says 4 inodes, 12284 / 12288 / 12288 bytes, found 4 inodes, 12283").await;
    let house2 = house().await;
    house2.usage_is(1, |usage| usage.height = 0).await;
    house2.finds("has height 0, but needs 1").await;
    let house3 = house().await;
    house3.usage_is(1, |usage| usage.held_bytes = 0).await;
    house3.finds("holds 0 bytes, those below 4096").await;
    house3.finds("holds 0 bytes, but only versions name 4096").await;
    let house4 = house().await;
    house4.plant(keys::usage(at(DIRECTORY)), None).await;
    house4.finds("does not exist; data is whole").await;
    let house5 = house().await;
    house5.inode_is(FILE, |file| file.owner = Principal::Unix(11)).await;
    house5.finds("owner: Unix(11)").await;
    let house6 = house().await;
    house6.plant(keys::usage(at(FILE)), house6.meta.read(&keys::usage(at(1))).await.unwrap()).await;
    house6.finds("counts for something that is no directory").await;
    let house7 = house().await;
    let low = AllocatorRecord { next_inode: InodeNumber(3), ..AllocatorRecord::default() };
    house7.plant(keys::allocator(ShardId(0)), Some(low.encode())).await;
    house7.finds("would hand out inode 3, but 5 exists").await;
}

#[tokio::test]
async fn damage_to_blocks_is_found() {
    let house1 = house().await;
    house1.inode_is(FILE, |file| file.allocated_blocks = 4).await;
    house1.finds("has 3 blocks, its record says 4").await;
    let house2 = house().await;
    house2.inode_is(FILE, |file| file.size = 100).await;
    house2.finds("has blocks behind its end at 100").await;
    let house3 = house().await;
    let mut thief = RegionRecord::empty(CLOCK.current, 0);
    thief.replace(Extent::plain(0, 1, CLOCK.current, 7 << 24), &[1]);
    house3.plant(keys::region(at(LINKED), 0), Some(thief.encode())).await;
    house3.finds("names block 0 of segment 7, which another record names too").await;
    let mut shared = SharedRecord::default();
    shared.set(7 << 24, 1);
    house3.plant(keys::shared(ShardId(0), 7 << 24), Some(shared.encode())).await;
    assert!(!house3.report().await.problems.iter().any(|problem| problem.what.contains("another record")));
    assert!(!house3.report().await.problems.iter().any(|problem| problem.what.contains("is named")));
    shared.set(7 << 24, 2);
    house3.plant(keys::shared(ShardId(0), 7 << 24), Some(shared.encode())).await;
    house3.finds("says block 0 is named 3 times, it is 2 times").await;
    shared.set((7 << 24) + 63, 9);
    house3.plant(keys::shared(ShardId(0), 7 << 24), Some(shared.encode())).await;
    house3.finds("says block 63 is named 10 times, it is 0 times").await;
    let house4 = house().await;
    house4.plant(keys::segment(8), None).await;
    house4.finds("1 blocks from block 0 on are named but count as free").await;
    let house5 = house().await;
    let wide = SegmentRecord::of_bitmap(ShardId(0), 0, &[0b11]);
    house5.plant(keys::segment(8), Some(wide.encode())).await;
    house5.finds("1 blocks from block 1 on count as named, but nothing names them").await;
    let house6 = house().await;
    let space = SpaceRecord { named: Vec::new(), released: vec![Run { placement: 8 << 24, blocks: 1 }] };
    house6.plant(keys::space(ShardId(0), 9 << 40), Some(space.encode())).await;
    house6.finds("are named but count as free").await;
}

#[tokio::test]
async fn damage_to_versions_is_found() {
    let region = keys::region(at(FILE), 0);
    let house1 = house().await;
    house1.plant(keys::expiry(&region, Epoch(1), Epoch(3)), None).await;
    house1.finds("has no index entry").await;
    let house2 = house().await;
    house2.plant(keys::version(&region, Epoch(3)), None).await;
    house2.finds("is an index entry of a state that does not exist").await;
    house2.finds("count as named, but nothing names them").await;
    let house3 = house().await;
    let late = RegionRecord::empty(Epoch(9), 0).encode();
    house3.plant(keys::version(&region, Epoch(3)), Some(late)).await;
    house3.finds("lived from 9 to 3").await;
    let house4 = house().await;
    let mut live = RegionRecord::decode(&house4.meta.read(&region).await.unwrap().unwrap()).unwrap();
    live.born = Epoch(2);
    house4.plant(region.clone(), Some(live.encode())).await;
    house4.finds("ended after its successor had begun").await;
    let house5 = house().await;
    house5.plant(keys::snapshot(ShardId(0), SnapshotId(1)), None).await;
    house5.finds("lived from 1 to 3, which no snapshot sees").await;
    house5.finds("says its newest snapshot is 2, it is none").await;
    let house6 = house().await;
    house6.plant(keys::snapshot(ShardId(0), SnapshotId(2)), Some(snapshot(CLOCK.current).encode())).await;
    house6.finds("says its newest snapshot is 2, it is 3").await;
    let house7 = house().await;
    house7.plant(keys::snapshot(ShardId(0), SnapshotId(2)), Some(snapshot(Epoch(2)).encode())).await;
    house7.finds("shows epoch 2, as another snapshot does").await;
}

#[tokio::test]
async fn damage_to_promises_is_found() {
    let house1 = house().await;
    house1.plant(keys::intent(ShardId(0), 1), None).await;
    house1.finds("is an orphan that no intent removes").await;
    let house2 = house().await;
    let mask = Mask { first_region: 5, end_region: 9, generation: 1, epoch: CLOCK.current };
    house2
        .inode_is(FILE, |file| {
            file.mask_generation = 1;
            file.masks.push(mask);
        })
        .await;
    house2.finds("has 1 masks, but 0 intents").await;
    let intent = Intent::Truncate { inode: at(FILE), first_region: 5, end_region: 9, generation: 1 };
    let record = IntentRecord { created: Timestamp::default(), intent };
    house2.plant(keys::intent(ShardId(0), 2), Some(record.encode())).await;
    assert!(house2.report().await.is_clean());
    let remove = IntentRecord { created: Timestamp::default(), intent: Intent::Remove { inode: at(FILE) } };
    house2.plant(keys::intent(ShardId(0), 3), Some(remove.encode())).await;
    house2.finds("promises to remove inode 3, which has 1 links").await;
}

#[tokio::test]
async fn clients_with_locks_belong_to_a_house() {
    let house = house().await;
    let client = NlmClientRecord {
        name: Bytes::from_static(b"client"),
        address: Bytes::from_static(b"192.0.2.1"),
        server_name: Bytes::from_static(b"192.0.2.9"),
        state: 3,
        since: Timestamp::default(),
    };
    let key = keys::nlm_client(ShardId(0), ClientId(7));
    house.plant(key.clone(), Some(client.encode())).await;
    assert!(house.report().await.is_clean());
    house.plant(key, Some(Bytes::from_static(&[9, 9]))).await;
    house.finds("nlm client record has format 9").await;
}

#[tokio::test]
async fn a_quota_belongs_to_a_directory() {
    let house = house().await;
    let quota = QuotaRecord::default().encode();
    house.plant(keys::quota(at(DIRECTORY), &QuotaDomain::Directory), Some(quota.clone())).await;
    assert!(house.report().await.is_clean());
    house.plant(keys::quota(at(FILE), &QuotaDomain::Directory), Some(quota.clone())).await;
    house.finds("limits 3, which is no directory").await;
    house.plant(keys::quota(at(99), &QuotaDomain::Directory), Some(quota)).await;
    house.finds("limits 99, which is no directory").await;
}

#[tokio::test]
async fn damage_to_bytes_and_the_store_is_found() {
    let house1 = house().await;
    house1.plant(keys::inode(at(FILE)), Some(Bytes::from_static(&[9, 9]))).await;
    house1.finds("inode record has format 9").await;
    let stray = Key::from_bytes(&[0, 0, 0, 0, 0, 0, 0, 0, 0xee]).unwrap();
    house1.plant(stray, Some(Bytes::new())).await;
    house1.finds("this is no key of the house").await;
    let house2 = house().await;
    house2.plant(keys::superblock(), None).await;
    house2.finds("there is no superblock").await;
    let house3 = house().await;
    let lost = ShardRecord { base: Vec::new(), parent: at(1), clock: CLOCK, fsid: 2, created: Timestamp::default() };
    house3.plant(keys::shard(ShardId(6)), Some(lost.encode())).await;
    house3.finds("has 0 directory entries that lead to it").await;
}
