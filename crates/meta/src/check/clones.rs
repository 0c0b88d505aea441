//! Clones: what they have of their own, and what they hang in.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use kv::{Direction, Scan, View};
use vfs::{Cookie, Epoch, InodeId, InodeNumber, Principal, ShardId, TreeId};

use super::inodes::Tree;
use super::problems::{Advice, Report};
use super::{Checker, pages, settle};
use crate::MetaError;
use crate::keys::{self, Key, KeyKind, OwnerKind, ParsedKey};
use crate::records::{
    BacklinkRecord, DentryRecord, DescriptorRecord, GoneRecord, InodeRecord, OwnerUsageRecord, OwnersRecord,
    QuotaRecord, Record, RegionRecord, StreamRecord, TreeRecord, UsageRecord, Versioned, XattrRecord,
};

/// Who owns something.
type Owner = (OwnerKind, Principal);

/// All clones of the store.
#[derive(Default)]
pub(super) struct Clones {
    all: BTreeMap<(ShardId, TreeId), Clone>,
}

/// A clone, and what was found of its own.
struct Clone {
    record: TreeRecord,
    root: Option<InodeRecord>,
    usage: UsageRecord,
    inodes: BTreeMap<InodeNumber, Own>,
    usages: BTreeMap<InodeNumber, UsageRecord>,
    owned: HashMap<Owner, OwnerUsageRecord>,
    owners: HashMap<Owner, OwnerUsageRecord>,
    /// The entries that lead to its root.
    entries: Vec<(InodeId, Cookie)>,
}

/// An inode that a clone has written itself.
struct Own {
    home: InodeNumber,
    is_directory: bool,
    charge: UsageRecord,
}

impl Clones {
    /// The records of all clones, and their roots: known before what they hang in is looked at.
    pub(super) async fn read<V: View>(&mut self, view: &V, report: &mut Report) -> Result<(), MetaError> {
        for (key, _) in pages(view, keys::shard_range()).await? {
            let Ok(KeyKind::Shard(shard)) = key.parse().map(|parsed| parsed.kind) else { continue };
            for (key, value) in pages(view, keys::tree_range(shard)).await? {
                let Ok(KeyKind::Tree(tree)) = key.parse().map(|parsed| parsed.kind) else { continue };
                let Some(record) = report.decode::<TreeRecord>(&key, &value) else { continue };
                let root = InodeId { shard, tree, number: record.root };
                let inode = view.get(keys::inode(root).as_bytes()).await?;
                let usage = view.get(keys::usage(root).as_bytes()).await?;
                let clone = Clone {
                    root: inode.and_then(|inode| InodeRecord::decode(&inode).ok()),
                    usage: usage.and_then(|usage| UsageRecord::decode(&usage).ok()).unwrap_or_default(),
                    record,
                    inodes: BTreeMap::new(),
                    usages: BTreeMap::new(),
                    owned: HashMap::new(),
                    owners: HashMap::new(),
                    entries: Vec::new(),
                };
                self.all.insert((shard, tree), clone);
            }
        }
        Ok(())
    }

    /// What clones hang in a tree: the directory, and what each counts.
    pub(super) fn hanging(&self, shard: ShardId, tree: TreeId) -> Vec<(InodeNumber, UsageRecord)> {
        let of_shard = self.all.range((shard, TreeId::LIVE)..=(shard, TreeId(u32::MAX)));
        let hung = of_shard.filter_map(|(_, clone)| Some((clone, clone.home()?)));
        hung.filter(|(clone, _)| clone.record.parent == tree).map(|(clone, home)| (home, clone.usage)).collect()
    }

    /// What the clones of a shard are made of.
    pub(super) fn origins(&self, shard: ShardId) -> Vec<(Key, TreeId, Epoch)> {
        let of_shard = self.all.range((shard, TreeId::LIVE)..=(shard, TreeId(u32::MAX)));
        let origin = |((_, tree), clone): (&(ShardId, TreeId), &Clone)| {
            (keys::tree(shard, *tree), clone.record.origin, clone.record.epoch)
        };
        of_shard.map(origin).collect()
    }

