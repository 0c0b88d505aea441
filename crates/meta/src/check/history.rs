//! Ended states and their index entries.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kv::View;
use vfs::{Epoch, ShardId, TreeId};

use super::problems::{Advice, At, Report};
use crate::keys::{self, KeyKind};
use crate::records::{
    BacklinkRecord, DentryRecord, DescriptorRecord, InodeRecord, RegionRecord, SnapshotRecord, StreamRecord,
    UsageRecord, XattrRecord, born_of,
};
use crate::{Key, MetaError, ShardClock};

#[derive(Default)]
pub(super) struct History {
    /// The last version seen: of which key, and when it ended.
    last: Option<(Key, Epoch)>,
    wanted: Vec<Wanted>,
    /// Of the shard at hand: when states lived, with one that did.
    lived: BTreeMap<(Epoch, Epoch), Key>,
    /// The epochs of the snapshots of its trees.
    snapshots: BTreeMap<TreeId, BTreeSet<Epoch>>,
    /// The newest snapshot of each shard.
    newest: BTreeMap<ShardId, Epoch>,
}

/// A record that must be there, or must be so.
struct Wanted {
    key: Key,
    because: Key,
    must: Must,
}

enum Must {
    /// Be there.
    Exist,
    /// Be there, born then.
    BeBorn(Epoch),
    /// Not have been born before, if it is there.
    BeYounger(Epoch),
}

impl History {
    pub(super) fn version(&mut self, mut at: At<'_>, ended: (&Key, Epoch), value: &[u8]) {
        let (of, died) = ended;
        decode(&mut at, of, value);
        let Ok(born) = born_of(value) else { return };
        let previous = self.last.replace((of.clone(), died));
        let earliest = previous.filter(|(key, _)| key == of).map_or(Epoch(0), |(_, died)| died);
        if born >= died || born < earliest {
            let what = format!("lived from {} to {}, which cannot be after the one before", born.0, died.0);
            at.wrong(what, Advice::Versions);
        }
        let key = at.key;
        self.lived.entry((born, died)).or_insert_with(|| key.clone());
        self.want(keys::expiry(of, born, died), key, Must::Exist);
        self.want(of.clone(), key, Must::BeYounger(died));
    }

    pub(super) fn expiry(&mut self, key: &Key, of: &Key, lived: (Epoch, Epoch)) {
        let (born, died) = lived;
        self.want(keys::version(of, died), key, Must::BeBorn(born));
    }

    /// A snapshot, one that is being deleted included.
    pub(super) fn snapshot(&mut self, at: &mut At<'_>, record: &SnapshotRecord) {
        let is_taken = self.snapshots.values().any(|epochs| epochs.contains(&record.epoch));
        self.snapshots.entry(record.tree).or_default().insert(record.epoch);
        if is_taken {
            at.wrong(format!("shows epoch {}, as another snapshot does", record.epoch.0), Advice::Versions);
        }
    }

    /// The end of a tree: every state that is kept is seen by a snapshot of it.
    pub(super) fn finish_tree(&mut self, report: &mut Report, tree: TreeId) {
        let snapshots = self.snapshots.get(&tree).cloned().unwrap_or_default();
        for ((born, died), key) in std::mem::take(&mut self.lived) {
            if born < died && snapshots.range(born..died).next().is_none() {
                report.add(&key, format!("lived from {} to {}, which no snapshot sees", born.0, died.0), Advice::Leak);
            }
        }
    }

    /// The end of a shard. Whether a clone may be made of a state: a snapshot keeps it.
    pub(super) fn finish_shard(&mut self, report: &mut Report, shard: ShardId, origins: &[(Key, TreeId, Epoch)]) {
        let snapshots = std::mem::take(&mut self.snapshots);
        let newest = snapshots.values().filter_map(BTreeSet::last).max();
        self.newest.extend(newest.map(|newest| (shard, *newest)));
        for (key, tree, epoch) in origins {
            if !snapshots.get(tree).is_some_and(|epochs| epochs.contains(epoch)) {
                let what = format!("shows epoch {} of tree {}, which no snapshot keeps", epoch.0, tree.0);
                report.add(key, what, Advice::Backup);
            }
        }
    }

    /// Whether the clock of a shard says what its snapshots do.
    pub(super) fn clock(&self, report: &mut Report, key: &Key, (shard, clock): (ShardId, &ShardClock)) {
        let newest = self.newest.get(&shard).copied();
        if newest != clock.newest_snapshot {
            let shown = |epoch: Option<Epoch>| epoch.map_or_else(|| "none".to_owned(), |epoch| epoch.0.to_string());
            let what = format!("says its newest snapshot is {}, it is {}", shown(clock.newest_snapshot), shown(newest));
            report.add(key, what, Advice::Versions);
        }
    }

    /// Looks up what the last records ask for.
    pub(super) async fn look_up<V: View>(&mut self, view: &V, report: &mut Report) -> Result<(), MetaError> {
        let mut wanted = std::mem::take(&mut self.wanted);
        wanted.sort_by(|one, other| one.key.cmp(&other.key));
        let keys: Vec<Bytes> = wanted.iter().map(|wanted| wanted.key.to_bytes()).collect();
        let values = view.get_many(&keys).await?;
        for (wanted, value) in wanted.iter().zip(values) {
            let born = value.as_ref().and_then(|value| born_of(value).ok());
            let what = match &wanted.must {
                Must::Exist if value.is_none() => "has no index entry, so that it would never go".to_owned(),
                Must::BeBorn(at) if born != Some(*at) => "is an index entry of a state that does not exist".to_owned(),
                Must::BeYounger(died) if born.is_some_and(|born| born < *died) => {
                    "ended after its successor had begun".to_owned()
                }
                _ => continue,
            };
            report.add(&wanted.because, what, Advice::Versions);
        }
        Ok(())
    }

    fn want(&mut self, key: Key, because: &Key, must: Must) {
        self.wanted.push(Wanted { key, because: because.clone(), must });
    }
}

fn decode(at: &mut At<'_>, of: &Key, value: &[u8]) {
    match of.parse().map(|parsed| parsed.kind) {
        Ok(KeyKind::Inode(_)) => at.decode::<InodeRecord>(value),
        Ok(KeyKind::Dentry { .. }) => at.decode::<DentryRecord>(value),
        Ok(KeyKind::Region { .. }) => at.decode::<RegionRecord>(value),
        Ok(KeyKind::Usage(_)) => at.decode::<UsageRecord>(value),
        Ok(KeyKind::Xattr { .. }) => at.decode::<XattrRecord>(value),
        Ok(KeyKind::Stream { .. }) => at.decode::<StreamRecord>(value),
        Ok(KeyKind::Backlink { .. }) => at.decode::<BacklinkRecord>(value),
        Ok(KeyKind::Descriptor(_)) => at.decode::<DescriptorRecord>(value),
        _ => at.wrong("is a version of something that has none", Advice::Versions),
    }
}
