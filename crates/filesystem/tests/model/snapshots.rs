//! What snapshots show, against full copies of the tree that were made at the same moment.
//!
//! `BERTH_SNAPSHOT_SEEDS` sequences of `BERTH_SNAPSHOT_OPERATIONS` operations.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kv::MemoryEngine;
use testkit::operations::{Operation, Register, Session, generate};
use testkit::{ManualClock, Random, TreeCopy, block_on, copy_tree};
use vfs::{
    Admin, AttributeIo, CloneRangeRequest, CreateHow, CreateRequest, FileIo, FileType, FsError, InodeId, MkdirRequest,
    Name, Namespace, OpContext, RemoveKind, RemoveRequest, RenameRequest, SetAttributes, ShardId, Snapshot, Stability,
    TakeSnapshotRequest, Via, WriteRequest,
};

use crate::house::{Engines, House};
use crate::random::stable;

/// Snapshots that were taken, each with a copy of what it must show.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    taken: Vec<(Snapshot, TreeCopy)>,
    count: u64,
}

impl Snapshots {
    /// Takes one.
    pub(crate) async fn take(&mut self, house: &House, directory: InodeId) {
        let copy = copy_tree(house, directory).await;
        self.count += 1;
        let name = Name::new(format!("snapshot {}", self.count).into_bytes().into()).unwrap();
        let request = TakeSnapshotRequest { directory, name, expires: None };
        let snapshot = house.take_snapshot(&OpContext::internal(directory), request).await.unwrap();
        self.taken.push((snapshot, copy));
    }

