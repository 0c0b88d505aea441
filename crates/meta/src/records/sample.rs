//! Records of every kind, drawn from a seed: for round trips and for the golden store.

#![expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "random numbers are cut to size")]

use std::sync::Arc;

use bytes::Bytes;
use vfs::{
    ClientId, Cookie, DeviceNumber, DosAttributes, Epoch, FencingEpoch, FileType, InodeId, InodeNumber, Name, OpenId,
    Principal, QuotaLimits, ShardId, Sid, SnapshotId, Timestamp, TreeId,
};

use super::*;
use crate::ShardClock;
use crate::keys::{self, Key, OwnerKind, QuotaDomain};

/// A small generator with a fixed sequence (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.word() % end
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.word() & 1 == 1
    }

    fn half(&mut self) -> u32 {
        (self.word() >> 32) as u32
    }

    fn byte(&mut self) -> u8 {
        self.word() as u8
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    fn blob(&mut self, end: u64) -> Bytes {
        (0..self.below(end)).map(|_| self.byte()).collect()
    }

    fn perhaps<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.coin() { Some(make(self)) } else { None }
    }

    fn name(&mut self) -> Name {
        let length = 1 + self.below(40);
        let bytes = (0..length).map(|_| b'a' + (self.below(26) as u8)).collect();
        Name::new(bytes).unwrap()
    }

    fn time(&mut self) -> Timestamp {
        Timestamp { seconds: self.word() as i64, nanoseconds: self.below(1_000_000_000) as u32 }
    }

    fn principal(&mut self) -> Principal {
        if self.coin() {
            return Principal::Unix(self.half());
        }
        let sub_authorities = (0..self.below(16)).map(|_| self.half()).collect();
        Principal::Sid(Arc::new(Sid { authority: self.word() >> 16, sub_authorities }))
    }

    fn inode(&mut self) -> InodeId {
        InodeId { shard: ShardId(self.below(9) as u32), tree: TreeId(self.half()), number: InodeNumber(self.word()) }
    }

    fn file_type(&mut self) -> FileType {
        let all = [
            FileType::Regular,
            FileType::Directory,
            FileType::Symlink,
            FileType::Block,
            FileType::Character,
            FileType::Fifo,
            FileType::Socket,
        ];
        all[self.below(7) as usize]
    }

    fn run(&mut self) -> Run {
        Run { placement: self.below(1 << 40) << 24 | self.below(60_000), blocks: 1 + self.below(5000) as u32 }
    }

    fn limits(&mut self) -> QuotaLimits {
        let soft = self.perhaps(|random| random.below(1 << 40));
        QuotaLimits { hard: self.perhaps(|random| (1 << 40) + random.half() as u64), soft, advisory: Some(self.word()) }
    }
}

fn inode(random: &mut Random) -> InodeRecord {
    let file_type = random.file_type();
    let mask_generation = random.half();
    let masks = (0..random.below(17)).map(|_| {
        let first_region = random.word() >> 1;
        Mask {
            first_region,
            end_region: first_region + 1 + random.below(1000),
            generation: random.below(u64::from(mask_generation) + 1) as u32,
            epoch: Epoch(random.word()),
        }
    });
    let masks = masks.collect();
    InodeRecord {
        born: Epoch(random.word()),
        file_type,
        mode: random.below(0o10000) as u16,
        owner: random.principal(),
        group: random.principal(),
        descriptor: random.perhaps(Random::bytes).map(DescriptorRef::unloaded),
        dos: DosAttributes(random.half()),
        accessed: random.time(),
        modified: random.time(),
        changed: random.time(),
        created: random.time(),
        change: random.word(),
        size: random.word(),
        links: random.half(),
        ever_linked: random.coin(),
        home_parent: InodeNumber(random.word()),
        home_cookie: Cookie(random.word()),
        device: DeviceNumber { major: random.half(), minor: random.half() },
        allocated_blocks: random.word(),
        stored_bytes: random.word(),
        mask_generation,
        masks,
        tier: random.half() as u16,
        archive: [ArchiveState::Online, ArchiveState::Copied, ArchiveState::Archived][random.below(3) as usize],
        retained_until: random.perhaps(Random::time),
        holds: random.half(),
        create_verifier: random.perhaps(Random::bytes),
        xattr_bytes: random.half(),
        symlink: if file_type == FileType::Symlink { random.blob(4096) } else { Bytes::new() },
        streams: 0,
        journal_floor: 0,
        attributes_floor: 0,
    }
}

