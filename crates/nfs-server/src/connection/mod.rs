//! One connection: bytes in, calls begun, replies out, all on one thread and without a task per call.
//!
//! A turn takes the complete records that were received (up to the turn's cap), polls each call once in place, gathers
//! the ready replies into one vectored write, and keeps calls that wait in a set of its own. Clients take their turns
//! fairly (`fair`). Reading stops while too many calls or bytes are in flight, so that a client which does not read its
//! replies is pushed back by TCP. When the connections of its client, of its zone, or all of them hold too much, those
//! that hold anything stop reading; one that holds nothing may still do one call at a time, so that nobody is shut out
//! by others. A client that goes does not undo its calls: what was begun is finished.
//!
//! A connection at rest keeps no buffers and no places for calls.

mod fair;
mod held;
mod input;
mod output;
mod slot;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::FuturesUnordered;
use nfs_wire::rpc::{RecordError, RecordLimits};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use self::fair::{Allowance, Turns};
pub(crate) use self::fair::{Threads, Who};
pub(crate) use self::held::HeldBytes;
use self::held::Share;
use self::input::Input;
use self::output::Output;
use self::slot::{Finished, Slot, Waiting, poll_slot};
use crate::admission::Place;
use crate::reply::Outcome;
use crate::settings::ConnectionSettings;

/// Why a connection ended.
#[derive(Debug, Error)]
pub(crate) enum Ended {
    /// The client closed it.
    #[error("closed by the client")]
    Closed,
    /// The stream broke.
    #[error("broken: {0}")]
    Broken(io::Error),
    /// The client's records cannot be read on.
    #[error("unreadable: {0}")]
    Unreadable(RecordError),
    /// A record held something that is no call, or the zone is gone.
    #[error("a record is no call, or the zone is gone")]
    Distrusted,
    /// No call for too long.
    #[error("idle")]
    Idle,
    /// A record did not become complete in time.
    #[error("a record did not become complete in time")]
    SlowRecord,
    /// The client did not take its replies in time.
    #[error("the client does not read")]
    SlowReader,
    /// The house stops.
    #[error("the house stops")]
    Stopped,
    /// It was idle and made room for another of its client.
    #[error("made room for a new connection of the client")]
    Displaced,
}

/// How the calls of a connection are done.
#[derive(Clone, Copy)]
pub(crate) struct Calls<'a, B> {
    /// Begins the call in a record.
    pub(crate) begin: B,
    /// Bytes that the reply to a record may take beyond a small one: they count as in flight from the start.
    pub(crate) reply_bytes_max: fn(&Bytes) -> usize,
    /// Where it stands among all connections.
    pub(crate) place: &'a Place,
}

/// A connection being served; resolves when it has ended.
pub(crate) struct Connection<'a, S, B, F> {
    stream: S,
    calls: Calls<'a, B>,
    settings: &'a ConnectionSettings,
    stop: Pin<Box<dyn Future<Output = ()> + Send + 'a>>,
    tick: Interval,
    input: Input,
    waiting: FuturesUnordered<Waiting<F>>,
    spare: Vec<Slot<F>>,
    bytes_in_flight: usize,
    share: Share<'a>,
    turns: Turns,
    output: Output,
    times: Times,
    ending: Option<(Ended, Instant)>,
}

/// When something last moved.
struct Times {
    now: Instant,
    /// It was opened, and no call has begun.
    opened: Option<Instant>,
    /// The last call began or ended.
    call: Instant,
    /// The record in the making began.
    record: Option<Instant>,
    /// The client last took bytes of a reply, or there was none to take.
    write: Instant,
}

/// What was done in one turn, and how much may be.
struct Turn {
    calls: usize,
    calls_max: usize,
    bytes: usize,
    bytes_max: usize,
    /// It ends soon after this moment.
    until: Option<Instant>,
}

/// How a turn came to its end.
enum TurnEnd {
    /// With the connection.
    Ended(Ended),
    /// There may be more to do at once.
    More,
    /// Nothing can be done until the client, or a call that waits, wakes the task.
    Rest,
}

