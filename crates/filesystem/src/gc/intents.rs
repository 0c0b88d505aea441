//! Working off what was promised, in pages of regions; goes on after a restart where the records say.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use meta::keys::{self, Key, KeyKind};
use meta::records::{InodeRecord, Intent, IntentRecord};
use vfs::{Failure, InodeId, JobFigures, JobKind, ShardId};

use crate::Filesystem;
use crate::file::{FileState, take_out};
use crate::turn::{REGIONS_PER_CHANGE_MAX, Step, Turn};

/// An intent by its number.
pub(crate) type IntentKey = (ShardId, u64);

/// The intents that are to be worked off.
#[derive(Debug, Default)]
pub(crate) struct IntentQueue {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    work: BTreeMap<IntentKey, Work>,
    /// The intent that was tried last: the next round starts behind it, so that one which fails or is long holds up
    /// no other.
    tried: Option<IntentKey>,
    /// Worked off since the start.
    done: u64,
}

/// An intent, and the region to go on with.
#[derive(Clone, Copy, Debug)]
struct Work {
    intent: Intent,
    cursor: u64,
}

/// Regions of a cut that are still to be removed.
#[derive(Clone, Copy, Debug)]
struct MaskedRange {
    inode: InodeId,
    end: u64,
    generation: u32,
}

impl IntentQueue {
    /// A new intent.
    pub(crate) fn add(&self, key: IntentKey, intent: Intent) {
        let cursor = match intent {
            Intent::Remove { .. } => 0,
            Intent::Truncate { first_region, .. } => first_region,
            Intent::Revert { .. } => return,
        };
        self.state().work.entry(key).or_insert(Work { intent, cursor });
    }

    pub(crate) fn figures(&self) -> JobFigures {
        let state = self.state();
        JobFigures { kind: JobKind::Removal, left: state.work.len() as u64, done: state.done, is_waiting: false }
    }

    /// Forgets everything: a reload queues again what stands in the store.
    pub(crate) fn clear(&self) {
        self.state().work.clear();
    }

    /// The next intents in turn.
    fn next(&self, limit: usize) -> Vec<(IntentKey, Work)> {
        let state = self.state();
        let Some(tried) = state.tried else {
            return state.work.iter().take(limit).map(|(key, work)| (*key, *work)).collect();
        };
        let behind = state.work.range((Bound::Excluded(tried), Bound::Unbounded));
        let next = behind.chain(state.work.range(..=tried)).take(limit);
        next.map(|(key, work)| (*key, *work)).collect()
    }

    fn note_tried(&self, key: IntentKey) {
        self.state().tried = Some(key);
    }

    /// Whether an intent is still to be worked off from this region on: nobody else has gone on with it, and no reload
    /// has taken back what was done of it.
    fn is_at(&self, key: IntentKey, cursor: u64) -> bool {
        self.state().work.get(&key).is_some_and(|work| work.cursor == cursor)
    }

    fn cut_of(&self, inode: InodeId) -> Option<(IntentKey, Work)> {
        let is_cut = |work: &Work| matches!(work.intent, Intent::Truncate { .. }) && work.intent.inode() == inode;
        self.state().work.iter().find(|(_, work)| is_cut(work)).map(|(key, work)| (*key, *work))
    }

    fn go_on(&self, key: IntentKey, next: Option<u64>) {
        let mut state = self.state();
        match (next, state.work.get_mut(&key)) {
            (Some(cursor), Some(found)) => found.cursor = cursor,
            _ => state.done += u64::from(state.work.remove(&key).is_some()),
        }
    }