/// An inode of the second format.
pub(crate) fn inode_with_floors(seed: u64) -> InodeRecord {
    let mut random = Random(seed);
    let record = inode(&mut random);
    InodeRecord {
        journal_floor: random.below(2) * random.word(),
        attributes_floor: 1 + random.below(1 << 50),
        ..record
    }
}

/// An inode of the third format.
pub(crate) fn inode_with_streams(seed: u64) -> InodeRecord {
    let mut random = Random(seed);
    let record = inode(&mut random);
    InodeRecord { streams: 1 + random.below(256) as u32, journal_floor: random.below(2) * random.word(), ..record }
}

/// A stream.
pub(crate) fn stream(seed: u64) -> StreamRecord {
    let mut random = Random(seed);
    StreamRecord { born: Epoch(random.word()), name: random.name() }
}

/// What the journal keeps of a write.
pub(crate) fn stable_write(seed: u64) -> StableWrite {
    let mut random = Random(seed);
    let block = |random: &mut Random| StableBlock { block: random.word(), bytes: random.blob(4096) };
    StableWrite {
        inode: random.inode(),
        size: random.perhaps(Random::word),
        modified: random.perhaps(Random::time),
        changed: random.time(),
        change: random.word(),
        clears_set_id: random.coin(),
        blocks: (0..random.below(4)).map(|_| block(&mut random)).collect(),
        epoch: Epoch(1),
    }
}

fn region(random: &mut Random) -> RegionRecord {
    let mut region = RegionRecord::empty(Epoch(random.word()), random.half());
    for _ in 0..random.below(8) {
        let first_block = random.below(64) as u8;
        let blocks = 1 + random.below(64 - u64::from(first_block)) as u8;
        let placement = random.below(1 << 40) << 24 | random.below(1 << 16);
        let (stored_bytes, coding) = match random.below(3) {
            0 => (u32::from(blocks) * 4096, Coding::Plain),
            1 => (1 + random.below(1 << 18) as u32, Coding::Compressed { skip: 0 }),
            _ => (u32::from(blocks) * 4096, Coding::Cipher { key: random.half() }),
        };
        let (birth, pool) = (Epoch(random.word()), random.half() as u16);
        let extent = Extent { first_block, blocks, birth, pool, placement, stored_bytes, coding };
        let crcs: Vec<u32> = (0..blocks).map(|_| random.half()).collect();
        region.replace(extent, &crcs);
    }
    region
}

fn usage(random: &mut Random) -> UsageRecord {
    UsageRecord {
        born: Epoch(random.word()),
        inodes: random.word(),
        application_bytes: random.word(),
        logical_bytes: random.word(),
        physical_bytes: random.word(),
        held_bytes: random.word(),
        height: random.half(),
    }
}

/// What it takes of `random` is what a record of format 1 took, so that all others are as they were.
fn open(random: &mut Random) -> OpenRecord {
    let seed = random.0;
    let _ = (random.inode(), random.word(), random.principal(), random.bytes::<16>());
    let _ = (random.perhaps(Random::bytes::<16>), random.byte(), random.half(), random.byte());
    let _ = (random.coin(), random.coin(), random.perhaps(Random::time), random.half());
    for _ in 0..random.below(9) {
        let _ = (random.word(), random.word(), random.coin());
    }
    kept_open(seed)
}

/// Blocks that are named more than once; of one seed in two all equally often.
pub(crate) fn shared(seed: u64) -> SharedRecord {
    let random = &mut Random(seed);
    let (evenly, mut record) = (random.coin().then_some(7), SharedRecord::default());
    for block in 0..SHARED_GROUP_BLOCKS as u64 {
        let more = u16::from(random.coin() || block == 5) * (1 + u16::from(random.byte()));
        record.set(block, evenly.filter(|_| more > 0).unwrap_or(more));
    }
    record
}

/// An open that survives a restart.
pub(crate) fn kept_open(seed: u64) -> OpenRecord {
    let random = &mut Random(seed);
    OpenRecord {
        inode: random.inode(),
        link: random.perhaps(stored_link),
        stream_of: random.perhaps(|random| StoredFile { inode: random.inode(), link: random.perhaps(stored_link) }),
        access: random.half(),
        share: random.byte(),
        delete_on_close: random.coin(),
        pending: random.coin(),
        lease: random.perhaps(|random| StoredLease {
            key: random.perhaps(lease_key),
            parent: random.perhaps(lease_key),
            wanted: random.byte(),
            epoch: random.perhaps(Random::half),
        }),
        locks: (0..random.below(9))
            .map(|_| StoredLock { offset: random.word(), length: random.word(), exclusive: random.coin() })
            .collect(),
        note: random.blob(100),
    }
}

