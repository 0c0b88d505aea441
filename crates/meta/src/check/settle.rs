//! The end of a tree: whether what its records say fits together.

use std::collections::{BTreeMap, HashMap};

use vfs::{FileType, InodeId, InodeNumber, ShardId, TreeId};

use super::Checker;
use super::clones::Clones;
use super::inodes::{Facts, OwnerAt, Tree};
use super::problems::{Advice, Report};
use crate::keys::{self, OwnerKind};
use crate::records::{OwnerUsageRecord, UsageRecord};

impl Checker {
    pub(super) fn finish_tree(&mut self) {
        let Some((shard, at)) = self.at.take().filter(|(shard, _)| *shard != keys::STORE) else { return };
        self.history.finish_tree(&mut self.report, at);
        if at != TreeId::LIVE {
            self.live.get_or_insert_with(|| (shard, Tree::default()));
            return;
        }
        let tree = std::mem::take(&mut self.tree);
        for (number, facts) in &tree.inodes {
            check_inode(&mut self.report, shard, *number, facts);
        }
        if !tree.inodes.is_empty() && !tree.inodes.contains_key(&InodeNumber::ROOT) {
            let what = "the root directory of the shard does not exist".to_owned();
            self.report.add(&Tree::key(shard, InodeNumber::ROOT), what, Advice::Backup);
        }
        check_usage(&mut self.report, (shard, self.clones.hanging(shard, TreeId::LIVE)), &tree);
        check_descriptors(&mut self.report, shard, &tree);
        self.live = Some((shard, tree));
    }

    /// The shard whose live tree was looked at last.
    pub(super) fn at_shard(&self) -> Option<ShardId> {
        self.live.as_ref().map(|(shard, _)| *shard)
    }

    /// The end of a shard: what all its trees have together.
    pub(super) fn finish_shard(&mut self) {
        let Some((shard, tree)) = self.live.take() else { return };
        let held_blocks = self.blocks.finish_shard(&mut self.report, shard);
        self.report.counts.held_blocks += held_blocks;
        self.history.finish_shard(&mut self.report, shard, &self.clones.origins(shard));
        check_held(&mut self.report, shard, &tree, held_blocks);
        check_owners(&mut self.report, (shard, &self.clones), &tree);
        self.clones.finish_shard(&mut self.report, shard);
    }
}

fn check_inode(report: &mut Report, shard: ShardId, number: InodeNumber, facts: &Facts) {
    let key = Tree::key(shard, number);
    let mut wrong = |what: String, advice: Advice| report.add(&key, what, advice);
    if facts.blocks_found != facts.allocated_blocks {
        let what = format!("has {} blocks, its record says {}", facts.blocks_found, facts.allocated_blocks);
        wrong(what, Advice::Counter);
    }
    if facts.stored_found != facts.stored_bytes {
        let what = format!("has {} stored bytes, its record says {}", facts.stored_found, facts.stored_bytes);
        wrong(what, Advice::Counter);
    }
    if usize::try_from(facts.masks_with_intent) != Ok(facts.masks.len()) {
        let what = format!("has {} masks, but {} intents for them", facts.masks.len(), facts.masks_with_intent);
        wrong(what, Advice::Intents);
    }
    let xattrs_found = if facts.xattrs_found == 0 { 0 } else { facts.xattrs_found + 4 };
    if usize::try_from(facts.xattr_bytes) != Ok(xattrs_found) {
        let what = format!("has {xattrs_found} bytes of extended attributes, its record says {}", facts.xattr_bytes);
        wrong(what, Advice::Counter);
    }
    if facts.streams != facts.streams_found {
        wrong(format!("has {} streams, its record says {}", facts.streams_found, facts.streams), Advice::Counter);
    }
    if facts.file_type == FileType::Directory {
        check_directory(report, &key, number, facts);
    } else {
        check_file(report, &key, facts);
    }
}

