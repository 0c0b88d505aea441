//! Clones, against a twin that is no clone: what is done in one is done in the other, and nobody can tell them apart.
//!
//! `BERTH_CLONE_SEEDS` sequences of `BERTH_CLONE_OPERATIONS` operations from `BERTH_CLONE_FIRST_SEED` on.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kv::MemoryEngine;
use testkit::operations::{Operation, Register, Session, generate};
use testkit::{ManualClock, Random, TreeCopy, block_on, copy_tree};
use vfs::{
    Admin, AttributeIo, CloneTree, Cookie, CreateHow, CreateRequest, FsError, InodeId, ListedAttributes,
    MakeCloneRequest, MkdirRequest, Name, Namespace, OpContext, ReaddirRequest, RemoveKind, RemoveRequest,
    SetAttributes, ShardId, TakeSnapshotRequest, TreeId,
};

use crate::house::{Engines, House};
use crate::random::stable;
use crate::snapshots::Snapshots;

#[test]
fn a_clone_is_as_good_as_what_it_was_made_of() {
    let operations = usize::try_from(number("BERTH_CLONE_OPERATIONS", 500)).unwrap();
    for seed in number("BERTH_CLONE_FIRST_SEED", 1)..=number("BERTH_CLONE_SEEDS", 25) {
        block_on(sequence(seed, operations, false));
    }
}

/// Clones of what only the journal had, and power cuts that find data of clones there.
#[test]
fn a_clone_has_what_was_stable() {
    let operations = usize::try_from(number("BERTH_CLONE_OPERATIONS", 500)).unwrap();
    for seed in number("BERTH_CLONE_FIRST_SEED", 1)..=number("BERTH_CLONE_SEEDS", 25) {
        block_on(sequence(seed, operations, true));
    }
}

/// A directory of more entries than are read at once, some of which are gone in the clone and all of which are gone in its
/// origin since: each of the others is listed once.
#[test]
fn a_large_directory_of_a_clone_is_listed_once() {
    block_on(async {
        let house = Engines::default().open(Arc::new(ManualClock::standing())).await;
        let live = InodeId::root_of(ShardId::ROOT);
        let ctx = OpContext::internal(live);
        let named = |text: String| Name::new(text.into_bytes().into()).unwrap();
        let attributes = SetAttributes::default();
        let name = named("directory".to_owned());
        let made = house.mkdir(&ctx, MkdirRequest { parent: live, name, attributes }).await.unwrap();
        let directory = made.attributes.inode;
        let file = |number: u32| named(format!("file {number}"));
        for number in 0..FILES {
            let how = CreateHow::Guarded(SetAttributes::default());
            house.create(&ctx, CreateRequest { parent: directory, name: file(number), how }).await.unwrap();
        }
        let mut clones = Clones::default();
        let clone = clones.make(&house, directory, &mut Random::new(1)).await;
        for number in 0..FILES {
            for parent in [directory, clone.root] {
                if parent == directory || number % 2 == 0 {
                    let request = RemoveRequest { parent, name: file(number), kind: RemoveKind::File };
                    house.remove(&ctx, request).await.unwrap();
                }
            }
        }
        house.reload().await.unwrap();
        let (mut names, mut after) = (Vec::new(), Cookie::DOT_DOT);
        loop {
            let attributes = ListedAttributes::None;
            let request = ReaddirRequest { directory: clone.root, after, entries_max: 1000, attributes };
            let page = house.readdir(&ctx, request).await.unwrap();
            after = page.entries.last().map_or(after, |last| last.cookie);
            names.extend(page.entries.into_iter().map(|entry| entry.name));
            if page.end {
                break;
            }
        }
        names.sort_unstable();
        let mut expected: Vec<_> = (0..FILES).filter(|number| number % 2 == 1).map(|n| file(n).to_bytes()).collect();
        expected.sort_unstable();
        assert_eq!(names, expected);
    });
}

/// Clones that are there, newest last.
#[derive(Default)]
struct Clones {
    made: Vec<CloneTree>,
    count: u64,
    /// Clones that nobody writes any more, and what they show.
    left: Vec<(CloneTree, TreeCopy)>,
}

