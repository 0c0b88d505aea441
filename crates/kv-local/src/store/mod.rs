//! A running store: the tree, the log, and what its threads and callers share. It lives from an open to a reopen.

mod checkpoint;
mod commit;
mod compact;
mod journal;
mod open;
mod state;
mod tick;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use kv::limits::KEY_BYTES_MIN;
use kv::{Batch, Direction, EngineFigures, Entry, KvError, Scan, Version};
use lsm_tree::{AbstractTree, AnyTree, Guard, SequenceNumberCounter};
pub(crate) use open::{OpenStore, Running};
use state::{Job, State};

use crate::errors::from_tree;
use crate::log::device::LogDevice;
use crate::reply::{Receiver, channel};
use crate::settings::Settings;
use crate::view::Views;

/// What the threads and callers of a running store share.
pub(crate) struct Store {
    settings: Settings,
    store_id: u128,
    log_path: PathBuf,
    tree_path: PathBuf,
    log_bytes: u64,
    /// The epoch of this open, in every record it writes.
    epoch: u64,
    device: Arc<dyn LogDevice>,
    tree: AnyTree,
    /// Numbers of groups and of the tree's own versions: both must come from one counter, or a reader could be sent
    /// to a version of the tree that lacks what it may see.
    sequence: SequenceNumberCounter,
    views: Views,
    state: Mutex<State>,
    /// Wakes the committer.
    commits: Condvar,
    /// Wakes the checkpointer.
    checkpoints: Condvar,
    /// Wakes the compactor.
    compactions: Condvar,
    /// Wakes the ticker, only to end.
    ticks: Condvar,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Store").field("directory", &self.settings.directory).finish_non_exhaustive()
    }
}

impl Store {
    /// The open views.
    pub(crate) fn views(&self) -> &Views {
        &self.views
    }

    /// The value that a snapshot sees.
    pub(crate) fn get(&self, key: &[u8], snapshot: u64) -> Result<Option<Bytes>, KvError> {
        if key.len() < KEY_BYTES_MIN {
            return Ok(None);
        }
        let found = self.tree.get(key, snapshot).map_err(|error| self.tree_error("cannot read", &error))?;
        Ok(found.map(|value| Bytes::copy_from_slice(&value)))
    }

    /// The entries that a snapshot sees.
    pub(crate) fn scan(&self, scan: &Scan, snapshot: u64) -> Result<Vec<Entry>, KvError> {
        if scan.start >= scan.end || scan.limit == 0 {
            return Ok(Vec::new());
        }
        let range = self.tree.range(&scan.start[..]..&scan.end[..], snapshot, None);
        let entry = |guard: lsm_tree::IterGuardImpl| {
            let (key, value) = guard.into_inner().map_err(|error| self.tree_error("cannot scan", &error))?;
            Ok((Bytes::copy_from_slice(&key), Bytes::copy_from_slice(&value)))
        };
        match scan.direction {
            Direction::Forward => range.map(entry).take(scan.limit).collect(),
            Direction::Backward => range.rev().map(entry).take(scan.limit).collect(),
        }
    }

    /// Queues a batch for the committer. While the queue is full the task is woken later to try again.
    pub(crate) fn enqueue(
        &self,
        batch: &mut Batch,
        context: &Context<'_>,
    ) -> Poll<Result<Receiver<Result<Version, KvError>>, KvError>> {
        let mut state = self.lock();
        if let Some(error) = state.refusal() {
            return Poll::Ready(Err(error));
        }
        if state.queue.len() >= COMMITS_QUEUED_MAX {
            state.waiting_for_queue.push(context.waker().clone());
            return Poll::Pending;
        }
        let (sender, receiver) = channel();
        state.queue.push_back(Job { batch: std::mem::take(batch), reply: sender });
        drop(state);
        self.commits.notify_one();
        Poll::Ready(Ok(receiver))
    }

    /// Whether the store may be used.
    pub(crate) fn check(&self) -> Result<(), KvError> {
        self.lock().refusal().map_or(Ok(()), Err)
    }

    /// How much of the log is in use.
    pub(crate) fn figures(&self) -> EngineFigures {
        let ring = self.lock().ring;
        EngineFigures { log_bytes_used: ring.head - ring.start, log_bytes_max: ring.geometry.area_bytes() }
    }

    /// Bytes of the tables.
    pub(crate) fn table_bytes(&self) -> u64 {
        self.tree.disk_space()
    }

    /// Asks the threads to end.
    fn stop(&self) {
        self.lock().stopping = true;
        self.wake_all();
    }

    /// Answers everything from now on with this error.
    fn fail(&self, error: &KvError) {
        tracing::error!(directory = %self.settings.directory.display(), %error, "the metadata store stopped; it needs a reopen");
        let mut state = self.lock();
        state.failure.get_or_insert_with(|| error.clone());
        let queued: VecDeque<Job> = std::mem::take(&mut state.queue);
        drop(state);
        for job in queued {
            job.reply.send(Err(failed(error)));
        }
        self.wake_all();
    }

    fn wake_all(&self) {
        for waker in std::mem::take(&mut self.lock().waiting_for_queue) {
            waker.wake();
        }
        self.commits.notify_all();
        self.checkpoints.notify_all();
        self.compactions.notify_all();
        self.ticks.notify_all();
    }

    fn tree_error(&self, doing: &str, error: &lsm_tree::Error) -> KvError {
        from_tree(doing, &self.tree_path, error)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a failed store answers, whatever its first error was.
fn failed(error: &KvError) -> KvError {
    match error {
        KvError::Io(text) => KvError::Io(text.clone()),
        other => KvError::Io(other.to_string()),
    }
}

/// Most batches that wait for the committer.
const COMMITS_QUEUED_MAX: usize = 1024;
