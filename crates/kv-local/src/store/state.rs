//! What the lock of a running store guards.

use std::collections::VecDeque;
use std::task::Waker;

use kv::{Batch, KvError, Version};

use super::failed;
use crate::log::ring::Ring;
use crate::reply::Sender;

/// A batch that waits for the committer.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) batch: Batch,
    pub(super) reply: Sender<Result<Version, KvError>>,
}

/// Memtables that are sealed and wait for their flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rotation {
    /// Position of the log up to which they hold everything.
    pub(super) position: u64,
    /// Last group that they hold.
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
    pub(super) rotation: Option<Rotation>,
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

    /// Whether a thread should end.
    pub(super) fn is_over(&self) -> bool {
        self.stopping || self.failure.is_some()
    }
}
