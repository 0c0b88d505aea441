//! Fair turns: each zone gets an equal share of a serving thread, and each client an equal share of its zone's, however
//! many connections it has.
//!
//! A connection that was woken goes on at once while its client is within its slice. Beyond it, and when a turn is over
//! and there is more to do, it waits in the queue of its thread. A round ends when the runtime has run everything that
//! was ready and has looked for new input; then the queue gives out turns for about one slice, to those who have had
//! least. So between two looks at the network others take at most a slice, and who uses less than its share hardly
//! waits.

mod level;
mod queue;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};
use std::thread::{self, ThreadId};

use self::queue::{Queue, Ticket};

pub use self::queue::Who;

/// The queues of all threads that serve connections.
#[derive(Debug, Default)]
pub struct Threads {
    queues: Mutex<HashMap<ThreadId, Arc<ThreadQueue>>>,
}

/// One connection's turns, on the thread where it was first polled.
#[derive(Debug)]
pub struct Turns {
    queue: Arc<ThreadQueue>,
    who: Who,
    ticket: Option<Ticket>,
    /// What the present turn was expected to cost.
    expected_ns: u64,
}

/// How much one turn may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Others want their turn soon.
    pub is_short: bool,
}

/// The queue of one thread. Only that thread locks it, apart from the moment at which a house ends.
#[derive(Debug, Default)]
struct ThreadQueue {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    queue: Queue<Waker>,
    /// The next round has been ordered.
    is_ordered: bool,
}

impl Threads {
    /// The turns of a new connection, to be taken on this thread.
    pub fn join(&self, who: Who) -> Turns {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let this = thread::current().id();
        if !queues.contains_key(&this) {
            // Threads that have ended.
            queues.retain(|_, queue| Arc::strong_count(queue) > 1);
        }
        let queue = Arc::clone(queues.entry(this).or_default());
        let mut state = queue.state();
        state.queue.join(who);
        state.queue.end(who, (OPENING_NS, 0));
        drop(state);
        Turns { queue, who, ticket: None, expected_ns: 0 }
    }
}

impl Turns {
    /// Begins a turn, or waits for one: `None`, and the task is woken when it may go on.
    pub fn begin(&mut self, cx: &Context<'_>) -> Option<Allowance> {
        let mut state = self.queue.state();
        match self.ticket {
            Some(ticket) => match state.queue.begin_granted(ticket) {
                Some(expected_ns) => (self.ticket, self.expected_ns) = (None, expected_ns),
                None => {
                    if let Some(waker) = state.queue.waker(self.who, ticket) {
                        waker.clone_from(cx.waker());
                    }
                    return None;
                }
            },
            None if state.queue.try_begin(self.who) => self.expected_ns = 0,
            None => {
                self.ticket = state.queue.park(self.who, cx.waker().clone());
                self.queue.order_round(state);
                return None;
            }
        }
        let is_short = state.queue.is_contended(self.who.0);
        self.queue.order_round(state);
        Some(Allowance { is_short })
    }

    /// The turn is over; `has_more` says that the connection could go on at once.
    pub fn end(&mut self, cost_ns: u64, has_more: bool, cx: &Context<'_>) {
        let mut state = self.queue.state();
        state.queue.end(self.who, (cost_ns, std::mem::take(&mut self.expected_ns)));
        if has_more {
            self.ticket = state.queue.park(self.who, cx.waker().clone());
            self.queue.order_round(state);
        }
    }

    /// Whether it waits for its turn.
    pub fn is_waiting(&self) -> bool {
        self.ticket.is_some()
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        if let Some(ticket) = self.ticket {
            state.queue.unpark(self.who, ticket);
        }
        state.queue.leave(self.who);
        self.queue.order_round(state);
    }
}

impl ThreadQueue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to it that a round begins when connections wait: after everything that is ready has run.
    fn order_round(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        if state.is_ordered || !state.queue.has_parked() {
            return;
        }
        state.is_ordered = true;
        drop(state);
        let waker = Waker::from(Arc::clone(self));
        // What yields is woken by the runtime when it has run everything and polled its drivers; outside of a runtime
        // at once. Only the waker is wanted, so the future itself ends here.
        let _pending = pin!(tokio::task::yield_now()).poll(&mut Context::from_waker(&waker));
    }
}

impl Wake for ThreadQueue {
    fn wake(self: Arc<Self>) {
        let mut state = self.state();
        state.is_ordered = false;
        let ready = state.queue.next_round();
        drop(state);
        // Nothing may yield in here: the next round is ordered by one of those who go on.
        ready.into_iter().for_each(Waker::wake);
    }
}

/// What a new connection costs before its first turn.
const OPENING_NS: u64 = 20_000;