    /// Deletes any of them.
    pub(crate) async fn delete_one(&mut self, house: &House, random: &mut Random) {
        if !self.taken.is_empty() {
            let index = usize::try_from(random.below(self.taken.len() as u64)).unwrap();
            let (snapshot, _) = self.taken.swap_remove(index);
            let within = InodeId::root_of(snapshot.root.shard);
            house.delete_snapshot(&OpContext::internal(within), within, snapshot.id).await.unwrap();
            let shown = house.getattr(&OpContext::internal(within), snapshot.root).await;
            assert_eq!(shown.unwrap_err().error, FsError::StaleHandle);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    /// Those of clones that are gone went with these.
    pub(crate) fn forget_going(&mut self, house: &House) {
        let there = house.snapshots(&OpContext::internal(InodeId::default()), self.shard()).unwrap();
        self.taken.retain(|(snapshot, _)| there.iter().any(|found| found.id == snapshot.id && !found.is_going));
    }

    fn shard(&self) -> InodeId {
        self.taken.first().map_or_else(InodeId::default, |(snapshot, _)| InodeId::root_of(snapshot.root.shard))
    }

    /// Deletes all, in any order: nothing is left of them in the store.
    async fn delete_all(&mut self, (house, engines): (&House, &Engines), random: &mut Random) {
        while !self.taken.is_empty() {
            self.delete_one(house, random).await;
            if random.chance(30) {
                while house.background_round().await {}
                engines.check().await;
                self.prove_one(house, random).await;
            }
        }
        while house.background_round().await {}
        let view = kv::Engine::view(&engines.engine).await.unwrap();
        let counts = meta::check::check(&view).await.unwrap().counts;
        assert_eq!((counts.versions, counts.expiries, counts.held_blocks), (0, 0, 0));
    }

    /// Restores a file of one of them beside it, by sharing its blocks: it is what it was then.
    async fn restore_one(&mut self, house: &House, random: &mut Random) {
        let Some((snapshot, _)) = self.taken.get(usize::try_from(random.below(1 + self.taken.len() as u64)).unwrap())
        else {
            return;
        };
        let shown = copy_tree(house, snapshot.root).await;
        let files = shown.values().filter(|node| node.attributes.file_type == FileType::Regular);
        let files: Vec<_> = files.filter(|node| node.attributes.size > 0).collect();
        if files.is_empty() {
            return;
        }
        let node = files[usize::try_from(random.below(files.len() as u64)).unwrap()];
        let live = InodeId::root_of(snapshot.root.shard);
        let source = snapshot.root.sibling(node.attributes.inode.number);
        self.count += 1;
        let name = Name::new(format!("restored {}", self.count).into_bytes().into()).unwrap();
        let ctx = OpContext::internal(live);
        let how = CreateHow::Guarded(SetAttributes::default());
        let made = house.create(&ctx, CreateRequest { parent: live, name, how }).await.unwrap();
        let request = CloneRangeRequest {
            source,
            source_via: Via::Anonymous,
            source_offset: 0,
            target: made.attributes.inode,
            target_via: Via::Anonymous,
            target_offset: 0,
            length: node.attributes.size,
            heeds_locks: false,
        };
        house.clone_range(&ctx, request).await.unwrap();
        let restored = copy_tree(house, live).await;
        let restored = restored.values().find(|found| found.attributes.inode.number == made.attributes.inode.number);
        assert_eq!(restored.unwrap().content, node.content);
    }

    /// One of them shows what it must.
    pub(crate) async fn prove_one(&self, house: &House, random: &mut Random) {
        if !self.taken.is_empty() {
            let index = usize::try_from(random.below(self.taken.len() as u64)).unwrap();
            prove(house, &self.taken[index]).await;
        }
    }

    /// All of them do.
    pub(crate) async fn prove(&self, house: &House) {
        for taken in &self.taken {
            prove(house, taken).await;
        }
    }
}

async fn prove(house: &House, (snapshot, copy): &(Snapshot, TreeCopy)) {
    let shown = copy_tree(house, snapshot.root).await;
    for (path, node) in copy {
        assert_eq!(shown.get(path), Some(node), "{path} in {snapshot:?}");
    }
    assert!(shown.keys().eq(copy.keys()), "{snapshot:?} shows more than there was");
}

#[test]
fn snapshots_show_what_was_there() {
    let operations = usize::try_from(number("BERTH_SNAPSHOT_OPERATIONS", 300)).unwrap();
    for seed in number("BERTH_SNAPSHOT_FIRST_SEED", 1)..=number("BERTH_SNAPSHOT_SEEDS", 25) {
        block_on(sequence(seed, generate(seed, operations), false));
    }
}

/// What is stable is in the snapshot though it was only in the journal then, and the house was reloaded since.
#[test]
fn snapshots_show_what_only_the_journal_had() {
    let operations = usize::try_from(number("BERTH_SNAPSHOT_OPERATIONS", 300)).unwrap();
    for seed in number("BERTH_SNAPSHOT_FIRST_SEED", 1)..=number("BERTH_SNAPSHOT_SEEDS", 25) {
        block_on(sequence(seed, stable(generate(seed, operations)), true));
    }
}

/// Random operations, and between them snapshots of directories anywhere, flushes, reloads, restarts and power cuts.
async fn sequence(seed: u64, operations: Vec<Operation>, is_stable: bool) {
    println!("seed {seed}");
    let clock = Arc::new(ManualClock::standing());
    let engines = Engines { engine: MemoryEngine::new().with_journal_bytes(1 << 26), ..Engines::default() };
    // A house each time that it starts again, as the session borrows them.
    let houses: Vec<OnceLock<House>> = operations.chunks(PART).map(|_| OnceLock::new()).collect();
    let mut house = houses[0].get_or_init(|| block_on(engines.open(Arc::clone(&clock))));
    let mut random = Random::new(seed);
    let mut snapshots = Snapshots::default();
    let mut session = Session::begin(house, &format!("seed-{seed}")).await.unwrap();
    for (part, next) in operations.chunks(PART).zip(houses.iter().skip(1)) {
        for operation in part {
            clock.advance(STEP);
            session.apply(operation).await;
        }
        match random.below(12) {
            0..4 => {
                let root = session.inode(Register(u8::from(random.chance(30))));
                let directory = any_directory(house, root, &mut random).await;
                snapshots.take(house, directory).await;
            }
            4..6 => snapshots.delete_one(house, &mut random).await,
            6 => {
                clock.advance(TRIMMED_EVERY);
                while house.background_round().await {}
            }
            7 => house.flush_all().await.unwrap(),
            10 => snapshots.restore_one(house, &mut random).await,
            8 => {
                if !is_stable {
                    house.flush_all().await.unwrap();
                }
                house.reload().await.unwrap();
            }
            9 => {
                if !is_stable {
                    house.flush_all().await.unwrap();
                }
                engines.chunks.power_cut();
                house = next.get_or_init(|| block_on(engines.open(Arc::clone(&clock))));
                session = session.on(house);
                engines.check().await;
            }
            _ => {}
        }
        snapshots.prove_one(house, &mut random).await;
    }
    snapshots.prove(house).await;
    house.flush_all().await.unwrap();
    while house.background_round().await {}
    engines.check().await;
    snapshots.prove(house).await;
    snapshots.delete_all((house, &engines), &mut random).await;
    engines.check().await;
}

async fn any_directory(house: &House, root: InodeId, random: &mut Random) -> InodeId {
    let copy = copy_tree(house, root).await;
    let directories: Vec<_> = copy.values().filter(|node| node.attributes.is_directory()).collect();
    let chosen = directories[usize::try_from(random.below(directories.len() as u64)).unwrap()];
    root.sibling(chosen.attributes.inode.number)
}

/// What no snapshot shows is looked for no sooner.
const TRIMMED_EVERY: Duration = Duration::from_secs(3600);
/// Operations between two snapshots.
const PART: usize = 10;
const STEP: Duration = Duration::from_millis(10);

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |value| value.parse().unwrap())
}

