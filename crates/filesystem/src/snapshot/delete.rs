//! Deleting snapshots. From the first moment nobody sees one any more; what only it needed is dropped in the background,
//! in bounded changes. Until that is done it stands in the list of its shard like any other, so what is kept and held
//! meanwhile is kept and held for it too, and nothing is named by nobody.
//!
//! A state that began in one epoch and ended in another is needed by the snapshots between. With neighbours P and N, what
//! only a snapshot S needs began after P, at S at the latest, and ended after S, at N at the latest. A state of a region
//! gives up the blocks that neither the state before it nor the one after names: names of a block follow each other in
//! time, so nobody else names them.

use std::sync::Arc;

use kv::Direction;
use meta::keys::{self, Key, KeyKind, KeyRange};
use meta::records::{Record, RegionRecord, Released, Run, SnapshotRecord};
use meta::{MetaError, ShardClock};
use smallvec::SmallVec;
use vfs::{Epoch, Failure, FsError, InodeId, ShardId, SnapshotId, TreeId};

use super::past::Known;
use crate::Filesystem;
use crate::cache::RegionKey;
use crate::load::kind_of;
use crate::shard::Shard;
use crate::turn::{Scratch, Step, Turn};

/// A look at all that one snapshot may need alone.
#[derive(Debug)]
pub(crate) struct Pass {
    of: SnapshotId,
    /// What is still to be looked at.
    rest: KeyRange,
    has_found: bool,
    /// How many states had been kept when it began.
    kept: u64,
}

/// When states lived that only a snapshot needs.
#[derive(Debug)]
struct Span {
    tree: TreeId,
    first_born: Epoch,
    last_born: Epoch,
    first_died: Epoch,
    last_died: Epoch,
}

impl Span {
    /// Of a snapshot, between its neighbours.
    fn of(shard: &Shard, record: &SnapshotRecord) -> Self {
        let SnapshotRecord { tree, epoch, .. } = *record;
        let (before, after) = shard.past.beside(tree, epoch);
        Self {
            tree,
            first_born: Epoch(before.map_or(0, |before| before.0 + 1)),
            last_born: epoch,
            first_died: Epoch(epoch.0 + 1),
            last_died: after.unwrap_or_else(|| shard.past.epoch()),
        }
    }

    /// The index entries of it, from those that ended in an epoch on.
    fn from(&self, shard: ShardId, died: Epoch) -> KeyRange {
        keys::expiry_range_from(shard, self.tree, (died, self.first_born), self.last_died)
    }

    /// Where to go on behind a state that lies beside it: others like that are passed over.
    fn pass_over(&self, shard: ShardId, (born, died): (Epoch, Epoch)) -> Option<KeyRange> {
        if born > self.last_born {
            return Some(self.from(shard, Epoch(died.0 + 1)));
        }
        (born < self.first_born).then(|| self.from(shard, died))
    }
}

/// A state that is to be dropped.
#[derive(Debug)]
pub(super) struct Ended {
    key: Key,
    lived: (Epoch, Epoch),
    region: Option<EndedRegion>,
}

/// A state of a region, between those before and after it that are kept.
#[derive(Debug)]
struct EndedRegion {
    key: RegionKey,
    state: RegionRecord,
    older: Option<RegionRecord>,
    newer: Newer,
}

/// What follows a state of a region.
#[derive(Debug)]
enum Newer {
    /// Another that ended.
    Kept(RegionRecord),
    /// What is there now, which began then.
    Live(Option<Epoch>),
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_delete_snapshot(&self, within: InodeId, id: SnapshotId) -> Result<(), Failure> {
        self.require_written(within)?;
        self.mutate(within.shard, |turn| mark(turn, id)).await
    }

    /// Deletes snapshots that have expired, and drops some of what only deleted ones needed. Says whether anything was
    /// done.
    pub(crate) async fn snapshots_round(&self) -> bool {
        let mut any = false;
        for id in self.shards.ids() {
            let Some(shard) = self.shards.find(id).filter(|shard| shard.past.count() > 0) else { continue };
            match self.snapshots_of(&shard).await {
                Ok(done) => any |= done,
                Err(failure) => tracing::warn!(shard = id.0, ?failure, "a deleted snapshot is not gone yet"),
            }
        }
        any
    }

