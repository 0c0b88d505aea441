//! The audit log: a file that lines are only added to.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use admin_server::AuditLog;
use anyhow::{Context, Result};
use futures_util::future::BoxFuture;
use tokio::task::spawn_blocking;

use crate::added_lines::AddedLines;

/// The audit log. Clones write to the same file.
#[derive(Clone, Debug)]
pub(crate) struct Audit {
    path: PathBuf,
    end: Arc<Mutex<AddedLines>>,
}

impl Audit {
    /// Goes on with a file, or begins one that only its owner reads.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let end = Arc::new(Mutex::new(open(path)?));
        Ok(Self { path: path.to_owned(), end })
    }

    /// Goes on with the file that has the name now: the old one may have been moved away. If there can be none, the old one
    /// stays. Blocks.
    pub(super) fn reopen(&self) -> Result<()> {
        let end = open(&self.path)?;
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = end;
        Ok(())
    }
}

impl AuditLog for Audit {
    fn record(&self, line: String, is_durable: bool) -> BoxFuture<'_, Result<(), String>> {
        let end = Arc::clone(&self.end);
        let write = move || end.lock().unwrap_or_else(PoisonError::into_inner).add(&line, is_durable);
        Box::pin(async move {
            let written = spawn_blocking(write).await.map_err(|error| error.to_string())?;
            written.map_err(|error| format!("cannot write {}: {error}", self.path.display()))
        })
    }

    fn see_through(&self, request: BoxFuture<'static, ()>) {
        tokio::spawn(request);
    }
}

fn open(path: &Path) -> Result<AddedLines> {
    let cannot = || format!("cannot open the audit log {}: see admin.audit_log", path.display());
    AddedLines::open(path).with_context(cannot)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::runtime::on_this_thread;

    #[test]
    fn lines_are_added_and_a_torn_one_stays_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        let add = |line: &str| {
            let audit = Audit::open(&path).unwrap();
            on_this_thread().unwrap().block_on(audit.record(line.to_owned(), true)).unwrap();
            fs::read_to_string(&path).unwrap()
        };
        assert_eq!((add("one"), add("two")), ("one\n".to_owned(), "one\ntwo\n".to_owned()));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        // As after a power cut.
        fs::write(&path, "one\ntw").unwrap();
        assert_eq!(add("three"), "one\ntw\nthree\n");
        let lost = Audit::open(&folder.path().join("no/audit")).unwrap_err();
        assert!(format!("{lost:#}").contains("see admin.audit_log"), "{lost:#}");
    }
}
