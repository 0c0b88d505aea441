//! Directories of which every name is known: those made since the start. Whether a name is there, which each creation
//! asks first, is then answered without a look into the store.
//!
//! Only hashes of names are kept, a few bytes each, so that a directory stays known when its dentries were evicted. A
//! hash says "perhaps here", and its bucket is loaded; none says "not here".

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use vfs::InodeId;

use super::{BucketKey, Seeded};

/// The known directories; bounded.
#[derive(Debug)]
pub(crate) struct KnownNames {
    parts: Vec<Mutex<Part>>,
    /// Names in all parts, with [`DIRECTORY_COST`] for each directory.
    held: AtomicUsize,
    held_max: usize,
}

#[derive(Debug, Default)]
struct Part {
    directories: HashMap<InodeId, Known, Seeded>,
    /// In the order in which they were made, or came through an eviction.
    order: VecDeque<InodeId>,
}

#[derive(Debug, Default)]
struct Known {
    names: HashSet<u64, Seeded>,
    /// Asked or told of since the last eviction passed by.
    is_in_use: bool,
}

impl KnownNames {
    /// Knows nothing, and will remember about so many names.
    pub(crate) fn new(names_max: usize) -> Self {
        let parts = std::iter::repeat_with(Mutex::default).take(PARTS).collect();
        Self { parts, held: AtomicUsize::new(0), held_max: names_max.max(NAMES_MIN) }
    }

    /// A directory was made: nothing is in it.
    pub(crate) fn begin(&self, directory: InodeId) {
        let mut part = self.part(directory);
        if part.directories.insert(directory, Known::default()).is_none() {
            part.order.push_back(directory);
            self.held.fetch_add(DIRECTORY_COST, Ordering::Relaxed);
            self.shrink(&mut part);
        }
    }

    /// A directory was removed.
    pub(crate) fn forget(&self, directory: InodeId) {
        let mut part = self.part(directory);
        self.release(&mut part, directory);
        // Those that are gone stay in the order for a while.
        if part.order.len() > 2 * part.directories.len() + ORDER_SLACK {
            let Part { directories, order } = &mut *part;
            order.retain(|directory| directories.contains_key(directory));
        }
    }

    /// A bucket holds names now: call it before the bucket shows them. Or none any more: call it after.
    pub(crate) fn note(&self, (directory, hash): BucketKey, has_names: bool) {
        let mut part = self.part(directory);
        let Some(known) = part.directories.get_mut(&directory) else { return };
        known.is_in_use = true;
        if !has_names {
            self.held.fetch_sub(usize::from(known.names.remove(&hash)), Ordering::Relaxed);
        } else if known.names.insert(hash) {
            self.held.fetch_add(1, Ordering::Relaxed);
            self.shrink(&mut part);
        }
    }

    /// Whether the bucket is certainly empty. Only for one whose last change is durable, or for the holder of the
    /// shard's turn.
    pub(crate) fn lacks(&self, (directory, hash): &BucketKey) -> bool {
        let mut part = self.part(*directory);
        let Some(known) = part.directories.get_mut(directory) else { return false };
        known.is_in_use = true;
        !known.names.contains(hash)
    }

    /// Forgets everything: for a reload.
    pub(crate) fn clear(&self) {
        for part in &self.parts {
            let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
            let directories: Vec<_> = part.order.drain(..).collect();
            directories.into_iter().for_each(|directory| self.release(&mut part, directory));
        }
    }

    /// Second chance: forgets the directories of this part that nobody used lately while there are too many names.
    fn shrink(&self, part: &mut Part) {
        // Nobody's turn comes twice.
        for _ in 0..part.order.len().min(EVICTION_TURNS) {
            if self.held.load(Ordering::Relaxed) <= self.held_max {
                return;
            }
            let Some(oldest) = part.order.pop_front() else { return };
            match part.directories.get_mut(&oldest) {
                Some(known) if known.is_in_use && !part.order.is_empty() => {
                    known.is_in_use = false;
                    part.order.push_back(oldest);
                }
                _ => self.release(part, oldest),
            }
        }
    }

    fn release(&self, part: &mut Part, directory: InodeId) {
        if let Some(known) = part.directories.remove(&directory) {
            self.held.fetch_sub(known.names.len() + DIRECTORY_COST, Ordering::Relaxed);
        }
    }

    fn part(&self, directory: InodeId) -> MutexGuard<'_, Part> {
        #[expect(clippy::cast_possible_truncation, reason = "only the low bits matter")]
        let index = directory.number.0 as usize % PARTS;
        #[expect(clippy::indexing_slicing, reason = "below PARTS")]
        self.parts[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Parts of the table, so that threads seldom meet.
const PARTS: usize = 16;
const NAMES_MIN: usize = 1024;
/// What an empty directory costs, in names.
const DIRECTORY_COST: usize = 8;
const ORDER_SLACK: usize = 64;
/// Directories looked at by one eviction.
const EVICTION_TURNS: usize = 64;

#[cfg(test)]
mod tests {
    use vfs::InodeNumber;

    use super::*;

    fn directory(number: u64) -> InodeId {
        InodeId { number: InodeNumber(number), ..InodeId::default() }
    }

    #[test]
    fn only_what_is_known_can_be_said_to_lack() {
        let names = KnownNames::new(1000);
        let (made, found) = (directory(1), directory(2));
        names.begin(made);
        names.note((made, 7), true);
        names.note((found, 7), true);
        assert!(names.lacks(&(made, 8)) && !names.lacks(&(made, 7)));
        assert!(!names.lacks(&(found, 8)), "it was there before the start");
        names.note((made, 7), false);
        assert!(names.lacks(&(made, 7)));
        names.forget(made);
        assert!(!names.lacks(&(made, 7)));
    }

    #[test]
    fn a_directory_that_does_not_fit_is_unknown_for_good() {
        let names = KnownNames::new(0);
        let crowded = directory(1);
        names.begin(crowded);
        (0..2 * NAMES_MIN as u64).for_each(|hash| names.note((crowded, hash), true));
        assert!(!names.lacks(&(crowded, u64::MAX)));
        assert_eq!(names.held.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn memory_is_bounded_and_what_is_in_use_stays() {
        let names = KnownNames::new(0);
        let busy = directory(0);
        names.begin(busy);
        for number in 1..100_000 {
            names.begin(directory(number));
            assert!(names.lacks(&(busy, 1)), "{number}");
            names.note((directory(number), 1), true);
            assert!(names.lacks(&(busy, 1)), "{number}");
            names.forget(directory(number / 2 + 1));
        }
        assert!(names.held.load(Ordering::Relaxed) <= NAMES_MIN);
        let orders: usize = names.parts.iter().map(|part| part.lock().unwrap().order.len()).sum();
        assert!(orders <= 2 * NAMES_MIN + PARTS * ORDER_SLACK, "{orders}");
        names.clear();
        assert_eq!(names.held.load(Ordering::Relaxed), 0);
    }
}
