//! Views: which sequence numbers are still read, and when they stop being so.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;
use kv::{Entry, KvError, Scan, Version, View};

use crate::store::Store;

/// The state of a [`LocalEngine`](crate::LocalEngine) at one commit. Dropping it lets old versions be collected.
#[derive(Debug)]
pub struct LocalView {
    cell: Arc<Cell>,
}

impl LocalView {
    /// Opens a view of what is visible now.
    pub(crate) fn open(store: &Arc<Store>) -> Self {
        Self { cell: store.views().open(store) }
    }

    /// Reads while the store is held: an expiring store waits for the read to end.
    fn read<T>(&self, read: impl FnOnce(&Store, u64) -> Result<T, KvError>) -> Result<T, KvError> {
        let held = self.cell.store.read().unwrap_or_else(PoisonError::into_inner);
        let store = held.as_ref().ok_or(KvError::Expired)?;
        read(store, self.cell.snapshot)
    }
}

impl View for LocalView {
    fn version(&self) -> Version {
        Version(self.cell.snapshot.saturating_sub(1))
    }

    async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, KvError> {
        self.read(|store, snapshot| store.get(key, snapshot))
    }

    async fn get_many(&self, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>, KvError> {
        self.read(|store, snapshot| keys.iter().map(|key| store.get(key, snapshot)).collect())
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<Entry>, KvError> {
        self.read(|store, snapshot| store.scan(&scan, snapshot))
    }
}

impl Drop for LocalView {
    fn drop(&mut self) {
        let held = self.cell.store.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(store) = held {
            store.views().forget(self.cell.id);
        }
    }
}

/// What the registry and the view share. An expired view holds no store.
#[derive(Debug)]
struct Cell {
    id: u64,
    /// Reads see sequence numbers below this.
    snapshot: u64,
    age_ticks: AtomicU32,
    store: RwLock<Option<Arc<Store>>>,
}

/// All open views of a store.
#[derive(Debug, Default)]
pub(crate) struct Views {
    registry: Mutex<Registry>,
}

#[derive(Debug, Default)]
struct Registry {
    next_id: u64,
    /// One above the last commit that is whole in the tree.
    visible: u64,
    open: BTreeMap<u64, Arc<Cell>>,
}

impl Views {
    /// Lets new views see everything below this sequence number.
    pub(crate) fn publish(&self, visible: u64) {
        self.lock().visible = visible;
    }

    /// What new views see.
    pub(crate) fn visible(&self) -> u64 {
        self.lock().visible
    }

    /// The lowest snapshot that is read now or ever will be: older versions may be collected.
    pub(crate) fn watermark(&self) -> u64 {
        let registry = self.lock();
        registry.open.values().map(|cell| cell.snapshot).min().unwrap_or(u64::MAX).min(registry.visible)
    }

    /// Ages every view by one tick and expires those that reach the limit.
    pub(crate) fn age(&self, ticks_max: u32) {
        self.expire(|cell| cell.age_ticks.fetch_add(1, Ordering::Relaxed) + 1 >= ticks_max);
    }

    /// Expires every view, so that nothing holds the store.
    pub(crate) fn expire_all(&self) {
        self.expire(|_| true);
    }

    /// A view leaves the registry only after it can no longer read, so that the watermark never passes a reader.
    fn expire(&self, is_due: impl Fn(&Cell) -> bool) {
        let due: Vec<Arc<Cell>> = self.lock().open.values().filter(|cell| is_due(cell)).map(Arc::clone).collect();
        for cell in &due {
            drop(cell.store.write().unwrap_or_else(PoisonError::into_inner).take());
        }
        let mut registry = self.lock();
        for cell in &due {
            registry.open.remove(&cell.id);
        }
    }

    fn open(&self, store: &Arc<Store>) -> Arc<Cell> {
        let mut registry = self.lock();
        let (id, snapshot) = (registry.next_id, registry.visible);
        let store = RwLock::new(Some(Arc::clone(store)));
        let cell = Arc::new(Cell { id, snapshot, age_ticks: AtomicU32::new(0), store });
        registry.next_id += 1;
        registry.open.insert(id, Arc::clone(&cell));
        cell
    }

    fn forget(&self, id: u64) {
        self.lock().open.remove(&id);
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