impl<'a, S, B, F> Connection<'a, S, B, F>
where
    S: AsyncRead + AsyncWrite + Unpin,
    B: Fn(Bytes) -> F,
    F: Future<Output = Outcome>,
{
    /// A connection that has just been accepted. `stop` resolves when the house stops. Needs the time driver of the
    /// runtime.
    pub(crate) fn new(
        stream: S,
        calls: Calls<'a, B>,
        settings: &'a ConnectionSettings,
        stop: impl Future<Output = ()> + Send + 'a,
    ) -> Self {
        let (now, share) = (Instant::now(), Share::new(calls.place.held()));
        let turns = calls.place.threads().join(calls.place.who());
        let shortest = settings.write_timeout.min(settings.record_timeout).min(settings.idle_timeout);
        let shortest = shortest.min(settings.first_call_timeout);
        let mut tick = tokio::time::interval((shortest / 4).max(TICK_MIN));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let limits =
            RecordLimits { record_max_bytes: settings.record_bytes_max, fragments_max: settings.fragments_max };
        let input = Input::new(limits, calls.place.pool().clone());
        Self {
            stream,
            calls,
            settings,
            stop: Box::pin(stop),
            tick,
            input,
            waiting: FuturesUnordered::new(),
            spare: Vec::new(),
            bytes_in_flight: 0,
            share,
            turns,
            output: Output::default(),
            times: Times { now, opened: Some(now), call: now, record: None, write: now },
            ending: None,
        }
    }

    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        if let Some(ended) = self.overdue() {
            return Poll::Ready(ended);
        }
        let Some(allowance) = self.turns.begin(cx) else { return Poll::Pending };
        self.times.now = Instant::now();
        let mut turn = Turn::new(allowance, self.settings.calls_per_turn_max, self.times.now);
        let end = self.take_turn(cx, &mut turn);
        self.turns.end(turn.cost_ns(self.times.now), matches!(end, TurnEnd::More), cx);
        match end {
            TurnEnd::Ended(ended) => Poll::Ready(ended),
            TurnEnd::More => {
                self.calls.place.set_idle(None);
                Poll::Pending
            }
            TurnEnd::Rest => {
                self.calls.place.set_idle(self.is_idle().then_some(self.times.call));
                Poll::Pending
            }
        }
    }

    fn take_turn(&mut self, cx: &mut Context<'_>, turn: &mut Turn) -> TurnEnd {
        loop {
            let mut moved = self.collect(cx, turn);
            moved |= self.begin_calls(cx, turn);
            moved |= self.write(cx, turn);
            self.count();
            if let Some(ended) = self.ended() {
                return TurnEnd::Ended(ended);
            }
            if turn.is_over() {
                return TurnEnd::More;
            }
            moved |= self.receive(cx, turn);
            if !moved {
                return TurnEnd::Rest;
            }
        }
    }

    /// Takes the replies of calls that were waiting, as far as there is room for them; the rest are taken when the
    /// client has read.
    fn collect(&mut self, cx: &mut Context<'_>, turn: &mut Turn) -> bool {
        let mut moved = false;
        while self.output.len() < self.settings.bytes_in_flight_max
            && !turn.is_over()
            && let Poll::Ready(Some(finished)) = Pin::new(&mut self.waiting).poll_next(cx)
        {
            let Finished { output, slot, cost_bytes } = finished;
            self.bytes_in_flight = self.bytes_in_flight.saturating_sub(cost_bytes);
            self.keep(slot);
            self.answer(output);
            turn.calls += 1;
            moved = true;
        }
        moved
    }

    /// Begins the calls of complete records, up to the caps.
    fn begin_calls(&mut self, cx: &mut Context<'_>, turn: &mut Turn) -> bool {
        let before = turn.calls;
        while !turn.is_over() && self.has_room() {
            match self.input.next_record(!self.share.is_full()) {
                Ok(Some(record)) => {
                    turn.calls += 1;
                    self.begin(record, cx);
                }
                Ok(None) => break,
                Err(error) => {
                    self.end(Ended::Unreadable(error), self.settings.abandoned_timeout);
                    break;
                }
            }
        }
        self.times.record =
            if self.input.is_between_records() { None } else { self.times.record.or(Some(self.times.now)) };
        if turn.calls > before {
            self.times.opened = None;
            self.times.call = self.times.now;
            self.times.record = self.times.record.map(|_| self.times.now);
        }
        turn.calls > before
    }

    fn begin(&mut self, record: Bytes, cx: &mut Context<'_>) {
        let cost_bytes = record.len() + (self.calls.reply_bytes_max)(&record);
        let mut slot = self.spare.pop().unwrap_or_else(|| Box::pin(None));
        slot.as_mut().set(Some((self.calls.begin)(record)));
        match poll_slot(&mut slot, cx) {
            Poll::Ready(outcome) => {
                self.keep(slot);
                self.answer(outcome);
            }
            Poll::Pending => {
                self.bytes_in_flight += cost_bytes;
                self.waiting.push(Waiting::new(slot, cost_bytes));
            }
        }
        self.count();
    }

    /// Tells the others what this connection holds.
    fn count(&mut self) {
        self.share.set(self.bytes_in_flight.saturating_add(self.output.len()).saturating_add(self.input.len()));
    }

    fn keep(&mut self, slot: Slot<F>) {
        if self.spare.len() < SPARE_SLOTS_MAX {
            self.spare.push(slot);
        }
    }

    fn answer(&mut self, outcome: Outcome) {
        self.times.call = self.times.now;
        match outcome {
            Outcome::Reply(reply) if self.is_heard() => {
                if self.output.is_empty() {
                    self.times.write = self.times.now;
                }
                self.output.push(&reply);
            }
            Outcome::Reply(_) | Outcome::Silence => {}
            Outcome::Close => self.end(Ended::Distrusted, self.settings.abandoned_timeout),
        }
    }

    fn write(&mut self, cx: &mut Context<'_>, turn: &mut Turn) -> bool {
        let mut moved = false;
        while !self.output.is_empty() && turn.bytes < turn.bytes_max {
            match self.output.poll_write(&mut self.stream, turn.bytes_max - turn.bytes, cx) {
                Poll::Ready(Ok(count)) => {
                    turn.bytes += count;
                    self.times.write = self.times.now;
                    moved = true;
                }
                Poll::Ready(Err(error)) => {
                    self.output.clear();
                    self.end(Ended::Broken(error), self.settings.abandoned_timeout);
                    // Replies that waited for room are taken now.
                    moved = true;
                }
                Poll::Pending => break,
            }
        }
        moved
    }

    /// Receives once, when there is room for what may come.
    fn receive(&mut self, cx: &mut Context<'_>, turn: &mut Turn) -> bool {
        if !self.has_room() {
            return false;
        }
        if self.input.is_large_complete() {
            // There was no room for it when calls were begun, but there is now.
            return true;
        }
        match self.input.poll_receive(&mut self.stream, cx) {
            Poll::Pending => return false,
            Poll::Ready(Ok(0)) => self.end(Ended::Closed, self.settings.abandoned_timeout),
            Poll::Ready(Ok(count)) => turn.bytes += count,
            Poll::Ready(Err(error)) => {
                self.output.clear();
                self.end(Ended::Broken(error), self.settings.abandoned_timeout);
            }
        }
        true
    }

    /// Whether another call may begin.
    fn has_room(&self) -> bool {
        self.ending.is_none()
            && self.waiting.len() < self.settings.calls_in_flight_max
            && self.bytes_in_flight.saturating_add(self.output.len()) < self.settings.bytes_in_flight_max
            && (!self.share.is_full() || (self.waiting.is_empty() && self.output.is_empty()))
    }

    /// Whether the client still takes replies.
    fn is_heard(&self) -> bool {
        !matches!(self.ending, Some((Ended::Broken(_) | Ended::SlowReader, _)))
    }

    /// Takes no more calls; what was begun may take `patience` to be finished. The first reason stays, except that a
    /// stream which breaks meanwhile is not written to any more.
    fn end(&mut self, reason: Ended, patience: Duration) {
        match &mut self.ending {
            None => {
                let deadline = self.times.now + patience;
                self.tick.reset_at(deadline);
                self.ending = Some((reason, deadline));
            }
            Some((ended, _)) if matches!(reason, Ended::Broken(_) | Ended::SlowReader) => *ended = reason,
            Some(_) => {}
        }
    }

    fn ended(&mut self) -> Option<Ended> {
        let (_, deadline) = self.ending.as_ref()?;
        let is_finished = self.waiting.is_empty() && self.output.is_empty();
        let is_over = is_finished || self.times.now >= *deadline;
        if is_over { self.ending.take().map(|(ended, _)| ended) } else { None }
    }

    /// Whether there is nothing to do for the client, and nothing of a call has come.
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.output.is_empty() && self.times.record.is_none()
    }

    /// The end, when the time is over in which calls begun could be finished; it does not wait for a turn.
    fn overdue(&mut self) -> Option<Ended> {
        let (_, deadline) = self.ending.as_ref()?;
        self.times.now = Instant::now();
        if self.times.now >= *deadline { self.ended() } else { None }
    }

    /// Gives back what only a busy connection needs.
    fn slim(&mut self) {
        self.input.slim();
        self.spare = Vec::new();
        self.output = Output::default();
    }

    /// Ends what took too long.
    fn check_times(&mut self) {
        self.times.now = Instant::now();
        if self.turns.is_waiting() {
            // It is not the client that is slow.
            return;
        }
        if !self.has_room() {
            // It is not the client that is slow.
            self.times.record = self.times.record.map(|_| self.times.now);
        }
        let since = |then: Instant| self.times.now.saturating_duration_since(then);
        if self.is_idle() && since(self.times.call) >= REST_AFTER {
            self.slim();
        }
        let since = |then: Instant| self.times.now.saturating_duration_since(then);
        let is_quiet = self.waiting.is_empty() && self.output.is_empty();
        let is_slow_record = self.times.record.is_some_and(|at| since(at) >= self.settings.record_timeout);
        let is_slow_start = self.times.opened.is_some_and(|at| since(at) >= self.settings.first_call_timeout);
        if !self.output.is_empty() && since(self.times.write) >= self.settings.write_timeout {
            self.output.clear();
            self.end(Ended::SlowReader, self.settings.abandoned_timeout);
        } else if is_slow_record || is_slow_start {
            self.end(Ended::SlowRecord, self.settings.abandoned_timeout);
        } else if is_quiet && since(self.times.call) >= self.settings.idle_timeout {
            self.end(Ended::Idle, self.settings.stop_timeout);
        }
    }
}

