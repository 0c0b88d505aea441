//! Against a model that keeps every state of every epoch.

use std::collections::{BTreeMap, BTreeSet};

use kv::MemoryEngine;
use proptest::prelude::*;
use vfs::{InodeId, InodeNumber, ShardId, Timestamp, TreeId};

use super::*;
use crate::keys::KeyKind;
use crate::records::sample::Random;
use crate::records::{Record, UsageRecord};

type State = BTreeMap<Key, Bytes>;

fn key(number: u64) -> Key {
    keys::usage(InodeId { shard: ShardId(1), tree: TreeId(0), number: InodeNumber(number) })
}

fn all() -> KeyRange {
    KeyRange { start: key(0).to_bytes(), end: key(u64::MAX).to_bytes() }
}

struct House {
    meta: Meta<MemoryEngine>,
    clock: ShardClock,
    live: State,
    /// What was there at the end of the epochs that have a snapshot.
    snapshots: BTreeMap<Epoch, State>,
}

impl House {
    async fn new() -> Self {
        let meta = Meta::open(MemoryEngine::new(), Timestamp::default(), [1; 64]).await.unwrap();
        let clock = ShardClock { current: Epoch(1), newest_snapshot: None };
        Self { meta, clock, live: State::new(), snapshots: BTreeMap::new() }
    }

    fn write(&mut self, random: &mut Random) {
        let key = key(random.below(9));
        let old = self.live.get(&key).map(|bytes| UsageRecord::decode(bytes).unwrap());
        let new = UsageRecord { born: self.clock.current, inodes: random.word(), ..UsageRecord::default() };
        let new = Some(new.encode()).filter(|_| random.below(3) > 0);
        let mut change = Change::new();
        change.replace(&self.clock, key.clone(), old.as_ref(), new.clone());
        match new {
            Some(new) => self.live.insert(key, new),
            None => self.live.remove(&key),
        };
        self.meta.submit(change).unwrap();
    }

    fn take_snapshot(&mut self) {
        self.snapshots.insert(self.clock.current, self.live.clone());
        self.clock.newest_snapshot = Some(self.clock.current);
        self.clock.current.0 += 1;
    }

    async fn check(&self) {
        for (epoch, state) in &self.snapshots {
            for number in 0..9 {
                let found = self.meta.read_at(&key(number), *epoch).await.unwrap();
                assert_eq!(found.as_ref(), state.get(&key(number)), "{} at {epoch:?}", key(number));
            }
            for limit in [1, 4, 100] {
                let found = self.meta.scan_at(&all(), *epoch, limit).await.unwrap();
                let expected: Vec<_> =
                    state.iter().take(limit).map(|(key, value)| (key.clone(), value.clone())).collect();
                assert_eq!(found, expected, "first {limit} at {epoch:?}");
                let paged: State = in_pages(self, *epoch, limit).await.into_iter().collect();
                assert_eq!(paged, *state, "{limit} by {limit} at {epoch:?}");
            }
        }
    }
}

/// All of a state, from pages that each begin behind the last key of the one before.
async fn in_pages(house: &House, epoch: Epoch, limit: usize) -> Vec<(Key, Bytes)> {
    let (mut found, mut range) = (Vec::new(), all());
    loop {
        let page = house.meta.scan_at(&range, epoch, limit).await.unwrap();
        let Some((last, _)) = page.last() else { return found };
        range = range.after(last);
        found.extend(page);
        assert!(found.len() <= 9, "a key comes again");
    }
}

async fn run(seed: u64, steps: usize) {
    let mut random = Random(seed);
    let mut house = House::new().await;
    for _ in 0..steps {
        match random.below(8) {
            0 => house.take_snapshot(),
            1 => house.meta.durable(house.meta.submitted()).await.unwrap(),
            _ => house.write(&mut random),
        }
    }
    house.check().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn snapshots_keep_what_was_there(seed: u64, steps in 1_usize..160) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(run(seed, steps));
    }
}

#[test]
fn the_first_change_after_a_snapshot_keeps_the_old_state_once() {
    let clock = ShardClock { current: Epoch(6), newest_snapshot: Some(Epoch(5)) };
    let old = UsageRecord { born: Epoch(5), ..UsageRecord::default() };
    let new = UsageRecord { born: Epoch(6), ..UsageRecord::default() };
    let mut change = Change::new();
    assert!(change.replace(&clock, key(1), Some(&old), Some(new.encode())));
    let keys: BTreeSet<_> = change.writes().map(|(key, _)| key.clone()).collect();
    let kinds: Vec<_> = keys.iter().map(|key| key.parse().unwrap().kind).collect();
    let expected = [
        KeyKind::Usage(InodeNumber(1)),
        KeyKind::Version { key: key(1), died: Epoch(6) },
        KeyKind::Expiry { key: key(1), born: Epoch(5), died: Epoch(6) },
    ];
    assert_eq!(kinds, expected);
    let mut shared = Change::new();
    shared.replace_shared(&clock, key(1), (Some(&old), Some(Arc::new(new))));
    let bytes = |change: &Change| change.writes().map(|(key, value)| (key.clone(), value)).collect::<BTreeMap<_, _>>();
    assert_eq!(bytes(&shared), bytes(&change));
    let mut again = Change::new();
    assert!(!again.replace(&clock, key(1), Some(&new), None));
    let none = ShardClock { current: Epoch(6), newest_snapshot: None };
    let mut unkept = Change::new();
    assert!(!unkept.replace(&none, key(1), Some(&old), None));
    assert_eq!(unkept.writes().count(), 1);
}

#[test]
#[should_panic(expected = "another epoch")]
fn a_record_of_another_epoch_is_not_written() {
    let clock = ShardClock { current: Epoch(6), newest_snapshot: None };
    let stale = UsageRecord { born: Epoch(5), ..UsageRecord::default() };
    Change::new().replace(&clock, key(1), None::<&UsageRecord>, Some(stale.encode()));
}

#[test]
#[should_panic(expected = "another epoch")]
fn nor_is_one_that_is_shared() {
    let clock = ShardClock { current: Epoch(6), newest_snapshot: None };
    let stale = UsageRecord { born: Epoch(5), ..UsageRecord::default() };
    Change::new().replace_shared(&clock, key(1), (None, Some(Arc::new(stale))));
}
