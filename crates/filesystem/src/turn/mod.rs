//! One change of a shard: a synchronous function over cached records that becomes one atomic, ordered change.
//!
//! The function runs while it holds the shard's turn and awaits nothing. A record that is not in memory stops it with
//! a miss; the driver gives the turn back, loads the record and runs the function again from its start. So nothing
//! is applied by halves and there is no lock order among inodes.

mod charge;
mod commit;
mod descriptors;
mod names;
mod records;
mod shared;
mod streams;
mod writes;
mod xattrs;

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError, RwLockReadGuard};

use bytes::Bytes;
pub(crate) use charge::{of_record, of_tree};
pub(crate) use descriptors::descriptor_of;
use locking::Link;
use meta::keys::Key;
use meta::records::{InodeRecord, Intent, IntentRecord, Record, Run, ShardRecord};
use meta::{ShardClock, Version};
pub(crate) use names::{Found, find_in, target_of};
use vfs::{Epoch, Failure, FsError, InodeId, InodeNumber, LeaseKey, LeaseRequest, SnapshotId, Timestamp, TreeId};
use writes::WriteSet;
pub(crate) use xattrs::shown;

use crate::Filesystem;
use crate::cache::{Miss, RegionKey, Seen};
use crate::clone::KnownClone;
use crate::gc::RenamedLink;
use crate::quota::QuotaEffects;
use crate::replay::StoredReply;
use crate::shard::{Shard, ShardState};
use crate::snapshot::Known;
use crate::watch::Observed;

/// Why a function stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A record has to be loaded first.
    Miss(Miss),
    /// What was prepared before the turn no longer fits: prepare again.
    Again,
    /// What is buffered of a file is older than a snapshot: it has to be named first.
    Past(InodeId),
    /// The operation is refused.
    Fail(Failure),
}

/// The outcome of a step within a turn.
pub(crate) type Step<T> = Result<T, Stop>;

/// What was loaded for one operation only.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Indices of the regions of a file from an index on, at most [`REGION_LIST_MAX`] of them; true while the file's
    /// flush turn is held.
    pub(crate) region_lists: HashMap<(InodeId, u64), Vec<u64>>,
    /// The generation of the metadata store in which the first of them was listed.
    pub(crate) generation: Option<u64>,
    /// When the last kept state of a region ended, and how often kept states of the shard were dropped before.
    pub(crate) last_ended: HashMap<RegionKey, (Option<Epoch>, u64)>,
    /// Whether a key of a clone is marked as gone, and how often marks had been made before.
    pub(crate) marks: HashMap<Key, (bool, u64)>,
    /// A file whose buffered data has to be named before the operation is tried again.
    pub(crate) past: Option<InodeId>,
}

impl Scratch {
    /// Whether the store was reloaded since something was listed: what the list shows may have been taken back.
    pub(crate) fn is_void(&self, generation: u64) -> bool {
        self.generation.is_some_and(|listed| listed != generation)
    }
}

/// One change of a shard while it is being made.
pub(crate) struct Turn<'a, K: kv::Engine, C: chunk::Store> {
    /// The house.
    pub(crate) house: &'a Filesystem<K, C>,
    /// The shard.
    pub(crate) shard: &'a Shard,
    /// The server's time of this change.
    pub(crate) now: Timestamp,
    pub(crate) state: MutexGuard<'a, ShardState>,
    _in_progress: RwLockReadGuard<'a, ()>,
    next_inode: InodeNumber,
    next_intent: u64,
    pub(crate) scratch: &'a Scratch,
    seen: Seen,
    pub(crate) writes: WriteSet,
    named: Vec<Run>,
    released: Vec<Run>,
    plain: Vec<(Key, Option<Bytes>)>,
    intents: Vec<(u64, Intent)>,
    forgotten: Vec<InodeId>,
    orphaned: Vec<(InodeId, u64)>,
    renamed: Vec<RenamedLink>,
    /// What those are told who watch.
    pub(crate) observed: Vec<Observed>,
    /// That was found.
    pub(crate) is_observed: bool,
    /// A file whose data changed without a turn.
    pub(crate) observed_data: Option<InodeId>,
    /// The lease of a directory that this change does not break.
    spared: Option<LeaseKey>,
    /// Directories of which something else than entries changed.
    changed_in: Vec<InodeId>,
    /// What the request that makes this change came to, if it must not be done twice.
    reply: Option<StoredReply>,
    /// What quotas look at beside the records.
    pub(crate) quota: QuotaEffects,
    /// Whether kept states are dropped.
    pub(crate) is_dropping: bool,
    /// The epoch as of which this change writes, if that is not the current one.
    dated: Option<Epoch>,
    /// The shard's record with another snapshot clock, if this change sets it.
    pub(crate) ended: Option<ShardRecord>,
    /// Snapshots that this change makes, changes or (`None`) removes.
    pub(crate) snapshots: Vec<(SnapshotId, Option<Known>)>,
    /// Clones that this change makes, changes or (`None`) removes.
    pub(crate) clones: Vec<(TreeId, Option<KnownClone>)>,
    /// Inodes of clones that this change counts as theirs.
    pub(crate) adopted: Vec<InodeId>,
}