fn check_directory(report: &mut Report, key: &crate::Key, number: InodeNumber, facts: &Facts) {
    let mut wrong = |what: String| report.add(key, what, Advice::Backup);
    let is_root = number == InodeNumber::ROOT;
    if facts.links == 0 {
        if facts.names > 0 || !facts.is_removed_by_intent {
            wrong("is a removed directory that is still named, or that no intent removes".to_owned());
        }
        return;
    }
    if facts.names != u32::from(!is_root) {
        wrong(format!("is a directory with {} names", facts.names));
    }
    if !is_root && facts.names > 0 && !facts.is_at_home {
        wrong(format!("is not the entry {} of its parent {}", facts.home_cookie.0, facts.home_parent.0));
    }
    if facts.links != facts.sub_directories.saturating_add(2) {
        wrong(format!("has {} links, but {} sub-directories", facts.links, facts.sub_directories));
    }
    if facts.size != facts.entries {
        wrong(format!("has {} entries, its record says {}", facts.entries, facts.size));
    }
}

fn check_file(report: &mut Report, key: &crate::Key, facts: &Facts) {
    let mut wrong = |what: String, advice: Advice| report.add(key, what, advice);
    if facts.names != facts.links {
        wrong(format!("has {} names, its record says {} links", facts.names, facts.links), Advice::Backup);
    }
    if facts.links == 0 && !facts.is_removed_by_intent {
        wrong("is an orphan that no intent removes".to_owned(), Advice::Intents);
    }
    if facts.names > 0 && !facts.is_at_home {
        wrong(format!("is not the entry {} of its home {}", facts.home_cookie.0, facts.home_parent.0), Advice::Counter);
    }
    let expected = if facts.links > 1 { facts.links } else { 0 };
    let are_same = facts.links <= 1 || facts.backlink_places == facts.places;
    if facts.backlinks != expected || !are_same {
        let what = format!("has {} backlinks for {} links, or to other places", facts.backlinks, facts.links);
        wrong(what, Advice::Counter);
    }
    if facts.file_type == FileType::Regular && facts.end_byte > facts.size {
        wrong(format!("has blocks behind its end at {}", facts.size), Advice::Counter);
    }
}

/// What a directory and everything below it adds up to.
#[derive(Clone, Copy, Default)]
struct Sum {
    usage: UsageRecord,
    held_below: u64,
    height: u32,
}

impl Sum {
    fn add_inode(&mut self, facts: &Facts) {
        self.usage.inodes += 1;
        self.usage.application_bytes = self.usage.application_bytes.wrapping_add(application_bytes(facts));
        self.usage.logical_bytes = self.usage.logical_bytes.saturating_add(logical_bytes(facts));
        self.usage.physical_bytes = self.usage.physical_bytes.saturating_add(facts.stored_bytes);
    }

    fn add_directory(&mut self, child: &Self, recorded: Option<&UsageRecord>) {
        self.usage.inodes += child.usage.inodes;
        self.usage.application_bytes = self.usage.application_bytes.wrapping_add(child.usage.application_bytes);
        self.usage.logical_bytes = self.usage.logical_bytes.saturating_add(child.usage.logical_bytes);
        self.usage.physical_bytes = self.usage.physical_bytes.saturating_add(child.usage.physical_bytes);
        self.held_below = self.held_below.saturating_add(recorded.map_or(0, |usage| usage.held_bytes));
        self.height = self.height.max(recorded.map_or(child.height, |usage| usage.height).saturating_add(1));
    }
}

