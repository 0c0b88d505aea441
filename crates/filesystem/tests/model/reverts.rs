//! Reverts, against full copies: what is below the directory is as the snapshot shows it, and what is beside it as it was.
//!
//! `BERTH_REVERT_SEEDS` sequences of `BERTH_REVERT_OPERATIONS` operations from `BERTH_REVERT_FIRST_SEED` on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use testkit::operations::{Operation, Register, Session, generate};
use testkit::{ManualClock, NodeCopy, Random, TreeCopy, block_on, copy_tree};
use vfs::{
    Admin, Clock, FsError, InodeId, InodeNumber, LinkRequest, MakeCloneRequest, Name, Namespace, OpContext,
    RenameRequest, Revert, RevertState, Snapshot, TakeSnapshotRequest, Timestamp, TreeId,
};

use crate::house::{Engines, House};

#[test]
fn a_directory_becomes_again_what_it_was() {
    let operations = usize::try_from(number("BERTH_REVERT_OPERATIONS", 300)).unwrap();
    for seed in number("BERTH_REVERT_FIRST_SEED", 1)..=number("BERTH_REVERT_SEEDS", 25) {
        block_on(sequence(seed, &generate(seed, operations)));
    }
}

/// Random operations, and between them snapshots, flushes, and reverts of any directory that both states have.
async fn sequence(seed: u64, operations: &[Operation]) {
    println!("seed {seed}");
    let clock = Arc::new(ManualClock::standing());
    let engines = Engines::default();
    let house = engines.open(Arc::clone(&clock)).await;
    let mut random = Random::new(seed);
    let mut session = Session::begin(&house, "zone").await.unwrap();
    let mut root = InodeId::root_of(session.inode(Register(0)).shard);
    let mut taken: Vec<Snapshot> = Vec::new();
    for part in operations.chunks(PART) {
        for operation in part {
            clock.advance(STEP);
            session.apply(operation).await;
        }
        shuffle(&house, root, &mut random).await;
        match random.below(8) {
            0..3 => {
                let name = Name::new(format!("snapshot {:?}", clock.now()).into_bytes().into()).unwrap();
                let directory = if random.chance(50) { root } else { any_directory(&house, root, &mut random).await };
                let request = TakeSnapshotRequest { directory, name, expires: None };
                taken.push(house.take_snapshot(&OpContext::internal(root), request).await.unwrap());
            }
            3 => {
                house.flush_all().await.unwrap();
                // Longer than until what no snapshot shows is looked for again.
                clock.advance(Duration::from_secs(3600));
                while house.background_round().await {}
            }
            6 if !taken.is_empty() && random.chance(10) => {
                let clone = make_clone(&house, taken.last().unwrap()).await;
                session = session.in_clone((root.shard, root.tree), clone);
                (root, taken) = (taken.last().unwrap().root.in_tree(clone), Vec::new());
            }
            4 | 5 if !taken.is_empty() => {
                let snapshot = taken[any(&mut random, taken.len())].clone();
                revert_any((&house, &clock), (root, &snapshot), &mut random).await;
            }
            _ => {}
        }
    }
    house.flush_all().await.unwrap();
    while house.background_round().await {}
    engines.check().await;
}

