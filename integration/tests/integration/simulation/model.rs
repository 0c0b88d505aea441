//! What a client's directory holds, as far as it was told.

use std::collections::BTreeMap;

use testkit::Random;
use vfs::{Timestamp, WriteVerifier};

use super::content::Content;

/// A change; paths are relative to the client's directory, at most one directory deep.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Mkdir { path: String, mode: u32 },
    Rmdir { path: String },
    Create { path: String, mode: u32 },
    Symlink { path: String, target: String },
    Link { from: String, to: String },
    Rename { from: String, to: String },
    Remove { path: String },
    Chmod { path: String, mode: u32 },
    SetTime { path: String, modified: Timestamp },
    Cut { path: String, size: u64 },
    Write { path: String, first: u64, count: u64, version: u64, stable: bool },
    Commit { path: String },
}

/// What is no directory.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Symlink(String),
    File(File),
}

/// A file, whatever its names.
#[derive(Clone, Debug, Default)]
pub(super) struct File {
    /// Part of its data.
    pub(super) number: u64,
    pub(super) mode: u32,
    /// Where a client set it and nothing changed it since.
    pub(super) modified: Option<Timestamp>,
    pub(super) content: Content,
}

/// All of a client.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) directories: BTreeMap<String, u32>,
    /// Nodes by name.
    pub(super) names: BTreeMap<String, u64>,
    pub(super) nodes: BTreeMap<u64, Node>,
    next: u64,
}

impl Model {
    /// A change that must succeed; `number` is new with every call.
    pub(super) fn choose(&self, number: u64, random: &mut Random) -> Change {
        let names: Vec<_> = self.names.keys().cloned().collect();
        let files: Vec<_> = names.iter().filter(|name| self.file(name).is_some()).cloned().collect();
        if files.is_empty() || random.chance(12) && names.len() < NAMES_MAX {
            return self.new_name(number, random);
        }
        let (path, any) = (random.pick(&files), random.pick(&names));
        match random.below(20) {
            0 => Change::Remove { path: any },
            1 if self.directories.len() > 1 => self.on_directory(number, random),
            2 => Change::Rename { from: any, to: self.target(number, random) },
            3 if names.len() < NAMES_MAX => Change::Link { from: path, to: self.fresh(number, random) },
            4 => Change::Chmod { path, mode: mode(random) },
            5 => Change::SetTime { path, modified: time(random) },
            6 | 7 => Change::Cut { path, size: random.below(UNITS_MAX) },
            8..=10 => Change::Commit { path },
            _ => write(path, number, random),
        }
    }

    /// Takes over a change that was acknowledged, a write or commit under this verifier.
    pub(super) fn apply(&mut self, change: &Change, verifier: WriteVerifier) {
        match change {
            Change::Mkdir { path, mode } => drop(self.directories.insert(path.clone(), *mode)),
            Change::Rmdir { path } => drop(self.directories.remove(path)),
            Change::Create { path, mode } => {
                let file = File { number: self.next + 1, mode: *mode, ..File::default() };
                self.add(path, Node::File(file));
            }
            Change::Symlink { path, target } => self.add(path, Node::Symlink(target.clone())),
            Change::Link { from, to } => {
                let node = self.names[from];
                self.names.insert(to.clone(), node);
            }
            Change::Rename { from, to } => self.rename(from, to),
            Change::Remove { path } => {
                self.names.remove(path);
                self.forget_nameless();
            }
            Change::Chmod { path, mode } => self.change(path, |file| file.mode = *mode),
            Change::SetTime { path, modified } => self.change(path, |file| file.modified = Some(*modified)),
            Change::Cut { path, size } => self.change(path, |file| {
                file.modified = None;
                file.content.cut(*size);
            }),
            Change::Write { path, first, count, version, stable } => self.change(path, |file| {
                file.modified = None;
                file.content.wrote((*first, *count), *version, (!stable).then_some(verifier));
            }),
            Change::Commit { path } => self.change(path, |file| file.content.committed(verifier)),
        }
    }

    /// Takes over a change of which nobody knows whether it happened; gives the other state where one does not cover
    /// both.
    pub(super) fn apply_perhaps(&mut self, change: &Change) -> Option<Self> {
        match change {
            Change::Cut { path, size } => self.change(path, |file| {
                file.modified = None;
                file.content.may_have_cut(*size);
            }),
            Change::Write { path, first, count, version, .. } => self.change(path, |file| {
                file.modified = None;
                file.content.may_have_written((*first, *count), *version);
            }),
            Change::Commit { .. } => {}
            certain => {
                let mut other = self.clone();
                other.apply(certain, WriteVerifier([0; 8]));
                return Some(other);
            }
        }
        None
    }

