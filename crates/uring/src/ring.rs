//! The ring of a runtime thread and the task that drives it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use io_uring::{IoUring, types};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::{self, Handle};

use crate::operation::Progress;
use crate::pending::{Completion, Request, Slot};
use crate::probe::{probe, warn_no_ring};

/// The ring of the calling thread, made at first use. `None` outside a tokio runtime and where rings do not work.
pub(crate) fn current() -> Option<Arc<Ring>> {
    let handle = Handle::try_current().ok()?;
    LOCAL.try_with(|local| local.borrow_mut().ring(&handle)).ok()?
}

/// A ring and what is in flight on it. Any thread may use it; normally only its own does.
pub(crate) struct Ring(Mutex<State>);

struct State {
    ring: IoUring,
    /// Indexed by the `user_data` of the kernel.
    slots: Vec<Option<InFlight>>,
    vacant: Vec<usize>,
    /// Not yet handed to the kernel, in order.
    queued: VecDeque<usize>,
    submitted: usize,
    driver: Option<Waker>,
    closed: bool,
}

struct InFlight {
    request: Request,
    slot: Arc<Slot>,
}

type Finished = Vec<(Arc<Slot>, Completion)>;

impl Ring {
    fn new() -> io::Result<Self> {
        let build = |cooperative: bool| {
            let mut builder = IoUring::builder();
            builder.setup_cqsize(SUBMITTED_MAX * 2).setup_clamp();
            if cooperative {
                builder.setup_coop_taskrun();
            }
            builder.build(SUBMISSION_ENTRIES)
        };
        // Cooperative completion came with Linux 5.19.
        let ring = build(true).or_else(|_| build(false))?;
        let (slots, vacant, queued) = (Vec::new(), Vec::new(), VecDeque::new());
        let state = State { ring, slots, vacant, queued, submitted: 0, driver: None, closed: false };
        Ok(Self(Mutex::new(state)))
    }

    /// Takes an operation; it goes to the kernel when the driver runs next. Gives it back when the ring is closed or
    /// [`OPERATIONS_MAX`] wait already.
    #[expect(clippy::result_large_err, reason = "the request goes on by value either way")]
    pub(crate) fn enqueue(&self, request: Request, slot: Arc<Slot>) -> Result<(), Request> {
        let mut state = self.state();
        if state.closed || state.slots.len() - state.vacant.len() >= OPERATIONS_MAX {
            return Err(request);
        }
        let index = state.store(InFlight { request, slot });
        state.queued.push_back(index);
        // One wake per batch: the driver empties the queue when it runs.
        let driver = if state.queued.len() == 1 { state.driver.clone() } else { None };
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
        Ok(())
    }

    /// Submits what is queued and hands out what has ended, until neither moves.
    fn turn(&self) {
        loop {
            let (finished, again) = self.state().advance(0);
            finished.into_iter().for_each(|(slot, completion)| slot.complete(completion));
            if !again {
                return;
            }
        }
    }

    /// Takes nothing more and waits for what is in flight, because the kernel writes into its buffers. Only devices
    /// are waited for, never other tasks.
    fn close(&self) {
        self.state().closed = true;
        loop {
            let mut state = self.state();
            if state.slots.len() == state.vacant.len() {
                return;
            }
            let (finished, _) = state.advance(1);
            drop(state);
            finished.into_iter().for_each(|(slot, completion)| slot.complete(completion));
        }
    }

