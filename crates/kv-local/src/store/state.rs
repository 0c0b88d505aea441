//! What the lock of a running store guards.

use std::collections::VecDeque;
use std::task::Waker;

use kv::{Batch, KvError, Version};

use super::failed;
use super::journal::Journal;
use crate::log::ring::Ring;
use crate::reply::Sender;

/// A batch that waits for the committer.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) batch: Batch,
    pub(super) reply: Sender<Result<Version, KvError>>,
}

/// A place between two writes of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Position behind the one and at or before the other.
    pub(super) position: u64,
    /// Last group before it.
    pub(super) group: u64,
}

/// The shared state.
#[derive(Debug)]
pub(super) struct State {
    pub(super) queue: VecDeque<Job>,
    /// Tasks that found the queue full.
    pub(super) waiting_for_queue: Vec<Waker>,
    pub(super) stopping: bool,
    /// The first error after which nothing may go on.
    pub(super) failure: Option<KvError>,
    /// The last flush found no space; commits go on until the log is full.
    pub(super) is_out_of_space: bool,
    pub(super) ring: Ring,
    /// Last group in the log.
    pub(super) last_group: u64,
    /// Memtables that are sealed and wait for their flush hold everything up to here.
    pub(super) rotation: Option<Mark>,
    /// The tables hold everything up to here.
    pub(super) flushed: Mark,
    pub(super) journal: Journal,
    /// The committer waits for room in the log.
    pub(super) is_log_wanted: bool,
    pub(super) compaction_wanted: bool,
}

impl State {
    /// The error that new calls get, if any.
    pub(super) fn refusal(&self) -> Option<KvError> {
        match &self.failure {
            Some(error) => Some(failed(error)),
            None if self.stopping => Some(KvError::Io("the metadata store is closed".to_owned())),
            None => None,
        }
    }

    /// Whether so much of the log is not flushed that a checkpoint is due.
    pub(super) fn is_half_full(&self) -> bool {
        self.ring.head - self.flushed.position >= self.ring.geometry.area_bytes() / 2
    }

    /// Whether a thread should end.
    pub(super) fn is_over(&self) -> bool {
        self.stopping || self.failure.is_some()
    }
}
