//! The smallest executor: one future, one thread.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Runs a future to its end on this thread, parked while the future waits. Needs no runtime, so the future must not
/// use timers or sockets of one.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn waits_for_a_wake_from_another_thread() {
        let ready = Arc::new(AtomicBool::new(false));
        let mut started = false;
        let seen = Arc::clone(&ready);
        let outcome = block_on(poll_fn(move |context| {
            if ready.load(Ordering::Acquire) {
                return Poll::Ready(7);
            }
            if !std::mem::replace(&mut started, true) {
                let (ready, waker) = (Arc::clone(&ready), context.waker().clone());
                thread::spawn(move || {
                    ready.store(true, Ordering::Release);
                    waker.wake();
                });
            }
            Poll::Pending
        }));
        assert_eq!((outcome, seen.load(Ordering::Acquire)), (7, true));
    }
}