fn stored_link(random: &mut Random) -> StoredLink {
    StoredLink { parent: random.inode(), name: random.name() }
}

fn lease_key(random: &mut Random) -> StoredLeaseKey {
    StoredLeaseKey { zone: random.half(), client: random.bytes(), key: random.bytes() }
}

fn intent(random: &mut Random) -> Intent {
    let inode = random.inode();
    if random.coin() {
        return Intent::Remove { inode };
    }
    let (first_region, end_region) = (random.word(), random.word());
    Intent::Truncate { inode, first_region, end_region, generation: random.half() }
}

fn superblock(random: &mut Random) -> Superblock {
    Superblock {
        store_id: u128::from_be_bytes(random.bytes()),
        compatible: random.word(),
        read_only_compatible: random.word(),
        incompatible: random.word(),
        block_bytes: random.half(),
        region_bytes: random.half(),
        hash_key: random.bytes(),
        hash_bits: random.byte(),
        slot_bits: random.byte(),
        fold_table: random.half() as u16,
        handle_keys: (0..1 + random.below(4)).map(|_| HandleKey { id: random.byte(), key: random.bytes() }).collect(),
        created: random.time(),
    }
}

/// One record of every kind in a tree, under keys that fit.
pub(crate) fn of_tree(random: &mut Random, out: &mut impl FnMut(Key, Bytes)) {
    let at = random.inode();
    out(keys::inode(at), inode(random).encode());
    let dentry = DentryRecord {
        born: Epoch(random.word()),
        name: random.name(),
        tree: TreeId(random.half()),
        number: InodeNumber(random.word()),
        shard: random.perhaps(|random| ShardId(random.half())),
        file_type: random.file_type(),
    };
    let cookie = Cookie(16 + random.below((1 << 63) - 16));
    out(keys::dentry(at, cookie), dentry.encode());
    let region_key = keys::region(at, random.word());
    out(region_key.clone(), region(random).encode());
    out(keys::usage(at), usage(random).encode());
    let owner_usage = OwnerUsageRecord {
        ready: random.coin(),
        inodes: random.word(),
        application_bytes: random.word(),
        logical_bytes: random.word(),
        physical_bytes: random.word(),
    };
    out(keys::owner_usage(at, OwnerKind::Group, &random.principal()), owner_usage.encode());
    let value =
        if random.coin() { XattrValue::Inline(random.blob(99)) } else { XattrValue::Inode(InodeNumber(random.word())) };
    let xattr = XattrRecord { born: Epoch(random.word()), value };
    out(keys::xattr(at, random.name().as_bytes()), xattr.encode());
    let backlink =
        BacklinkRecord { born: Epoch(random.word()), sequence: random.word(), name: random.perhaps(Random::name) };
    out(keys::backlink(at, TreeId(random.half()), InodeNumber(random.word()), cookie), backlink.encode());
    let descriptor =
        DescriptorRecord { born: Epoch(random.word()), references: random.word(), descriptor: random.blob(200) };
    out(keys::descriptor(at.shard, TreeId::LIVE, &random.bytes()), descriptor.encode());
    let (born, died) = (Epoch(random.word()), Epoch(random.word()));
    out(keys::version(&region_key, died), region(random).encode());
    out(keys::expiry(&region_key, born, died), ExpiryRecord.encode());
    out(keys::gone(&region_key), GoneRecord { born }.encode());
}

