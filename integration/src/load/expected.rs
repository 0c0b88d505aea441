//! What a worker's folder must look like, as far as the server's promises go.

use std::collections::BTreeMap;

use super::change::Change;
use super::observed::{Observed, ObservedFile};

/// The state after every acknowledged change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// Folders with their modes.
    pub folders: BTreeMap<String, u32>,
    /// Files by path.
    pub files: BTreeMap<String, ExpectedFile>,
}

/// One file: bytes that must be there, and writes that may be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExpectedFile {
    /// Permission bits.
    pub mode: u32,
    /// What the server promised to keep.
    pub settled: Vec<u8>,
    /// Acknowledged UNSTABLE and not committed: (offset, bytes). Each byte may be there or not.
    pub unsettled: Vec<(usize, Vec<u8>)>,
}

impl Expected {
    /// Takes over an acknowledged change.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Mkdir { path, mode } => drop(self.folders.insert(path.clone(), *mode)),
            Change::Rmdir { path } => drop(self.folders.remove(path)),
            Change::Create { path, mode } => {
                self.files.insert(path.clone(), ExpectedFile { mode: *mode, ..ExpectedFile::default() });
            }
            Change::Rename { from, to } => {
                if let Some(file) = self.files.remove(from) {
                    self.files.insert(to.clone(), file);
                }
            }
            Change::Remove { path } => drop(self.files.remove(path)),
            Change::Write { path, offset, data, stable } => {
                self.file(path, |file| if *stable { file.settle(*offset, data) } else { file.expect(*offset, data) });
            }
            Change::Commit { path } => self.file(path, ExpectedFile::commit),
            Change::Truncate { path, size } => self.file(path, |file| file.settled.resize(*size, 0)),
            Change::Chmod { path, mode } => self.file(path, |file| file.mode = *mode),
        }
    }

    /// Takes over a change of which it is unknown whether the server did it; `None` when one state covers both.
    #[must_use]
    pub fn with_unanswered(&self, change: &Change) -> Self {
        let mut other = self.clone();
        match change {
            Change::Write { path, offset, data, .. } => other.file(path, |file| file.expect(*offset, data)),
            Change::Commit { .. } => {}
            certain => other.apply(certain),
        }
        other
    }

    /// Whether no file lies in the folder.
    #[must_use]
    pub fn is_empty(&self, folder: &str) -> bool {
        !self.files.keys().any(|path| path.split_once('/').is_some_and(|(parent, _)| parent == folder))
    }

    /// `Err` says what the server did not keep, or made up.
    pub fn accepts(&self, observed: &Observed) -> Result<(), String> {
        if self.folders != observed.folders {
            return Err(format!("folders: expected {:?}, found {:?}", self.folders, observed.folders));
        }
        if let Some(path) = self.files.keys().find(|path| !observed.files.contains_key(*path)) {
            return Err(format!("{path} is missing"));
        }
        for (path, file) in &observed.files {
            let Some(expected) = self.files.get(path) else { return Err(format!("{path} should not exist")) };
            expected.accepts(file).map_err(|what| format!("{path}: {what}"))?;
        }
        Ok(())
    }

    fn file(&mut self, path: &str, change: impl FnOnce(&mut ExpectedFile)) {
        if let Some(file) = self.files.get_mut(path) {
            change(file);
        }
    }
}

impl ExpectedFile {
    fn settle(&mut self, offset: usize, data: &[u8]) {
        overlay(&mut self.settled, offset, data);
        let end = offset + data.len();
        let earlier = std::mem::take(&mut self.unsettled);
        self.unsettled = earlier.into_iter().flat_map(|write| outside(write, offset, end)).collect();
    }

    fn expect(&mut self, offset: usize, data: &[u8]) {
        self.unsettled.push((offset, data.to_vec()));
    }

    fn commit(&mut self) {
        for (offset, data) in std::mem::take(&mut self.unsettled) {
            overlay(&mut self.settled, offset, &data);
        }
    }

    fn accepts(&self, observed: &ObservedFile) -> Result<(), String> {
        if self.mode != observed.mode {
            return Err(format!("mode {:o}, expected {:o}", observed.mode, self.mode));
        }
        let size = observed.content.len();
        let ends = self.unsettled.iter().map(|(offset, data)| offset + data.len());
        if size != self.settled.len() && !ends.clone().any(|end| end == size && end > self.settled.len()) {
            return Err(format!("{size} bytes, expected {} or {:?}", self.settled.len(), ends.collect::<Vec<_>>()));
        }
        if observed.content.starts_with(&self.settled) && self.unsettled.is_empty() {
            return Ok(());
        }
        let wrong = (0..size).find(|&index| !self.allows(index, observed.content.get(index).copied()));
        wrong.map_or(Ok(()), |index| {
            let (found, settled) = (observed.content.get(index), self.settled.get(index));
            Err(format!("byte {index} of {size} is {found:?}, promised {settled:?}"))
        })
    }

