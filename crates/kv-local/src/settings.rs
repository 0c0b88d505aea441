//! What an owner chooses for a store.

use std::path::PathBuf;
use std::sync::Arc;

use kv::KvError;
use uring::Faults;

use crate::log::BLOCK_BYTES;
use crate::log::numbered::NumberedLog;

/// Where a store lies and how much memory and log it may use.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Directory of the store. One that is empty or missing becomes a new store.
    pub directory: PathBuf,
    /// Size of the log, fixed when the store is created; at least 4 MiB. Default 256 MiB.
    pub log_bytes: u64,
    /// Where the log lies. A store that has it elsewhere does not open:
    /// [`LocalEngine::move_log`](crate::LocalEngine::move_log) moves it. Default [`LogPlace::Beside`].
    pub log_place: LogPlace,
    /// Memtable size that starts a checkpoint before the log is half full. Default 64 MiB.
    pub memtable_bytes: u64,
    /// Size of the block cache. Default 64 MiB.
    pub cache_bytes: u64,
    /// Age at which a view expires, so that old versions can be collected. Default 60,000.
    pub view_age_ms_max: u64,
    /// Faults to inject into the log; for tests. The tables of the tree stay outside of the plan.
    pub faults: Option<Arc<Faults>>,
}

/// Where the log of a store lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LogPlace {
    /// In the directory of the store.
    #[default]
    Beside,
    /// In this folder, on another device; it must exist. Logs of many stores may lie in one.
    Apart(PathBuf),
    /// Where it was when the store was last open.
    AsLast,
}

impl LogPlace {
    /// The folder that it names, with what the store knows of its log; `None` is the directory of the store.
    pub(crate) fn directory(&self, last: &NumberedLog) -> Option<PathBuf> {
        match self {
            Self::Beside => None,
            Self::Apart(folder) => Some(folder.clone()),
            Self::AsLast => last.directory.clone(),
        }
    }
}

impl Settings {
    /// The defaults for a store in this directory.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            log_bytes: 256 * MIB,
            log_place: LogPlace::Beside,
            memtable_bytes: 64 * MIB,
            cache_bytes: 64 * MIB,
            view_age_ms_max: 60_000,
            faults: None,
        }
    }

    /// Checks what a file system would refuse late.
    pub(crate) fn validate(&self) -> Result<(), KvError> {
        if self.log_bytes < LOG_BYTES_MIN || !self.log_bytes.is_multiple_of(BLOCK_BYTES) {
            return Err(KvError::Io(format!(
                "log_bytes is {}: it must be a multiple of 4096, 4 MiB or more",
                self.log_bytes
            )));
        }
        Ok(())
    }
}

const MIB: u64 = 1024 * 1024;
/// Two of the largest writes and the slots at the start must fit.
const LOG_BYTES_MIN: u64 = 4 * MIB;
