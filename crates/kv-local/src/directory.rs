//! The files of a store, and the lock that keeps a second owner out.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use kv::KvError;

use crate::errors::from_io;

/// The directory of a store, locked for this owner until it is dropped.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Makes the directory if it is missing, and takes its lock.
    ///
    /// Errors: `Io` when another owner, in any process, has it.
    pub(crate) fn open(path: &Path) -> Result<Self, KvError> {
        fs::create_dir_all(path).map_err(|error| from_io("cannot create", path, &error))?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(|error| from_io("cannot open", &lock_path, &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                Err(KvError::Io(format!("{} is in use by another process or engine", path.display())))
            }
            Err(TryLockError::Error(error)) => Err(from_io("cannot lock", &lock_path, &error)),
        }
    }

    /// The directory itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The log file: in this directory, or in one for the logs of any number of stores.
    pub(crate) fn log(&self, log_directory: Option<&Path>, store_id: u128) -> PathBuf {
        match log_directory {
            None => self.path.join("log"),
            Some(directory) => directory.join(format!("berth-{store_id:032x}.log")),
        }
    }

    /// The folder of the tree.
    pub(crate) fn tree(&self) -> PathBuf {
        self.path.join("tree")
    }

    /// The superblock.
    pub(crate) fn superblock(&self) -> PathBuf {
        self.path.join("superblock")
    }

    /// Whether nothing but our own lock and unfinished files lie here.
    pub(crate) fn is_empty(&self) -> Result<bool, KvError> {
        let entries = fs::read_dir(&self.path).map_err(|error| from_io("cannot list", &self.path, &error))?;
        for entry in entries {
            let name = entry.map_err(|error| from_io("cannot list", &self.path, &error))?.file_name();
            if name != "lock" && name != "superblock.tmp" && name != "lost+found" {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Removes an unfinished log and tree.
    pub(crate) fn clear(&self, log: &Path) -> Result<(), KvError> {
        let ignore_missing = |error: std::io::Error, path: &Path| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(from_io("cannot remove", path, &error)),
        };
        let tree = self.tree();
        fs::remove_file(log).or_else(|error| ignore_missing(error, log))?;
        fs::remove_dir_all(&tree).or_else(|error| ignore_missing(error, &tree))
    }

    /// Replaces a file in this directory so that after a crash either the old or the new content is there.
    pub(crate) fn replace(&self, path: &Path, content: &[u8]) -> Result<(), KvError> {
        let temporary = path.with_extension("tmp");
        let write = || {
            let mut file = File::create(&temporary)?;
            file.write_all(content)?;
            file.sync_all()?;
            fs::rename(&temporary, path)
        };
        write().map_err(|error| from_io("cannot write", path, &error))?;
        self.sync()
    }

    /// Makes the names in the directory durable.
    pub(crate) fn sync(&self) -> Result<(), KvError> {
        sync_entries(&self.path)
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_entries(directory: &Path) -> Result<(), KvError> {
    let sync = || File::open(directory)?.sync_all();
    sync().map_err(|error| from_io("cannot sync", directory, &error))
}
