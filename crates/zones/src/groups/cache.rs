//! What a provider said, for a while: one question per user, however many wait for the answer.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Shared, WeakShared};
use vfs::Clock;

use super::{GroupProvider, Lookup, ProviderError};

/// How long answers hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetimes {
    /// The groups of a user.
    pub(crate) known: Duration,
    /// That there is no such user.
    pub(crate) unknown: Duration,
}

/// The groups of a user, and until when that holds (monotonic time).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// `None`: there is no such user.
    pub(crate) groups: Option<Arc<[u32]>>,
    pub(crate) until: Duration,
}

/// The answers of one provider.
#[derive(Debug)]
pub(crate) struct GroupCache {
    provider: Arc<dyn GroupProvider>,
    lifetimes: Lifetimes,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    known: HashMap<u32, Entry>,
    /// Entries from the oldest; one whose number is not that of its user's entry was replaced.
    order: VecDeque<(u64, u32)>,
    numbers: u64,
    /// Groups in all entries.
    groups_held: usize,
    /// Questions that somebody waits for.
    asked: HashMap<u32, WeakShared<Lookup>>,
}

#[derive(Debug)]
struct Entry {
    found: Found,
    number: u64,
}

enum Step {
    Known(Found),
    Wait(Shared<Lookup>),
}

impl GroupCache {
    pub(crate) fn new(provider: Arc<dyn GroupProvider>, lifetimes: Lifetimes) -> Self {
        Self { provider, lifetimes, state: Mutex::default() }
    }

    /// The groups of a user: from the cache, else from the provider. Where the provider cannot be asked, an answer that
    /// has expired holds a little longer.
    ///
    /// Errors: the provider could not be asked, and never answered before; more than [`ASKED_MAX`] users are asked for.
    pub(crate) async fn find(&self, uid: u32, clock: &dyn Clock) -> Result<Found, ProviderError> {
        let step = self.begin(uid, clock.monotonic())?;
        match step {
            Step::Known(found) => Ok(found),
            Step::Wait(question) => {
                let answer = question.await;
                self.end(uid, answer, clock.monotonic())
            }
        }
    }

    fn begin(&self, uid: u32, now: Duration) -> Result<Step, ProviderError> {
        let mut state = self.state();
        if let Some(found) = state.fresh(uid, now) {
            return Ok(Step::Known(found));
        }
        if let Some(question) = state.asked.get(&uid).and_then(WeakShared::upgrade) {
            return Ok(Step::Wait(question));
        }
        if state.asked.len() >= ASKED_MAX {
            // Those that nobody waits for any more.
            state.asked.retain(|_, question| question.upgrade().is_some());
        }
        if state.asked.len() >= ASKED_MAX {
            return Err(ProviderError("too many questions at once".into()));
        }
        let question = self.provider.groups_of(uid).shared();
        if let Some(weak) = question.downgrade() {
            state.asked.insert(uid, weak);
        }
        Ok(Step::Wait(question))
    }

    /// Keeps an answer. All who waited for it come here; the first one's time counts.
    fn end(
        &self,
        uid: u32,
        answer: Result<Option<Arc<[u32]>>, ProviderError>,
        now: Duration,
    ) -> Result<Found, ProviderError> {
        let mut state = self.state();
        if let Some(found) = state.fresh(uid, now) {
            return Ok(found);
        }
        state.asked.remove(&uid);
        let found = match answer {
            Ok(groups) => {
                let lifetime = if groups.is_some() { self.lifetimes.known } else { self.lifetimes.unknown };
                Found { groups, until: now.saturating_add(lifetime) }
            }
            Err(error) => {
                let stale = state.known.get(&uid).map(|entry| entry.found.groups.clone()).ok_or(error)?;
                Found { groups: stale, until: now.saturating_add(self.lifetimes.unknown) }
            }
        };
        state.keep(uid, found.clone());
        Ok(found)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn fresh(&self, uid: u32, now: Duration) -> Option<Found> {
        self.known.get(&uid).filter(|entry| now < entry.found.until).map(|entry| entry.found.clone())
    }

    fn keep(&mut self, uid: u32, found: Found) {
        self.numbers += 1;
        let number = self.numbers;
        self.groups_held += weight(&found);
        if let Some(replaced) = self.known.insert(uid, Entry { found, number }) {
            self.groups_held -= weight(&replaced.found);
        }
        self.order.push_back((number, uid));
        while self.is_full() {
            let Some((number, uid)) = self.order.pop_front() else { break };
            let is_current = self.known.get(&uid).is_some_and(|entry| entry.number == number);
            let forgotten = if is_current { self.known.remove(&uid) } else { None };
            self.groups_held -= forgotten.map_or(0, |entry| weight(&entry.found));
        }
    }

    /// The order holds replaced entries too, so its length is what counts; the newest entry always stays.
    fn is_full(&self) -> bool {
        self.order.len() > 1 && (self.order.len() > USERS_MAX || self.groups_held > GROUPS_HELD_MAX)
    }
}

fn weight(found: &Found) -> usize {
    found.groups.as_ref().map_or(0, |groups| groups.len())
}

/// Users of one zone in its cache; the oldest goes first.
pub(super) const USERS_MAX: usize = 65_536;
/// Groups of all of them together: 16 MiB.
pub(super) const GROUPS_HELD_MAX: usize = 4 << 20;
/// Users asked for at once.
pub(super) const ASKED_MAX: usize = 4096;
