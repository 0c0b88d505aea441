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

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::FuturesUnordered;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use crate::{Allowance, ConnectionSettings, Finished, Output, Place, Share, Slot, Turns, Waiting, poll_slot};

/// What a connection speaks: how its stream is cut into records, what a record begins, and how an answer is written. A
/// value of its own for each connection.
pub trait Protocol {
    /// A complete unit of the stream.
    type Record;
    /// What a record begins. It may borrow nothing of the protocol: others begin meanwhile.
    type Call: Future<Output = Self::Done>;
    /// What a call came to.
    type Done;
    /// Why the stream cannot be read on.
    type Error: fmt::Debug + fmt::Display;

    /// Bytes that were received and are no record yet.
    fn held_bytes(&self) -> usize;

    /// Whether nothing of a record has come.
    fn is_between_records(&self) -> bool;

    /// Whether a record must be taken before more is received.
    fn is_record_due(&self) -> bool {
        false
    }

    /// The next complete record; `None` when more has to be received first. Blocks of the pool are taken only with
    /// `may_take_blocks`.
    ///
    /// Errors: the stream cannot be read on.
    fn next_record(&mut self, may_take_blocks: bool) -> Result<Option<Self::Record>, Self::Error>;

    /// Receives once what the stream has, at most so much as is wanted at once.
    fn poll_receive<S: AsyncRead + Unpin>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<usize>>;

    /// Gives back what only a busy connection needs; nothing of a record has come.
    fn slim(&mut self);

    /// Whether the client has done what it has to do within the time for the first call.
    fn is_settled(&self) -> bool {
        true
    }

    /// Begins the call in a record, and says how many bytes it accounts for while it is done: those of the record, and
    /// those that its answer may take beyond a small one.
    ///
    /// Errors: the client cannot be trusted any more.
    fn begin(&mut self, record: Self::Record) -> Result<(Option<Self::Call>, usize), Distrusted>;

    /// A call was done: its answer goes into the output, if somebody still reads it.
    ///
    /// Errors: the client cannot be trusted any more.
    fn answer(&mut self, done: Self::Done, output: Option<&mut Output>) -> Result<(), Distrusted>;

    /// What is to go out without being an answer: `true` when there was something. The task is woken when there is more.
    ///
    /// Errors: the client cannot be trusted any more.
    fn tell(&mut self, _: Option<&mut Output>, _: &Context<'_>) -> Result<bool, Distrusted> {
        Ok(false)
    }

    /// The connection is coming to its end: calls that wait for what a client does are to be given up.
    fn hang_up(&mut self) {}
}

/// A client sent what no good one sends; its connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distrusted;

/// Why a connection ended.
#[derive(Debug, Error)]
pub enum Ended<E> {
    /// The client closed it.
    #[error("closed by the client")]
    Closed,
    /// The stream broke.
    #[error("broken: {0}")]
    Broken(io::Error),
    /// The client's records cannot be read on.
    #[error("unreadable: {0}")]
    Unreadable(E),
    /// A record held something that no good client sends, or the zone is gone.
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

/// A connection being served; resolves when it has ended.
pub struct Connection<'a, S, P: Protocol> {
    stream: S,
    protocol: P,
    place: &'a Place,
    settings: &'a ConnectionSettings,
    stop: Pin<Box<dyn Future<Output = ()> + Send + 'a>>,
    tick: Interval,
    waiting: FuturesUnordered<Waiting<P::Call>>,
    spare: Vec<Slot<P::Call>>,
    bytes_in_flight: usize,
    share: Share<'a>,
    turns: Turns,
    output: Output,
    times: Times,
    ending: Option<(Ended<P::Error>, Instant)>,
}

impl<S, P: Protocol> fmt::Debug for Connection<'_, S, P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connection").field("place", &self.place).finish_non_exhaustive()
    }
}

/// When something last moved.
struct Times {
    now: Instant,
    /// It was opened, and the client has not done yet what it has to do first.
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
enum TurnEnd<E> {
    /// With the connection.
    Ended(Ended<E>),
    /// There may be more to do at once.
    More,
    /// Nothing can be done until the client, or a call that waits, wakes the task.
    Rest,
}

impl<'a, S, P> Connection<'a, S, P>
where
    S: AsyncRead + AsyncWrite + Unpin,
    P: Protocol,
{
    /// A connection that has just been accepted. `stop` resolves when the house stops. Needs the time driver of the
    /// runtime.
    pub fn new(
        (stream, protocol): (S, P),
        place: &'a Place,
        settings: &'a ConnectionSettings,
        stop: impl Future<Output = ()> + Send + 'a,
    ) -> Self {
        let (now, share) = (Instant::now(), Share::new(place.held()));
        let turns = place.threads().join(place.who());
        let shortest = settings.write_timeout.min(settings.record_timeout).min(settings.idle_timeout);
        let shortest = shortest.min(settings.first_call_timeout);
        let mut tick = tokio::time::interval((shortest / 4).max(TICK_MIN));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            stream,
            protocol,
            place,
            settings,
            stop: Box::pin(stop),
            tick,
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

    /// What it spoke, when it has ended. Calls that are still under way are given up.
    pub fn into_protocol(self) -> P {
        self.protocol
    }

    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Ended<P::Error>> {
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
                self.place.set_idle(None);
                Poll::Pending
            }
            TurnEnd::Rest => {
                self.place.set_idle(self.is_idle().then_some(self.times.call));
                Poll::Pending
            }
        }
    }