/// Moves some of what is there to where something else is, or beside it, and gives some of it further names.
async fn shuffle(house: &House, root: InodeId, random: &mut Random) {
    let copy = copy_tree(house, root).await;
    let all: Vec<_> = copy.iter().filter_map(|(path, node)| Some((path.rsplit_once('/')?, node))).collect();
    let directories: Vec<_> = copy.values().filter(|node| node.attributes.is_directory()).collect();
    let (inode, ctx) = (|number| root.sibling(number), OpContext::internal(root));
    for _ in 0..random.below(6) {
        let (Some(one), Some(other)) = (all.get(any(random, all.len())), all.get(any(random, all.len()))) else {
            return;
        };
        let [(from_parent, from_name), (to_parent, to_name)] = [one, other]
            .map(|((above, name), _)| (inode(number_of(&copy[*above])), Name::new(unescaped(name).into()).unwrap()));
        let aside = Name::try_from("aside").unwrap();
        let any_parent = inode(number_of(directories[any(random, directories.len())]));
        let moves = match random.below(4) {
            // They change places.
            0 => vec![
                ((to_parent, &to_name), (to_parent, &aside)),
                ((from_parent, &from_name), (to_parent, &to_name)),
                ((to_parent, &aside), (from_parent, &from_name)),
            ],
            1 => vec![((from_parent, &from_name), (any_parent, &to_name))],
            2 => vec![((from_parent, &from_name), (any_parent, &from_name))],
            _ => {
                let (inode, name) = (inode(number_of(one.1)), to_name);
                let _ = house.link(&ctx, LinkRequest { inode, parent: any_parent, name, replace: false }).await;
                continue;
            }
        };
        for ((from_parent, from_name), (to_parent, to_name)) in moves {
            let (from_name, to_name, replace) = (from_name.clone(), to_name.clone(), random.chance(20));
            let request = RenameRequest { from_parent, from_name, to_parent, to_name, replace };
            // What cannot be moved stays.
            let _ = house.rename(&ctx, request).await;
        }
    }
}

/// The bytes of a name as copies write it.
fn unescaped(name: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), name.bytes());
    while let Some(byte) = rest.next() {
        bytes.push(match (byte, if byte == b'\\' { rest.next() } else { None }) {
            (_, Some(b'x')) => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            (_, Some(b'n')) => b'\n',
            (_, Some(b't')) => b'\t',
            (_, Some(b'r')) => b'\r',
            (_, Some(escaped)) => escaped,
            (byte, None) => byte,
        });
    }
    bytes
}

/// It goes on in a clone.
async fn make_clone(house: &House, snapshot: &Snapshot) -> TreeId {
    let parent = InodeId::root_of(snapshot.root.shard);
    let name = Name::new(format!("clone of {}", snapshot.id.0).into_bytes().into()).unwrap();
    let request = MakeCloneRequest { source: snapshot.root, parent, entry: name.clone(), name };
    house.make_clone(&OpContext::internal(parent), request).await.unwrap().tree
}

async fn revert_any(
    (house, clock): (&House, &Arc<ManualClock>),
    (root, snapshot): (InodeId, &Snapshot),
    random: &mut Random,
) {
    let (then, before) = (copy_tree(house, snapshot.root).await, copy_tree(house, root).await);
    let directories = |copy: &TreeCopy| -> BTreeMap<InodeNumber, String> {
        let found = copy.iter().filter(|(_, node)| node.attributes.is_directory());
        found.map(|(path, node)| (node.attributes.inode.number, path.clone())).collect()
    };
    let (was, is) = (directories(&then), directories(&before));
    let both: Vec<_> = was.keys().filter(|number| is.contains_key(number)).collect();
    let Some(top) = both.get(any(random, both.len())).map(|top| **top) else { return };
    let past = snapshot.root.sibling(top);
    let below = copy_tree(house, root.sibling(top)).await;
    let told = house.revert(&OpContext::internal(past), past).await.unwrap();
    let again = house.revert(&OpContext::internal(past), past).await.unwrap_err();
    assert_eq!(again.error, FsError::Exists);
    let refused = house.delete_snapshot(&OpContext::internal(root), root, snapshot.id).await.unwrap_err();
    assert_eq!(refused.error, FsError::NotPermitted);
    wait(house, clock, (root, told.id), random).await;
    // There is nothing left to do.
    let told = house.revert(&OpContext::internal(past), past).await.unwrap();
    let again = wait(house, clock, (root, told.id), random).await;
    assert_eq!((again.changes, &again.left_out), (0, &Vec::new()));

    let (then, now) = (copy_tree(house, past).await, copy_tree(house, root.sibling(top)).await);
    assert_same((&then, &now), &below);
    let beside = |copy: &TreeCopy, top: &str| -> TreeCopy {
        let is_below = |path: &str| path == top || path.starts_with(&format!("{top}/"));
        copy.iter().filter(|(path, _)| !is_below(path)).map(|(path, node)| (path.clone(), node.clone())).collect()
    };
    let after = copy_tree(house, root).await;
    let mut touched: BTreeSet<_> = then.values().chain(now.values()).map(number_of).collect();
    touched.extend(before.iter().filter(|(path, _)| path.starts_with(&is[&top])).map(|(_, node)| number_of(node)));
    let untouched = |copy: TreeCopy| -> TreeCopy {
        copy.into_iter()
            .filter(|(_, node)| node.attributes.is_directory() || !touched.contains(&number_of(node)))
            .collect()
    };
    assert_eq!(untouched(beside(&before, &is[&top])), untouched(beside(&after, &directories(&after)[&top])));
}

