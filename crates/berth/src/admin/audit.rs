//! The audit log: a file that lines are only added to.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use admin_server::AuditLog;
use anyhow::{Context, Result};
use futures_util::future::BoxFuture;
use tokio::task::spawn_blocking;

use crate::replace::SECRET_MODE;

/// The audit log. Clones write to the same file.
#[derive(Clone, Debug)]
pub(crate) struct Audit {
    path: PathBuf,
    end: Arc<Mutex<End>>,
}

/// The end of the file.
#[derive(Debug)]
struct End {
    file: File,
    /// Whether the last line may have been written in part.
    is_torn: bool,
}

impl Audit {
    /// Goes on with a file, or begins one that only its owner reads.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let end = Arc::new(Mutex::new(End::open(path)?));
        Ok(Self { path: path.to_owned(), end })
    }

    /// Goes on with the file that has the name now: the old one may have been moved away. If there can be none, the old one
    /// stays. Blocks.
    pub(super) fn reopen(&self) -> Result<()> {
        let end = End::open(&self.path)?;
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

impl End {
    fn open(path: &Path) -> Result<Self> {
        let cannot = || format!("cannot open the audit log {}: see admin.audit_log", path.display());
        let mut options = OpenOptions::new();
        let file = options.create(true).read(true).append(true).mode(SECRET_MODE).open(path).with_context(cannot)?;
        // Its name is to survive a power cut too.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).with_context(cannot)?;
        let is_torn = Self::is_torn(&file).with_context(cannot)?;
        Ok(Self { file, is_torn })
    }

    /// Whether whoever wrote the file last did not come to the end of a line.
    fn is_torn(file: &File) -> io::Result<bool> {
        let Some(last) = file.metadata()?.len().checked_sub(1) else { return Ok(false) };
        let mut byte = [0];
        file.read_exact_at(&mut byte, last)?;
        Ok(byte != *b"\n")
    }

    fn add(&mut self, line: &str, is_durable: bool) -> io::Result<()> {
        let begin = if std::mem::replace(&mut self.is_torn, true) { "\n" } else { "" };
        self.file.write_all(format!("{begin}{line}\n").as_bytes())?;
        self.is_torn = false;
        if is_durable { self.file.sync_data() } else { Ok(()) }
    }
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
