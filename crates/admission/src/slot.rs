//! The place of one call while it is done; used again for the next call.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Memory for the future of a call. It is polled in place first, and moves into the set of waiting calls only when it
/// is not ready at once.
pub type Slot<F> = Pin<Box<Option<F>>>;

/// A call that waits, with the bytes it accounts for.
#[derive(Debug)]
pub struct Waiting<F> {
    slot: Option<Slot<F>>,
    cost_bytes: usize,
}

/// A call that was done.
#[derive(Debug)]
pub struct Finished<F: Future> {
    /// What came of it.
    pub output: F::Output,
    /// The emptied slot.
    pub slot: Slot<F>,
    /// The bytes it accounted for.
    pub cost_bytes: usize,
}

/// Polls the call in a slot; empties it when it is done.
pub fn poll_slot<F: Future>(slot: &mut Slot<F>, cx: &mut Context<'_>) -> Poll<F::Output> {
    let Some(future) = slot.as_mut().as_pin_mut() else { return Poll::Pending };
    let output = std::task::ready!(future.poll(cx));
    slot.as_mut().set(None);
    Poll::Ready(output)
}

impl<F: Future> Waiting<F> {
    /// A call that was polled and is not done.
    #[must_use]
    pub fn new(slot: Slot<F>, cost_bytes: usize) -> Self {
        Self { slot: Some(slot), cost_bytes }
    }
}

impl<F: Future> Future for Waiting<F> {
    type Output = Finished<F>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Finished<F>> {
        let cost_bytes = self.cost_bytes;
        let Some(mut slot) = self.slot.take() else { return Poll::Pending };
        match poll_slot(&mut slot, cx) {
            Poll::Ready(output) => Poll::Ready(Finished { output, slot, cost_bytes }),
            Poll::Pending => {
                self.slot = Some(slot);
                Poll::Pending
            }
        }
    }
}