impl<S, B, F> Future for Connection<'_, S, B, F>
where
    S: AsyncRead + AsyncWrite + Unpin,
    B: Fn(Bytes) -> F + Unpin,
    F: Future<Output = Outcome>,
{
    type Output = Ended;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        let this = self.get_mut();
        while this.tick.poll_tick(cx).is_ready() {
            this.check_times();
        }
        if this.stop.as_mut().poll(cx).is_ready() {
            let is_displaced = this.calls.place.seat().is_asked_to_leave();
            let deadline = Instant::now() + this.settings.stop_timeout;
            this.tick.reset_at(deadline);
            this.ending = Some((if is_displaced { Ended::Displaced } else { Ended::Stopped }, deadline));
            // A future that has resolved is not polled again.
            this.stop = Box::pin(std::future::pending());
        }
        this.poll_turn(cx)
    }
}

impl Turn {
    fn new(allowance: Allowance, calls_max: usize, now: Instant) -> Self {
        let (calls_max, bytes_max, until) = if allowance.is_short {
            ((calls_max / 4).max(1), SHORT_TURN_BYTES_MAX, Some(now + SHORT_TURN_TIME))
        } else {
            (calls_max, TURN_BYTES_MAX, None)
        };
        Self { calls: 0, calls_max, bytes: 0, bytes_max, until }
    }