impl<'a, K: kv::Engine, C: chunk::Store> Turn<'a, K, C> {
    /// Takes the shard's turn.
    pub(crate) fn begin(house: &'a Filesystem<K, C>, shard: &'a Shard, scratch: &'a Scratch) -> Self {
        let in_progress = house.turns.read().unwrap_or_else(PoisonError::into_inner);
        let state = shard.turn();
        Self {
            house,
            _in_progress: in_progress,
            shard,
            now: house.clock.now(),
            next_inode: state.next_inode,
            next_intent: state.next_intent,
            state,
            scratch,
            seen: Seen::default(),
            writes: WriteSet::default(),
            named: Vec::new(),
            released: Vec::new(),
            plain: Vec::new(),
            intents: Vec::new(),
            forgotten: Vec::new(),
            orphaned: Vec::new(),
            renamed: Vec::new(),
            observed: Vec::new(),
            is_observed: false,
            observed_data: None,
            spared: None,
            changed_in: Vec::new(),
            reply: None,
            quota: QuotaEffects::default(),
            is_dropping: false,
            dated: None,
            ended: None,
            snapshots: Vec::new(),
            clones: Vec::new(),
            adopted: Vec::new(),
        }
    }

    /// The highest version that was read so far: a refusal waits for it too.
    pub(crate) fn seen(&self) -> Version {
        self.seen.0
    }

    /// The snapshot clock by which inodes and regions are written.
    pub(crate) fn clock(&self) -> ShardClock {
        match self.dated {
            Some(current) => ShardClock { current, ..self.present() },
            None => self.present(),
        }
    }

    /// As that, of the snapshots that show a tree.
    pub(crate) fn clock_of(&self, tree: TreeId) -> ShardClock {
        self.clock_for(tree, self.clock())
    }

    /// As [`Turn::present`], of the snapshots that show a tree.
    pub(crate) fn present_of(&self, tree: TreeId) -> ShardClock {
        self.clock_for(tree, self.present())
    }

    fn clock_for(&self, tree: TreeId, clock: ShardClock) -> ShardClock {
        let newest = |_| self.shard.past.newest_before(tree, clock.current);
        ShardClock { newest_snapshot: clock.newest_snapshot.and_then(newest), ..clock }
    }

    /// The snapshot clock as it stands.
    pub(crate) fn present(&self) -> ShardClock {
        self.state.record.clock
    }

    /// What this change writes of a file was written in that epoch, and is what its snapshots see. Nothing of a later epoch
    /// may have changed the file.
    pub(crate) fn write_as_of(&mut self, tree: TreeId, epoch: Epoch) {
        let current = self.present().current;
        self.dated = (epoch < current && self.shard.past.is_seen(tree, epoch, current)).then_some(epoch);
    }

    /// How many states were kept for snapshots before this change, since the start.
    pub(crate) fn states_kept(&self) -> u64 {
        self.state.kept
    }

    /// When the last kept state of a region ended; only under the file's flush turn.
    pub(crate) fn last_ended(&self, key: RegionKey) -> Step<Option<Epoch>> {
        let found = self.scratch.last_ended.get(&key).filter(|(_, drops)| *drops == self.state.drops);
        found.map(|(last, _)| *last).ok_or(Stop::Miss(Miss::LastEnded(key)))
    }

    /// The record of the shard.
    pub(crate) fn shard_record(&self) -> &ShardRecord {
        &self.state.record
    }

    /// The tree of a new clone.
    pub(crate) fn new_tree(&mut self) -> TreeId {
        let reserved = &mut self.state.reserved;
        let tree = TreeId(reserved.next_tree.0.max(1));
        reserved.next_tree = TreeId(tree.0 + 1);
        let reserved = reserved.encode();
        self.plain.push((meta::keys::allocator(self.shard.id), Some(reserved)));
        tree
    }