    /// An entry that leads into another tree.
    pub(super) fn hung(&mut self, _key: &Key, directory: InodeId, (dentry, cookie): (&DentryRecord, Cookie)) {
        if let Some(clone) = self.all.get_mut(&(directory.shard, dentry.tree)) {
            clone.entries.push((directory, cookie));
        }
    }

    /// What users and groups own in each clone that hangs somewhere, and the directories of the live tree above it that
    /// count owners.
    pub(super) fn owned<'c>(
        &'c self,
        shard: ShardId,
        live: &Tree,
    ) -> Vec<(Vec<InodeNumber>, &'c HashMap<Owner, OwnerUsageRecord>)> {
        let of_shard = self.all.range((shard, TreeId::LIVE)..=(shard, TreeId(u32::MAX)));
        let hung = of_shard.filter(|(_, clone)| clone.home().is_some());
        hung.map(|(_, clone)| (self.counting_above(shard, clone, live), &clone.owned)).collect()
    }

    fn counting_above(&self, shard: ShardId, clone: &Clone, live: &Tree) -> Vec<InodeNumber> {
        let mut clone = clone;
        while let Some(above) = self.all.get(&(shard, clone.record.parent)) {
            clone = above;
        }
        let mut counting = vec![InodeNumber::ROOT];
        let mut at = clone.home().unwrap_or(InodeNumber::ROOT);
        while at != InodeNumber::ROOT && counting.len() <= vfs::limits::DEPTH_MAX as usize {
            counting.extend(live.counting.get(&at).filter(|counted| **counted == OwnersRecord::READY).map(|_| at));
            let Some(facts) = live.inodes.get(&at) else { break };
            at = facts.home_parent;
        }
        counting
    }

    /// The end of a shard: whether each clone hangs where its root says, and owners are counted in it.
    pub(super) fn finish_shard(&self, report: &mut Report, shard: ShardId) {
        for ((_, tree), clone) in self.all.range((shard, TreeId::LIVE)..=(shard, TreeId(u32::MAX))) {
            let Some(root) = &clone.root else {
                if !clone.record.deleting {
                    report.add(&keys::tree(shard, *tree), "has no root of its own".to_owned(), Advice::Backup);
                }
                continue;
            };
            let home = InodeId { shard, tree: clone.record.parent, number: root.home_parent };
            let expected: &[_] = if root.links > 0 { &[(home, root.home_cookie)] } else { &[] };
            if clone.entries != expected {
                let what = format!("has {} entries that lead to it, or not the one it should", clone.entries.len());
                report.add(&keys::tree(shard, *tree), what, Advice::Backup);
            }
            if root.links > 0 && clone.owned != clone.owners {
                let key = keys::usage(InodeId { shard, tree: *tree, number: clone.record.root });
                let what = format!("owners have {:?}, found {:?}", clone.owners, clone.owned);
                report.add(&key, what, Advice::Counter);
            }
        }
    }

    /// Whether the counters of clones are right: only what is their own counts.
    pub(super) async fn check_usage<V: View>(&self, view: &V, report: &mut Report) -> Result<(), MetaError> {
        for ((shard, tree), clone) in self.all.iter().filter(|(_, clone)| clone.home().is_some()) {
            let root = InodeId { shard: *shard, tree: *tree, number: clone.record.root };
            let sums = self.sums_of(view, (root, clone)).await?;
            for number in clone.usages.keys().chain(sums.keys()) {
                let found = sums.get(number).copied().unwrap_or_default();
                let said = clone.usages.get(number).copied().unwrap_or_default();
                let said_alone = UsageRecord { born: Epoch(0), height: 0, ..said };
                if said_alone != found {
                    let key = keys::usage(root.sibling(*number));
                    report.add(&key, format!("says {said_alone:?}, found {found:?}"), Advice::Counter);
                }
            }
        }
        Ok(())
    }

    /// What each directory of a clone should count.
    async fn sums_of<V: View>(
        &self,
        view: &V,
        (root, clone): (InodeId, &Clone),
    ) -> Result<BTreeMap<InodeNumber, UsageRecord>, MetaError> {
        let mut sums: BTreeMap<InodeNumber, UsageRecord> = BTreeMap::new();
        let mut homes = HashMap::new();
        let own = clone.inodes.iter().map(|(number, own)| {
            let home = if own.is_directory { *number } else { own.home };
            (home, UsageRecord { born: Epoch(0), height: 0, ..own.charge })
        });
        for (home, charge) in own.chain(self.hanging(root.shard, root.tree)) {
            let mut next = Some(home);
            for _ in 0..=2 * vfs::limits::DEPTH_MAX {
                let Some(at) = next.take() else { break };
                let Some((is_directory, above)) = self.home_of(view, root.sibling(at), &mut homes).await? else {
                    break;
                };
                if is_directory {
                    plus(sums.entry(at).or_default(), &charge);
                }
                next = (at != root.number).then_some(above);
            }
        }
        Ok(sums)
    }

    /// Whether an inode of a clone is a directory, and where it is at home.
    async fn home_of<V: View>(
        &self,
        view: &V,
        inode: InodeId,
        known: &mut HashMap<InodeNumber, Option<(bool, InodeNumber)>>,
    ) -> Result<Option<(bool, InodeNumber)>, MetaError> {
        if let Some(found) = known.get(&inode.number) {
            return Ok(*found);
        }
        let (mut at, mut epoch) = (inode, None);
        let mut found = None;
        while found.is_none() {
            found = inode_at(view, at, epoch).await?;
            let Some(clone) = self.all.get(&(at.shard, at.tree)) else { break };
            (at, epoch) = (at.in_tree(clone.record.origin), Some(clone.record.epoch));
        }
        let home = found.map(|record| (record.file_type == vfs::FileType::Directory, record.home_parent));
        known.insert(inode.number, home);
        Ok(home)
    }
}