/// One record of every other kind.
pub(crate) fn of_shard(random: &mut Random, out: &mut impl FnMut(Key, Bytes)) {
    let at = random.inode();
    let space = SpaceRecord {
        named: (0..random.below(9)).map(|_| random.run()).collect(),
        released: (0..random.below(9)).map(|_| random.run()).collect(),
    };
    out(keys::space(at.shard, random.word()), space.encode());
    let intent = IntentRecord { created: random.time(), intent: intent(random) };
    out(keys::intent(at.shard, random.word()), intent.encode());
    let reply = ReplyRecord { request: random.word(), checksum: random.word(), outcome: random.blob(200) };
    out(keys::reply(at.shard, ClientId(random.word()), random.half()), reply.encode());
    let snapshot = SnapshotRecord {
        tree: at.tree,
        root: at.number,
        epoch: Epoch(random.word()),
        name: random.name(),
        fsid: random.word(),
        created: random.time(),
        expires: random.perhaps(Random::time),
        locks: random.half(),
        deleting: random.coin(),
    };
    out(keys::snapshot(at.shard, SnapshotId(random.word())), snapshot.encode());
    let tree = TreeRecord {
        origin: TreeId(random.half()),
        epoch: Epoch(random.word()),
        root: InodeNumber(random.word()),
        depth: random.byte(),
        fsid: random.word(),
        name: random.name(),
        created: random.time(),
        parent: TreeId::LIVE,
        first_own: at.number,
        deleting: false,
    };
    out(keys::tree(at.shard, at.tree), tree.encode());
    let quota = QuotaRecord {
        inodes: random.limits(),
        application_bytes: random.limits(),
        logical_bytes: random.limits(),
        physical_bytes: random.limits(),
        include_snapshots: random.coin(),
        grace_seconds: random.word(),
        soft_since: random.perhaps(Random::time),
        enforced: random.coin(),
        ..QuotaRecord::default()
    };
    out(keys::quota(at, &QuotaDomain::User(random.principal())), quota.encode());
    of_clients(random, at, out);
}

/// A quota that the first format cannot say.
pub(crate) fn quota_shown(seed: u64) -> QuotaRecord {
    let mut random = Random(seed);
    let basis = if random.coin() { vfs::QuotaBasis::Logical } else { vfs::QuotaBasis::Physical };
    let settings = vfs::QuotaSettings {
        basis,
        bytes: random.limits(),
        inodes: random.limits(),
        grace_seconds: random.word(),
        enforced: random.coin(),
        container: random.coin(),
    };
    let (soft_since, inodes_since) = (random.perhaps(Random::time), random.perhaps(Random::time));
    QuotaRecord { soft_since, inodes_since, ..QuotaRecord::new(&settings) }
}

/// A directory that is on its way back to what a snapshot shows.
pub(crate) fn revert(seed: u64) -> IntentRecord {
    let mut random = Random(seed);
    let intent = Intent::Revert { inode: random.inode(), past: TreeId(random.half()) };
    IntentRecord { created: random.time(), intent }
}

/// How far owners are counted, and the quota of one that has no limits of their own.
pub(crate) fn tree(seed: u64) -> TreeRecord {
    let mut random = Random(seed);
    TreeRecord {
        origin: TreeId(random.half()),
        epoch: Epoch(random.word()),
        root: InodeNumber(random.word()),
        depth: random.byte(),
        fsid: random.word(),
        name: random.name(),
        created: random.time(),
        parent: TreeId(random.half()),
        first_own: InodeNumber(random.word()),
        deleting: random.coin(),
    }
}

pub(crate) fn owners(seed: u64) -> (OwnersRecord, QuotaRecord) {
    let mut random = Random(seed);
    let owners = OwnersRecord { counted_below: InodeNumber(random.word()), is_clearing: random.coin() };
    (owners, QuotaRecord { linked: true, ..quota_shown(seed) })
}

fn of_clients(random: &mut Random, at: InodeId, out: &mut impl FnMut(Key, Bytes)) {
    let policy = PolicyRecord {
        name: random.name(),
        root: at,
        enabled: random.coin(),
        priority: random.half(),
        rule: random.blob(200),
        ran: random.perhaps(Random::time),
    };
    out(keys::policy(at.shard, random.word()), policy.encode());
    let client = NlmClientRecord {
        name: random.blob(100),
        address: random.blob(40),
        server_name: random.blob(100),
        state: random.half(),
        since: random.time(),
    };
    out(keys::nlm_client(at.shard, ClientId(random.word())), client.encode());
    out(keys::open(at.shard, OpenId(random.word())), open(random).encode());
    // What a record of format 1 took of `random`, so that all others are as they were.
    for _ in 0..random.below(9) {
        let _ = (random.half(), random.word(), random.word());
    }
    let placement = random.word();
    out(keys::shared(at.shard, placement), shared(placement).encode());
    let allocator = AllocatorRecord {
        next_inode: InodeNumber(random.word()),
        next_tree: TreeId(random.half()),
        next_snapshot: SnapshotId(random.word()),
        next_intent: random.word(),
        next_shard: ShardId(random.half()),
        next_fsid: random.word(),
    };
    out(keys::allocator(at.shard), allocator.encode());
}