    /// The number of a new snapshot.
    pub(crate) fn new_snapshot(&mut self) -> SnapshotId {
        let reserved = &mut self.state.reserved;
        let id = reserved.next_snapshot;
        reserved.next_snapshot = SnapshotId(id.0 + 1);
        let reserved = reserved.encode();
        self.plain.push((meta::keys::allocator(self.shard.id), Some(reserved)));
        id
    }

    /// The next change number of any inode.
    pub(crate) fn stamp(&self) -> u64 {
        self.house.next_change()
    }

    /// No inode of the shard has this number or a higher one.
    pub(crate) fn next_inode(&self) -> InodeNumber {
        self.next_inode
    }

    /// An inode number that was never used.
    pub(crate) fn new_number(&mut self) -> InodeNumber {
        let number = self.next_inode;
        self.next_inode = InodeNumber(number.0 + 1);
        number
    }

    /// Blocks that records of this change name for the first time.
    pub(crate) fn name_blocks(&mut self, run: Run) {
        self.named.push(run);
    }

    /// Blocks that nobody names any more once this change is durable.
    pub(crate) fn release_blocks(&mut self, run: Run) {
        self.released.push(run);
    }

    /// The data of a file that this change removes is dropped once it is submitted.
    pub(crate) fn forget_file(&mut self, inode: InodeId) {
        self.forgotten.push(inode);
    }

    /// Writes down work that is left for later; survives a crash. Returns its number.
    pub(crate) fn add_intent(&mut self, intent: Intent) -> u64 {
        let number = self.next_intent;
        let key = meta::keys::intent(self.shard.id, number);
        self.intents.push((number, intent));
        self.next_intent += 1;
        let record = IntentRecord { created: self.now, intent };
        self.plain.push((key, Some(record.encode())));
        number
    }

    /// Removes an inode that has lost its last name, once its last open is closed; survives a crash, which closes all.
    pub(crate) fn remove_when_closed(&mut self, inode: InodeId) {
        self.add_intent(Intent::Remove { inode });
        self.orphaned.extend(self.intents.pop().map(|(number, _)| (inode, number)));
    }

    /// Who makes this change knows of it, and goes on caching the directory by this lease.
    pub(crate) fn spare_parent(&mut self, lease: Option<LeaseRequest>) {
        self.spared = lease.and_then(|lease| lease.parent);
    }

    /// Something of what is in a directory is seen differently.
    pub(crate) fn note_changed_in(&mut self, directory: InodeId) {
        self.changed_in.push(directory);
    }

    /// A name of an inode goes, or becomes another: its opens are told once this is submitted.
    pub(crate) fn follow_name(&mut self, inode: InodeId, from: Link, to: Option<Link>) {
        if self.house.opens.holds(inode) {
            self.renamed.push(RenamedLink { inode, from, to });
        }
    }

    /// Whether an inode is there: it has a name, or is open.
    pub(crate) fn is_there(&self, inode: InodeId, record: &InodeRecord) -> bool {
        self.house.is_there(inode, record)
    }

    /// Stores an outcome with this change, if it changes anything else.
    pub(crate) fn store_reply(&mut self, reply: StoredReply) {
        self.reply = Some(reply);
    }

    /// Writes a record that is neither cached nor versioned; `None` removes it.
    pub(crate) fn write_plain(&mut self, key: Key, value: Option<Bytes>) {
        self.plain.push((key, value));
    }

    /// The regions of a file from `first` on that were listed before the turn; `Miss` when they were not.
    pub(crate) fn region_list(&self, inode: InodeId, first: u64) -> Step<&'a [u64]> {
        let list = self.scratch.region_lists.get(&(inode, first));
        list.map(Vec::as_slice).ok_or(Stop::Miss(Miss::RegionList(inode, first)))
    }
}

impl From<FsError> for Stop {
    fn from(error: FsError) -> Self {
        Self::Fail(error.into())
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Fail(failure)
    }
}

impl<K: kv::Engine, C: chunk::Store> std::fmt::Debug for Turn<'_, K, C> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Turn").field("shard", &self.shard.id).finish_non_exhaustive()
    }
}

/// Most regions that one change removes; a file with more is worked off by an intent. Each may release 64 runs, and a
/// cut releases and names those of its last region besides.
pub(crate) const REGIONS_PER_CHANGE_MAX: usize = 48;
const _: () =
    assert!((REGIONS_PER_CHANGE_MAX + 2) * meta::records::REGION_BLOCKS as usize <= meta::records::SPACE_RUNS_MAX);
/// Most regions that are listed before a turn: one more than a change removes, to see whether that is all.
pub(crate) const REGION_LIST_MAX: usize = REGIONS_PER_CHANGE_MAX + 1;