impl Clone {
    /// The directory that it hangs in, unless it is going.
    fn home(&self) -> Option<InodeNumber> {
        self.root.as_ref().filter(|root| root.links > 0).map(|root| root.home_parent)
    }

    fn inode(&mut self, number: InodeNumber, record: &InodeRecord) {
        if record.links == 0 {
            return;
        }
        let is_directory = record.file_type == vfs::FileType::Directory;
        let length = match record.file_type {
            vfs::FileType::Regular | vfs::FileType::Symlink => record.size,
            _ => 0,
        };
        let charge = UsageRecord {
            inodes: 1,
            application_bytes: length.wrapping_add(record.xattr_bytes.into()),
            logical_bytes: record.allocated_blocks.saturating_mul(4096),
            physical_bytes: record.stored_bytes,
            ..UsageRecord::default()
        };
        for (kind, owner) in [(OwnerKind::User, &record.owner), (OwnerKind::Group, &record.group)] {
            let owned = self.owned.entry((kind, owner.clone())).or_default();
            let UsageRecord { inodes, application_bytes, logical_bytes, physical_bytes, .. } = charge;
            let more = OwnerUsageRecord { ready: true, inodes, application_bytes, logical_bytes, physical_bytes };
            settle::add(owned, &more);
            owned.ready = true;
        }
        self.inodes.insert(number, Own { home: record.home_parent, is_directory, charge });
    }
}

