//! A file that lines are only added to.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::replace::SECRET_MODE;

/// The end of such a file.
#[derive(Debug)]
pub(crate) struct AddedLines {
    file: File,
    /// Whether the last line may have been written in part.
    is_torn: bool,
}

impl AddedLines {
    /// Goes on with a file, or begins one that only its owner reads, whose name survives a power cut. Blocks.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.create(true).read(true).append(true).mode(SECRET_MODE).open(path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        File::open(folder)?.sync_all()?;
        let is_torn = Self::is_torn(&file)?;
        Ok(Self { file, is_torn })
    }

    /// Adds lines, of which the last has no end of line yet; one that was torn before stays a line of its own. A durable one
    /// survives a power cut once this returns. Blocks.
    pub(crate) fn add(&mut self, lines: &str, is_durable: bool) -> io::Result<()> {
        let begin = if std::mem::replace(&mut self.is_torn, true) { "\n" } else { "" };
        self.file.write_all(format!("{begin}{lines}\n").as_bytes())?;
        self.is_torn = false;
        if is_durable { self.file.sync_data() } else { Ok(()) }
    }

    /// Bytes in it.
    pub(crate) fn bytes(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Whether whoever wrote the file last did not come to the end of a line.
    fn is_torn(file: &File) -> io::Result<bool> {
        let Some(last) = file.metadata()?.len().checked_sub(1) else { return Ok(false) };
        let mut byte = [0];
        file.read_exact_at(&mut byte, last)?;
        Ok(byte != *b"\n")
    }
}
