//! A log that may lie apart from its store: how the store knows it again.
//!
//! Whoever has two devices can bring one of them back from a copy, mount the wrong one, or forget to mount one at all. So
//! such a log has a *number*, raised each time it is moved and told in its slots and in the superblock; and the superblock
//! tells the *epoch* of the last open and a *group* that must be in the log or below its start. A log that does not
//! fit is refused before anything is written.

use std::path::{Path, PathBuf};

use kv::KvError;

use super::recovery::LogEnd;
use super::slot::Slot;

/// Refuses a log that is not the one in which a store goes on.
///
/// Errors: `Damaged`.
pub(crate) fn check_identity(numbered: Option<&NumberedLog>, slot: &Slot, path: &Path) -> Result<(), KvError> {
    match numbered {
        Some(numbered) => numbered.check(slot, path),
        None if slot.log_number == 0 => Ok(()),
        None => Err(KvError::Damaged(format!(
            "{} is log {} of this store, but the folder of the store has never known of one: bring back the folder that \
             was written last, or folder and log from one back-up",
            path.display(),
            slot.log_number,
        ))),
    }
}

/// What the superblock tells of such a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NumberedLog {
    /// From 1 on; 0 is the log of a store that never had one apart.
    pub(crate) number: u64,
    /// Epoch of the last open.
    pub(crate) epoch: u64,
    /// Last group at the last open or clean close.
    pub(crate) group: u64,
    /// Whether `epoch` is being written to the log: it has this one or the one before.
    pub(crate) is_begun: bool,
    /// Folder in which it lies; `None` is that of the store.
    pub(crate) directory: Option<PathBuf>,
}

impl NumberedLog {
    /// The first log of a store that is made with its log apart.
    pub(crate) fn first(directory: Option<PathBuf>) -> Self {
        Self { number: 1, epoch: 0, group: 0, is_begun: false, directory }
    }

    fn check(&self, slot: &Slot, path: &Path) -> Result<(), KvError> {
        let path = path.display();
        if slot.log_number != self.number {
            return Err(KvError::Damaged(format!(
                "{path} is log {} of this store, but the store goes on in log {}, last seen in {}: name that folder; \
                 this file is left over and holds nothing that counts",
                slot.log_number,
                self.number,
                self.place(),
            )));
        }
        let is_epoch = slot.epoch == self.epoch || (self.is_begun && slot.epoch + 1 == self.epoch);
        if !is_epoch && slot.epoch < self.epoch {
            return Err(KvError::Damaged(format!(
                "{path} is an old state of the log (epoch {}; the store was opened with epoch {} since): bring back the \
                 file that was written last, or folder and log from one back-up",
                slot.epoch, self.epoch,
            )));
        }
        if !is_epoch {
            return Err(KvError::Damaged(format!(
                "{path} is newer than the folder of the store (epoch {}; the folder knows of {}): bring back the folder \
                 that was written last, or folder and log from one back-up",
                slot.epoch, self.epoch,
            )));
        }
        Ok(())
    }

    /// Refuses a log that lacks groups of which the store knows.
    ///
    /// Errors: `Damaged`.
    pub(crate) fn check_end(&self, end: &LogEnd, persisted: u64, path: &Path) -> Result<(), KvError> {
        let known = self.group.max(persisted);
        if end.group >= known {
            return Ok(());
        }
        let (path, group) = (path.display(), end.group);
        Err(KvError::Damaged(format!(
            "{path} ends with group {group}, but the store has had group {known}: it is an old state of the log or was \
             not copied whole; bring back the file that was written last, or folder and log from one back-up"
        )))
    }

    /// Where it was last, for people.
    pub(crate) fn place(&self) -> String {
        self.directory.as_ref().map_or_else(|| "the folder of the store".to_owned(), |path| path.display().to_string())
    }
}
