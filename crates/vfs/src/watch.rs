//! Being told of changes below a directory.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::limits::{WATCH_BYTES_MAX, WATCH_NOTICES_MAX};
use crate::{Attributes, Failure, FsError, Name, OpContext, OpenId};

/// Kinds of change to hear of (MS-SMB2 2.2.35 `CompletionFilter` bits).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WatchFilter(pub u32);

impl WatchFilter {
    /// Files and others that are no directories come, go and change their names.
    pub const FILE_NAME: Self = Self(0x0001);
    /// Directories come, go and change their names.
    pub const DIRECTORY_NAME: Self = Self(0x0002);
    /// DOS attributes.
    pub const ATTRIBUTES: Self = Self(0x0004);
    /// The size of a file.
    pub const SIZE: Self = Self(0x0008);
    /// The time of the last change of the data, and the data.
    pub const LAST_WRITE: Self = Self(0x0010);
    /// The time of the last read, when it is set.
    pub const LAST_ACCESS: Self = Self(0x0020);
    /// The time of creation.
    pub const CREATION: Self = Self(0x0040);
    /// Owner, group, mode and security descriptor.
    pub const SECURITY: Self = Self(0x0100);

    /// Both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether they have something in common.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// What changed between two states of an inode.
    #[must_use]
    pub fn between(before: &Attributes, after: &Attributes) -> Self {
        let differ = [
            (before.dos != after.dos, Self::ATTRIBUTES),
            (before.size != after.size, Self::SIZE),
            (before.modified != after.modified, Self::LAST_WRITE),
            (before.accessed != after.accessed, Self::LAST_ACCESS),
            (before.created != after.created, Self::CREATION),
            (before.mode != after.mode, Self::SECURITY),
            ((&before.owner, &before.group) != (&after.owner, &after.group), Self::SECURITY),
        ];
        differ.into_iter().filter(|(differs, _)| *differs).fold(Self::default(), |all, (_, one)| all.union(one))
    }
}

/// What became of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeKind {
    /// It came: created, linked, or moved here from another directory.
    Added,
    /// It went: removed, or moved to another directory.
    Removed,
    /// What it names has changed.
    Modified,
    /// It is another name now, which comes next.
    RenamedFrom,
    /// It was another name before, which came last.
    RenamedTo,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notice {
    /// What became of the name.
    pub kind: NoticeKind,
    /// The names below the watched directory that lead there.
    pub path: Vec<Name>,
}

/// What a watch has to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noticed {
    /// All of this, in this order.
    Changes(Vec<Notice>),
    /// More than is kept: what is there has to be listed.
    TooMuch,
    /// The watched directory is gone, or goes with its last open: there is nothing more to tell.
    Deleted,
}

/// What one watch has to tell and nobody has heard yet: at most [`WATCH_NOTICES_MAX`] changes of [`WATCH_BYTES_MAX`] bytes
/// of names together. When there is no room everything is forgotten but that.
#[derive(Debug, Default)]
pub struct Notices {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Notice>,
    bytes: usize,
    overflowed: bool,
    is_deleted: bool,
    waker: Option<Waker>,
}

impl Notices {
    /// Adds changes that belong together, and wakes who listens.
    pub fn put(&self, notices: &[Notice]) {
        let mut state = self.state();
        if state.overflowed || notices.is_empty() {
            return;
        }
        state.bytes += notices.iter().map(bytes_of).sum::<usize>();
        if state.waiting.len() + notices.len() > WATCH_NOTICES_MAX || state.bytes > WATCH_BYTES_MAX {
            state.overflow();
        } else {
            state.waiting.extend(notices.iter().cloned());
        }
        state.wake();
    }

    /// Changes were missed.
    pub fn overflow(&self) {
        let mut state = self.state();
        state.overflow();
        state.wake();
    }

    /// The directory is gone.
    pub fn end(&self) {
        let mut state = self.state();
        state.is_deleted = true;
        state.wake();
    }

    /// Takes what there is to tell; the waker is called when there is something the next time. One listens at a time.
    pub fn poll(&self, cx: &Context<'_>) -> Poll<Noticed> {
        let mut state = self.state();
        if std::mem::take(&mut state.overflowed) {
            return Poll::Ready(Noticed::TooMuch);
        }
        if !state.waiting.is_empty() {
            state.bytes = 0;
            return Poll::Ready(Noticed::Changes(state.waiting.drain(..).collect()));
        }
        if state.is_deleted {
            return Poll::Ready(Noticed::Deleted);
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn overflow(&mut self) {
        self.waiting = VecDeque::new();
        self.bytes = 0;
        self.overflowed = true;
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

fn bytes_of(notice: &Notice) -> usize {
    notice.path.iter().map(|name| name.as_bytes().len() + 1).sum()
}

/// A wish to hear of changes in a directory.
#[derive(Clone, Debug)]
pub struct WatchRequest {
    /// The open of the directory, with which the watch goes.
    pub open: OpenId,
    /// Everything below it too.
    pub recursive: bool,
    /// Which changes.
    pub filter: WatchFilter,
    /// Where they are told.
    pub notices: Arc<Notices>,
}

/// Being told of changes.
///
/// Told is whatever any door does, once it can be seen: a name that comes, goes or is renamed within its directory (both
/// names in one [`Notices::put`]), and a change of what an inode with a name is, by its home name if it has several. That a
/// directory changes because of its entries is told of the entries.
pub trait Watch: Send + Sync + 'static {
    /// Sets a watch.
    ///
    /// Errors, in order: `NotSupported` (a house without watches), `BadOpen`, `NotDirectory`, `AccessDenied` (an open that may
    /// not list), `TooManyLocks` (too many watches).
    fn watch(&self, _ctx: &OpContext, _request: WatchRequest) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Err(FsError::NotSupported.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(name: &str) -> Notice {
        Notice { kind: NoticeKind::Added, path: vec![name.try_into().unwrap()] }
    }

    #[test]
    fn what_is_too_much_is_one_word() {
        let (notices, cx) = (Notices::default(), Context::from_waker(Waker::noop()));
        assert_eq!(notices.poll(&cx), Poll::Pending);
        notices.put(&[notice("a"), notice("b")]);
        notices.put(&[notice("c")]);
        let all = ["a", "b", "c"].map(notice).to_vec();
        assert_eq!(notices.poll(&cx), Poll::Ready(Noticed::Changes(all)));
        for _ in 0..=WATCH_NOTICES_MAX {
            notices.put(&[notice("d")]);
        }
        notices.end();
        assert_eq!(notices.poll(&cx), Poll::Ready(Noticed::TooMuch));
        assert_eq!(notices.poll(&cx), Poll::Ready(Noticed::Deleted));
    }

    #[test]
    fn long_names_are_too_much_sooner() {
        let (notices, cx) = (Notices::default(), Context::from_waker(Waker::noop()));
        let long = notice(&"x".repeat(700));
        (0..=WATCH_BYTES_MAX / 700).for_each(|_| notices.put(std::slice::from_ref(&long)));
        assert_eq!(notices.poll(&cx), Poll::Ready(Noticed::TooMuch));
        notices.put(&[long]);
        assert!(matches!(notices.poll(&cx), Poll::Ready(Noticed::Changes(_))));
    }
}
