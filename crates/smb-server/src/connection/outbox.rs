//! What goes out without being the answer that a call came to: interim answers, and what clients are told unasked.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake};

use futures_util::task::AtomicWaker;

use super::request::Replies;

/// Frames of one connection that are to go out next. Each is of a request that waits, so their number is bounded by
/// theirs.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    is_due: AtomicBool,
    connection: AtomicWaker,
    frames: Mutex<Vec<Replies>>,
}

impl Outbox {
    /// Puts a frame in and wakes the connection.
    pub(crate) fn put(&self, frame: Replies) {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner).push(frame);
        self.rouse();
    }

    /// Takes out what is there; `None` costs one look at a flag.
    pub(crate) fn take(&self) -> Option<Vec<Replies>> {
        if !self.is_due.load(Ordering::Relaxed) || !self.is_due.swap(false, Ordering::AcqRel) {
            return None;
        }
        Some(std::mem::take(&mut *self.frames.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// The connection that is to be woken.
    pub(crate) fn attend(&self, cx: &Context<'_>) {
        self.connection.register(cx.waker());
    }

    /// Wakes the connection, which looks for what it is to tell.
    pub(crate) fn rouse(&self) {
        self.is_due.store(true, Ordering::Release);
        self.connection.wake();
    }
}

/// A mailbox of a session wakes its connection.
impl Wake for Outbox {
    fn wake(self: Arc<Self>) {
        self.rouse();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rouse();
    }
}
