//! One live tree: what its records say of each inode.

use std::collections::{BTreeMap, HashMap};

use smallvec::SmallVec;
use vfs::{Cookie, FileType, InodeId, InodeNumber, Principal, ShardId, TreeId};

use super::problems::{Advice, At};
use super::{Checker, Junction};
use crate::Key;
use crate::keys::{self, HASH_BITS, KeyKind, OwnerKind, ParsedKey, SLOT_BITS};
use crate::records::{
    AllocatorRecord, BacklinkRecord, DentryRecord, DescriptorRecord, InodeRecord, Intent, IntentRecord, Mask,
    OwnerUsageRecord, OwnersRecord, REGION_BLOCKS, RegionRecord, StreamRecord, UsageRecord, XattrRecord, XattrValue,
    decode_descriptor,
};

/// A directory and one who owns something below it.
pub(super) type OwnerAt = (InodeNumber, OwnerKind, Principal);

/// What is known of a tree so far.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) inodes: BTreeMap<InodeNumber, Facts>,
    pub(super) usage: BTreeMap<InodeNumber, UsageRecord>,
    pub(super) owners: HashMap<OwnerAt, OwnerUsageRecord>,
    /// Directories below which owners are counted, and how far.
    pub(super) counting: BTreeMap<InodeNumber, OwnersRecord>,
    pub(super) descriptors: HashMap<[u8; 32], Descriptor>,
}

/// How often a descriptor is pointed at, and how often its record says.
#[derive(Default)]
pub(super) struct Descriptor {
    pub(super) found: u64,
    pub(super) recorded: Option<u64>,
}

/// An inode: first what its record says, then what others say.
pub(super) struct Facts {
    pub(super) file_type: FileType,
    pub(super) links: u32,
    pub(super) size: u64,
    pub(super) home_parent: InodeNumber,
    pub(super) home_cookie: Cookie,
    pub(super) allocated_blocks: u64,
    pub(super) stored_bytes: u64,
    pub(super) owner: Principal,
    pub(super) group: Principal,
    pub(super) masks: SmallVec<[Mask; 1]>,
    pub(super) generation: u32,
    pub(super) names: u32,
    pub(super) is_at_home: bool,
    pub(super) entries: u64,
    pub(super) sub_directories: u32,
    pub(super) blocks_found: u64,
    pub(super) stored_found: u64,
    pub(super) end_byte: u64,
    /// Sums over the places of its links, as entries and as backlinks tell them.
    pub(super) places: u64,
    pub(super) backlinks: u32,
    pub(super) backlink_places: u64,
    pub(super) is_removed_by_intent: bool,
    pub(super) masks_with_intent: u32,
    /// Length of its extended attributes, and what those found are without the head of the list.
    pub(super) xattr_bytes: u32,
    pub(super) xattrs_found: usize,
    /// How many streams it has, and how many were found.
    pub(super) streams: u32,
    pub(super) streams_found: u32,
}

