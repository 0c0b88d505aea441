//! Directories, whose entries have to be synced like data.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, open};

use crate::faults::{Faults, OperationKind};
use crate::file::Inner;
use crate::operation::Operation;
use crate::pending::Pending;

/// An open directory. Clones are the same one.
#[derive(Clone)]
pub struct Directory(Arc<Inner>);

impl Directory {
    /// Opens a directory that is there.
    ///
    /// # Errors
    /// Those of `open(2)`.
    pub fn open(path: &Path, ring: bool, faults: Option<Arc<Faults>>) -> io::Result<Self> {
        let fd = open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self(Arc::new(Inner::for_directory(fd, path.to_owned(), ring, faults))))
    }

    /// Returns when every entry made, removed or renamed before is on stable storage.
    ///
    /// # Errors
    /// Those of `fsync(2)`.
    pub async fn sync(&self) -> io::Result<()> {
        let operation = Operation::Sync { data_only: false };
        Pending::new(Arc::clone(&self.0), operation).await.result?;
        if let Some(faults) = &self.0.faults {
            faults.entries_synced(&self.0.path);
        }
        Ok(())
    }

    /// Removes the file `name`, on the calling thread.
    ///
    /// # Errors
    /// Those of `unlink(2)`.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.0.path.join(name);
        if let Some(faults) = &self.0.faults {
            faults.check(OperationKind::Remove)?;
            faults.removed(&path);
        }
        std::fs::remove_file(path)
    }

    /// Gives the file `from` the name `to`, which nothing has, on the calling thread.
    ///
    /// # Errors
    /// Those of `rename(2)`.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let [from, to] = [from, to].map(|name| self.0.path.join(name));
        if let Some(faults) = &self.0.faults {
            faults.check(OperationKind::Rename)?;
            faults.renamed(&from, &to);
        }
        std::fs::rename(from, to)
    }
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Directory").field(&self.0.path).finish()
    }
}