/// One record of every kind of the store.
pub(crate) fn of_store(random: &mut Random, out: &mut impl FnMut(Key, Bytes)) {
    out(keys::superblock(), superblock(random).encode());
    out(keys::next_segment(), NextSegmentRecord { next_segment: random.word() }.encode());
    out(keys::fence(), FenceRecord { epoch: FencingEpoch(random.word()) }.encode());
    let current = 1 + random.below(u64::MAX - 1);
    let newest_snapshot = random.perhaps(|random| Epoch(random.below(current)));
    let shard = ShardRecord {
        base: (0..random.below(5)).map(|_| random.name()).collect(),
        parent: random.inode(),
        clock: ShardClock { current: Epoch(current), newest_snapshot },
        fsid: random.word(),
        created: random.time(),
    };
    out(keys::shard(ShardId(random.half())), shard.encode());
    let bitmap: Vec<u8> = (0..random.below(300)).map(|_| random.byte()).collect();
    let segment = SegmentRecord {
        state: if random.coin() { SegmentState::Active } else { SegmentState::Evacuating },
        ..SegmentRecord::of_bitmap(ShardId(random.half()), random.half() as u16, &bitmap)
    };
    out(keys::segment(random.word()), segment.encode());
    let pool = PoolRecord {
        name: random.name(),
        store_id: u128::from_be_bytes(random.bytes()),
        kind: random.byte(),
        writable: random.coin(),
        settings: random.blob(200),
    };
    out(keys::pool(random.half() as u16), pool.encode());
    let lease = LeaseRecord { owner: random.blob(60), epoch: FencingEpoch(random.word()), expires: random.time() };
    out(keys::lease(ShardId(random.half())), lease.encode());
}

/// A record of every kind with its key.
pub(crate) fn all(seed: u64) -> Vec<(Key, Bytes)> {
    let mut random = Random(seed);
    let mut entries = Vec::new();
    let mut out = |key, value| entries.push((key, value));
    of_tree(&mut random, &mut out);
    of_shard(&mut random, &mut out);
    of_store(&mut random, &mut out);
    entries
}

/// Decodes the record of a key, and encodes it again.
pub(crate) fn recode(key: &Key, value: &[u8]) -> Result<Bytes, MetaError> {
    use crate::keys::KeyKind as Kind;
    fn of<R: Record>(key: &Key, value: &[u8]) -> Result<Bytes, MetaError> {
        R::decode_at(key, value).map(|record| record.encode())
    }
    match key.parse().unwrap().kind {
        Kind::Inode(_) => of::<InodeRecord>(key, value),
        Kind::Dentry { .. } => of::<DentryRecord>(key, value),
        Kind::Region { .. } | Kind::Version { .. } => of::<RegionRecord>(key, value),
        Kind::Usage(_) => of::<UsageRecord>(key, value),
        Kind::Owners(_) => of::<OwnersRecord>(key, value),
        Kind::OwnerUsage { .. } => of::<OwnerUsageRecord>(key, value),
        Kind::Xattr { .. } => of::<XattrRecord>(key, value),
        Kind::Stream { .. } => of::<StreamRecord>(key, value),
        Kind::Backlink { .. } => of::<BacklinkRecord>(key, value),
        Kind::Descriptor(_) => of::<DescriptorRecord>(key, value),
        Kind::Expiry { .. } => of::<ExpiryRecord>(key, value),
        Kind::Gone(_) => of::<GoneRecord>(key, value),
        Kind::Space(_) => of::<SpaceRecord>(key, value),
        Kind::Intent(_) => of::<IntentRecord>(key, value),
        Kind::Reply { .. } => of::<ReplyRecord>(key, value),
        Kind::Snapshot(_) => of::<SnapshotRecord>(key, value),
        Kind::Tree(_) => of::<TreeRecord>(key, value),
        Kind::Quota { .. } => of::<QuotaRecord>(key, value),
        Kind::Policy(_) => of::<PolicyRecord>(key, value),
        Kind::NlmClient(_) => of::<NlmClientRecord>(key, value),
        Kind::Open(_) => of::<OpenRecord>(key, value),
        Kind::Shared { .. } => of::<SharedRecord>(key, value),
        Kind::Allocator => of::<AllocatorRecord>(key, value),
        Kind::Superblock => of::<Superblock>(key, value),
        Kind::NextSegment => of::<NextSegmentRecord>(key, value),
        Kind::Fence => of::<FenceRecord>(key, value),
        Kind::Shard(_) => of::<ShardRecord>(key, value),
        Kind::Segment(_) => of::<SegmentRecord>(key, value),
        Kind::Pool(_) => of::<PoolRecord>(key, value),
        Kind::Lease(_) => of::<LeaseRecord>(key, value),
    }
}