    fn take_turn(&mut self, cx: &mut Context<'_>, turn: &mut Turn) -> TurnEnd<P::Error> {
        loop {
            let mut moved = self.tell(cx);
            moved |= self.collect(cx, turn);
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

    /// Lets go out what is no answer.
    fn tell(&mut self, cx: &Context<'_>) -> bool {
        let was_empty = self.output.is_empty();
        let output = if self.is_heard() { Some(&mut self.output) } else { None };
        let Ok(moved) = self.protocol.tell(output, cx) else {
            self.end(Ended::Distrusted, self.settings.abandoned_timeout);
            return true;
        };
        if moved && was_empty {
            self.times.write = self.times.now;
        }
        moved
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
            match self.protocol.next_record(!self.share.is_full()) {
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
            if self.protocol.is_between_records() { None } else { self.times.record.or(Some(self.times.now)) };
        if turn.calls > before {
            if self.protocol.is_settled() {
                self.times.opened = None;
            }
            self.times.call = self.times.now;
            self.times.record = self.times.record.map(|_| self.times.now);
        }
        turn.calls > before
    }

    fn begin(&mut self, record: P::Record, cx: &mut Context<'_>) {
        let (call, cost_bytes) = match self.protocol.begin(record) {
            Ok((Some(call), cost_bytes)) => (call, cost_bytes),
            Ok((None, _)) => return,
            Err(Distrusted) => return self.end(Ended::Distrusted, self.settings.abandoned_timeout),
        };
        let mut slot = self.spare.pop().unwrap_or_else(|| Box::pin(None));
        slot.as_mut().set(Some(call));
        match poll_slot(&mut slot, cx) {
            Poll::Ready(done) => {
                self.keep(slot);
                self.answer(done);
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
        self.share
            .set(self.bytes_in_flight.saturating_add(self.output.len()).saturating_add(self.protocol.held_bytes()));
    }

    fn keep(&mut self, slot: Slot<P::Call>) {
        if self.spare.len() < SPARE_SLOTS_MAX {
            self.spare.push(slot);
        }
    }

    fn answer(&mut self, done: P::Done) {
        self.times.call = self.times.now;
        if self.output.is_empty() {
            self.times.write = self.times.now;
        }
        let output = if self.is_heard() { Some(&mut self.output) } else { None };
        if self.protocol.answer(done, output).is_err() {
            self.end(Ended::Distrusted, self.settings.abandoned_timeout);
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
        if self.protocol.is_record_due() {
            // There was no room for it when calls were begun, but there is now.
            return true;
        }
        match self.protocol.poll_receive(&mut self.stream, cx) {
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
    fn end(&mut self, reason: Ended<P::Error>, patience: Duration) {
        match &mut self.ending {
            None => {
                let deadline = self.times.now + patience;
                self.tick.reset_at(deadline);
                self.ending = Some((reason, deadline));
                self.protocol.hang_up();
            }
            Some((ended, _)) if matches!(reason, Ended::Broken(_) | Ended::SlowReader) => *ended = reason,
            Some(_) => {}
        }
    }

    fn ended(&mut self) -> Option<Ended<P::Error>> {
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
    fn overdue(&mut self) -> Option<Ended<P::Error>> {
        let (_, deadline) = self.ending.as_ref()?;
        self.times.now = Instant::now();
        if self.times.now >= *deadline { self.ended() } else { None }
    }

    /// Gives back what only a busy connection needs.
    fn slim(&mut self) {
        self.protocol.slim();
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

impl<S, P> Future for Connection<'_, S, P>
where
    S: AsyncRead + AsyncWrite + Unpin,
    P: Protocol + Unpin,
    P::Record: Unpin,
    P::Error: Unpin,
{
    type Output = Ended<P::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended<P::Error>> {
        let this = self.get_mut();
        while this.tick.poll_tick(cx).is_ready() {
            this.check_times();
        }
        if this.stop.as_mut().poll(cx).is_ready() {
            let is_displaced = this.place.seat().is_asked_to_leave();
            let deadline = Instant::now() + this.settings.stop_timeout;
            this.tick.reset_at(deadline);
            this.ending = Some((if is_displaced { Ended::Displaced } else { Ended::Stopped }, deadline));
            this.protocol.hang_up();
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
