//! The folder of a store, for one process at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The folder of a store, taken by this process until dropped. The engines below lock their own folders too; this lock
/// tells who has them, before any of them is touched.
#[derive(Debug)]
pub(crate) struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Takes the folder, which is made when it does not exist.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).with_context(|| format!("cannot make the data directory {}", path.display()))?;
        Self::take(path)
    }

    /// Takes the folder of a store that exists.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        if !path.join(METADATA).is_dir() {
            bail!("{} holds no store of Berth (no folder {METADATA:?} in it)", path.display());
        }
        Self::take(path)
    }

    /// Where the metadata engine keeps its files.
    pub(crate) fn metadata(&self) -> PathBuf {
        self.path.join(METADATA)
    }

    /// Where the block store keeps its files.
    pub(crate) fn blocks(&self) -> PathBuf {
        self.path.join(BLOCKS)
    }

    fn take(path: &Path) -> Result<Self> {
        let file = path.join(LOCK);
        let refuse = || format!("cannot open {}", file.display());
        let options = OpenOptions::new().create(true).truncate(false).read(true).write(true).clone();
        let mut lock = options.open(&file).with_context(refuse)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                lock.read_to_string(&mut owner).ok();
                bail!(
                    "the store in {} is in use by another berth (process {}): stop that one first, or name another \
                     data directory",
                    path.display(),
                    owner.trim()
                );
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(refuse),
        }
        // Only told to whoever finds the store taken.
        lock.set_len(0)?;
        lock.seek(SeekFrom::Start(0))?;
        writeln!(lock, "{}", std::process::id())?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }
}

const METADATA: &str = "metadata";
const BLOCKS: &str = "blocks";
const LOCK: &str = "berth.lock";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_used_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let held = DataDirectory::create(&path).unwrap();
        let refusal = DataDirectory::create(&path).unwrap_err().to_string();
        assert!(refusal.contains(&format!("another berth (process {})", std::process::id())), "{refusal}");
        assert!(refusal.contains("stop that one first, or name another data directory"), "{refusal}");
        drop(held);
        DataDirectory::create(&path).unwrap();
    }

    #[test]
    fn a_folder_without_a_store_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let refusal = DataDirectory::open(folder.path()).unwrap_err().to_string();
        assert!(refusal.contains("holds no store of Berth"), "{refusal}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "looking leaves nothing behind");
    }
}