    async fn snapshots_of(&self, shard: &Shard) -> Result<bool, Failure> {
        let mut any = false;
        let now = self.clock.now();
        let all = shard.past.all();
        let is_expired = |record: &SnapshotRecord| {
            !record.deleting && record.locks == 0 && record.expires.is_some_and(|expires| expires <= now)
        };
        let is_free = |known: &&Arc<Known>| !self.reverts.needs(shard.id, known.id);
        for known in all.iter().filter(|known| is_expired(&known.record)).filter(is_free) {
            self.mutate(shard.id, |turn| mark(turn, known.id)).await?;
            any = true;
        }
        // What something was made of stays until that is gone.
        let is_origin = |record: &SnapshotRecord| shard.clones.is_origin(record.tree, record.epoch);
        match all.iter().find(|known| known.record.deleting && !is_origin(&known.record)) {
            Some(known) => self.drop_some(shard, known).await.map(|done| done || any),
            None => self.trim_some(shard).await.map(|done| done || any),
        }
    }

    /// Drops some of what only one snapshot needs, and the snapshot itself when a whole pass has found nothing.
    async fn drop_some(&self, shard: &Shard, known: &Known) -> Result<bool, Failure> {
        let mut pass = match shard.past.take_pass().filter(|pass| pass.of == known.id) {
            Some(pass) => pass,
            None => self.begin_pass(shard, known).await?,
        };
        for _ in 0..PAGES_PER_ROUND {
            let (page, rest) = self.ended_page((shard, known), pass.rest).await.map_err(|error| self.refuse(&error))?;
            pass.has_found |= !page.is_empty();
            self.drop_page(shard, &known.record, &page).await?;
            match rest {
                Some(rest) => pass.rest = rest,
                None if pass.has_found => return Ok(true),
                None => return self.finish_deletion(shard, known, pass.kept).await,
            }
        }
        // Where it left off: what was dropped would have to be passed over again in the store.
        shard.past.keep_pass(pass);
        Ok(true)
    }

    async fn begin_pass(&self, shard: &Shard, known: &Known) -> Result<Pass, Failure> {
        self.name_all_past(shard, &known.record).await?;
        let kept = shard.turn().kept;
        let span = Span::of(shard, &known.record);
        Ok(Pass { of: known.id, rest: span.from(shard.id, span.first_died), has_found: false, kept })
    }

    /// What is buffered of files and older than the next snapshot is named: it may still end states that only this one needs.
    async fn name_all_past(&self, shard: &Shard, record: &SnapshotRecord) -> Result<(), Failure> {
        let (_, Some(next)) = shard.past.beside(record.tree, record.epoch) else { return Ok(()) };
        let is_of_tree = |inode: InodeId| (inode.shard, inode.tree) == (shard.id, record.tree);
        self.flush_those(|inode, epoch| is_of_tree(inode) && epoch <= next).await
    }

    /// States that only a snapshot needs, of the first of a range, and what is left of the range.
    async fn ended_page(
        &self,
        (shard, known): (&Shard, &Known),
        mut range: KeyRange,
    ) -> Result<(Vec<Ended>, Option<KeyRange>), MetaError> {
        let span = Span::of(shard, &known.record);
        let mut page = Vec::new();
        while page.len() < PAGE_STATES {
            let found = self.meta.scan(&range, PAGE_STATES, Direction::Forward).await?;
            let is_end = found.len() < PAGE_STATES;
            let mut passed = None;
            for (key, _) in found {
                let KeyKind::Expiry { key: of, born, died } = kind_of(&key)? else { continue };
                range = range.after(&key);
                passed = span.pass_over(shard.id, (born, died));
                if passed.is_some() {
                    break;
                }
                page.extend(self.ended(of, (born, died)).await?);
            }
            match passed {
                Some(behind) => range.start = range.start.max(behind.start),
                None if is_end => return Ok((page, None)),
                None => {}
            }
        }
        Ok((page, Some(range)))
    }