impl Checker {
    pub(super) fn visit_tree(&mut self, key: &Key, parsed: &ParsedKey, value: &[u8]) {
        match &parsed.kind {
            KeyKind::Inode(number) => {
                self.report.counts.inodes += 1;
                if let Some(record) = self.report.decode(key, value) {
                    self.tree.inode(*number, record);
                }
            }
            KeyKind::Dentry { .. } => self.visit_dentry(key, parsed, value),
            KeyKind::Region { inode, index } => {
                self.report.counts.regions += 1;
                if let Some(record) = self.report.decode(key, value) {
                    self.tree.region(self.report.at(key), (*inode, *index), &record);
                    self.report.counts.blocks += u64::from(record.blocks());
                    self.blocks.live(self.report.at(key), (TreeId::LIVE, *inode, *index), &record);
                }
            }
            KeyKind::Usage(directory) => {
                if let Some(record) = self.report.decode(key, value) {
                    self.tree.usage.insert(*directory, record);
                }
            }
            KeyKind::OwnerUsage { directory, kind, owner } => {
                if let Some(record) = self.report.decode(key, value) {
                    self.tree.owners.insert((*directory, *kind, owner.clone()), record);
                }
            }
            KeyKind::Owners(directory) => {
                if let Some(record) = self.report.decode(key, value) {
                    self.tree.counting.insert(*directory, record);
                }
            }
            KeyKind::Xattr { inode, name } => self.visit_xattr(key, (*inode, name), value),
            KeyKind::Stream { inode, stream } => {
                self.report.must_decode::<StreamRecord>(key, value);
                self.tree.stream(self.report.at(key), *inode, *stream);
            }
            KeyKind::Backlink { inode, directory, cookie, .. } => {
                self.report.must_decode::<BacklinkRecord>(key, value);
                self.tree.backlink(self.report.at(key), *inode, place(*directory, cookie.0));
            }
            KeyKind::Descriptor(hash) => {
                if let Some(record) = self.report.decode::<DescriptorRecord>(key, value) {
                    self.tree.descriptors.entry(*hash).or_default().recorded = Some(record.references);
                    if let Err(problem) = decode_descriptor(&record.descriptor) {
                        self.report.add(key, problem.to_string(), Advice::Backup);
                    }
                }
            }
            _ => {}
        }
    }

    fn visit_dentry(&mut self, key: &Key, parsed: &ParsedKey, value: &[u8]) {
        let KeyKind::Dentry { directory, cookie } = parsed.kind else { return };
        self.report.counts.dentries += 1;
        let Some(record) = self.report.decode::<DentryRecord>(key, value) else { return };
        let is_elsewhere = self.hasher.is_some_and(|hasher| hasher.hash47(&record.name) != cookie.0 >> SLOT_BITS);
        if is_elsewhere {
            let what = format!("the name {} does not belong at this hash of {HASH_BITS} bits", record.name);
            self.report.add(key, what, Advice::Backup);
        }
        self.tree.entry_of(self.report.at(key), directory, record.file_type);
        if let Some(to) = record.shard {
            self.junctions.push(Junction { key: key.clone(), to, directory: parsed.inode(directory) });
        } else if record.tree != TreeId::LIVE {
            self.clones.hung(key, parsed.inode(directory), (&record, cookie));
        } else {
            self.tree.named(self.report.at(key), directory, (&record, cookie));
        }
    }

    fn visit_xattr(&mut self, key: &Key, (inode, name): (InodeNumber, &[u8]), value: &[u8]) {
        let Some(record) = self.report.decode::<XattrRecord>(key, value) else { return };
        let length = if let XattrValue::Inline(value) = &record.value { value.len() } else { 0 };
        match self.tree.inodes.get_mut(&inode) {
            Some(facts) => facts.xattrs_found += 5 + name.len() + length,
            None => self.report.add(key, "belongs to an inode that does not exist".to_owned(), Advice::Leak),
        }
        let XattrValue::Inode(stream) = record.value else { return };
        match self.tree.inodes.get_mut(&stream) {
            Some(facts) => {
                facts.names += 1;
                facts.is_at_home = true;
            }
            None => self.report.add(key, format!("stands in inode {}, which does not exist", stream.0), Advice::Backup),
        }
    }
}

impl Tree {
    fn inode(&mut self, number: InodeNumber, record: InodeRecord) {
        if let Some(descriptor) = &record.descriptor {
            self.descriptors.entry(descriptor.hash).or_default().found += 1;
        }
        let facts = Facts {
            file_type: record.file_type,
            links: record.links,
            size: record.size,
            home_parent: record.home_parent,
            home_cookie: record.home_cookie,
            allocated_blocks: record.allocated_blocks,
            stored_bytes: record.stored_bytes,
            owner: record.owner,
            group: record.group,
            masks: record.masks,
            generation: record.mask_generation,
            xattr_bytes: record.xattr_bytes,
            xattrs_found: 0,
            streams: record.streams,
            streams_found: 0,
            names: 0,
            is_at_home: false,
            entries: 0,
            sub_directories: 0,
            blocks_found: 0,
            stored_found: 0,
            end_byte: 0,
            places: 0,
            backlinks: 0,
            backlink_places: 0,
            is_removed_by_intent: false,
            masks_with_intent: 0,
        };
        self.inodes.insert(number, facts);
    }