    /// An intent that somebody else works off.
    fn forget(&self, key: IntentKey) {
        self.state().work.remove(&key);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Queues an intent from before the start.
    pub(crate) fn queue_intent(&self, key: &Key, record: &IntentRecord) {
        match key.parse().map(|parsed| (parsed.shard, parsed.kind)) {
            Ok((shard, KeyKind::Intent(number))) => {
                self.data.intents.add((shard, number), record.intent);
                self.queue_revert((shard, number), record);
            }
            _ => tracing::error!(%key, "this is no key of an intent"),
        }
    }

    /// Works off some pages of the intents whose turn it is. Says whether any could be.
    pub(crate) async fn intents_round(&self) -> bool {
        let mut pages = 0;
        for (key, work) in self.data.intents.next(INTENTS_PER_ROUND) {
            if pages >= PAGES_PER_ROUND {
                break;
            }
            if let Intent::Remove { inode } = work.intent
                && self.opens.hold_orphan(inode, key.1)
            {
                // An open that survived a restart has it still.
                self.data.intents.forget(key);
                continue;
            }
            self.data.intents.note_tried(key);
            pages += self.work_pages((key, work), PAGES_PER_ROUND - pages).await;
        }
        pages > 0
    }

    /// Works off pages of an intent, at most so many. Returns how many; a failure ends it.
    async fn work_pages(&self, (key, mut work): (IntentKey, Work), limit: usize) -> usize {
        for done in 0..limit {
            match self.work_page(key, work).await {
                Ok(Some(cursor)) => work.cursor = cursor,
                Ok(None) => return done + 1,
                Err(failure) => {
                    tracing::warn!(?key, intent = ?work.intent, ?failure, "an intent is not worked off yet");
                    return done;
                }
            }
        }
        limit
    }

    /// Makes room for a mask: works the oldest cut of a file off; the caller holds its flush turn. `false` when there
    /// is none, or it is not known.
    ///
    /// Errors: `Io`.
    pub(crate) async fn work_off_one_mask(&self, inode: InodeId, file: &FileState) -> Result<bool, Failure> {
        let Some((key, mut work)) = self.data.intents.cut_of(inode) else { return Ok(false) };
        while let Some(cursor) = self.work_page_in_turn((key, work), file).await? {
            work.cursor = cursor;
        }
        Ok(true)
    }

    async fn work_page(&self, key: IntentKey, work: Work) -> Result<Option<u64>, Failure> {
        let file = self.files.state(work.intent.inode());
        let _turn = file.flush_turn.lock().await;
        self.work_page_in_turn((key, work), &file).await
    }

    /// Works one page off. Returns the region to go on with; `None` at the end, or when somebody else went on with it.
    async fn work_page_in_turn(
        &self,
        (key, work): (IntentKey, Work),
        file: &FileState,
    ) -> Result<Option<u64>, Failure> {
        let inode = work.intent.inode();
        let step = |turn: &mut Turn<'_, K, C>| match work.intent {
            // All of it goes.
            _ if self.is_going(inode) => Ok(None),
            Intent::Revert { .. } => Ok(None),
            Intent::Remove { inode } => remove_page(turn, inode),
            Intent::Truncate { inode, end_region, generation, .. } => {
                cut_page(turn, MaskedRange { inode, end: end_region, generation }, work.cursor)
            }
        };
        let is_current = || self.data.intents.is_at(key, work.cursor);
        let (next, _) = self
            .change_file(
                (inode, file),
                |turn, _| {
                    if !is_current() {
                        return Ok(None);
                    }
                    let next = step(turn)?;
                    if next.is_none() {
                        turn.write_plain(keys::intent(key.0, key.1), None);
                    }
                    Ok(Some(next))
                },
                // While the file's data is held, which a reload takes before it queues intents again.
                |_, next| next.iter().for_each(|next| self.data.intents.go_on(key, *next)),
            )
            .await?;
        Ok(next.flatten())
    }
}

/// Removes regions of an orphan, and the orphan with the last of them.
fn remove_page<K: kv::Engine, C: chunk::Store>(turn: &mut Turn<'_, K, C>, inode: InodeId) -> Step<Option<u64>> {
    let Some(record) = turn.inode(inode)?.filter(|record| record.links == 0) else { return Ok(None) };
    let list = turn.region_list(inode, 0)?;
    let mut record = (*record).clone();
    let mut held_bytes = 0;
    for index in list.iter().take(REGIONS_PER_CHANGE_MAX) {
        held_bytes += take_out(turn, (inode, &mut record), *index)?;
    }
    turn.charge_held(held_bytes.cast_signed())?;
    if list.len() <= REGIONS_PER_CHANGE_MAX {
        turn.drop_inode(inode)?;
        return Ok(None);
    }
    turn.put_inode(inode, record);
    Ok(Some(0))
}

/// Removes masked regions of a file from `cursor` on, and the mask with the last of them.
fn cut_page<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    range: MaskedRange,
    cursor: u64,
) -> Step<Option<u64>> {
    let inode = range.inode;
    let Some(old) = turn.inode(inode)? else { return Ok(None) };
    let list = turn.region_list(inode, cursor)?;
    let mut record = (*old).clone();
    let mut held_bytes = 0;
    for index in list.iter().take(REGIONS_PER_CHANGE_MAX).filter(|index| **index < range.end) {
        let region = turn.region((inode, *index))?;
        // What was written again since has the generation of the mask.
        if region.is_some_and(|region| region.generation < range.generation) {
            held_bytes += take_out(turn, (inode, &mut record), *index)?;
        }
    }
    let next = list.get(REGIONS_PER_CHANGE_MAX).copied().filter(|index| *index < range.end);
    if next.is_none() {
        record.masks.retain(|mask| mask.generation != range.generation);
    }
    turn.charge_change(inode, (&old, &record), held_bytes)?;
    put_changed(turn, inode, (&old, record));
    Ok(next)
}

fn put_changed<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    inode: InodeId,
    (old, new): (&InodeRecord, InodeRecord),
) {
    if *old != new {
        turn.put_inode(inode, new);
    }
}

/// Pages worked off in one round: enough to be quick, few enough for other work to come in between.
const PAGES_PER_ROUND: usize = 64;
/// Intents looked at in one round.
const INTENTS_PER_ROUND: usize = 64;
