//! What differs between snapshots, against the differences of two full copies.
//!
//! `BERTH_CHANGES_SEEDS` sequences of `BERTH_CHANGES_OPERATIONS` operations from `BERTH_CHANGES_FIRST_SEED` on.

mod oracle;
mod ranges;
mod work;

use std::sync::Arc;
use std::time::Duration;

use testkit::operations::{Operation, Register, Session, generate};
use testkit::{ManualClock, Random, block_on, copy_tree};
use vfs::{
    Admin, ChangedEntry, ChangesCursor, ChangesRequest, FsError, InodeId, MakeCloneRequest, Name, OpContext, Snapshot,
    TakeSnapshotRequest, TreeId,
};

use self::oracle::{Copies, prove};
use crate::house::{Engines, House};

#[test]
fn what_differs_is_told() {
    let operations = usize::try_from(number("BERTH_CHANGES_OPERATIONS", 300)).unwrap();
    for seed in number("BERTH_CHANGES_FIRST_SEED", 1)..=number("BERTH_CHANGES_SEEDS", 25) {
        block_on(sequence(seed, &generate(seed, operations)));
    }
}

/// Snapshots that were taken, each with the tree that it is of, oldest first.
struct Taken {
    all: Vec<(TreeId, Snapshot)>,
    count: u64,
}

impl Taken {
    async fn take(&mut self, house: &House, directory: InodeId) {
        self.count += 1;
        let name = named(format!("snapshot {}", self.count));
        let request = TakeSnapshotRequest { directory, name, expires: None };
        let snapshot = house.take_snapshot(&OpContext::internal(directory), request).await.unwrap();
        self.all.push((directory.tree, snapshot));
    }

    async fn delete_one(&mut self, house: &House, random: &mut Random) {
        if self.all.len() > 2 {
            let (_, snapshot) = self.all.swap_remove(any(random, self.all.len()));
            let within = InodeId::root_of(snapshot.root.shard);
            house.delete_snapshot(&OpContext::internal(within), within, snapshot.id).await.unwrap();
        }
    }
}

/// Random operations, and between them snapshots, deletions of some, flushes, reloads, and clones in which it goes on.
async fn sequence(seed: u64, operations: &[Operation]) {
    println!("seed {seed}");
    let clock = Arc::new(ManualClock::standing());
    let engines = Engines::default();
    let house = engines.open(Arc::clone(&clock)).await;
    let mut random = Random::new(seed);
    let mut taken = Taken { all: Vec::new(), count: 0 };
    let mut session = Session::begin(&house, "zone").await.unwrap();
    let shard = session.inode(Register(0)).shard;
    let mut tree = TreeId::LIVE;
    for part in operations.chunks(PART) {
        for operation in part {
            clock.advance(STEP);
            session.apply(operation).await;
        }
        let root = InodeId::root_of(shard).in_tree(tree);
        match random.below(12) {
            0..4 => taken.take(&house, root).await,
            4 => {
                let below = any_directory(&house, root, &mut random).await;
                taken.take(&house, below).await;
            }
            5 => taken.delete_one(&house, &mut random).await,
            6 => {
                // Longer than until what no snapshot shows is looked for again.
                clock.advance(Duration::from_secs(3600));
                while house.background_round().await {}
            }
            7 => house.flush_all().await.unwrap(),
            8 => {
                house.flush_all().await.unwrap();
                house.reload().await.unwrap();
            }
            9 if random.chance(20) => {
                tree = make_clone(&house, root, &mut taken).await;
                session = session.in_clone((shard, root.tree), tree);
            }
            _ => {}
        }
        compare_any((&house, tree), &taken, &mut random).await;
    }
    house.flush_all().await.unwrap();
    while house.background_round().await {}
    engines.check().await;
    for _ in 0..20 {
        compare_any((&house, tree), &taken, &mut random).await;
    }
}

/// Goes on in a clone of where it is.
async fn make_clone(house: &House, root: InodeId, taken: &mut Taken) -> TreeId {
    taken.take(house, root).await;
    let (_, snapshot) = taken.all.last().unwrap();
    let name = named(format!("clone {}", taken.count));
    let parent = InodeId::root_of(root.shard);
    let request = MakeCloneRequest { source: snapshot.root, parent, entry: name.clone(), name };
    let made = house.make_clone(&OpContext::internal(parent), request).await.unwrap();
    made.tree
}

/// Compares two snapshots, or one and now, of any directory that both have.
async fn compare_any((house, now): (&House, TreeId), taken: &Taken, random: &mut Random) {
    if taken.all.is_empty() {
        return;
    }
    let (tree, older) = &taken.all[any(random, taken.all.len())];
    let with_now = *tree == now && random.chance(40);
    let to = if with_now {
        InodeId::root_of(older.root.shard).in_tree(now)
    } else {
        let (other, younger) = &taken.all[any(random, taken.all.len())];
        if other != tree || younger.id <= older.id {
            let request = ChangesRequest { from: older.root, to: Some(younger.root.tree), after: None, limit: 1 };
            let refused = house.changes(&OpContext::internal(older.root), request).await.unwrap_err();
            assert_eq!(refused.error, FsError::InvalidArgument);
            return;
        }
        younger.root
    };
    let before = copy_tree(house, older.root).await;
    let after = copy_tree(house, to).await;
    let is_directory = |node: &&testkit::NodeCopy| node.attributes.is_directory();
    let both: Vec<_> = before.values().filter(is_directory).map(|node| node.attributes.inode.number).collect();
    let both: Vec<_> =
        both.into_iter().filter(|number| after.values().any(|node| node.attributes.inode.number == *number)).collect();
    let Some(directory) = both.get(any(random, both.len())) else { return };
    let (from, to) = (older.root.sibling(*directory), to.sibling(*directory));
    let copies = Copies { before: copy_tree(house, from).await, after: copy_tree(house, to).await };
    let limit = [1, 2, 3, 7, 1000][any(random, 5)];
    let entries = all_changes(house, (from, to.tree), limit).await;
    prove(&copies, &entries);
    ranges::prove(house, (from, to), (&copies, &entries), random).await;
}

/// All pages.
async fn all_changes(house: &House, (from, to): (InodeId, TreeId), limit: usize) -> Vec<ChangedEntry> {
    let (mut all, mut after): (_, Option<ChangesCursor>) = (Vec::new(), None);
    loop {
        let request = ChangesRequest { from, to: Some(to), after, limit };
        let page = house.changes(&OpContext::internal(from), request).await.unwrap();
        assert!(page.entries.len() <= limit);
        all.extend(page.entries);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

async fn any_directory(house: &House, root: InodeId, random: &mut Random) -> InodeId {
    let copy = copy_tree(house, root).await;
    let directories: Vec<_> = copy.values().filter(|node| node.attributes.is_directory()).collect();
    root.sibling(directories[any(random, directories.len())].attributes.inode.number)
}

fn any(random: &mut Random, count: usize) -> usize {
    usize::try_from(random.below(count.max(1) as u64)).unwrap()
}

fn named(text: String) -> Name {
    Name::new(text.into_bytes().into()).unwrap()
}

/// Operations between two changes of the house.
const PART: usize = 10;
const STEP: Duration = Duration::from_millis(10);

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |value| value.parse().unwrap())
}
