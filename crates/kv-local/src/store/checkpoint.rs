//! The checkpointer: flushes sealed memtables to tables, recycles the log below them, zero-fills the log ahead of its
//! first lap.

use std::sync::PoisonError;

use kv::KvError;
use lsm_tree::AbstractTree;

use super::Store;
use super::state::Mark;
use crate::errors::from_io;
use crate::log::buffer::AlignedBuffer;
use crate::log::slot::Slot;

/// Body of the checkpointer thread.
pub(super) fn run(store: &Store) {
    let mut zeros = AlignedBuffer::new(FILL_BYTES);
    zeros.set_len(FILL_BYTES);
    loop {
        let outcome = match store.next_duty() {
            Duty::End => return,
            Duty::Flush(rotation) => store.checkpoint(rotation),
            Duty::Advance => store.advance(),
            Duty::Fill(from) => store.fill(from, &zeros),
        };
        match outcome {
            Ok(()) => {}
            Err(KvError::NoSpace) => store.go_out_of_space(),
            Err(error) => {
                store.fail(&error);
                return;
            }
        }
    }
}

/// The checkpoint of a clean close, when the threads have ended.
pub(super) fn finish(store: &Store) -> Result<(), KvError> {
    let mut state = store.lock();
    let waiting = state.rotation;
    drop(state);
    if let Some(rotation) = waiting {
        store.checkpoint(rotation)?;
    }
    state = store.lock();
    store.rotate(&mut state);
    let last = state.rotation;
    drop(state);
    last.map_or(Ok(()), |rotation| store.checkpoint(rotation))
}

/// What the checkpointer does next.
enum Duty {
    End,
    Flush(Mark),
    /// Let replay start later: entries of the journal were released.
    Advance,
    /// Zero-fill the log from this byte of the file on.
    Fill(u64),
}

impl Store {
    fn next_duty(&self) -> Duty {
        let mut state = self.lock();
        loop {
            if state.is_over() {
                return Duty::End;
            }
            if let Some(rotation) = state.rotation.filter(|_| !state.is_out_of_space) {
                return Duty::Flush(rotation);
            }
            if state.is_advance_due() {
                return Duty::Advance;
            }
            if state.ring.prepared_bytes < self.log_bytes {
                return Duty::Fill(state.ring.prepared_bytes);
            }
            state = self.checkpoints.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Flushes what is sealed, and only when that is durable frees the log below it.
    fn checkpoint(&self, rotation: Mark) -> Result<(), KvError> {
        self.flush()?;
        let mut state = self.lock();
        state.flushed = rotation;
        state.rotation = None;
        state.compaction_wanted = true;
        drop(state);
        self.compactions.notify_one();
        self.advance()
    }

    /// Frees the log below what is neither flushed nor released.
    fn advance(&self) -> Result<(), KvError> {
        let (start, prepared_bytes) = {
            let state = self.lock();
            (state.start_wanted(), state.ring.prepared_bytes)
        };
        self.write_slot(start.position, start.group, prepared_bytes)?;
        let mut state = self.lock();
        state.ring.start = start.position;
        state.is_log_wanted = false;
        drop(state);
        self.commits.notify_all();
        Ok(())
    }

    fn flush(&self) -> Result<(), KvError> {
        if self.tree.l0_run_count() >= L0_RUNS_MAX {
            self.compact_once()?;
        }
        let lock = self.tree.get_flush_lock();
        let flushed = self.tree.flush(&lock, self.views.watermark());
        flushed.map(drop).map_err(|error| self.tree_error("cannot flush to", &error))
    }

    fn write_slot(&self, start: u64, previous_group: u64, prepared_bytes: u64) -> Result<(), KvError> {
        let newest = Slot::read(&*self.device, &self.log_path, self.store_id)?;
        let slot = Slot { generation: newest.generation + 1, start, previous_group, prepared_bytes, ..newest };
        slot.write(&*self.device, &self.log_path)
    }

    /// Zero-fills one step of the log. Nothing lies there yet: writes stay below what is filled.
    fn fill(&self, from: u64, zeros: &AlignedBuffer) -> Result<(), KvError> {
        let left = usize::try_from(self.log_bytes - from).unwrap_or(usize::MAX);
        let bytes = zeros.bytes().get(..left.min(FILL_BYTES)).unwrap_or_default();
        let filled = self.device.write_at_durable(bytes, from);
        filled.map_err(|error| from_io("cannot prepare", &self.log_path, &error))?;
        let until = from + u64::try_from(bytes.len()).unwrap_or(0);
        if until >= self.log_bytes || from / FILL_NOTE_BYTES != until / FILL_NOTE_BYTES {
            self.note_filled(until)?;
        }
        self.lock().ring.prepared_bytes = until;
        self.commits.notify_all();
        Ok(())
    }

    /// Notes in the slot how far the log is filled, so that an open goes on there.
    fn note_filled(&self, until: u64) -> Result<(), KvError> {
        let newest = Slot::read(&*self.device, &self.log_path, self.store_id)?;
        self.write_slot(newest.start, newest.previous_group, until)
    }

    /// Keeps serving from memory and the rest of the log, until that is full too.
    fn go_out_of_space(&self) {
        tracing::error!(directory = %self.settings.directory.display(), "no space to flush the metadata store");
        self.lock().is_out_of_space = true;
        self.commits.notify_all();
    }
}

/// Bytes zero-filled at a time.
const FILL_BYTES: usize = 1024 * 1024;
/// Bytes after which the progress of the fill is noted.
const FILL_NOTE_BYTES: u64 = 64 * 1024 * 1024;
/// Runs in the top level of the tree above which a flush first waits for a compaction.
const L0_RUNS_MAX: usize = 20;
