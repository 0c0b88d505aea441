//! What a thread has read of the table of inodes a moment ago, in copies of its own: threads that read the same inode
//! (a directory that every path leads through) would else hand one lock and one counter of references to and fro.
//!
//! A copy holds as long as nothing in its part of the table was written: one number that is read, and changed only by
//! those who write.

use std::cell::RefCell;
use std::sync::Arc;

use meta::records::InodeRecord;
use vfs::InodeId;

use super::table::{Slot, Table};

type Inodes = Table<InodeId, Option<Arc<InodeRecord>>>;
type InodeSlot = Slot<Option<Arc<InodeRecord>>>;

/// An inode that this thread has read.
struct Place {
    /// The table, and the state of its part that this is of.
    table: u64,
    changes: u64,
    inode: InodeId,
    /// `None` when it was read once: a copy is made for one that is read again.
    copy: Option<InodeSlot>,
    /// Answers that the table has not heard of.
    answers: u64,
}

thread_local! {
    static PLACES: RefCell<Vec<Option<Place>>> = const { RefCell::new(Vec::new()) };
}

impl Inodes {
    /// As `get`, for those who change nothing.
    pub(crate) fn get_near(&self, inode: &InodeId) -> Option<InodeSlot> {
        PLACES.with_borrow_mut(|places| {
            if places.is_empty() {
                places.resize_with(PLACES_MAX, || None);
            }
            let index = usize::try_from(inode.number.0).unwrap_or_default() % PLACES_MAX;
            match places.get_mut(index) {
                Some(place) => self.get_at(place, inode),
                None => self.get(inode),
            }
        })
    }

    fn get_at(&self, place: &mut Option<Place>, inode: &InodeId) -> Option<InodeSlot> {
        let ours = place.as_mut().filter(|place| place.table == self.id() && place.inode == *inode);
        let mut answers = 0;
        let mut is_again = false;
        if let Some(place) = ours {
            (answers, is_again) = (place.answers, place.changes == self.changes(inode));
            if let Some(copy) = place.copy.as_ref().filter(|_| is_again && answers < ANSWERS_MAX) {
                place.answers += 1;
                return Some(copy.clone());
            }
        }
        let (found, changes) = self.get_counted(inode, answers);
        let copy = found.as_ref().filter(|_| is_again).map(own_copy);
        *place = found.is_some().then(|| Place { table: self.id(), changes, inode: *inode, copy, answers: 0 });
        found
    }
}

/// With a counter of references that no other thread touches.
fn own_copy(slot: &InodeSlot) -> InodeSlot {
    let value = slot.value.as_deref().map(|record| Arc::new(record.clone()));
    Slot { value, version: slot.version, decided: slot.decided }
}

/// Inodes of a thread; about 100 KiB.
const PLACES_MAX: usize = 256;
/// After so many answers the table is asked again, so that it knows what is in use.
const ANSWERS_MAX: u64 = 64;

#[cfg(test)]
mod tests {
    use meta::Version;
    use vfs::{InodeNumber, ShardId};

    use super::*;

    fn inode(number: u64) -> InodeId {
        InodeId { number: InodeNumber(number), ..InodeId::root_of(ShardId::ROOT) }
    }

    fn slot(version: u64) -> InodeSlot {
        Slot::new(None, Version(version))
    }

    fn read(table: &Inodes, number: u64) -> Option<u64> {
        table.get_near(&inode(number)).map(|slot| slot.version.0)
    }

    #[test]
    fn a_write_is_seen_at_once() {
        let table = Inodes::new(1000);
        assert_eq!(read(&table, 7), None);
        for version in 1..5 {
            table.put(inode(7), slot(version), Version(0));
            for _ in 0..200 {
                assert_eq!(read(&table, 7), Some(version));
            }
        }
        table.clear();
        assert_eq!(read(&table, 7), None);
    }

    #[test]
    fn tables_and_inodes_of_one_place_are_told_apart() {
        let (one, other) = (Inodes::new(1000), Inodes::new(1000));
        let neighbour = 7 + PLACES_MAX as u64;
        one.put(inode(7), slot(1), Version(0));
        other.put(inode(7), slot(2), Version(0));
        one.put(inode(neighbour), slot(3), Version(0));
        for _ in 0..5 {
            assert_eq!(read(&one, 7), Some(1));
            assert_eq!(read(&one, 7), Some(1));
            assert_eq!(read(&other, 7), Some(2));
            assert_eq!(read(&one, neighbour), Some(3));
        }
    }

    #[test]
    fn the_table_hears_of_every_answer() {
        let table = Inodes::new(1000);
        table.put(inode(7), slot(1), Version(0));
        for _ in 0..1000 {
            read(&table, 7);
        }
        let hits = table.figures("inode").hits;
        assert!((1000 - ANSWERS_MAX..=1000).contains(&hits), "{hits}");
    }
}
