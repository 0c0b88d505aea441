//! Requests that wait, and what their clients know of it.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use nfs_wire::nlm4::Nlm4Lock;
use tokio::sync::MutexGuard as TurnGuard;
use vfs::{ClientId, InodeId, LockKind, LockOwner, LockRange, OpContext, ZoneId};

use super::tally::{Limits, Tally};
use crate::callback::Line;

/// Which request it is. The range is told by its first and last byte: several lengths mean "to the end".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WaitKey {
    pub(crate) inode: InodeId,
    pub(crate) owner: LockOwner,
    first: u64,
    last: u64,
    is_exclusive: bool,
}

/// A request that waited, as its client sent it.
#[derive(Clone, Debug)]
pub(crate) struct Wait {
    /// Stands in the GRANTED call.
    pub(crate) cookie: u64,
    pub(crate) state: WaitState,
    pub(crate) line: Line,
    pub(crate) lock: Nlm4Lock,
    pub(crate) ctx: OpContext,
    /// Who tells its client.
    teller: Option<Waker>,
}

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitState {
    /// It waits, as far as the door knows.
    Waiting,
    /// It is granted, and its client is being told.
    Granted,
    /// Its client knows. Kept for a while: the client may take it back all the same.
    Settled,
}

/// All requests that wait, bounded for each client, for each zone and in all.
#[derive(Debug)]
pub(crate) struct Waits {
    table: Mutex<Table>,
    hasher: RandomState,
    /// What concerns one owner is done one after the other.
    turns: Box<[tokio::sync::Mutex<()>; TURNS]>,
}

#[derive(Debug)]
struct Table {
    entries: HashMap<WaitKey, Wait>,
    by_cookie: HashMap<u64, WaitKey>,
    /// Entries that are not settled.
    tally: Tally,
    open: usize,
    /// Oldest first.
    settled: VecDeque<u64>,
    cookies: u64,
}

impl WaitKey {
    pub(crate) fn new(inode: InodeId, owner: LockOwner, (range, kind): (LockRange, LockKind)) -> Self {
        let LockRange { offset: first, length } = range;
        let last = if length == 0 { u64::MAX } else { first.saturating_add(length - 1) };
        Self { inode, owner, first, last, is_exclusive: kind == LockKind::Exclusive }
    }

    pub(crate) fn kind(&self) -> LockKind {
        if self.is_exclusive { LockKind::Exclusive } else { LockKind::Shared }
    }

    pub(crate) fn range(&self) -> LockRange {
        let length = if self.last == u64::MAX { 0 } else { self.last - self.first + 1 };
        LockRange { offset: self.first, length }
    }

    fn client(&self) -> ClientId {
        match self.owner {
            LockOwner::Nlm { client, .. } => client,
            LockOwner::Open(_) => ClientId::default(),
        }
    }
}

impl Waits {
    pub(crate) fn new() -> Self {
        let turns = Box::new(std::array::from_fn(|_| tokio::sync::Mutex::default()));
        let table = Table {
            entries: HashMap::new(),
            by_cookie: HashMap::new(),
            tally: Tally::new(WAITS),
            open: 0,
            settled: VecDeque::new(),
            cookies: 0,
        };
        Self { table: Mutex::new(table), hasher: RandomState::new(), turns }
    }

