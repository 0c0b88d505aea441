//! Offline check of a store from its records alone: one pass over all keys in order. Memory: about 200 bytes for each
//! inode of the shard at hand, 24 KiB for each segment, and 64 bytes for each name of a block that has several.
//!
//! Of clones is checked what they have of their own: blocks, counters, owners, and what they hang in.

mod blocks;
mod clones;
mod history;
mod inodes;
mod problems;
mod settle;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use kv::{Direction, Scan, View};
pub use problems::{Counts, Problem, Report};
use vfs::{ShardId, TreeId};

use self::blocks::Blocks;
use self::clones::Clones;
use self::history::History;
use self::inodes::Tree;
use self::problems::Advice;
use crate::keys::{self, KeyKind, KeyRange, NameHasher, ParsedKey};
use crate::records::{
    AllocatorRecord, FenceRecord, GoneRecord, LeaseRecord, NextSegmentRecord, NlmClientRecord, OpenRecord,
    PolicyRecord, PoolRecord, QuotaRecord, Record, ReplyRecord, ShardRecord, SharedRecord, Superblock, TreeRecord,
};
use crate::{Key, MetaError};

/// Checks everything that a view shows. What is wrong stands in the report; an error means that reading itself failed.
///
/// # Errors
/// `Engine`.
pub async fn check<V: View>(view: &V) -> Result<Report, MetaError> {
    let mut checker = Checker::default();
    checker.read_superblock(view).await?;
    checker.read_shared(view).await?;
    checker.clones.read(view, &mut checker.report).await?;
    let mut range = keys::from_shard(ShardId::ROOT);
    loop {
        let scan =
            Scan { start: range.start.clone(), end: range.end.clone(), limit: PAGE, direction: Direction::Forward };
        let page: Vec<_> = view.scan(scan).await?;
        let Some(last) = page.last().and_then(|(key, _)| Key::from_bytes(key)) else { break };
        range = range.after(&last);
        for (key, value) in page {
            checker.visit_bytes(key, &value);
        }
        checker.history.look_up(view, &mut checker.report).await?;
    }
    checker.finish();
    checker.clones.check_usage(view, &mut checker.report).await?;
    Ok(checker.report)
}

/// All of a range.
pub(super) async fn pages<V: View>(view: &V, mut range: KeyRange) -> Result<Vec<(Key, Bytes)>, MetaError> {
    let mut found = Vec::new();
    loop {
        let scan =
            Scan { start: range.start.clone(), end: range.end.clone(), limit: PAGE, direction: Direction::Forward };
        let page: Vec<_> = view.scan(scan).await?;
        let is_last = page.len() < PAGE;
        found.extend(page.into_iter().filter_map(|(key, value)| Some((Key::from_bytes(&key)?, value))));
        match found.last() {
            Some((last, _)) if !is_last => range = range.after(last),
            _ => return Ok(found),
        }
    }
}

#[derive(Default)]
struct Checker {
    report: Report,
    hasher: Option<NameHasher>,
    at: Option<(ShardId, TreeId)>,
    tree: Tree,
    /// The live tree of the shard at hand, once it has been looked at.
    live: Option<(ShardId, Tree)>,
    clones: Clones,
    blocks: Blocks,
    history: History,
    junctions: Vec<Junction>,
    shards: Vec<(ShardId, ShardRecord)>,
}

/// An entry that leads into another shard.
struct Junction {
    key: Key,
    to: ShardId,
    directory: vfs::InodeId,
}

impl Checker {
    async fn read_superblock<V: View>(&mut self, view: &V) -> Result<(), MetaError> {
        let key = keys::superblock();
        let Some(bytes) = view.get(key.as_bytes()).await? else {
            self.report.add(&key, "there is no superblock".to_owned(), Advice::Backup);
            return Ok(());
        };
        match Superblock::decode(&bytes) {
            Ok(superblock) => self.hasher = Some(NameHasher::new(&superblock.hash_key)),
            Err(problem) => self.report.add(&key, problem.to_string(), Advice::Backup),
        }
        Ok(())
    }

    /// Which blocks are shared: known before the regions that name them are looked at.
    async fn read_shared<V: View>(&mut self, view: &V) -> Result<(), MetaError> {
        for (key, _) in pages(view, keys::shard_range()).await? {
            let Ok(KeyKind::Shard(shard)) = key.parse().map(|parsed| parsed.kind) else { continue };
            for (key, value) in pages(view, keys::shared_range(shard)).await? {
                let Ok(KeyKind::Shared { segment, block }) = key.parse().map(|parsed| parsed.kind) else { continue };
                if let Ok(record) = SharedRecord::decode(&value) {
                    self.blocks.shared(shard, segment << 24 | u64::from(block), record);
                }
            }
        }
        Ok(())
    }

    fn visit_bytes(&mut self, key: Bytes, value: &Bytes) {
        let Some(key) = Key::from_bytes(&key) else { return };
        self.report.counts.records += 1;
        match key.parse() {
            Ok(parsed) => self.visit(&key, &parsed, value),
            Err(problem) => self.report.add(&key, format!("this is no key of the house: {problem}"), Advice::Newer),
        }
    }

