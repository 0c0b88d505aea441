//! Requests that made opens, by the names that their clients gave them (MS-SMB2 3.3.1.10 `Open.CreateGuid`): one that is sent
//! again, as its answer was lost, does not open twice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use smb_wire::dtyp::Guid;
use vfs::ZoneId;

use crate::open_table::Open;

/// All requests that are known by a name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims {
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    slots: HashMap<Key, Slot>,
    last: u64,
}

/// Zone, client and request.
pub(crate) type Key = (ZoneId, Guid, Guid);

/// A name that is taken, as long as this is there.
#[derive(Debug)]
pub(crate) struct Claim {
    table: Arc<Mutex<Table>>,
    key: Key,
    /// Which of those that have had this name.
    number: u64,
}

/// What a request came to.
#[derive(Debug)]
struct Slot {
    number: u64,
    /// `None` while it is under way.
    open: Option<(Weak<Open>, u64)>,
}

/// What a name stands for.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing: it is the request's that asks.
    New(Arc<Claim>),
    /// A request that is under way.
    UnderWay,
    /// An open, and the session that it was made in, or taken up again.
    Open(Arc<Open>, u64),
}

impl Claims {
    /// Looks a name up, and takes it if it is free.
    pub(crate) fn take(&self, key: Key) -> Found {
        let mut table = lock(&self.table);
        let Some(slot) = table.slots.get(&key) else { return Found::New(self.enter(&mut table, key)) };
        let open = slot.open.as_ref().and_then(|(open, session)| Some((open.upgrade()?, *session)));
        // One that is gone is about to give the name back.
        open.map_or(Found::UnderWay, |(open, session)| Found::Open(open, session))
    }

    /// Takes a name from who has it.
    pub(crate) fn take_away(&self, key: Key) -> Arc<Claim> {
        self.enter(&mut lock(&self.table), key)
    }

    fn enter(&self, table: &mut Table, key: Key) -> Arc<Claim> {
        table.last += 1;
        let number = table.last;
        table.slots.insert(key, Slot { number, open: None });
        Arc::new(Claim { table: Arc::clone(&self.table), key, number })
    }
}

impl Claim {
    /// Whether it is the one that has this name.
    pub(crate) fn is(&self, key: Key) -> bool {
        self.key == key
    }

    /// The request came to this open.
    pub(crate) fn note(&self, open: &Arc<Open>, session: u64) {
        let mut table = lock(&self.table);
        if let Some(slot) = table.slots.get_mut(&self.key).filter(|slot| slot.number == self.number) {
            slot.open = Some((Arc::downgrade(open), session));
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut table = lock(&self.table);
        if table.slots.get(&self.key).is_some_and(|slot| slot.number == self.number) {
            table.slots.remove(&self.key);
        }
    }
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_free_again_when_nobody_has_it() {
        let claims = Claims::default();
        let key = (ZoneId(1), Guid([1; 16]), Guid([2; 16]));
        let Found::New(claim) = claims.take(key) else { panic!("it is free") };
        assert!(matches!(claims.take(key), Found::UnderWay));
        assert!(matches!(claims.take((ZoneId(2), key.1, key.2)), Found::New(_)), "another tenant's");
        assert!(matches!(claims.take((ZoneId(1), Guid([3; 16]), key.2)), Found::New(_)), "another client's");
        let shared = Arc::clone(&claim);
        drop(claim);
        assert!(matches!(claims.take(key), Found::UnderWay));
        let later = claims.take_away(key);
        drop(shared);
        assert!(matches!(claims.take(key), Found::UnderWay), "it is the later one's");
        drop(later);
        assert!(matches!(claims.take(key), Found::New(_)));
        assert!(lock(&claims.table).slots.is_empty());
    }
}