impl Clones {
    /// Makes one of the root of a tree as it is now, which hangs in the live tree or in an older clone.
    async fn make(&mut self, house: &House, root: InodeId, random: &mut Random) -> CloneTree {
        self.count += 1;
        let named = |text: String| Name::new(text.into_bytes().into()).unwrap();
        let ctx = OpContext::internal(root);
        let name = named(format!("of clone {}", self.count));
        let snapshot = house.take_snapshot(&ctx, TakeSnapshotRequest { directory: root, name, expires: None }).await;
        let snapshot = snapshot.unwrap();
        let live = InodeId::root_of(root.shard);
        let inside = self.left.last().filter(|_| random.chance(30)).map(|(clone, _)| clone.root);
        let name = named(format!("clone {}", self.count));
        let request =
            MakeCloneRequest { source: snapshot.root, parent: inside.unwrap_or(live), entry: name.clone(), name };
        let made = house.make_clone(&ctx, request).await.unwrap();
        house.delete_snapshot(&ctx, live, snapshot.id).await.unwrap();
        self.made.push(made.clone());
        made
    }

    /// Deletes any of those that nobody writes, and in which nothing hangs.
    async fn delete_one(&mut self, house: &House, random: &mut Random) {
        if self.left.is_empty() {
            return;
        }
        let index = usize::try_from(random.below(self.left.len() as u64)).unwrap();
        let root = self.left[index].0.root;
        let ctx = OpContext::internal(InodeId::root_of(root.shard));
        match house.delete_clone(&ctx, ctx.root, root.tree).await {
            Ok(()) => {
                self.left.remove(index);
                assert_eq!(house.getattr(&ctx, root).await.unwrap_err().error, FsError::StaleHandle);
            }
            Err(failure) => assert_eq!(failure.error, FsError::NotEmpty),
        }
    }

    async fn prove(&self, house: &House) {
        for (clone, copy) in &self.left {
            assert_same(&below(house, clone.root).await, copy, clone);
        }
    }
}

/// A tree without its root, in which others may hang.
async fn below(house: &House, root: InodeId) -> TreeCopy {
    let mut copy = copy_tree(house, root).await;
    copy.remove(".");
    copy
}

fn assert_same(shown: &TreeCopy, copy: &TreeCopy, what: &impl std::fmt::Debug) {
    for (path, node) in copy {
        assert_eq!(shown.get(path), Some(node), "{path} in {what:?}");
    }
    assert!(shown.keys().eq(copy.keys()), "{what:?} shows more");
}

/// What nobody can tell apart: numbers and counters of inodes aside.
fn told(mut copy: TreeCopy) -> TreeCopy {
    for node in copy.values_mut() {
        node.attributes.inode = InodeId::default();
        node.attributes.change = 0;
        node.attributes.stream_of = None;
    }
    copy
}

/// A tree, its twin in another house, and what was cloned last, where others go on.
struct Pair<'a> {
    session: Session<'a, House>,
    twin: Session<'a, House>,
    origin: Option<(Session<'a, House>, InodeId)>,
    shard: ShardId,
    tree: TreeId,
    clones: Clones,
    snapshots: Snapshots,
}

impl<'a> Pair<'a> {
    fn root(&self) -> InodeId {
        InodeId::root_of(self.shard).in_tree(self.tree)
    }

    /// The same in both, and something else in the origin.
    async fn apply(&mut self, operation: &Operation, other: &Operation) {
        let outcome = self.session.apply(operation).await;
        let expected = self.twin.apply(operation).await;
        if self.tree != TreeId::LIVE {
            assert!(outcome.faults.is_empty(), "{operation:?}: {outcome:?}");
            assert_eq!(outcome.error, expected.error, "{operation:?}");
        }
        if let Some((origin, _)) = &mut self.origin {
            origin.apply(other).await;
        }
    }

    /// Goes on in a clone of where it is.
    async fn go_on_in_clone(&mut self, house: &House, random: &mut Random) {
        if self.clones.count >= DEPTH_MAX {
            return;
        }
        let root = self.root();
        let made = self.clones.make(house, root, random).await;
        let derived = self.session.in_clone((self.shard, self.tree), made.tree);
        self.twin.begin_anew();
        let mut left = std::mem::replace(&mut self.session, derived);
        left.keep_to_first_zone();
        self.origin = Some((left, root));
        self.tree = made.tree;
    }

    /// The last origin stays as it is from now on.
    async fn leave_origin(&mut self, house: &House) {
        if let Some((_, root)) = self.origin.take()
            && let Some(index) = self.clones.made.iter().position(|made| made.root == root)
        {
            let made = self.clones.made.remove(index);
            self.clones.left.push((made, below(house, root).await));
        }
    }

    fn on(self, house: &'a House) -> Self {
        let origin = self.origin.map(|(origin, root)| (origin.on(house), root));
        Self { session: self.session.on(house), origin, ..self }
    }