    fn visit(&mut self, key: &Key, parsed: &ParsedKey, value: &Bytes) {
        let at = (parsed.shard, parsed.tree);
        if self.at != Some(at) {
            self.finish_tree();
            if self.at_shard() != Some(parsed.shard) {
                self.finish_shard();
            }
            self.at = Some(at);
        }
        if parsed.shard == keys::STORE {
            return self.visit_store(key, parsed, value);
        }
        if parsed.tree != TreeId::LIVE {
            self.report.counts.clone_records += 1;
            return self.visit_clone(key, parsed, value);
        }
        match &parsed.kind {
            KeyKind::Inode(_)
            | KeyKind::Dentry { .. }
            | KeyKind::Region { .. }
            | KeyKind::Usage(_)
            | KeyKind::OwnerUsage { .. }
            | KeyKind::Owners(_)
            | KeyKind::Xattr { .. }
            | KeyKind::Stream { .. }
            | KeyKind::Backlink { .. }
            | KeyKind::Descriptor(_) => self.visit_tree(key, parsed, value),
            _ => self.visit_shard(key, parsed, value),
        }
    }

    fn visit_shard(&mut self, key: &Key, parsed: &ParsedKey, value: &Bytes) {
        match &parsed.kind {
            KeyKind::Version { key: of, died } => {
                self.report.counts.versions += 1;
                self.history.version(self.report.at(key), (of, *died), value);
                if let Ok(KeyKind::Region { inode, index }) = of.parse().map(|parsed| parsed.kind)
                    && let Some(region) = self.report.decode(key, value)
                {
                    self.blocks.kept((TreeId::LIVE, inode, index), &region);
                }
            }
            KeyKind::Expiry { key: of, born, died } => {
                self.report.counts.expiries += 1;
                self.history.expiry(key, of, (*born, *died));
            }
            KeyKind::Space(_) => {
                if let Some(record) = self.report.decode(key, value) {
                    self.report.counts.space_records += 1;
                    self.blocks.space(parsed.shard, &record);
                }
            }
            KeyKind::Intent(_) => {
                self.report.counts.intents += 1;
                if let Some(record) = self.report.decode(key, value) {
                    self.tree.intent(self.report.at(key), &record);
                }
            }
            KeyKind::Allocator => {
                if let Some(record) = self.report.decode::<AllocatorRecord>(key, value) {
                    self.tree.allocator(self.report.at(key), &record);
                }
            }
            KeyKind::Quota { directory, .. } => {
                if self.report.decode::<QuotaRecord>(key, value).is_some() {
                    self.tree.quota(self.report.at(key), *directory);
                }
            }
            _ => self.visit_other(key, parsed, value),
        }
    }

    /// Records that only have to decode.
    fn visit_other(&mut self, key: &Key, parsed: &ParsedKey, value: &Bytes) {
        let report = &mut self.report;
        match parsed.kind {
            // Read before.
            KeyKind::Shared { .. } => report.must_decode::<SharedRecord>(key, value),
            KeyKind::Gone(_) => report.must_decode::<GoneRecord>(key, value),
            KeyKind::Reply { .. } => report.must_decode::<ReplyRecord>(key, value),
            KeyKind::Snapshot(_) => {
                if let Some(record) = report.decode(key, value) {
                    self.history.snapshot(&mut report.at(key), &record);
                }
            }
            KeyKind::Tree(_) => report.must_decode::<TreeRecord>(key, value),
            KeyKind::Policy(_) => report.must_decode::<PolicyRecord>(key, value),
            KeyKind::NlmClient(_) => report.must_decode::<NlmClientRecord>(key, value),
            KeyKind::Open(_) => report.must_decode::<OpenRecord>(key, value),
            _ => report.add(key, "a key of the store stands in a shard".to_owned(), Advice::Newer),
        }
    }

    fn visit_store(&mut self, key: &Key, parsed: &ParsedKey, value: &Bytes) {
        let report = &mut self.report;
        match parsed.kind {
            KeyKind::Superblock => {}
            KeyKind::Fence => report.must_decode::<FenceRecord>(key, value),
            KeyKind::NextSegment => report.must_decode::<NextSegmentRecord>(key, value),
            KeyKind::Allocator => report.must_decode::<AllocatorRecord>(key, value),
            KeyKind::Pool(_) => report.must_decode::<PoolRecord>(key, value),
            KeyKind::Lease(_) => report.must_decode::<LeaseRecord>(key, value),
            KeyKind::Shard(shard) => {
                if let Some(record) = report.decode::<ShardRecord>(key, value) {
                    self.history.clock(report, key, (shard, &record.clock));
                    self.shards.push((shard, record));
                }
            }
            KeyKind::Segment(segment) => {
                if let Some(record) = report.decode(key, value) {
                    report.counts.segments += 1;
                    self.blocks.segment(segment, &record);
                }
            }
            _ => report.add(key, "a key of a shard stands among those of the store".to_owned(), Advice::Newer),
        }
    }

    fn finish(&mut self) {
        self.finish_tree();
        self.finish_shard();
        self.check_junctions();
        self.blocks.finish(&mut self.report);
    }

    fn check_junctions(&mut self) {
        for junction in &self.junctions {
            let found = self.shards.iter().find(|(shard, _)| *shard == junction.to);
            if found.is_none_or(|(_, record)| record.parent != junction.directory) {
                let what = format!("leads into shard {}, whose record does not lead back", junction.to.0);
                self.report.add(&junction.key, what, Advice::Backup);
            }
        }
        for (shard, _) in self.shards.iter().filter(|(shard, _)| *shard != ShardId::ROOT) {
            let names = self.junctions.iter().filter(|junction| junction.to == *shard).count();
            if names != 1 {
                let what = format!("has {names} directory entries that lead to it instead of one");
                self.report.add(&keys::shard(*shard), what, Advice::Backup);
            }
        }
    }
}

const PAGE: usize = 1000;
