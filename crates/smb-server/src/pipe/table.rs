//! The pipes of a session, by the `FileId` that its client knows them by.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smb_wire::FileId;

use super::association::Association;

/// A pipe that a client opened.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) file_id: FileId,
    /// The tree connect that it was opened through.
    tree: u32,
    pub(super) association: Mutex<Association>,
}

/// The pipes of one session.
#[derive(Debug, Default)]
pub(crate) struct Pipes {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    last: u64,
    open: HashMap<u64, Arc<Pipe>>,
}

impl Pipes {
    /// Gives a pipe its number; `None` when there are too many.
    pub(super) fn enter(&self, tree: u32, association: Association) -> Option<Arc<Pipe>> {
        let mut table = self.table();
        if table.open.len() >= PIPES_MAX {
            return None;
        }
        table.last += 1;
        let volatile = table.last;
        let file_id = FileId { persistent: PERSISTENT, volatile };
        let pipe = Arc::new(Pipe { file_id, tree, association: Mutex::new(association) });
        table.open.insert(volatile, Arc::clone(&pipe));
        Some(pipe)
    }

    /// A pipe of this tree connect.
    pub(crate) fn find(&self, file_id: FileId, tree: u32) -> Option<Arc<Pipe>> {
        let table = self.table();
        let found = table.open.get(&file_id.volatile);
        found.filter(|pipe| pipe.file_id == file_id && pipe.tree == tree).map(Arc::clone)
    }

    /// Takes a pipe out.
    pub(super) fn take(&self, pipe: &Pipe) {
        self.table().open.remove(&pipe.file_id.volatile);
    }

    /// Takes out everything that was opened through a tree connect.
    pub(crate) fn take_tree(&self, tree: u32) {
        self.table().open.retain(|_, pipe| pipe.tree != tree);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Pipes of one session at once.
const PIPES_MAX: usize = 64;
/// Above the numbers of opens of files.
const PERSISTENT: u64 = 1 << 63;