    pub(super) fn file(&self, path: &str) -> Option<&File> {
        match self.names.get(path).and_then(|node| self.nodes.get(node)) {
            Some(Node::File(file)) => Some(file),
            _ => None,
        }
    }

    /// How many names a node has.
    pub(super) fn links(&self, node: u64) -> usize {
        self.names.values().filter(|named| **named == node).count()
    }

    /// The names in a directory, `""` for the client's own.
    pub(super) fn listing(&self, directory: &str) -> Vec<String> {
        let inside = |path: &String| match path.rsplit_once('/') {
            Some((parent, name)) => (parent == directory).then(|| name.to_owned()),
            None => directory.is_empty().then(|| path.clone()),
        };
        let mut names: Vec<_> = self.names.keys().chain(self.directories.keys()).filter_map(inside).collect();
        names.sort();
        names
    }

    fn change(&mut self, path: &str, change: impl FnOnce(&mut File)) {
        let node = self.names.get(path).and_then(|node| self.nodes.get_mut(node));
        if let Some(Node::File(file)) = node {
            change(file);
        }
    }

    fn add(&mut self, path: &str, node: Node) {
        self.next += 1;
        self.nodes.insert(self.next, node);
        self.names.insert(path.to_owned(), self.next);
    }

    fn rename(&mut self, from: &str, to: &str) {
        if let Some(mode) = self.directories.remove(from) {
            self.directories.insert(to.to_owned(), mode);
            let prefix = format!("{from}/");
            let moved: Vec<_> = self.names.keys().filter(|path| path.starts_with(&prefix)).cloned().collect();
            for path in moved {
                let node = self.names.remove(&path).unwrap();
                self.names.insert(format!("{to}/{}", &path[prefix.len()..]), node);
            }
            return;
        }
        // Two names of one node: nothing happens.
        if self.names.get(from) != self.names.get(to) {
            let node = self.names.remove(from).unwrap();
            self.names.insert(to.to_owned(), node);
            self.forget_nameless();
        }
    }

    fn forget_nameless(&mut self) {
        let names = &self.names;
        self.nodes.retain(|node, _| names.values().any(|named| named == node));
    }

    fn new_name(&self, number: u64, random: &mut Random) -> Change {
        match random.below(8) {
            0 if self.directories.len() < DIRECTORIES_MAX => {
                Change::Mkdir { path: format!("d{number}"), mode: mode(random) }
            }
            1 => Change::Symlink { path: self.fresh(number, random), target: format!("target-{number}") },
            _ => Change::Create { path: self.fresh(number, random), mode: mode(random) },
        }
    }

    fn on_directory(&self, number: u64, random: &mut Random) -> Change {
        let directories: Vec<_> = self.directories.keys().cloned().collect();
        let path = random.pick(&directories);
        match self.listing(&path).is_empty() {
            true if random.chance(50) => Change::Rmdir { path },
            _ => Change::Rename { from: path, to: format!("d{number}") },
        }
    }

    fn fresh(&self, number: u64, random: &mut Random) -> String {
        let directories: Vec<_> = self.directories.keys().cloned().collect();
        match random.pick(&directories) {
            directory if !directory.is_empty() && random.chance(40) => format!("{directory}/f{number}"),
            _ => format!("f{number}"),
        }
    }

    /// A new name, or one in three times that of another node.
    fn target(&self, number: u64, random: &mut Random) -> String {
        let names: Vec<_> = self.names.keys().cloned().collect();
        if random.chance(33) { random.pick(&names) } else { self.fresh(number, random) }
    }
}

fn write(path: String, version: u64, random: &mut Random) -> Change {
    let length = random.pick(&[1, 3, 8, 8, 8, 16, 40, 128, 600]);
    let first = random.below(UNITS_MAX);
    let first = if random.chance(60) { first / 8 * 8 } else { first };
    Change::Write { path, first, count: length, version: version + 1, stable: random.chance(40) }
}

fn mode(random: &mut Random) -> u32 {
    random.pick(&[0o600, 0o640, 0o644, 0o755, 0o700])
}

fn time(random: &mut Random) -> Timestamp {
    let seconds = i64::try_from(random.below(2_000_000_000)).unwrap();
    Timestamp { seconds, nanoseconds: u32::try_from(random.below(1_000_000_000)).unwrap() }
}

const NAMES_MAX: usize = 14;
const DIRECTORIES_MAX: usize = 3;
/// Units from which on nothing is written: 512 KiB, so several regions.
const UNITS_MAX: u64 = 1024;