fn check_usage(report: &mut Report, (shard, hanging): (ShardId, Vec<(InodeNumber, UsageRecord)>), tree: &Tree) {
    let mut sums: BTreeMap<InodeNumber, Sum> = BTreeMap::new();
    for (directory, usage) in hanging {
        let hung = Sum { usage, height: usage.height, ..Sum::default() };
        sums.entry(directory).or_default().add_directory(&hung, Some(&usage));
    }
    let mut unsettled: BTreeMap<InodeNumber, u32> = BTreeMap::new();
    for (number, facts) in tree.inodes.iter().filter(|(_, facts)| facts.links > 0) {
        let is_directory = facts.file_type == FileType::Directory;
        let charged = tree.charged(*number, facts);
        sums.entry(charged).or_default().add_inode(facts);
        if is_directory && *number != InodeNumber::ROOT {
            *unsettled.entry(facts.home_parent).or_default() += 1;
        }
    }
    let is_directory = |facts: &Facts| facts.file_type == FileType::Directory && facts.links > 0;
    let directories = || tree.inodes.iter().filter(|(_, facts)| is_directory(facts));
    let mut ready: Vec<InodeNumber> = directories().map(|(number, _)| *number).collect();
    ready.retain(|number| !unsettled.contains_key(number));
    let mut settled = 0_usize;
    while let Some(number) = ready.pop() {
        settled += 1;
        let sum = sums.get(&number).copied().unwrap_or_default();
        check_directory_usage(report, InodeId { shard, tree: TreeId::LIVE, number }, tree.usage.get(&number), &sum);
        let Some(parent) = tree.inodes.get(&number).map(|facts| facts.home_parent).filter(|to| *to != number) else {
            continue;
        };
        sums.entry(parent).or_default().add_directory(&sum, tree.usage.get(&number));
        if let Some(left) = unsettled.get_mut(&parent) {
            *left -= 1;
            if *left == 0 {
                unsettled.remove(&parent);
                ready.push(parent);
            }
        }
    }
    if settled < directories().count() {
        let what = "some directories lie below themselves or below nothing; none of them could be added up".to_owned();
        report.add(&Tree::key(shard, InodeNumber::ROOT), what, Advice::Backup);
    }
    for number in tree.usage.keys().filter(|number| !tree.inodes.get(number).is_some_and(is_directory)) {
        let key = keys::usage(InodeId { shard, tree: TreeId::LIVE, number: *number });
        report.add(&key, "counts for something that is no directory".to_owned(), Advice::Counter);
    }
}

fn check_directory_usage(report: &mut Report, directory: InodeId, recorded: Option<&UsageRecord>, sum: &Sum) {
    let key = keys::usage(directory);
    let Some(recorded) = recorded else {
        return report.add(&key, "does not exist".to_owned(), Advice::Counter);
    };
    let (UsageRecord { held_bytes, height, born, .. }, found) = (*recorded, sum.usage);
    if (UsageRecord { held_bytes, height, born, ..found }) != *recorded {
        let shown = |usage: &UsageRecord| {
            let UsageRecord { inodes, application_bytes, logical_bytes, physical_bytes, .. } = *usage;
            format!("{inodes} inodes, {application_bytes} / {logical_bytes} / {physical_bytes} bytes")
        };
        report.add(&key, format!("says {}, found {}", shown(recorded), shown(&found)), Advice::Counter);
    }
    if height < sum.height {
        report.add(&key, format!("has height {height}, but needs {}", sum.height), Advice::Counter);
    }
    if held_bytes < sum.held_below {
        let what = format!("holds {held_bytes} bytes, those below {}", sum.held_below);
        report.add(&key, what, Advice::Counter);
    }
}

fn check_held(report: &mut Report, shard: ShardId, tree: &Tree, held_blocks: u64) {
    let Some(root) = tree.usage.get(&InodeNumber::ROOT) else { return };
    let held_bytes = held_blocks.saturating_mul(BLOCK_BYTES);
    if root.held_bytes != held_bytes {
        let key = keys::usage(InodeId::root_of(shard));
        let what = format!("holds {} bytes, but only versions name {held_bytes}", root.held_bytes);
        report.add(&key, what, Advice::Counter);
    }
}

