//! What is done again and again, and the slots of a connection that do it.

use std::fmt;
use std::time::Instant;

use anyhow::Result;

use crate::tally::Tally;
use crate::window::{Window, now};

/// What a slot does: each operation is one or more calls, one after the other.
pub trait Operation<Call, Reply> {
    /// The first call of the next operation; `None` when there is nothing more to do.
    fn begin(&mut self) -> Option<Call>;

    /// What comes after a reply.
    ///
    /// # Errors
    /// The operation failed; another one may begin.
    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>>;
}

/// What comes after a reply.
#[derive(Debug)]
pub enum Next<Call> {
    /// The next call of the same operation.
    Call(Call),
    /// It is done.
    Done {
        /// So many operations.
        operations: u64,
        /// Bytes moved.
        bytes: u64,
    },
}

/// The slots of one connection, each with at most one call in flight.
pub struct Slots<Call, Reply> {
    slots: Vec<Slot<Call, Reply>>,
    window: Window,
    busy: usize,
    tally: Tally,
}

struct Slot<Call, Reply> {
    operation: Box<dyn Operation<Call, Reply>>,
    begun: Instant,
}

impl<Call, Reply> Slots<Call, Reply> {
    /// A slot for each operation; until the end of the window new ones begin.
    ///
    /// # Errors
    /// No memory for the histogram.
    pub fn new(operations: Vec<Box<dyn Operation<Call, Reply>>>, window: Window) -> Result<Self> {
        let begun = now();
        let slots = operations.into_iter().map(|operation| Slot { operation, begun }).collect();
        Ok(Self { slots, window, busy: 0, tally: Tally::new()? })
    }

    pub(crate) fn count(&self) -> usize {
        self.slots.len()
    }

    pub(crate) const fn is_idle(&self) -> bool {
        self.busy == 0
    }

    /// The first call of a slot's next operation.
    pub(crate) fn begin(&mut self, index: usize) -> Option<Call> {
        let time = now();
        let slot = self.slots.get_mut(index)?;
        let call = if time < self.window.end { slot.operation.begin() } else { None };
        slot.begun = time;
        self.busy += usize::from(call.is_some());
        call
    }

    /// What a slot sends after a reply, if anything.
    pub(crate) fn answered(&mut self, index: usize, reply: &Reply) -> Option<Call> {
        let slot = self.slots.get_mut(index)?;
        match slot.operation.answered(reply) {
            Ok(Next::Call(call)) => return Some(call),
            Ok(Next::Done { operations, bytes }) => {
                self.tally.count(slot.begun, &self.window, (operations, bytes));
            }
            Err(error) => self.tally.fail(&error),
        }
        self.busy -= 1;
        self.begin(index)
    }

    /// Everything is done.
    pub(crate) fn end(mut self, congestion: String, retries: u64) -> Tally {
        self.tally.exhausted = Some(now()).filter(|time| *time < self.window.end);
        Tally { congestion, retries, ..self.tally }
    }
}

impl<Call, Reply> fmt::Debug for Slots<Call, Reply> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Slots").field("count", &self.count()).field("busy", &self.busy).finish_non_exhaustive()
    }
}