/// Until it has ended; the house may be reloaded meanwhile, as after a crash.
async fn wait(house: &House, clock: &ManualClock, (root, id): (InodeId, u64), random: &mut Random) -> Revert {
    for _ in 0..2000 {
        let all = house.reverts(&OpContext::internal(root), root).unwrap();
        let told = all.iter().find(|revert| revert.id == id).unwrap();
        match told.state {
            RevertState::Done => return told.clone(),
            RevertState::Names | RevertState::Contents => {}
            _ => panic!("{told:#?}"),
        }
        clock.advance(STEP);
        house.background_round().await;
        if random.chance(10) {
            house.flush_all().await.unwrap();
            house.reload().await.unwrap();
        }
    }
    panic!("it does not end");
}

/// What is there is what was, but for when it was changed last. What had been there and was below the directory still
/// keeps its number, and files with several names have them again. Of files that had names beside the directory, only that
/// there is something of the kind.
fn assert_same((then, now): (&TreeCopy, &TreeCopy), before: &TreeCopy) {
    let paths = |copy: &TreeCopy| copy.keys().cloned().collect::<Vec<_>>();
    assert_eq!(paths(then), paths(now));
    let mut numbers = BTreeMap::new();
    for (path, was) in then {
        let (is, number) = (&now[path], number_of(was));
        assert_eq!(was.attributes.file_type, is.attributes.file_type, "{path}");
        if !is_whole(then, was) {
            continue;
        }
        assert_eq!(plain(was), plain(is), "{path}");
        let now = *numbers.entry(number).or_insert_with(|| number_of(is));
        assert_eq!(now, number_of(is), "{path} is not what its other names are");
        match before.values().find(|node| number_of(node) == number) {
            Some(_) => assert_eq!(now, number, "{path} was there"),
            None => assert_ne!(now, number, "{path} was not there"),
        }
    }
}

/// Whether all its names are below the directory.
fn is_whole(copy: &TreeCopy, node: &NodeCopy) -> bool {
    let names = copy.values().filter(|other| number_of(other) == number_of(node)).count();
    node.attributes.is_directory() || names == node.attributes.links as usize
}

async fn any_directory(house: &House, root: InodeId, random: &mut Random) -> InodeId {
    let copy = copy_tree(house, root).await;
    let directories: Vec<_> = copy.values().filter(|node| node.attributes.is_directory()).collect();
    root.sibling(number_of(directories[any(random, directories.len())]))
}

fn number_of(node: &NodeCopy) -> InodeNumber {
    node.attributes.inode.number
}

fn plain(node: &NodeCopy) -> NodeCopy {
    let mut node = node.clone();
    (node.attributes.inode, node.attributes.change) = (InodeId::default(), 0);
    node.attributes.changed = Timestamp::default();
    if !node.attributes.is_directory() {
        node.attributes.links = 0;
    }
    node
}

fn any(random: &mut Random, count: usize) -> usize {
    usize::try_from(random.below(count.max(1) as u64)).unwrap()
}

/// Operations between two changes of the house.
const PART: usize = 10;
const STEP: Duration = Duration::from_millis(10);

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |value| value.parse().unwrap())
}