fn check_owners(report: &mut Report, (shard, clones): (ShardId, &Clones), tree: &Tree) {
    let at = |number| InodeId { shard, tree: TreeId::LIVE, number };
    let mut found: HashMap<OwnerAt, OwnerUsageRecord> = HashMap::new();
    for (number, facts) in tree.inodes.iter().filter(|(_, facts)| facts.links > 0) {
        for directory in tree.counting_above(*number, facts) {
            for (kind, owner) in [(OwnerKind::User, &facts.owner), (OwnerKind::Group, &facts.group)] {
                add_owned(found.entry((directory, kind, owner.clone())).or_default(), facts);
            }
        }
    }
    for (above, owners) in clones.owned(shard, tree) {
        for ((kind, owner), owned) in owners {
            for directory in &above {
                add(found.entry((*directory, *kind, owner.clone())).or_default(), owned);
            }
        }
    }
    for (directory, counted) in &tree.counting {
        let is_directory = |facts: &&Facts| facts.file_type == FileType::Directory && facts.links > 0;
        if !counted.is_clearing && tree.inodes.get(directory).filter(is_directory).is_none() {
            let what = format!("counts below {}, which is no directory", directory.0);
            report.add(&keys::owners(at(*directory)), what, Advice::Counter);
        }
    }
    // What is about to be removed says nothing.
    let is_clearing = |directory| tree.counting.get(directory).is_some_and(|counted| counted.is_clearing);
    for owner in tree.owners.keys().filter(|(directory, ..)| !is_clearing(directory)) {
        found.entry(owner.clone()).or_default();
    }
    for ((directory, kind, owner), found) in found {
        let recorded = tree.owners.get(&(directory, kind, owner.clone())).copied().unwrap_or_default();
        if (OwnerUsageRecord { ready: recorded.ready, ..found }) != recorded {
            let key = keys::owner_usage(at(directory), kind, &owner);
            let what = format!(
                "says {} inodes and {} / {} / {} bytes, found {} and {} / {} / {}",
                recorded.inodes,
                recorded.application_bytes,
                recorded.logical_bytes,
                recorded.physical_bytes,
                found.inodes,
                found.application_bytes,
                found.logical_bytes,
                found.physical_bytes
            );
            report.add(&key, what, Advice::Counter);
        }
    }
}

/// Both together.
pub(super) fn add(usage: &mut OwnerUsageRecord, more: &OwnerUsageRecord) {
    usage.inodes += more.inodes;
    usage.application_bytes = usage.application_bytes.wrapping_add(more.application_bytes);
    usage.logical_bytes = usage.logical_bytes.saturating_add(more.logical_bytes);
    usage.physical_bytes = usage.physical_bytes.saturating_add(more.physical_bytes);
}

fn add_owned(usage: &mut OwnerUsageRecord, facts: &Facts) {
    usage.inodes += 1;
    usage.application_bytes = usage.application_bytes.wrapping_add(application_bytes(facts));
    usage.logical_bytes = usage.logical_bytes.saturating_add(logical_bytes(facts));
    usage.physical_bytes = usage.physical_bytes.saturating_add(facts.stored_bytes);
}

fn check_descriptors(report: &mut Report, shard: ShardId, tree: &Tree) {
    for (hash, descriptor) in &tree.descriptors {
        let key = keys::descriptor(shard, TreeId::LIVE, hash);
        match descriptor.recorded {
            None => {
                let what = format!("does not exist, but {} inodes point at it", descriptor.found);
                report.add(&key, what, Advice::Backup);
            }
            Some(recorded) if recorded != descriptor.found => {
                let what = format!("says {recorded} inodes point at it, found {}", descriptor.found);
                report.add(&key, what, Advice::Counter);
            }
            Some(_) => {}
        }
    }
}

fn application_bytes(facts: &Facts) -> u64 {
    let length = match facts.file_type {
        FileType::Regular | FileType::Symlink => facts.size,
        _ => 0,
    };
    length.wrapping_add(facts.xattr_bytes.into())
}

fn logical_bytes(facts: &Facts) -> u64 {
    facts.allocated_blocks.saturating_mul(BLOCK_BYTES)
}

const BLOCK_BYTES: u64 = 4096;
