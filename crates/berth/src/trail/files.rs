//! The files of one zone's record: one that is written, and those before it, which are numbered.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::added_lines::AddedLines;
use crate::replace::remove;

/// The file that is written, if it is open.
#[derive(Debug, Default)]
pub(super) struct Files {
    open: Option<AddedLines>,
}

impl Files {
    /// Adds pieces of whole lines. Where the file would become larger than it may, it is numbered, the oldest goes when there are
    /// more than are kept, and a new one is begun. Blocks.
    pub(super) fn add(&mut self, folder: &Path, pieces: &[String], (bytes, kept): (u64, u32)) -> io::Result<()> {
        for piece in pieces {
            let mut file = match self.open.take() {
                Some(file) => file,
                None => begin(folder)?,
            };
            let used = file.bytes()?;
            if used > 0 && used + piece.len() as u64 > bytes {
                drop(file);
                rotate(folder, kept)?;
                file = begin(folder)?;
            }
            file.add(piece, false)?;
            self.open = Some(file);
        }
        Ok(())
    }

    /// The next piece goes to the file that has the name then: somebody may have moved the old one away.
    pub(super) fn forget(&mut self) {
        self.open = None;
    }
}

fn begin(folder: &Path) -> io::Result<AddedLines> {
    fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
    AddedLines::open(&folder.join(CURRENT))
}

fn rotate(folder: &Path, kept: u32) -> io::Result<()> {
    let numbers = numbers(folder)?;
    let next = numbers.last().map_or(1, |last| last.saturating_add(1));
    fs::rename(folder.join(CURRENT), numbered(folder, next))?;
    // With the one that is begun, and the one that was just numbered.
    let surplus = (numbers.len() + 2).saturating_sub(usize::try_from(kept.max(1)).unwrap_or(usize::MAX));
    let old = numbers.into_iter().chain([next]).take(surplus);
    old.into_iter().try_for_each(|number| remove(&numbered(folder, number)))
}

/// The numbers of files that are not written any more, oldest first. Nothing else in the folder is looked at.
pub(super) fn numbers(folder: &Path) -> io::Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("events.")?.strip_suffix(".jsonl"));
        numbers.extend(number.filter(|number| number.len() == DIGITS).and_then(|number| number.parse::<u32>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// A file by its number, which the one that is written has not got yet.
pub(super) fn numbered(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("events.{number:0DIGITS$}.jsonl"))
}

/// The file that is written.
pub(super) const CURRENT: &str = "events.jsonl";
const DIGITS: usize = 8;
const FOLDER_MODE: u32 = 0o700;