    pub(super) async fn ended(&self, key: Key, lived: (Epoch, Epoch)) -> Result<Option<Ended>, MetaError> {
        let parsed = key.parse().map_err(|problem| MetaError::Damaged { key: key.clone(), problem })?;
        let KeyKind::Region { inode, index } = parsed.kind else {
            return Ok(Some(Ended { key, lived, region: None }));
        };
        let inode = InodeId { shard: parsed.shard, tree: parsed.tree, number: inode };
        let at = keys::version(&key, lived.1);
        let Some(state) = self.meta.read(&at).await? else { return Ok(None) };
        let state = RegionRecord::decode_at(&at, &state)?;
        let beside = |direction| self.version_beside(&key, lived, direction);
        let older = beside(Direction::Backward).await?;
        let newer = match beside(Direction::Forward).await? {
            Some(newer) => Newer::Kept(newer),
            None => {
                let live = self.meta.read(&key).await?;
                let live = live.map(|live| RegionRecord::decode_at(&key, &live)).transpose()?;
                Newer::Live(live.map(|live| live.born))
            }
        };
        let region = Some(EndedRegion { key: (inode, index), state, older, newer });
        Ok(Some(Ended { key, lived, region }))
    }

    /// When the last kept state of a region ended.
    pub(crate) async fn load_last_ended(&self, key: RegionKey, scratch: &mut Scratch) -> Result<(), MetaError> {
        // Before the look: what is dropped meanwhile makes it void.
        let Some(drops) = self.shards.find(key.0.shard).map(|shard| shard.turn().drops) else { return Ok(()) };
        let range = keys::version_range(&keys::region(key.0, key.1), Epoch(0));
        let found = self.meta.scan(&range, 1, Direction::Backward).await?;
        let last = found.first().map(|(key, _)| kind_of(key)).transpose()?;
        let last = last.and_then(|kind| if let KeyKind::Version { died, .. } = kind { Some(died) } else { None });
        scratch.last_ended.insert(key, (last, drops));
        Ok(())
    }

    /// The kept state of a region next before or after one.
    async fn version_beside(
        &self,
        key: &Key,
        (born, died): (Epoch, Epoch),
        direction: Direction,
    ) -> Result<Option<RegionRecord>, MetaError> {
        let range = match direction {
            Direction::Forward => keys::version_range(key, died),
            Direction::Backward => keys::versions_until(key, born),
        };
        let found = self.meta.scan(&range, 1, direction).await?;
        found.into_iter().next().map(|(key, value)| RegionRecord::decode_at(&key, &value)).transpose()
    }

    /// Drops states, in changes of a bounded size.
    async fn drop_page(&self, shard: &Shard, record: &SnapshotRecord, page: &[Ended]) -> Result<(), Failure> {
        for part in page.chunks(STATES_PER_CHANGE) {
            let is_free = |turn: &Turn<'_, K, C>, lived| is_only_for(turn, record, lived);
            let mut step = |turn: &mut Turn<'_, K, C>| drop_states(turn, record.tree, part, is_free);
            self.meta.room().await.map_err(|error| self.refuse(&error))?;
            self.mutate_once(shard.id, &mut Scratch::default(), &mut step).await?;
        }
        Ok(())
    }

    /// Removes the record of a snapshot that nothing is kept for any more, unless something was kept meanwhile.
    async fn finish_deletion(&self, shard: &Shard, known: &Known, kept: u64) -> Result<bool, Failure> {
        let mut step = |turn: &mut Turn<'_, K, C>| {
            let SnapshotRecord { tree, epoch, .. } = known.record;
            let is_newest = turn.present_of(tree).newest_snapshot == Some(epoch);
            if is_newest && turn.states_kept() != kept {
                return Ok(false);
            }
            turn.remove_snapshot(known);
            Ok(true)
        };
        let done = self.mutate_once(shard.id, &mut Scratch::default(), &mut step).await?;
        if done.is_some_and(|(is_gone, _)| is_gone) {
            tracing::info!(
                shard = shard.id.0,
                snapshot = known.id.0,
                "a deleted snapshot is gone, and its space is back"
            );
        }
        Ok(true)
    }
}

