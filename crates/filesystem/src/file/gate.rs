//! Keeps blocks from being freed while somebody may still read them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Counts the readers that may hold placements of blocks that have been released since.
#[derive(Debug, Default)]
pub(crate) struct ReadGate {
    state: Mutex<State>,
}

/// Somebody reads: taken before the first region record is looked at, held until the last read of the store has ended.
#[derive(Debug)]
pub(crate) struct ReadGuard<'g> {
    gate: &'g ReadGate,
    generation: u64,
}

#[derive(Debug, Default)]
struct State {
    generation: u64,
    readers: BTreeMap<u64, usize>,
}

impl ReadGate {
    /// Starts to read.
    pub(crate) fn enter(&self) -> ReadGuard<'_> {
        let mut state = self.state();
        let generation = state.generation;
        *state.readers.entry(generation).or_insert(0) += 1;
        ReadGuard { gate: self, generation }
    }

    /// Whether nobody reads.
    pub(crate) fn is_idle(&self) -> bool {
        self.state().readers.is_empty()
    }

    /// Blocks were released, and no record names them any more: returns what [`ReadGate::has_passed`] asks about.
    pub(crate) fn turn(&self) -> u64 {
        let mut state = self.state();
        let turned = state.generation;
        state.generation += 1;
        turned
    }

    /// Whether everybody who read when the gate was turned has ended.
    pub(crate) fn has_passed(&self, turned: u64) -> bool {
        self.state().readers.first_key_value().is_none_or(|(oldest, _)| *oldest > turned)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ReadGuard<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        let left = state.readers.get_mut(&self.generation).map(|count| {
            *count -= 1;
            *count
        });
        if left == Some(0) {
            state.readers.remove(&self.generation);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_older_readers_only() {
        let gate = ReadGate::default();
        let (old, other) = (gate.enter(), gate.enter());
        let turned = gate.turn();
        let new = gate.enter();
        drop(old);
        assert!(!gate.has_passed(turned));
        drop(other);
        assert!(gate.has_passed(turned));
        drop(new);
        assert!(gate.has_passed(gate.turn()));
    }
}