/// More than one round of the background drops: it goes on where it left off, and looks once more at the end.
#[test]
fn a_snapshot_of_many_files_goes_whole() {
    block_on(async {
        let clock = Arc::new(ManualClock::standing());
        let engines = Engines::default();
        let house = engines.open(Arc::clone(&clock)).await;
        let root = InodeId::root_of(ShardId::ROOT);
        let ctx = OpContext::internal(root);
        let named = |number: u32| Name::new(format!("file {number}").into_bytes().into()).unwrap();
        for number in 0..2000 {
            let how = CreateHow::Guarded(SetAttributes::default());
            let request = CreateRequest { parent: root, name: named(number), how };
            house.create(&ctx, request).await.unwrap();
        }
        let mut snapshots = Snapshots::default();
        for (part, first) in (0..2000).step_by(500).enumerate() {
            snapshots.take(&house, root).await;
            for number in first..first + 500 {
                let request = RemoveRequest { parent: root, name: named(number), kind: RemoveKind::File };
                house.remove(&ctx, request).await.unwrap();
            }
            assert_eq!(snapshots.taken.len(), part + 1);
        }
        snapshots.delete_all((&house, &engines), &mut Random::new(1)).await;
        engines.check().await;
    });
}

/// While there is a snapshot of one directory, what changes in another is kept for a moment only, unless it came from there.
#[test]
fn what_lies_beside_a_snapshot_comes_back_soon() {
    block_on(async {
        let clock = Arc::new(ManualClock::standing());
        let engines = Engines::default();
        let house = engines.open(Arc::clone(&clock)).await;
        let root = InodeId::root_of(ShardId::ROOT);
        let ctx = OpContext::internal(root);
        let named = |name: &str| Name::try_from(name).unwrap();
        let mkdir = async |name: &str| {
            let request = MkdirRequest { parent: root, name: named(name), attributes: SetAttributes::default() };
            house.mkdir(&ctx, request).await.unwrap().attributes.inode
        };
        let create = async |parent: InodeId, name: &str| {
            let how = CreateHow::Guarded(SetAttributes::default());
            let request = CreateRequest { parent, name: named(name), how };
            let inode = house.create(&ctx, request).await.unwrap().attributes.inode;
            write(&house, inode, 1).await;
            inode
        };
        let (shown, beside) = (mkdir("shown").await, mkdir("beside").await);
        let (moved, _) = (create(shown, "moved").await, create(shown, "removed").await);
        let (changed, _) = (create(beside, "changed").await, create(beside, "removed").await);
        let mut snapshots = Snapshots::default();
        snapshots.take(&house, shown).await;
        let held = async || {
            house.flush_all().await.unwrap();
            clock.advance(TRIMMED_EVERY);
            while house.background_round().await {}
            engines.check().await.held_blocks
        };
        write_blocks(&house, changed, (2, 1)).await;
        snapshots.take(&house, shown).await;
        write_blocks(&house, changed, (3, 2)).await;
        remove(&house, beside).await;
        assert_eq!(held().await, 0, "nobody sees what lay beside");
        // What that state named and the live one does is let go by the live one.
        write(&house, changed, 3).await;
        assert_eq!(held().await, 0);
        let (from_name, to_name) = (named("moved"), named("removed"));
        let request = RenameRequest { from_parent: shown, from_name, to_parent: beside, to_name, replace: false };
        house.rename(&ctx, request).await.unwrap();
        write(&house, moved, 2).await;
        assert_eq!(held().await, BLOCKS, "it is shown where it was");
        remove(&house, shown).await;
        remove(&house, beside).await;
        assert_eq!(held().await, 2 * BLOCKS);
        snapshots.prove(&house).await;
        // A directory that goes with what is in it was there once, also for what changes later.
        let below = mkdir("below").await;
        let within = create(below, "within").await;
        let go = async |from_parent, to_parent| {
            let (from_name, to_name) = (named("below"), named("below"));
            let request = RenameRequest { from_parent, from_name, to_parent, to_name, replace: false };
            house.rename(&ctx, request).await.unwrap();
        };
        go(root, shown).await;
        snapshots.take(&house, shown).await;
        go(shown, beside).await;
        snapshots.take(&house, shown).await;
        write(&house, within, 2).await;
        assert_eq!(held().await, 3 * BLOCKS);
        snapshots.prove(&house).await;
        // What came is not shown, and what one snapshot does not show another may.
        let back = create(beside, "back").await;
        snapshots.take(&house, beside).await;
        write(&house, back, 3).await;
        assert_eq!(held().await, 4 * BLOCKS);
        snapshots.prove(&house).await;
        snapshots.delete_all((&house, &engines), &mut Random::new(1)).await;
        assert_eq!(held().await, 0);
    });
}

async fn remove(house: &House, parent: InodeId) {
    let request = RemoveRequest { parent, name: Name::try_from("removed").unwrap(), kind: RemoveKind::File };
    house.remove(&OpContext::internal(parent), request).await.unwrap();
}

async fn write(house: &House, inode: InodeId, byte: u8) {
    write_blocks(house, inode, (byte, BLOCKS)).await;
}

async fn write_blocks(house: &House, inode: InodeId, (byte, count): (u8, u64)) {
    let data = vec![byte; 4096 * usize::try_from(count).unwrap()].into();
    let request = WriteRequest { inode, via: Via::Anonymous, offset: 0, data, stability: Stability::Unstable };
    house.write(&OpContext::internal(inode), request).await.unwrap();
}

const BLOCKS: u64 = 16;