    /// The right to do something for an owner.
    pub(crate) async fn turn(&self, owner: &LockOwner) -> TurnGuard<'_, ()> {
        let index = usize::try_from(self.hasher.hash_one(owner) % TURNS as u64).unwrap_or(0);
        let [first, ..] = &*self.turns;
        self.turns.get(index).unwrap_or(first).lock().await
    }

    /// Whether a request may wait: it does so already, or there is room.
    pub(crate) fn has_room(&self, key: &WaitKey, (zone, client): (ZoneId, IpAddr)) -> bool {
        let table = self.table();
        let is_open = table.entries.get(key).is_some_and(|wait| wait.state != WaitState::Settled);
        is_open || (table.open < WAITS_MAX && table.tally.has_room(zone, client))
    }

    /// Keeps a request that was queued. One that waits already keeps its cookie.
    pub(crate) fn insert(&self, key: &WaitKey, (line, lock, ctx): (Line, Nlm4Lock, OpContext)) {
        let mut table = self.table();
        let before = table.remove(key).filter(|wait| wait.state == WaitState::Waiting);
        let cookie = before.map_or_else(|| self.next_cookie(&mut table), |wait| wait.cookie);
        table.tally.add(ctx.zone, line.to);
        table.open += 1;
        table.by_cookie.insert(cookie, key.clone());
        let wait = Wait { cookie, state: WaitState::Waiting, line, lock, ctx, teller: None };
        table.entries.insert(key.clone(), wait);
    }

    /// The request, if it waits.
    pub(crate) fn waiting(&self, key: &WaitKey) -> Option<Wait> {
        self.table().entries.get(key).filter(|wait| wait.state == WaitState::Waiting).cloned()
    }

    /// The request, whatever its state.
    pub(crate) fn find(&self, key: &WaitKey) -> Option<Wait> {
        self.table().entries.get(key).cloned()
    }

    /// It is granted, and its client is to be told; `false` when it does not wait any more.
    pub(crate) fn grant(&self, key: &WaitKey, cookie: u64) -> bool {
        let mut table = self.table();
        let wait = table.entries.get_mut(key);
        let Some(wait) = wait.filter(|wait| wait.cookie == cookie && wait.state == WaitState::Waiting) else {
            return false;
        };
        wait.state = WaitState::Granted;
        true
    }

    /// Whether its client is still to be told.
    pub(crate) fn is_granted(&self, key: &WaitKey, cookie: u64) -> bool {
        let is_same = |wait: &Wait| wait.cookie == cookie && wait.state == WaitState::Granted;
        self.table().entries.get(key).is_some_and(is_same)
    }

    /// As [`Waits::is_granted`]; wakes when it is so no more.
    pub(crate) fn poll_granted(&self, key: &WaitKey, cookie: u64, cx: &Context<'_>) -> bool {
        let is_same = |wait: &&mut Wait| wait.cookie == cookie && wait.state == WaitState::Granted;
        let mut table = self.table();
        let Some(wait) = table.entries.get_mut(key).filter(is_same) else { return false };
        wait.teller = Some(cx.waker().clone());
        true
    }

    /// The request that a client answers with this cookie.
    pub(crate) fn by_cookie(&self, cookie: u64, client: IpAddr) -> Option<WaitKey> {
        let table = self.table();
        let key = table.by_cookie.get(&cookie)?;
        table.entries.get(key).filter(|wait| wait.line.to == client)?;
        Some(key.clone())
    }

    /// Its client knows that it holds the lock.
    pub(crate) fn settle(&self, key: &WaitKey) {
        let mut table = self.table();
        let Some(mut wait) = table.remove(key) else { return };
        wait.state = WaitState::Settled;
        table.settled.push_back(wait.cookie);
        table.by_cookie.insert(wait.cookie, key.clone());
        table.entries.insert(key.clone(), wait);
        while table.settled.len() > SETTLED_MAX {
            let oldest = table.settled.pop_front().and_then(|cookie| table.by_cookie.get(&cookie).cloned());
            if let Some(oldest) = oldest {
                table.remove(&oldest);
            }
        }
    }

    /// Forgets a request.
    pub(crate) fn remove(&self, key: &WaitKey) {
        self.table().remove(key);
    }

    /// Forgets all requests of a client.
    pub(crate) fn remove_client(&self, client: ClientId) {
        let mut table = self.table();
        let of_client: Vec<_> = table.entries.keys().filter(|key| key.client() == client).cloned().collect();
        for key in of_client {
            table.remove(&key);
        }
    }

    /// All that wait in a zone.
    pub(crate) fn all_waiting(&self, zone: ZoneId) -> Vec<WaitKey> {
        let table = self.table();
        let is_waiting = |wait: &Wait| wait.state == WaitState::Waiting && wait.ctx.zone == zone;
        let waiting = table.entries.iter().filter(|(_, wait)| is_waiting(wait));
        waiting.map(|(key, _)| key.clone()).collect()
    }

    fn next_cookie(&self, table: &mut Table) -> u64 {
        table.cookies += 1;
        self.hasher.hash_one(table.cookies)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn remove(&mut self, key: &WaitKey) -> Option<Wait> {
        let mut wait = self.entries.remove(key)?;
        self.by_cookie.remove(&wait.cookie);
        if let Some(teller) = wait.teller.take() {
            teller.wake();
        }
        if wait.state == WaitState::Settled {
            self.settled.retain(|cookie| *cookie != wait.cookie);
            return Some(wait);
        }
        self.open = self.open.saturating_sub(1);
        self.tally.subtract(wait.ctx.zone, wait.line.to);
        Some(wait)
    }
}

/// Requests that wait, and those whose clients are being told.
const WAITS_MAX: usize = 16_384;
/// Of them of one client and of one zone.
const WAITS: Limits = Limits { per_client: 1024, per_zone: WAITS_MAX / 2 };
/// Requests kept after their clients were told; the oldest goes first.
const SETTLED_MAX: usize = 1024;
const TURNS: usize = 256;