impl Checker {
    pub(super) fn visit_clone(&mut self, key: &Key, parsed: &ParsedKey, value: &Bytes) {
        let Some(clone) = self.clones.all.get_mut(&(parsed.shard, parsed.tree)) else {
            return self.report.add(key, "is of a clone that has no record".to_owned(), Advice::Leak);
        };
        let (report, epoch) = (&mut self.report, clone.record.epoch);
        match &parsed.kind {
            KeyKind::Inode(number) => {
                if let Some(record) = decode_own::<InodeRecord>(report, (key, value), epoch) {
                    clone.inode(*number, &record);
                }
            }
            KeyKind::Dentry { directory, cookie } => {
                if let Some(record) = decode_own::<DentryRecord>(report, (key, value), epoch)
                    && record.tree != parsed.tree
                {
                    self.clones.hung(key, parsed.inode(*directory), (&record, *cookie));
                }
            }
            KeyKind::Region { inode, index } => {
                if let Some(record) = decode_own::<RegionRecord>(report, (key, value), epoch) {
                    let own = record.of_extents(|extent| extent.birth > epoch);
                    self.blocks.live(report.at(key), (parsed.tree, *inode, *index), &own);
                }
            }
            KeyKind::Usage(directory) => {
                if let Some(record) = decode_own::<UsageRecord>(report, (key, value), epoch) {
                    clone.usages.insert(*directory, record);
                }
            }
            KeyKind::OwnerUsage { directory, kind, owner } => {
                if let Some(record) = report.decode::<OwnerUsageRecord>(key, value)
                    && *directory == InodeNumber(0)
                {
                    clone.owners.insert((*kind, owner.clone()), OwnerUsageRecord { ready: true, ..record });
                }
            }
            KeyKind::Version { key: of, died } => {
                report.counts.versions += 1;
                self.history.version(report.at(key), (of, *died), value);
                if let Ok(KeyKind::Region { inode, index }) = of.parse().map(|parsed| parsed.kind)
                    && let Some(region) = report.decode::<RegionRecord>(key, value)
                {
                    let own = region.of_extents(|extent| extent.birth > epoch);
                    self.blocks.kept((parsed.tree, inode, index), &own);
                }
            }
            KeyKind::Expiry { key: of, born, died } => {
                report.counts.expiries += 1;
                self.history.expiry(key, of, (*born, *died));
            }
            KeyKind::Xattr { .. } => drop(decode_own::<XattrRecord>(report, (key, value), epoch)),
            KeyKind::Stream { .. } => drop(decode_own::<StreamRecord>(report, (key, value), epoch)),
            KeyKind::Backlink { .. } => drop(decode_own::<BacklinkRecord>(report, (key, value), epoch)),
            KeyKind::Descriptor(_) => drop(decode_own::<DescriptorRecord>(report, (key, value), epoch)),
            KeyKind::Owners(_) => report.must_decode::<OwnersRecord>(key, value),
            KeyKind::Quota { .. } => report.must_decode::<QuotaRecord>(key, value),
            KeyKind::Gone(_) => report.must_decode::<GoneRecord>(key, value),
            _ => report.add(key, "does not belong into a clone".to_owned(), Advice::Newer),
        }
    }
}

/// A record of a clone is younger than what it was made of.
fn decode_own<R: Record + Versioned>(report: &mut Report, (key, value): (&Key, &Bytes), epoch: Epoch) -> Option<R> {
    let record: R = report.decode(key, value)?;
    if record.born() <= epoch {
        report.add(
            key,
            format!("was born in {}, which the clone has from its origin", record.born().0),
            Advice::Backup,
        );
    }
    Some(record)
}

fn plus(sum: &mut UsageRecord, charge: &UsageRecord) {
    sum.inodes += charge.inodes;
    sum.application_bytes = sum.application_bytes.wrapping_add(charge.application_bytes);
    sum.logical_bytes = sum.logical_bytes.saturating_add(charge.logical_bytes);
    sum.physical_bytes = sum.physical_bytes.saturating_add(charge.physical_bytes);
}

/// An inode as a tree has it, now or at the end of an epoch.
async fn inode_at<V: View>(view: &V, inode: InodeId, at: Option<Epoch>) -> Result<Option<InodeRecord>, MetaError> {
    let key = keys::inode(inode);
    if let Some(epoch) = at {
        let range = keys::version_range(&key, epoch);
        let scan = Scan { start: range.start, end: range.end, limit: 1, direction: Direction::Forward };
        if let Some((_, value)) = view.scan(scan).await?.into_iter().next() {
            return Ok(InodeRecord::decode(&value).ok().filter(|record| record.born <= epoch));
        }
    }
    let live = view.get(key.as_bytes()).await?;
    let live = live.and_then(|value| InodeRecord::decode(&value).ok());
    Ok(live.filter(|record| at.is_none_or(|epoch| record.born <= epoch)))
}
