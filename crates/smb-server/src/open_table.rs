//! The opens of a session, by the `FileId` that its client knows them by (MS-SMB2 3.3.1.10).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vfs::OpenId;

/// Something that a client opened.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) id: OpenId,
    /// The tree connect that it was opened through.
    pub(crate) tree: u32,
}

/// The opens of one session.
#[derive(Debug, Default)]
pub(crate) struct Opens {
    table: Mutex<HashMap<u64, Arc<Open>>>,
}

impl Opens {
    /// Takes out everything that was opened through a tree connect.
    pub(crate) fn take_tree(&self, tree: u32) -> Vec<Arc<Open>> {
        self.table().extract_if(|_, open| open.tree == tree).map(|(_, open)| open).collect()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.table().len()
    }

    fn table(&self) -> MutexGuard<'_, HashMap<u64, Arc<Open>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