fn mark<K: kv::Engine, C: chunk::Store>(turn: &mut Turn<'_, K, C>, id: SnapshotId) -> Step<()> {
    let known = turn.shard.past.find(id).ok_or(FsError::NotFound)?;
    if known.record.locks > 0 || turn.house.reverts.needs(turn.shard.id, id) {
        return Err(FsError::NotPermitted.into());
    }
    turn.end_snapshot(&known)
}

/// Drops those of these states of a tree that nobody needs, as it stands now: of a key at most one.
pub(super) fn drop_states<'t, K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'t, K, C>,
    tree: TreeId,
    states: &[Ended],
    is_free: impl Fn(&Turn<'t, K, C>, (Epoch, Epoch)) -> bool,
) -> Step<()> {
    let mut freed_bytes = 0;
    for ended in states {
        if !is_free(turn, ended.lived) {
            continue;
        }
        if let Some(region) = &ended.region {
            let Some(mut alone) = given_up(turn, region)? else { continue };
            // What a clone has from its origin is not its own.
            alone.retain(|gone| !turn.is_inherited(tree, gone.birth));
            freed_bytes += alone.iter().map(|gone| gone.stored_bytes).sum::<u64>();
            let runs: SmallVec<[Run; 4]> =
                alone.iter().map(|gone| Run { placement: gone.placement, blocks: gone.blocks }).collect();
            turn.give_up(&runs)?;
        }
        turn.drop_version(&ended.key, ended.lived);
    }
    turn.is_dropping = true;
    turn.charge_held(-freed_bytes.cast_signed())
}

/// Whether a state is seen by the snapshot of this epoch and by no other.
fn is_only_for<K: kv::Engine, C: chunk::Store>(
    turn: &Turn<'_, K, C>,
    record: &SnapshotRecord,
    (born, died): (Epoch, Epoch),
) -> bool {
    let epoch = record.epoch;
    let (before, after) = turn.shard.past.beside(record.tree, epoch);
    before.is_none_or(|before| before < born)
        && born <= epoch
        && epoch < died
        && after.is_none_or(|after| died <= after)
}

/// The blocks that only this state names; `None` when what follows it has changed since it was looked at.
fn given_up<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    region: &EndedRegion,
) -> Step<Option<SmallVec<[Released; 2]>>> {
    let older = region.older.as_ref();
    match &region.newer {
        Newer::Kept(newer) => Ok(Some(region.state.alone([older, Some(newer)]))),
        Newer::Live(born) => {
            let live: Option<Arc<RegionRecord>> = turn.region(region.key)?;
            let is_same = live.as_ref().map(|live| live.born) == *born;
            Ok(is_same.then(|| region.state.alone([older, live.as_deref()])))
        }
    }
}

impl<K: kv::Engine, C: chunk::Store> Turn<'_, K, C> {
    fn drop_version(&mut self, key: &Key, (born, died): (Epoch, Epoch)) {
        self.write_plain(keys::expiry(key, born, died), None);
        self.write_plain(keys::version(key, died), None);
    }

    /// Nobody sees a snapshot any more, and what only it needed may go.
    pub(crate) fn end_snapshot(&mut self, known: &Known) -> Step<()> {
        let record = SnapshotRecord { deleting: true, ..known.record.clone() };
        self.put_snapshot(Known { id: known.id, record });
        Ok(())
    }

    /// Nothing is kept for a snapshot any more.
    fn remove_snapshot(&mut self, known: &Known) {
        let clock = self.present();
        if clock.newest_snapshot == Some(known.record.epoch) {
            let newest_snapshot = self.shard.past.newest_but(known.id);
            self.set_clock(ShardClock { newest_snapshot, ..clock });
        }
        self.write_plain(keys::snapshot(self.shard.id, known.id), None);
        self.snapshots.push((known.id, None));
    }
}

/// States that are looked for at once.
const PAGE_STATES: usize = 256;
/// States that are dropped by one change: a region may give up 64 runs, and a change takes 4,096.
const STATES_PER_CHANGE: usize = 48;
/// Pages of one round: other work comes between.
const PAGES_PER_ROUND: usize = 8;
