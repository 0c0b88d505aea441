//! Reading what will be asked for next of a file that is read in order.
//!
//! Nobody drives such a read: it is handed to the device when it begins, and the READ that wants its blocks takes what has
//! arrived. It is known by where its blocks lie, which never change there; so it is never stale, whatever becomes of the
//! file, and needs no guard of the read gate: of blocks that were freed meanwhile nobody asks any more.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chunk::Placement;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, join_all};
use pages::{BLOCK_SIZE, Budget, Payload, Reservation};
use smallvec::SmallVec;
use vfs::{InodeId, ReadAheadFigures};

use super::fetch::{Run, is_scattered, pieces_of, runs_of};
use super::span::{Place, Span, Spans, Stored, Unknown};
use super::stream::Streams;
use super::{BLOCK_BYTES, FileState, REGION_BLOCKS};
use crate::Filesystem;
use crate::cache::Seen;

/// What is being read ahead of all files.
#[derive(Debug)]
pub(crate) struct ReadAhead {
    budget: Budget,
    /// Oldest first.
    begun: Mutex<Begun>,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Begun {
    /// How often something was to be begun.
    attempts: u64,
    flights: VecDeque<(InodeId, u64)>,
}

#[derive(Debug, Default)]
struct Counters {
    bytes: AtomicU64,
    dropped_bytes: AtomicU64,
    given_up: AtomicU64,
}

/// What is being read ahead of one file, and in which places it is read in order.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    pub(super) streams: Streams,
    flights: Vec<Arc<Flight>>,
}

/// Blocks on their way from the store, in one run or, of a scattered file, in many.
pub(super) struct Flight {
    /// Which attempt it was.
    number: u64,
    /// The first block of the file in it.
    first: u64,
    /// In the order of the store.
    legs: Vec<Leg>,
    blocks: u64,
    /// What was read of each; nothing of those that could not be.
    read: Shared<BoxFuture<'static, Arc<[Payload]>>>,
    is_taken: AtomicBool,
    counters: Arc<Counters>,
    _room: Reservation,
}

pub(super) type Flights = SmallVec<[Arc<Flight>; 2]>;

/// A run of a flight, and what it consists of.
#[derive(Debug)]
struct Leg {
    run: Run,
    spans: SmallVec<[(Stored, u32); 1]>,
}

impl ReadAhead {
    /// Of a file system that caches so many bytes of blocks.
    pub(super) fn new(cache_bytes: u64) -> Self {
        let bytes_max = usize::try_from(cache_bytes / 4).unwrap_or(usize::MAX).min(BYTES_MAX);
        Self { budget: Budget::new(bytes_max), begun: Mutex::default(), counters: Arc::default() }
    }

    /// Most blocks that are read ahead of one stream.
    pub(super) fn window_max(&self) -> u64 {
        (self.budget.bytes_max() / WINDOW_SHARE).min(WINDOW_BYTES_MAX) as u64 / BLOCK_BYTES
    }

    /// How it is doing.
    pub(crate) fn figures(&self) -> ReadAheadFigures {
        ReadAheadFigures {
            bytes: self.counters.bytes.load(Ordering::Relaxed),
            dropped_bytes: self.counters.dropped_bytes.load(Ordering::Relaxed),
            given_up: self.counters.given_up.load(Ordering::Relaxed),
            held_bytes: self.budget.used_bytes() as u64,
        }
    }

    /// The number of an attempt.
    fn attempt(&self) -> u64 {
        let mut begun = self.begun();
        begun.attempts += 1;
        begun.attempts
    }

    fn note(&self, inode: InodeId, number: u64) {
        self.begun().flights.push_back((inode, number));
    }

    /// Whether as many as may be are remembered, taken ones included.
    fn is_crowded(&self) -> bool {
        self.begun().flights.len() >= FLIGHTS_MAX
    }

    /// The oldest, if it is so old that nobody seems to want it; in any case when too many are remembered.
    fn next_stale(&self) -> Option<(InodeId, u64)> {
        let mut begun = self.begun();
        let attempts = begun.attempts;
        let is_crowded = begun.flights.len() >= FLIGHTS_MAX;
        begun.flights.pop_front_if(|(_, number)| is_crowded || attempts - *number > AGE_MAX)
    }