    async fn prove(&mut self, (house, twin_house): (&House, &House), random: &mut Random) {
        if self.tree != TreeId::LIVE && random.chance(40) {
            let shown = told(below(house, self.root()).await);
            let expected = told(below(twin_house, self.twin.inode(Register(0))).await);
            assert_same(&shown, &expected, &self.tree);
        }
        self.snapshots.forget_going(house);
        self.snapshots.prove_one(house, random).await;
    }

    async fn prove_all(&mut self, house: &House) {
        self.clones.prove(house).await;
        self.snapshots.forget_going(house);
        self.snapshots.prove(house).await;
    }
}

async fn sequence(seed: u64, count: usize, is_stable: bool) {
    println!("seed {seed}");
    let prepared = |operations| if is_stable { stable(operations) } else { operations };
    let operations: Vec<Operation> = prepared(generate(seed, count));
    let others: Vec<Operation> = prepared(generate(seed + 1_000_000, count));
    let clock = Arc::new(ManualClock::standing());
    let engines = Engines { engine: MemoryEngine::new().with_journal_bytes(1 << 26), ..Engines::default() };
    let houses: Vec<OnceLock<House>> = operations.chunks(PART).map(|_| OnceLock::new()).collect();
    let mut house = houses[0].get_or_init(|| block_on(engines.open(Arc::clone(&clock))));
    let twin_house = Engines::default().open(Arc::clone(&clock)).await;
    let mut random = Random::new(seed);
    let session = Session::begin(house, "zone").await.unwrap();
    let twin = Session::begin(&twin_house, "zone").await.unwrap();
    let (shard, tree) = (session.inode(Register(0)).shard, TreeId::LIVE);
    let (clones, snapshots) = (Clones::default(), Snapshots::default());
    let mut pair = Pair { session, twin, origin: None, shard, tree, clones, snapshots };
    let parts = operations.chunks(PART).zip(others.chunks(PART)).zip(houses.iter().skip(1));
    for ((part, others), next) in parts {
        for (operation, other) in part.iter().zip(others) {
            clock.advance(STEP);
            pair.apply(operation, other).await;
        }
        let event = random.below(14);
        if (10..12).contains(&event) && !is_stable {
            house.flush_all().await.unwrap();
        }
        match event {
            0..2 => pair.go_on_in_clone(house, &mut random).await,
            2..5 => pair.leave_origin(house).await,
            5 => pair.clones.delete_one(house, &mut random).await,
            6 => pair.snapshots.take(house, pair.root()).await,
            7 => pair.snapshots.delete_one(house, &mut random).await,
            8 => drop(house.background_round().await),
            9 => house.flush_all().await.unwrap(),
            10 => house.reload().await.unwrap(),
            11 => {
                engines.chunks.power_cut();
                house = next.get_or_init(|| block_on(engines.open(Arc::clone(&clock))));
                pair = pair.on(house);
                engines.check().await;
            }
            _ => {}
        }
        pair.prove((house, &twin_house), &mut random).await;
    }
    pair.prove_all(house).await;
    house.flush_all().await.unwrap();
    while house.background_round().await {}
    engines.check().await;
    pair.prove_all(house).await;
    end(house, (&engines, shard), (pair.clones, pair.snapshots), &mut random).await;
}

/// Deletes everything in any order: what is left is the live tree.
async fn end(
    house: &House,
    (engines, shard): (&Engines, ShardId),
    (mut clones, mut snapshots): (Clones, Snapshots),
    random: &mut Random,
) {
    let live = below(house, InodeId::root_of(shard)).await;
    for made in clones.made.drain(..).collect::<Vec<_>>() {
        let copy = below(house, made.root).await;
        clones.left.push((made, copy));
    }
    while !clones.left.is_empty() || !snapshots.is_empty() {
        if random.chance(50) {
            clones.delete_one(house, random).await;
        } else {
            snapshots.forget_going(house);
            snapshots.delete_one(house, random).await;
        }
        if random.chance(30) {
            while house.background_round().await {}
            engines.check().await;
        }
    }
    while house.background_round().await {}
    engines.check().await;
    let view = kv::Engine::view(&engines.engine).await.unwrap();
    let counts = meta::check::check(&view).await.unwrap().counts;
    assert_eq!((counts.versions, counts.expiries, counts.held_blocks, counts.clone_records), (0, 0, 0, 0));
    assert_same(&below(house, InodeId::root_of(shard)).await, &live, &"the live tree");
}

/// Clones may be made of clones so often.
const DEPTH_MAX: u64 = 8;
/// More than are read at once.
const FILES: u32 = 3000;
/// Operations between two changes of the house.
const PART: usize = 10;
const STEP: Duration = Duration::from_millis(10);

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |value| value.parse().unwrap())
}
