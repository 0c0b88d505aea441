//! Errors of the layers below, in the words of the contract.

use std::io;
use std::path::Path;

use kv::KvError;

/// An error of the file system.
pub(crate) fn from_io(doing: &str, path: &Path, error: &io::Error) -> KvError {
    if error.kind() == io::ErrorKind::StorageFull || error.kind() == io::ErrorKind::QuotaExceeded {
        return KvError::NoSpace;
    }
    KvError::Io(format!("{doing} {}: {error}", path.display()))
}

/// An error of the tree: what is not I/O is damage.
pub(crate) fn from_tree(doing: &str, directory: &Path, error: &lsm_tree::Error) -> KvError {
    match error {
        lsm_tree::Error::Io(error) => from_io(doing, directory, error),
        other => KvError::Damaged(format!("{doing} {}: {other}", directory.display())),
    }
}