    fn allows(&self, index: usize, found: Option<u8>) -> bool {
        let promised = self.settled.get(index).copied().unwrap_or(0);
        let written =
            |(offset, data): &(usize, Vec<u8>)| index.checked_sub(*offset).and_then(|at| data.get(at).copied());
        found == Some(promised)
            || self.unsettled.iter().any(|write| written(write).is_some_and(|byte| found == Some(byte)))
    }
}

fn overlay(content: &mut Vec<u8>, offset: usize, data: &[u8]) {
    let end = offset + data.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    if let Some(place) = content.get_mut(offset..end) {
        place.copy_from_slice(data);
    }
}

/// The parts of a write in front of `start` and from `end` on.
fn outside((offset, data): (usize, Vec<u8>), start: usize, end: usize) -> impl Iterator<Item = (usize, Vec<u8>)> {
    let before = start.saturating_sub(offset).min(data.len());
    let after = end.saturating_sub(offset).clamp(before, data.len());
    let front = data.get(..before).unwrap_or_default().to_vec();
    let back = data.get(after..).unwrap_or_default().to_vec();
    [(offset, front), (offset + after, back)].into_iter().filter(|(_, part)| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(changes: &[Change]) -> Expected {
        let mut state = Expected::default();
        changes.iter().for_each(|change| state.apply(change));
        state
    }

    fn create(path: &str) -> Change {
        Change::Create { path: path.to_owned(), mode: 0o644 }
    }

    fn write(offset: usize, data: &[u8], stable: bool) -> Change {
        Change::Write { path: "f".to_owned(), offset, data: data.to_vec(), stable }
    }

    fn seen(content: &[u8]) -> Observed {
        let file = ObservedFile { mode: 0o644, content: content.to_vec() };
        Observed { files: [("f".to_owned(), file)].into(), ..Observed::default() }
    }

    #[test]
    fn a_stable_write_must_be_there() {
        let state = state(&[create("f"), write(0, b"kept", true)]);
        assert_eq!(state.accepts(&seen(b"kept")), Ok(()));
        assert!(state.accepts(&seen(b"kep")).is_err());
        assert!(state.accepts(&seen(b"kepT")).is_err());
        assert!(state.accepts(&Observed::default()).is_err());
    }

    #[test]
    fn an_unstable_write_may_be_there_in_part_until_it_is_committed() {
        let mut state = state(&[create("f"), write(0, b"aaaa", true), write(2, b"bbbb", false)]);
        for allowed in [&b"aaaa"[..], b"aabb", b"aabbbb", b"aaab", b"aaaa\0b"] {
            assert_eq!(state.accepts(&seen(allowed)), Ok(()), "{allowed:?}");
        }
        for refused in [&b"aaa"[..], b"aabbb", b"babb", b"aabbcc"] {
            assert!(state.accepts(&seen(refused)).is_err(), "{refused:?}");
        }
        state.apply(&Change::Commit { path: "f".to_owned() });
        assert_eq!(state.accepts(&seen(b"aabbbb")), Ok(()));
        assert!(state.accepts(&seen(b"aabb")).is_err());
    }

    #[test]
    fn a_stable_write_settles_its_own_range_only() {
        let state = state(&[create("f"), write(0, b"uuuu", false), write(1, b"SS", true)]);
        assert_eq!(state.accepts(&seen(b"uSSu")), Ok(()));
        assert_eq!(state.accepts(&seen(b"\0SS")), Ok(()));
        assert!(state.accepts(&seen(b"uuSu")).is_err());
    }

    #[test]
    fn an_unanswered_rename_leaves_exactly_one_name() {
        let before = state(&[create("f")]);
        let after = before.with_unanswered(&Change::Rename { from: "f".to_owned(), to: "g".to_owned() });
        let fits = |observed: &Observed| before.accepts(observed).is_ok() || after.accepts(observed).is_ok();
        let mut both = seen(b"");
        assert!(fits(&both));
        both.files.insert("g".to_owned(), ObservedFile { mode: 0o644, content: Vec::new() });
        assert!(!fits(&both) && !fits(&Observed::default()));
    }
}
