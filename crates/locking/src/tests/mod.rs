//! The lock table: single cases, random histories against an oracle, and threads.

mod bounds;
mod model;
mod oracle;
mod queue;
mod threads;

use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use vfs::{ClientId, Event, InodeId, LockKind, LockOwner, LockRange, Mailbox, ShardId, Timestamp};

use crate::{LockTable, Locked, RangeLock, Refusal, Span};

/// The file that most tests lock.
fn file(number: u64) -> InodeId {
    InodeId { number: vfs::InodeNumber(number), ..InodeId::root_of(ShardId::ROOT) }
}

/// Owner `number`; two of them to a client.
fn owner(number: u64) -> LockOwner {
    LockOwner::Nlm { client: ClientId(number / 2), owner: Bytes::copy_from_slice(&number.to_be_bytes()) }
}

fn span(offset: u64, length: u64) -> Span {
    Span::new(LockRange { offset, length }).unwrap()
}

fn lock(number: u64, span: Span, kind: LockKind) -> RangeLock {
    RangeLock { owner: owner(number), span, kind, since: Timestamp::default() }
}

/// A table, and the one mailbox of all who wait.
#[derive(Default)]
struct Rig {
    table: LockTable,
    mailbox: Arc<Mailbox>,
}

impl Rig {
    /// Locks, or waits.
    fn wait(&self, inode: u64, wanted: &RangeLock) -> Result<Locked, Refusal> {
        self.table.lock(file(inode), wanted, Some(&self.mailbox))
    }

    /// Locks, or not.
    fn attempt(&self, inode: u64, wanted: &RangeLock) -> Result<Locked, Refusal> {
        self.table.lock(file(inode), wanted, None)
    }

    fn unlock(&self, inode: u64, number: u64) {
        self.table.unlock(file(inode), &owner(number), span(0, 0)).unwrap();
    }

    /// Who was told of a grant since it was asked last.
    fn told(&self) -> Vec<LockOwner> {
        let (events, _) = self.mailbox.take(Waker::noop());
        let owner = |event| match event {
            Event::LockGranted { owner, .. } => owner,
            other => panic!("unexpected {other:?}"),
        };
        events.into_iter().map(owner).collect()
    }

    fn counts(&self) -> (u64, u64, u64) {
        let figures = self.table.figures();
        (figures.held, figures.waiting, figures.shares)
    }
}
