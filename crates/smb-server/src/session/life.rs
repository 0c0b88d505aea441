//! The end of a session: nothing of it may be under way when the file system forgets what it held.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Requests of a session that are under way, and whether more may begin.
#[derive(Debug, Default)]
pub(crate) struct Life {
    under_way: AtomicUsize,
    is_over: AtomicBool,
    idle: Notify,
}

/// A request under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay<'a>(&'a Life);

impl Life {
    /// Begins a request; `None` when the session is over.
    pub(crate) fn begin(&self) -> Option<UnderWay<'_>> {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        let under_way = UnderWay(self);
        (!self.is_over.load(Ordering::SeqCst)).then_some(under_way)
    }

    /// Ends the session: nothing begins any more, what waits is let go by `interrupt`, and what was begun is waited for.
    /// `false` when somebody else ended it.
    pub(crate) async fn end(&self, interrupt: impl FnOnce()) -> bool {
        if self.is_over.swap(true, Ordering::SeqCst) {
            return false;
        }
        interrupt();
        loop {
            let idle = self.idle.notified();
            if self.under_way.load(Ordering::SeqCst) == 0 {
                return true;
            }
            idle.await;
        }
    }

    /// Whether it was ended.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if self.0.under_way.fetch_sub(1, Ordering::SeqCst) == 1 && self.0.is_over() {
            self.0.idle.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn the_end_waits_for_what_was_begun() {
        let life = Life::default();
        let request = life.begin().unwrap();
        let mut end = pin!(life.end(|| ()));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(end.as_mut().poll(&mut cx).is_pending());
        assert!(life.begin().is_none(), "nothing begins any more");
        drop(request);
        assert_eq!(end.as_mut().poll(&mut cx), Poll::Ready(true));
        assert_eq!(pin!(life.end(|| ())).poll(&mut cx), Poll::Ready(false), "it ends once");
    }
}
