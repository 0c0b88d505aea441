//! The future of one operation.

use std::future::Future;
use std::io;
use std::os::fd::AsFd as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::fallback;
use crate::file::Inner;
use crate::operation::Operation;
use crate::ring;

/// Waits for an operation, which starts at the first poll and then no longer needs this future.
pub(crate) struct Pending(Stage);

/// An operation that has ended, with its buffers.
pub(crate) struct Completion {
    pub(crate) operation: Operation,
    pub(crate) result: io::Result<()>,
}

/// An operation on its way to the kernel; keeps its file open.
pub(crate) struct Request {
    pub(crate) file: Arc<Inner>,
    pub(crate) operation: Operation,
}

enum Stage {
    New(Request),
    /// To be done after some more polls, as a plan of faults has it.
    Slow(Request, u32),
    Submitted(Arc<Slot>),
    /// Ended, and told after some more polls, one at least: injected faults should not make callers more atomic than a
    /// ring does.
    Late(Completion, u32),
    Over,
}

impl Pending {
    pub(crate) fn new(file: Arc<Inner>, operation: Operation) -> Self {
        Self(Stage::New(Request { file, operation }))
    }
}

impl Future for Pending {
    type Output = Completion;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Completion> {
        match std::mem::replace(&mut self.0, Stage::Over) {
            Stage::New(request) if request.file.faults.is_some() => self.begin(request, context),
            Stage::New(request) => {
                let (stage, poll) = start(request, context);
                self.0 = stage;
                poll
            }
            Stage::Submitted(slot) => match slot.take(context.waker()) {
                Some(completion) => Poll::Ready(completion),
                None => {
                    self.0 = Stage::Submitted(slot);
                    Poll::Pending
                }
            },
            Stage::Slow(request, 0) => self.play(request, 1, context),
            Stage::Slow(request, polls) => self.wait(Stage::Slow(request, polls - 1), context),
            Stage::Late(completion, 0 | 1) => Poll::Ready(completion),
            Stage::Late(completion, polls) => self.wait(Stage::Late(completion, polls - 1), context),
            Stage::Over => {
                debug_assert!(false, "polled after the end");
                Poll::Pending
            }
        }
    }
}

impl Request {
    /// Runs on the calling thread.
    pub(crate) fn run_in_line(mut self) -> Completion {
        let result = fallback::run(self.file.as_fd(), &mut self.operation);
        Completion { operation: self.operation, result }
    }
}

/// Where the ring leaves the outcome of an operation; outlives whichever of future and ring ends first.
pub(crate) struct Slot(Mutex<State>);

enum State {
    Waiting(Waker),
    Done(Completion),
    Taken,
}

impl Slot {
    pub(crate) fn complete(&self, completion: Completion) {
        let before = std::mem::replace(&mut *self.state(), State::Done(completion));
        if let State::Waiting(waker) = before {
            waker.wake();
        }
    }

    fn take(&self, waker: &Waker) -> Option<Completion> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Done(completion) => Some(completion),
            State::Waiting(mut before) => {
                before.clone_from(waker);
                *state = State::Waiting(before);
                None
            }
            State::Taken => None,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    /// Begins an operation whose fate a plan of faults decides. A slow one is done late, but a sync at once and told late:
    /// it covers nothing that was written after it began.
    fn begin(&mut self, request: Request, context: &Context<'_>) -> Poll<Completion> {
        match request.file.faults.as_ref().map_or(0, |faults| faults.lateness()) {
            0 => self.play(request, 1, context),
            polls if matches!(request.operation, Operation::Sync { .. }) => self.play(request, polls + 1, context),
            polls => self.wait(Stage::Slow(request, polls), context),
        }
    }

    /// Does an operation as the plan has it; it is told after this many polls.
    fn play(&mut self, mut request: Request, polls: u32, context: &Context<'_>) -> Poll<Completion> {
        let faults = request.file.faults.clone();
        let result = faults.map_or(Ok(()), |faults| faults.run(&request.file, &mut request.operation));
        self.wait(Stage::Late(Completion { operation: request.operation, result }, polls), context)
    }

    fn wait(&mut self, stage: Stage, context: &Context<'_>) -> Poll<Completion> {
        self.0 = stage;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

fn start(request: Request, context: &Context<'_>) -> (Stage, Poll<Completion>) {
    let ring = if request.file.wants_ring(&request.operation) { ring::current() } else { None };
    let Some(ring) = ring else { return (Stage::Over, Poll::Ready(request.run_in_line())) };
    let slot = Arc::new(Slot(Mutex::new(State::Waiting(context.waker().clone()))));
    match ring.enqueue(request, Arc::clone(&slot)) {
        Ok(()) => (Stage::Submitted(slot), Poll::Pending),
        Err(request) => (Stage::Over, Poll::Ready(request.run_in_line())),
    }
}
