//! The committer: gathers queued batches, makes them durable with one write, inserts them, answers.

use std::collections::HashMap;

use bytes::Bytes;
use kv::{Batch, KvError, Version};
use lsm_tree::{AbstractTree, InternalValue, Memtable, ValueType};

use super::state::{Job, Mark, State};
use super::{Store, failed};
use crate::errors::from_io;
use crate::log::WRITE_BYTES_MAX;
use crate::log::record::{Chain, Change, RECORD_ALIGNMENT, changes, encoded_len};
use crate::log::write::PendingWrite;

/// Body of the committer thread. It alone takes group numbers and rotates memtables: a rotation between taking a number
/// and inserting its group would hide the group from its readers.
pub(super) fn run(store: &Store) {
    let mut write = PendingWrite::new();
    store.rotate_if_due();
    while let Some(jobs) = store.next_jobs() {
        if let Err(error) = store.commit_jobs(jobs, &mut write).and_then(|()| store.carry_if_due()) {
            store.fail(&error);
            return;
        }
        store.rotate_if_due();
    }
}

impl Store {
    /// Waits for batches and takes as many as one write holds.
    fn next_jobs(&self) -> Option<Vec<Job>> {
        let mut state = self.lock();
        while state.queue.is_empty() && !state.is_over() {
            state = self.commits.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        if state.failure.is_some() || state.queue.is_empty() {
            return None;
        }
        let jobs = take_jobs(&mut state);
        let wakers = std::mem::take(&mut state.waiting_for_queue);
        drop(state);
        wakers.into_iter().for_each(std::task::Waker::wake);
        Some(jobs)
    }

    /// Commits the jobs whose expectations hold and answers all of them.
    fn commit_jobs(&self, jobs: Vec<Job>, write: &mut PendingWrite) -> Result<(), KvError> {
        write.clear();
        let admitted = match self.admit(&jobs, write) {
            Ok(admitted) => admitted,
            Err(error) => return answer_all(jobs, &error),
        };
        let mut outcomes = match self.write_out(write) {
            Ok(groups) => groups.into_iter(),
            Err(KvError::NoSpace) => {
                answer(jobs, admitted, |()| Err(KvError::NoSpace));
                return Ok(());
            }
            Err(error) => return answer_all(jobs, &error),
        };
        let mut accepted = Vec::with_capacity(jobs.len());
        // Looked up once: the tree copies its state of tables and memtables for each look.
        let memtable = self.tree.active_memtable();
        for (job, admission) in jobs.iter().zip(&admitted) {
            let group = if admission.is_ok() { outcomes.next() } else { None };
            if let Some(group) = group {
                insert(&memtable, &job.batch, group);
                self.views.publish(group + 1);
                accepted.push(group);
            }
        }
        let mut accepted = accepted.into_iter();
        answer(jobs, admitted, |()| accepted.next().map(Version).ok_or_else(|| KvError::Io("no group".to_owned())));
        Ok(())
    }

    /// Checks expectations in order, each against the tree and the batches before it, and gathers what holds.
    fn admit(&self, jobs: &[Job], write: &mut PendingWrite) -> Result<Vec<Result<(), KvError>>, KvError> {
        let mut overlay = Overlay::default();
        let mut admitted = Vec::with_capacity(jobs.len());
        for job in jobs {
            let admission = self.check_expectations(&job.batch, &overlay)?;
            if admission.is_ok() {
                write.add(&job.batch).ok_or_else(|| KvError::Io("a batch does not fit a log write".to_owned()))?;
            }
            if admission.is_ok() && jobs.len() > 1 {
                overlay.add(&job.batch);
            }
            admitted.push(admission);
        }
        Ok(admitted)
    }

    fn check_expectations(&self, batch: &Batch, overlay: &Overlay) -> Result<Result<(), KvError>, KvError> {
        let snapshot = if batch.expect.is_empty() { 0 } else { self.views.visible() };
        for (index, (key, expected)) in batch.expect.iter().enumerate() {
            let found = match overlay.values.get(key) {
                Some(value) => value.clone(),
                None => self.get(key, snapshot)?,
            };
            if found != *expected {
                return Ok(Err(KvError::Conflict(index)));
            }
        }
        Ok(Ok(()))
    }

    /// Makes the gathered records durable and returns their groups.
    ///
    /// Errors: `NoSpace` (nothing was written), `Unknown` (any part may have been), `Io`.
    fn write_out(&self, write: &mut PendingWrite) -> Result<Vec<u64>, KvError> {
        if write.is_empty() {
            return Ok(Vec::new());
        }
        let mark = self.reserve(write.padded_len())?;
        self.write_at(write, mark)
    }

    /// Makes the gathered records durable at a place that was found to be free.
    ///
    /// Errors: `Unknown` (any part may have been written), `Io`.
    pub(super) fn write_at(&self, write: &mut PendingWrite, mark: Mark) -> Result<Vec<u64>, KvError> {
        let chain = Chain {
            store_id: self.store_id,
            epoch: self.epoch,
            group: 0,
            position: mark.position,
            write_position: mark.position,
            previous_group: mark.group,
        };
        let groups = write.seal(chain, || self.sequence.next());
        let groups = groups.ok_or_else(|| KvError::Io("a log record could not be sealed".to_owned()))?;
        let offset = self.lock().ring.geometry.offset(mark.position);
        let written = self.device.write_at_durable(write.bytes(), offset);
        written.map_err(|error| {
            let error = from_io("cannot write", &self.log_path, &error);
            KvError::Unknown(error.to_string())
        })?;
        let mut state = self.lock();
        state.ring.head = mark.position + write.padded_len();
        state.last_group = groups.last().copied().unwrap_or(state.last_group);
        state.journal.add(mark, write.entries());
        Ok(groups)
    }

    /// Waits until the log has room, and says where the write goes and which group is before it.
    fn reserve(&self, length: u64) -> Result<Mark, KvError> {
        let mut state = self.lock();
        loop {
            let spare = state.spare_bytes();
            if let Some(position) = state.ring.place(length, spare) {
                state.is_log_wanted = false;
                return Ok(Mark { position, group: state.last_group });
            }
            if let Some(error) = &state.failure {
                return Err(failed(error));
            }
            if state.stopping {
                return Err(KvError::Io("the metadata store is closed".to_owned()));
            }
            if state.is_held_by_journal() && !state.ring.is_free(length, spare) {
                drop(state);
                self.carry()?;
                state = self.lock();
                continue;
            }
            if !state.ring.is_free(length, spare) {
                self.ask_for_log(&mut state)?;
            }
            state = self.commits.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    /// Asks the checkpointer to free a part of the log.
    ///
    /// Errors: `NoSpace`.
    fn ask_for_log(&self, state: &mut State) -> Result<(), KvError> {
        state.is_log_wanted = true;
        if state.is_advance_due() {
            self.checkpoints.notify_one();
            return Ok(());
        }
        if state.is_out_of_space {
            return Err(KvError::NoSpace);
        }
        self.rotate(state);
        Ok(())
    }

    /// Starts a checkpoint when the log is half full or the memtable has grown enough.
    fn rotate_if_due(&self) {
        let is_large = self.tree.active_memtable().size() >= self.settings.memtable_bytes;
        let mut state = self.lock();
        if is_large || state.is_half_full() {
            self.rotate(&mut state);
        }
    }

    /// Seals the memtable for the checkpointer, unless the one before still waits.
    pub(super) fn rotate(&self, state: &mut State) {
        if state.rotation.is_some() || state.ring.head == state.flushed.position {
            return;
        }
        self.tree.rotate_memtable();
        state.rotation = Some(Mark { position: state.ring.head, group: state.last_group });
        self.checkpoints.notify_one();
    }
}

/// What the batches of this write have changed so far.
#[derive(Debug, Default)]
struct Overlay {
    values: HashMap<Bytes, Option<Bytes>>,
}

impl Overlay {
    fn add(&mut self, batch: &Batch) {
        let deletes = batch.deletes.iter().map(|key| (key.clone(), None));
        let puts = batch.puts.iter().map(|(key, value)| (key.clone(), Some(value.clone())));
        let token = batch.token.iter().map(|token| (token.key.clone(), Some(token.value.clone())));
        self.values.extend(deletes.chain(puts).chain(token));
    }
}

fn insert(memtable: &Memtable, batch: &Batch, group: u64) {
    for change in changes(batch) {
        let item = match change {
            Change::Delete(key) => InternalValue::new_tombstone(key, group),
            Change::Put(key, value) => InternalValue::from_components(key, value, group, ValueType::Value),
        };
        let _sizes = memtable.insert(item);
    }
}

/// Batches from the front of the queue that fit one write.
fn take_jobs(state: &mut State) -> Vec<Job> {
    let mut jobs = Vec::new();
    let mut size = 0;
    while let Some(job) = state.queue.front() {
        size += encoded_len(&job.batch).next_multiple_of(RECORD_ALIGNMENT);
        if size > WRITE_BYTES_MAX && !jobs.is_empty() {
            break;
        }
        jobs.extend(state.queue.pop_front());
    }
    jobs
}

/// Answers each job: its conflict, or what `accepted` says.
fn answer(
    jobs: Vec<Job>,
    admitted: Vec<Result<(), KvError>>,
    mut accepted: impl FnMut(()) -> Result<Version, KvError>,
) {
    for (job, admission) in jobs.into_iter().zip(admitted) {
        let outcome = admission.and_then(&mut accepted);
        job.reply.send(outcome);
    }
}

fn answer_all(jobs: Vec<Job>, error: &KvError) -> Result<(), KvError> {
    for job in jobs {
        job.reply.send(Err(error.clone()));
    }
    Err(error.clone())
}
