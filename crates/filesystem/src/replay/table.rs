//! What an earlier life has left in the slots of clients, for as long as it may be asked for again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use meta::keys::{self, Key, KeyRange};
use vfs::{CacheFigures, ClientId, OpContext, ShardId};

use super::Outcome;

/// A slot of a client, where the key of its record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SlotId {
    pub(crate) shard: ShardId,
    pub(crate) client: ClientId,
    pub(crate) slot: u32,
}

/// What makes two requests of a slot the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestId {
    /// As the door numbers it.
    pub(crate) request: u64,
    /// The access zone it came through: zones may share a shard, and their clients addresses.
    pub(crate) checksum: u64,
}

/// A request that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) id: RequestId,
    pub(crate) outcome: Outcome,
}

/// Outcomes that were loaded at the start, and the removal of old ones from the store.
#[derive(Debug, Default)]
pub(crate) struct ReplayTable {
    /// Whether a change has to tell which slot it wrote: not most of the time.
    is_watched: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    left: HashMap<SlotId, Done>,
    /// When those are forgotten, and the next removal begins, on the monotonic clock.
    due: Duration,
    sweep: Sweep,
    /// Slots written since the page at hand was begun; `None` when there is none.
    rewritten: Option<HashSet<SlotId>>,
    /// Pages begun so far.
    pages: u64,
    hits: u64,
    misses: u64,
}

/// What a removal still has to look at.
#[derive(Debug, Default)]
struct Sweep {
    shards: VecDeque<ShardId>,
    /// The rest of the first shard; `None` for all of it.
    rest: Option<KeyRange>,
}

/// A part of the store that is being looked at, by one at a time. Dropped before it is finished it is looked at again.
#[derive(Debug)]
pub(super) struct Page<'t> {
    table: &'t ReplayTable,
    number: u64,
    pub(super) shard: ShardId,
    pub(super) range: KeyRange,
}

impl SlotId {
    /// The slot of a request in a shard, and what tells it from others; `None` for one that may be done twice.
    pub(crate) fn of(ctx: &OpContext, shard: ShardId) -> Option<(Self, RequestId)> {
        let key = ctx.replay_key?;
        let id = RequestId { request: key.request, checksum: u64::from(ctx.zone.0) };
        Some((Self { shard, client: ctx.client, slot: key.slot }, id))
    }

    /// The key of its record.
    pub(crate) fn key(&self) -> Key {
        keys::reply(self.shard, self.client, self.slot)
    }
}

impl ReplayTable {
    /// Starts with what was loaded, kept until `due`.
    pub(super) fn start(&self, left: HashMap<SlotId, Done>, due: Duration) {
        let mut state = self.state();
        let State { pages, hits, misses, .. } = *state;
        *state = State { left, due, pages, hits, misses, ..State::default() };
        self.watch(&state);
    }

    /// What was done for a request in an earlier life.
    pub(super) fn find(&self, slot: &SlotId, id: RequestId, now: impl FnOnce() -> Duration) -> Option<Outcome> {
        if !self.is_watched.load(Ordering::Acquire) {
            return None;
        }
        let mut state = self.state();
        let found = state.left.get(slot).filter(|done| done.id == id && now() < state.due);
        let outcome = found.map(|done| done.outcome);
        let counted = if outcome.is_some() { &mut state.hits } else { &mut state.misses };
        *counted += 1;
        outcome
    }

    /// A change that was just submitted wrote this slot. Called within the turn of its shard.
    pub(crate) fn written(&self, slot: SlotId) {
        // Who begins a page sets the flag before it reads the store, so one of both sees the other.
        if !self.is_watched.load(Ordering::Acquire) {
            return;
        }
        let mut state = self.state();
        state.left.remove(&slot);
        if let Some(rewritten) = &mut state.rewritten {
            rewritten.insert(slot);
        }
    }

    /// Begins a removal if one is due: what was loaded is forgotten, and all `shards` are looked through from now on.
    pub(super) fn begin_sweep(&self, now: Duration, shards: impl FnOnce() -> Vec<ShardId>) {
        let mut state = self.state();
        if now < state.due {
            return;
        }
        state.due = now.saturating_add(super::KEPT);
        state.left = HashMap::new();
        state.sweep = Sweep { shards: shards().into(), rest: None };
        self.watch(&state);
    }

    /// The next part of the store to look at, if any; slots written from now on are remembered.
    pub(super) fn begin_page(&self) -> Option<Page<'_>> {
        let mut state = self.state();
        let shard = *state.sweep.shards.front()?;
        if state.rewritten.is_some() {
            return None;
        }
        state.rewritten = Some(HashSet::new());
        state.pages += 1;
        self.watch(&state);
        let range = state.sweep.rest.clone().unwrap_or_else(|| keys::reply_range(shard));
        Some(Page { table: self, number: state.pages, shard, range })
    }

    fn watch(&self, state: &State) {
        self.is_watched.store(!state.left.is_empty() || state.rewritten.is_some(), Ordering::Release);
    }

    /// How it is doing: an entry is looked for only while there are some.
    pub(crate) fn figures(&self) -> CacheFigures {
        let state = self.state();
        CacheFigures {
            name: "replay",
            entries: state.left.len() as u64,
            entries_max: super::LOADED_MAX as u64,
            hits: state.hits,
            misses: state.misses,
            ..CacheFigures::default()
        }
    }

    #[cfg(test)]
    pub(super) fn entries(&self) -> usize {
        self.state().left.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Page<'_> {
    /// Whether a slot was written since the page was begun; also after a reload, when that is not known.
    pub(super) fn is_rewritten(&self, slot: &SlotId) -> bool {
        let state = self.table.state();
        state.pages != self.number || state.rewritten.as_ref().is_none_or(|rewritten| rewritten.contains(slot))
    }

    /// Goes on behind this page: with the rest of the range, or the next shard.
    pub(super) fn finish(self, rest: Option<KeyRange>) {
        let mut state = self.table.state();
        if state.pages != self.number || state.sweep.shards.front() != Some(&self.shard) {
            return;
        }
        if rest.is_none() {
            state.sweep.shards.pop_front();
        }
        state.sweep.rest = rest;
    }
}

impl Drop for Page<'_> {
    fn drop(&mut self) {
        let mut state = self.table.state();
        if state.pages == self.number {
            state.rewritten = None;
            self.table.watch(&state);
        }
    }
}