    fn is_over(&self) -> bool {
        self.calls >= self.calls_max
            || self.bytes >= self.bytes_max
            || (self.calls + self.bytes > 0 && self.until.is_some_and(|until| Instant::now() >= until))
    }

    /// The time it took, but no more than its work can have taken: what other processes did meanwhile is not counted.
    fn cost_ns(&self, began: Instant) -> u64 {
        let took_ns = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let possible_ns = TURN_COST_NS_MAX
            .saturating_add(CALL_COST_NS_MAX.saturating_mul(self.calls as u64))
            .saturating_add(self.bytes as u64);
        took_ns.min(possible_ns)
    }
}

/// After this time without calls a connection gives its buffers back.
const REST_AFTER: Duration = Duration::from_secs(1);
/// Bytes received and sent in one turn of a client that is alone.
const TURN_BYTES_MAX: usize = 2 << 20;
/// The same when others want their turn.
const SHORT_TURN_BYTES_MAX: usize = 128 << 10;
/// Then a turn begins nothing more after this time.
const SHORT_TURN_TIME: Duration = Duration::from_micros(16);
/// Most that a turn without calls is taken to cost, and what each call and byte (1 ns) adds.
const TURN_COST_NS_MAX: u64 = 50_000;
const CALL_COST_NS_MAX: u64 = 100_000;
/// Slots kept for later calls.
const SPARE_SLOTS_MAX: usize = 16;
const TICK_MIN: Duration = Duration::from_millis(10);