    /// An entry, as its directory sees it.
    fn entry_of(&mut self, mut at: At<'_>, directory: InodeNumber, file_type: FileType) {
        match self.inodes.get_mut(&directory) {
            Some(facts) if facts.file_type == FileType::Directory => {
                facts.entries += 1;
                facts.sub_directories += u32::from(file_type == FileType::Directory);
            }
            Some(_) => at.wrong("is an entry of something that is no directory", Advice::Backup),
            None => at.wrong("is an entry of a directory that does not exist", Advice::Backup),
        }
    }

    /// An entry, as the inode it names sees it.
    fn named(&mut self, mut at: At<'_>, directory: InodeNumber, entry: (&DentryRecord, Cookie)) {
        let (record, cookie) = entry;
        let Some(facts) = self.inodes.get_mut(&record.number) else {
            let what = format!("{} names inode {}, which does not exist", record.name, record.number.0);
            return at.wrong(what, Advice::Backup);
        };
        if facts.file_type != record.file_type {
            let what = format!("{} is a {:?}, its inode a {:?}", record.name, record.file_type, facts.file_type);
            at.wrong(what, Advice::Backup);
        }
        facts.names += 1;
        facts.places = facts.places.wrapping_add(place(directory, cookie.0));
        facts.is_at_home |= (facts.home_parent, facts.home_cookie) == (directory, cookie);
    }

    fn region(&mut self, mut at: At<'_>, place: (InodeNumber, u64), record: &RegionRecord) {
        let (inode, index) = place;
        let Some(facts) = self.inodes.get_mut(&inode) else {
            return at.wrong("belongs to an inode that does not exist", Advice::Leak);
        };
        if facts.file_type != FileType::Regular {
            at.wrong(format!("is a region of a {:?}", facts.file_type), Advice::Backup);
        }
        if record.is_empty() {
            at.wrong("names no block and should not be there", Advice::Counter);
        }
        if record.generation > facts.generation {
            at.wrong("is of a generation that its inode has not reached", Advice::Backup);
        }
        facts.blocks_found += u64::from(record.blocks());
        facts.stored_found += record.stored_bytes();
        let is_masked = facts
            .masks
            .iter()
            .any(|mask| (mask.first_region..mask.end_region).contains(&index) && record.generation < mask.generation);
        if let Some(last) = record.extents.last().filter(|_| !is_masked) {
            let block = index.saturating_mul(u64::from(REGION_BLOCKS)).saturating_add(u64::from(last.end()) - 1);
            facts.end_byte = facts.end_byte.max(block.saturating_mul(BLOCK_BYTES).saturating_add(1));
        }
    }

    fn stream(&mut self, mut at: At<'_>, inode: InodeNumber, stream: InodeNumber) {
        let owner = self.inodes.get_mut(&inode).map(|facts| {
            facts.streams_found += 1;
            (facts.owner.clone(), facts.group.clone())
        });
        if owner.is_none() {
            at.wrong("belongs to an inode that does not exist", Advice::Leak);
        }
        match self.inodes.get_mut(&stream) {
            Some(facts) => {
                facts.names += 1;
                facts.is_at_home |= (facts.home_parent, facts.home_cookie) == (inode, Cookie::START);
                if owner.is_some_and(|owner| owner != (facts.owner.clone(), facts.group.clone())) {
                    at.wrong("is counted for another owner than its file", Advice::Counter);
                }
            }
            None => at.wrong(format!("stands in inode {}, which does not exist", stream.0), Advice::Backup),
        }
    }

