//! Opens by the application that they belong to (MS-SMB2 3.3.1.10 `Open.AppInstanceId`): one that comes up on another client,
//! as a virtual machine does after a failure, ends what it has left open on the first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smb_wire::dtyp::Guid;
use vfs::{InodeId, Name, OpenId, ZoneId};

/// The opens of all applications. As many as there are opens that name one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Applications {
    table: Arc<Mutex<Table>>,
}

type Table = HashMap<Key, Vec<Held>>;

/// An application, and what it has open.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) zone: ZoneId,
    pub(crate) share: String,
    /// `AppInstanceId`.
    pub(crate) application: Guid,
    pub(crate) file: InodeId,
    pub(crate) stream: Option<Name>,
}

/// `AppInstanceVersionHigh` and `AppInstanceVersionLow`.
pub(crate) type Version = (u64, u64);

/// One open of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) open: OpenId,
    pub(crate) session: u64,
    pub(crate) client: Guid,
    pub(crate) version: Option<Version>,
}

/// The entry of an open, as long as this is there.
#[derive(Debug)]
pub(crate) struct Instance {
    table: Arc<Mutex<Table>>,
    key: Key,
    open: OpenId,
}

impl Applications {
    /// Notes an open.
    pub(crate) fn enter(&self, key: Key, held: Held) -> Arc<Instance> {
        lock(&self.table).entry(key.clone()).or_default().push(held);
        Arc::new(Instance { table: Arc::clone(&self.table), key, open: held.open })
    }

    /// What other clients have open for an application.
    pub(crate) fn elsewhere(&self, key: &Key, client: Guid) -> Vec<Held> {
        let table = lock(&self.table);
        table.get(key).into_iter().flatten().filter(|held| held.client != client).copied().collect()
    }
}

impl Held {
    /// Whether it gives way to its application of this version (MS-SMB2 3.3.5.9.13): to a later one, if it has one itself.
    pub(crate) fn gives_way_to(&self, version: Option<Version>) -> bool {
        self.version.is_none_or(|own| version.is_some_and(|version| own < version))
    }
}

impl Instance {
    /// Its client came back to it.
    pub(crate) fn moved(&self, session: u64, client: Guid) {
        let mut table = lock(&self.table);
        let held = table.get_mut(&self.key).into_iter().flatten();
        held.filter(|held| held.open == self.open).for_each(|held| (held.session, held.client) = (session, client));
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let mut table = lock(&self.table);
        let Some(held) = table.get_mut(&self.key) else { return };
        held.retain(|held| held.open != self.open);
        if held.is_empty() {
            table.remove(&self.key);
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
    fn opens_are_known_by_their_application_until_they_are_gone() {
        let applications = Applications::default();
        let (one, other) = (Guid([1; 16]), Guid([2; 16]));
        let key = |zone| Key {
            zone: ZoneId(zone),
            share: "projects".to_owned(),
            application: Guid([3; 16]),
            file: InodeId::default(),
            stream: None,
        };
        let held = Held { open: OpenId(7), session: 1, client: one, version: None };
        let entered = applications.enter(key(1), held);
        assert_eq!(applications.elsewhere(&key(1), other), [held]);
        assert_eq!(applications.elsewhere(&key(1), one), []);
        assert_eq!(applications.elsewhere(&key(2), other), [], "another tenant's");
        entered.moved(2, other);
        assert_eq!(applications.elsewhere(&key(1), one), [Held { session: 2, client: other, ..held }]);
        drop(entered);
        assert!(lock(&applications.table).is_empty());
    }
}
