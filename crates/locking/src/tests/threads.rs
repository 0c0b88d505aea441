//! Threads at the same files: nobody holds what another holds alone, and nothing is left.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;

use LockKind::{Exclusive, Shared};
use testkit::Random;
use vfs::{ClientId, Event, LockKind, Mailbox};

use super::{file, lock, owner, span};
use crate::{LockTable, Locked};

#[test]
fn threads_exclude_each_other() {
    let table = LockTable::new();
    // Readers count up, a writer counts far down.
    let inside: [AtomicI32; FILES] = Default::default();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (table, inside) = (&table, &inside);
            scope.spawn(move || Worker::new(thread, table, inside).run());
        }
    });
    (0..THREADS).for_each(|client| table.free_client(ClientId(client)));
    assert!(table.is_empty());
    assert_eq!(table.figures(), vfs::LockFigures::default());
}

struct Worker<'a> {
    number: u64,
    table: &'a LockTable,
    inside: &'a [AtomicI32; FILES],
    mailbox: Arc<Mailbox>,
    /// Files whose grant was told.
    told: Mutex<Vec<u64>>,
}

impl<'a> Worker<'a> {
    fn new(thread: u64, table: &'a LockTable, inside: &'a [AtomicI32; FILES]) -> Self {
        // Owners of different clients.
        Self { number: thread * 2, table, inside, mailbox: Arc::default(), told: Mutex::default() }
    }

    fn run(&self) {
        let mut random = Random::new(self.number);
        for _ in 0..ROUNDS {
            let place = random.below(FILES as u64);
            let kind = if random.chance(40) { Exclusive } else { Shared };
            if self.enter(place, kind) {
                self.stay(place, kind);
            }
            if random.chance(1) {
                self.table.free_client(ClientId(self.number / 2));
            }
        }
    }

    /// Waits for a lock, and gives up after a while.
    fn enter(&self, place: u64, kind: LockKind) -> bool {
        let wanted = lock(self.number, span(0, 0), kind);
        match self.table.lock(file(place), &wanted, Some(&self.mailbox)) {
            Ok(Locked::Granted) => return true,
            Ok(Locked::Queued) => {}
            Err(refusal) => panic!("{refusal:?}"),
        }
        for _ in 0..1000 {
            if self.is_told(place) {
                return true;
            }
            std::thread::yield_now();
        }
        !self.table.cancel(file(place), &wanted) && self.is_told(place)
    }

    fn is_told(&self, place: u64) -> bool {
        let mut told = self.told.lock().unwrap();
        told.extend(self.mailbox.take(Waker::noop()).0.into_iter().map(|event| match event {
            Event::LockGranted { inode, .. } => inode.number.0,
            other => panic!("{other:?}"),
        }));
        let index = told.iter().position(|number| *number == place);
        index.map(|index| told.remove(index)).is_some()
    }

    fn stay(&self, place: u64, kind: LockKind) {
        let inside = &self.inside[usize::try_from(place).unwrap()];
        let more = if kind == Exclusive { -1000 } else { 1 };
        let before = inside.fetch_add(more, Ordering::SeqCst);
        assert!(if kind == Exclusive { before == 0 } else { before >= 0 }, "{before} inside, {kind:?} entered");
        std::thread::yield_now();
        inside.fetch_sub(more, Ordering::SeqCst);
        self.table.unlock(file(place), &owner(self.number), span(0, 0)).unwrap();
    }
}

const THREADS: u64 = 4;
const FILES: usize = 3;
const ROUNDS: u64 = 1000;