    /// Where the owners of an inode are counted: the root of the shard and what counts on the way there.
    pub(super) fn counting_above(&self, number: InodeNumber, facts: &Facts) -> Vec<InodeNumber> {
        let mut counting = vec![InodeNumber::ROOT];
        let mut at = self.charged(number, facts);
        // Directories above themselves are told elsewhere.
        let mut left = if self.counting.is_empty() { 0 } else { vfs::limits::DEPTH_MAX };
        while at != InodeNumber::ROOT && left > 0 {
            counting.extend(self.counting.get(&at).filter(|counted| counted.counts(number)).map(|_| at));
            let Some(home) = self.inodes.get(&at).map(|facts| facts.home_parent) else { break };
            at = home;
            left -= 1;
        }
        counting
    }

    /// The directory that an inode is charged to; a stream where the file is whose it is.
    pub(super) fn charged(&self, number: InodeNumber, facts: &Facts) -> InodeNumber {
        let is_directory = |facts: &Facts| facts.file_type == FileType::Directory;
        match self.inodes.get(&facts.home_parent) {
            _ if is_directory(facts) => number,
            Some(home) if !is_directory(home) => home.home_parent,
            _ => facts.home_parent,
        }
    }

    fn backlink(&mut self, mut at: At<'_>, inode: InodeNumber, place: u64) {
        let Some(facts) = self.inodes.get_mut(&inode) else {
            return at.wrong("belongs to an inode that does not exist", Advice::Leak);
        };
        facts.backlinks += 1;
        facts.backlink_places = facts.backlink_places.wrapping_add(place);
    }

    pub(super) fn intent(&mut self, mut at: At<'_>, record: &IntentRecord) {
        let inode = record.intent.inode();
        // Whether what is to be reverted is there still is found when it is looked at.
        if inode.tree != TreeId::LIVE || matches!(record.intent, Intent::Revert { .. }) {
            return;
        }
        let Some(facts) = self.inodes.get_mut(&inode.number) else {
            let what = format!("promises to work on inode {}, which does not exist", inode.number.0);
            return at.wrong(what, Advice::Intents);
        };
        match record.intent {
            Intent::Remove { .. } if facts.links > 0 => {
                let what = format!("promises to remove inode {}, which has {} links", inode.number.0, facts.links);
                at.wrong(what, Advice::Twice);
            }
            Intent::Remove { .. } => facts.is_removed_by_intent = true,
            Intent::Truncate { first_region, end_region, generation, .. } => {
                let is_same = |mask: &&Mask| {
                    (mask.first_region, mask.end_region, mask.generation) == (first_region, end_region, generation)
                };
                facts.masks_with_intent += u32::from(facts.masks.iter().any(|mask| is_same(&mask)));
            }
            Intent::Revert { .. } => {}
        }
    }

    pub(super) fn allocator(&self, mut at: At<'_>, record: &AllocatorRecord) {
        let highest = self.inodes.keys().next_back().copied().unwrap_or_default();
        if highest >= record.next_inode {
            let what = format!("would hand out inode {}, but {} exists", record.next_inode.0, highest.0);
            at.wrong(what, Advice::Twice);
        }
    }

    /// A quota goes with its directory.
    pub(super) fn quota(&self, mut at: At<'_>, directory: InodeNumber) {
        let facts = self.inodes.get(&directory).filter(|facts| facts.links > 0);
        if facts.is_none_or(|facts| facts.file_type != FileType::Directory) {
            at.wrong(format!("limits {}, which is no directory", directory.0), Advice::Counter);
        }
    }

    pub(super) fn key(shard: ShardId, number: InodeNumber) -> Key {
        keys::inode(InodeId { shard, tree: TreeId::LIVE, number })
    }
}

/// A number for a place in a directory, so that sums tell sets of places apart (the finaliser of MurmurHash3).
fn place(directory: InodeNumber, cookie: u64) -> u64 {
    let mix = |mut word: u64| {
        word = (word ^ word >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
        word = (word ^ word >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        word ^ word >> 33
    };
    mix(mix(directory.0).wrapping_add(cookie))
}

const BLOCK_BYTES: u64 = 4096;