    fn is_closed(&self) -> bool {
        self.state().closed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn store(&mut self, operation: InFlight) -> usize {
        if let Some(index) = self.vacant.pop()
            && let Some(slot) = self.slots.get_mut(index)
        {
            *slot = Some(operation);
            return index;
        }
        self.slots.push(Some(operation));
        self.slots.len() - 1
    }

    /// One call into the kernel at most, then everything that has ended; says whether to come again at once.
    fn advance(&mut self, wait_for: usize) -> (Finished, bool) {
        let pushed = self.push_queued();
        let wait_for = if self.submitted > 0 { wait_for } else { 0 };
        if pushed > 0 || wait_for > 0 || !self.ring.submission().is_empty() {
            self.enter(wait_for);
        }
        let finished = self.reap();
        let again = !self.queued.is_empty() && self.submitted < SUBMITTED_MAX as usize;
        (finished, again)
    }

    fn push_queued(&mut self) -> usize {
        let mut pushed = 0;
        while self.submitted < SUBMITTED_MAX as usize
            && !self.ring.submission().is_full()
            && let Some(index) = self.queued.pop_front()
        {
            let Some(Some(in_flight)) = self.slots.get_mut(index) else { continue };
            let file = types::Fd(in_flight.request.file.raw_fd());
            let entry = in_flight.request.operation.entry(file).user_data(index as u64);
            // SAFETY: the entry points into the request and its file, which stay in `slots` until the kernel has
            // answered: only `reap` takes them out, and `close` waits for them before the ring can be dropped.
            let outcome = unsafe { self.ring.submission().push(&entry) };
            debug_assert!(outcome.is_ok(), "there was room in the submission queue");
            self.submitted += 1;
            pushed += 1;
        }
        pushed
    }

    fn enter(&mut self, wait_for: usize) {
        let Err(error) = self.ring.submit_and_wait(wait_for) else { return };
        // Interrupted, or the kernel is short of memory for the moment: the entries stay queued, come again.
        if error.kind() != io::ErrorKind::Interrupted {
            tracing::debug!(%error, "io_uring did not take submissions");
        }
        if let Some(driver) = &self.driver {
            driver.wake_by_ref();
        }
    }

    fn reap(&mut self) -> Finished {
        let mut finished = Finished::new();
        loop {
            let Some(entry) = self.ring.completion().next() else { return finished };
            self.submitted = self.submitted.saturating_sub(1);
            let Ok(index) = usize::try_from(entry.user_data()) else { continue };
            let Some(in_flight) = self.slots.get_mut(index).and_then(Option::take) else { continue };
            match settle(in_flight, entry.result()) {
                Settled::Again(in_flight) => {
                    if let Some(slot) = self.slots.get_mut(index) {
                        *slot = Some(in_flight);
                        self.queued.push_back(index);
                    }
                }
                Settled::Finished(slot, completion) => {
                    self.vacant.push(index);
                    finished.push((slot, completion));
                }
            }
        }
    }
}

enum Settled {
    Again(InFlight),
    Finished(Arc<Slot>, Completion),
}

/// What one answer of the kernel means.
fn settle(mut in_flight: InFlight, result: i32) -> Settled {
    let progress = match usize::try_from(result) {
        Ok(count) => in_flight.request.operation.advance(count),
        Err(_) => Err(io::Error::from_raw_os_error(-result)),
    };
    let InFlight { request, slot } = in_flight;
    match progress {
        Ok(Progress::Unfinished) => Settled::Again(InFlight { request, slot }),
        Ok(Progress::Finished) => Settled::Finished(slot, Completion { operation: request.operation, result: Ok(()) }),
        // Interrupted, or cancelled because the submitting thread ended: finish the work in line.
        Err(error) if is_transient(&error) => Settled::Finished(slot, request.run_in_line()),
        Err(error) => Settled::Finished(slot, Completion { operation: request.operation, result: Err(error) }),
    }
}

fn is_transient(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errors = [Errno::INTR, Errno::AGAIN, Errno::CANCELED];
    error.raw_os_error().is_some_and(|raw| errors.iter().any(|errno| errno.raw_os_error() == raw))
}

/// The task that moves a ring: woken by the first operation of a tick and by the kernel's answers.
struct Driver {
    ring: Arc<Ring>,
    readiness: AsyncFd<RingFd>,
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.ring.state().driver = Some(context.waker().clone());
        loop {
            self.ring.turn();
            match self.readiness.poll_read_ready(context) {
                Poll::Ready(Ok(mut guard)) => guard.clear_ready(),
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.ring.close();
    }
}

struct RingFd {
    fd: RawFd,
    /// Keeps the descriptor open.
    _ring: Arc<Ring>,
}

impl AsRawFd for RingFd {
    fn as_raw_fd(&self) -> RawFd {
        self.fd
    }
}

/// What a thread knows of its ring.
enum Local {
    Unset,
    Unavailable,
    Ready(Arc<Ring>, runtime::Id),
}

impl Local {
    fn ring(&mut self, handle: &Handle) -> Option<Arc<Ring>> {
        match self {
            Self::Unavailable => return None,
            Self::Ready(ring, runtime) if *runtime == handle.id() && !ring.is_closed() => {
                return Some(Arc::clone(ring));
            }
            Self::Unset | Self::Ready(..) => {}
        }
        *self = probe().map_err(io::Error::other).and_then(|()| start(handle)).unwrap_or_else(|error| {
            warn_no_ring(&error);
            Self::Unavailable
        });
        match self {
            Self::Ready(ring, _) => Some(Arc::clone(ring)),
            Self::Unset | Self::Unavailable => None,
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if let Self::Ready(ring, _) = self {
            ring.close();
        }
    }
}

fn start(handle: &Handle) -> io::Result<Local> {
    let ring = Arc::new(Ring::new()?);
    let fd = ring.state().ring.as_raw_fd();
    let watched = RingFd { fd, _ring: Arc::clone(&ring) };
    // SAFETY: `RingFd` keeps the ring, and so the descriptor, open, and always names the same descriptor.
    let readiness = unsafe { AsyncFd::register_with_interest(watched, Interest::READABLE) };
    let readiness = readiness.map_err(io::Error::other)?;
    handle.spawn(Driver { ring: Arc::clone(&ring), readiness });
    Ok(Local::Ready(ring, handle.id()))
}

thread_local! {
    static LOCAL: RefCell<Local> = const { RefCell::new(Local::Unset) };
}

/// Operations one ring holds, queued or submitted; beyond, callers run theirs in line.
const OPERATIONS_MAX: usize = 1 << 16;
/// Operations in the kernel at once per ring.
const SUBMITTED_MAX: u32 = 1024;
const SUBMISSION_ENTRIES: u32 = 256;