    fn begun(&self) -> MutexGuard<'_, Begun> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ahead {
    /// The flights with blocks that these spans lack.
    pub(super) fn flights_for(&self, spans: &Spans) -> Flights {
        let lacks = |flight: &&Arc<Flight>| spans.stored().any(|stored| flight.has(stored.placement));
        self.flights.iter().filter(lacks).cloned().collect()
    }

    /// Forgets the flights within blocks of the file that nobody will ask for in order.
    pub(super) fn give_up(&mut self, blocks: &Range<u64>) {
        self.flights.retain(|flight| !blocks.contains(&flight.first));
    }

    fn has(&self, number: u64) -> bool {
        self.flights.iter().any(|flight| flight.number == number)
    }

    fn remove(&mut self, number: u64) {
        self.flights.retain(|flight| flight.number != number);
    }
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Begins to read blocks of a file that are in no cache. Waits for records only.
    pub(super) async fn read_ahead(&self, (inode, file): (InodeId, &FileState), blocks: Range<u64>) {
        for _ in 0..REGION_LOADS_MAX {
            let Some(record) = self.records.inodes.get(&inode).and_then(|slot| slot.value) else { return };
            let end = blocks.end.min(record.size.div_ceil(BLOCK_BYTES)).max(blocks.start);
            match self.spans_of((inode, &record), blocks.start..end, &mut Seen::default()) {
                Ok(spans) => return self.begin_flights((inode, file), &spans),
                Err(Unknown::Foreign) => return,
                Err(Unknown::Region(key)) => {
                    if self.load_regions(key, REGIONS_AT_ONCE).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn begin_flights(&self, (inode, file): (InodeId, &FileState), spans: &Spans) {
        let legs = legs_of(spans);
        if legs.is_empty() {
            file.data().ahead.streams.is_warm(spans.first);
        }
        if is_scattered(spans) {
            let blocks = spans.range();
            let regions = blocks.start / REGION_BLOCKS..blocks.end.div_ceil(REGION_BLOCKS);
            regions.for_each(|index| self.data.scattered.add(inode, index * REGION_BLOCKS));
        }
        let room = FLIGHTS_PER_FILE_MAX.saturating_sub(file.data().ahead.flights.len());
        for legs in flights_of(legs).into_iter().take(room) {
            if !self.begin_flight((inode, file), legs) {
                self.data.ahead.counters.given_up.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
    }

    /// Hands reads to the device; `false` when there is no room for them.
    fn begin_flight(&self, (inode, file): (InodeId, &FileState), legs: Vec<Leg>) -> bool {
        let ahead = &self.data.ahead;
        let blocks = legs.iter().map(|leg| u64::from(leg.run.blocks)).sum::<u64>();
        let (number, bytes) = (ahead.attempt(), usize::try_from(blocks * BLOCK_BYTES).unwrap_or(usize::MAX));
        let Some(room) = self.room_ahead(bytes) else { return false };
        let reads = legs.iter().map(|leg| read_leg(Arc::clone(&self.data.chunks), (leg.run.placement, leg.run.blocks)));
        let read = join_all(reads.collect::<Vec<_>>()).map(Arc::from).boxed().shared();
        // Begins it. Nobody waits yet, but the device answers all the same.
        drop(read.clone().now_or_never());
        ahead.counters.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let (is_taken, counters) = (AtomicBool::new(false), Arc::clone(&ahead.counters));
        let first = legs.iter().flat_map(|leg| &leg.run.spans).map(|(_, block)| *block).min().unwrap_or(0);
        let flight = Flight { number, first, legs, blocks, read, is_taken, counters, _room: room };
        ahead.note(inode, number);
        file.data().ahead.flights.push(Arc::new(flight));
        true
    }

    /// Room for a flight; those that nobody seems to want make it.
    fn room_ahead(&self, bytes: usize) -> Option<Reservation> {
        let ahead = &self.data.ahead;
        loop {
            let room = ahead.budget.reserve(bytes);
            if room.is_some() && !ahead.is_crowded() {
                return room;
            }
            let Some((owner, stale)) = ahead.next_stale() else { return room };
            if let Some(file) = self.files.peek(owner) {
                file.data().ahead.remove(stale);
            }
        }
    }

    pub(super) async fn take_flights(&self, file: &FileState, flights: Flights) {
        for flight in flights {
            self.take_flight(file, flight).await;
        }
    }

    /// Waits for a flight and brings what it read into the cache. What is damaged is left out: whoever wants it reads it
    /// himself, and tells.
    async fn take_flight(&self, file: &FileState, flight: Arc<Flight>) {
        let read = flight.read.clone().await;
        if !file.data().ahead.has(flight.number) {
            return;
        }
        flight.is_taken.store(true, Ordering::Relaxed);
        for (leg, payload) in flight.legs.iter().zip(read.iter()) {
            if leg.is_right(payload) {
                self.keep_read(&leg.run, payload);
            }
        }
        // Last: who comes meanwhile waits for the same.
        file.data().ahead.remove(flight.number);
    }
}

async fn read_leg<C: chunk::Store>(chunks: Arc<C>, (placement, blocks): (Placement, u32)) -> Payload {
    let payload = chunks.read(placement, blocks).await.ok();
    payload.filter(|payload| payload.len() == blocks as usize * BLOCK_SIZE).unwrap_or_default()
}

fn legs_of(spans: &Spans) -> Vec<Leg> {
    let stored = |index: usize| match spans.list.get(index) {
        Some(Span { blocks, place: Place::Stored(stored) }) => Some((stored.clone(), *blocks)),
        _ => None,
    };
    let leg = |run: Run| Leg { spans: run.spans.iter().filter_map(|(index, _)| stored(*index)).collect(), run };
    runs_of(spans).into_iter().map(leg).collect()
}

/// Shares legs out over flights of at most [`FLIGHT_BLOCKS_MAX`] blocks.
fn flights_of(legs: Vec<Leg>) -> Vec<Vec<Leg>> {
    let mut flights: Vec<Vec<Leg>> = Vec::new();
    let mut blocks = FLIGHT_BLOCKS_MAX;
    for leg in legs {
        blocks += leg.run.blocks;
        match flights.last_mut().filter(|_| blocks <= FLIGHT_BLOCKS_MAX) {
            Some(flight) => flight.push(leg),
            None => {
                blocks = leg.run.blocks;
                flights.push(vec![leg]);
            }
        }
    }
    flights
}

impl Leg {
    /// Whether all that was read is what the records say.
    fn is_right(&self, payload: &Payload) -> bool {
        let mut at = 0;
        self.spans.iter().all(|(stored, blocks)| {
            let own = payload.slice(at, *blocks as usize * BLOCK_SIZE);
            at += own.len();
            pieces_of(stored, *blocks, &own).all(|piece| piece.damaged.is_none())
        })
    }
}

impl Flight {
    /// Whether it has the block that lies there.
    fn has(&self, placement: Placement) -> bool {
        let behind = self.legs.partition_point(|leg| leg.run.placement.to_raw() <= placement.to_raw());
        behind.checked_sub(1).and_then(|at| self.legs.get(at)).is_some_and(|leg| leg.run.has(placement))
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if !self.is_taken.load(Ordering::Relaxed) {
            self.counters.dropped_bytes.fetch_add(self.blocks * BLOCK_BYTES, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Flight {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Flight").field("number", &self.number).field("legs", &self.legs).finish_non_exhaustive()
    }
}

/// Most bytes read ahead of all files, taken ones not counted.
const BYTES_MAX: usize = 64 << 20;
/// One stream may have so many bytes ahead, or this part of all there may be.
const WINDOW_BYTES_MAX: usize = 16 << 20;
const WINDOW_SHARE: usize = 4;
/// A flight that was not taken while so many others were to begin is dropped when there is no room.
const AGE_MAX: u64 = 256;
/// Flights that are remembered at once.
const FLIGHTS_MAX: usize = 4096;
/// Of them in one file.
const FLIGHTS_PER_FILE_MAX: usize = 128;
/// Blocks of one flight: 1 MiB.
const FLIGHT_BLOCKS_MAX: u32 = 256;
/// Region records loaded at once.
const REGIONS_AT_ONCE: u64 = 32;
/// Times that one read-ahead loads records.
const REGION_LOADS_MAX: usize = 4;
