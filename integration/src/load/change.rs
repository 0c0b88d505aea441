//! One change of a worker's folder, and how the next one is chosen.

use super::expected::Expected;
use super::random::Random;

/// A change; paths are relative to the worker's folder, at most one folder deep.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the variants' names say")]
pub enum Change {
    /// MKDIR.
    Mkdir { path: String, mode: u32 },
    /// RMDIR of an empty folder.
    Rmdir { path: String },
    /// CREATE of a new file.
    Create { path: String, mode: u32 },
    /// WRITE, FILE_SYNC when `stable`, else UNSTABLE.
    Write { path: String, offset: usize, data: Vec<u8>, stable: bool },
    /// COMMIT of the whole file.
    Commit { path: String },
    /// SETATTR of the size.
    Truncate { path: String, size: usize },
    /// SETATTR of the mode.
    Chmod { path: String, mode: u32 },
    /// RENAME of a file, onto another one when `to` exists.
    Rename { from: String, to: String },
    /// REMOVE.
    Remove { path: String },
}

impl Change {
    /// A change that must succeed on a folder in the state `now`; `number` makes new names new.
    #[must_use]
    pub fn choose(now: &Expected, number: u64, random: &mut Random) -> Self {
        let file = random.pick(now.files.keys()).cloned();
        let Some(file) = file.filter(|_| random.below(6) > 0) else {
            return Self::new_name(now, number, random);
        };
        let is_settled = now.files.get(&file).is_some_and(|file| file.unsettled.is_empty());
        match random.below(12) {
            0 => Self::new_name(now, number, random),
            // Only settled files: what a truncation does to data that is not committed yet is the server's choice.
            1 if is_settled => Self::Truncate { path: file, size: below_size_max(random) },
            2 => Self::Chmod { path: file, mode: mode(random) },
            3 => Self::Rename { to: destination(now, number, random), from: file },
            4 if now.files.len() > FILES_MIN => Self::Remove { path: file },
            5 => Self::removal_of_a_folder(now, random).unwrap_or(Self::Commit { path: file }),
            6 | 7 => Self::Commit { path: file },
            8 | 9 => Self::write(file, true, random),
            _ => Self::write(file, false, random),
        }
    }

    fn new_name(now: &Expected, number: u64, random: &mut Random) -> Self {
        if now.files.len() >= FILES_MAX {
            let path = random.pick(now.files.keys()).cloned().unwrap_or_default();
            return Self::Remove { path };
        }
        if now.folders.len() < FOLDERS_MAX && random.below(4) == 0 {
            return Self::Mkdir { path: format!("folder-{number}"), mode: mode(random) | 0o700 };
        }
        Self::Create { path: new_path(now, number, random), mode: mode(random) }
    }

    fn removal_of_a_folder(now: &Expected, random: &mut Random) -> Option<Self> {
        let empty: Vec<_> = now.folders.keys().filter(|folder| now.is_empty(folder)).collect();
        random.pick(empty.into_iter()).map(|path| Self::Rmdir { path: path.clone() })
    }

    fn write(path: String, stable: bool, random: &mut Random) -> Self {
        let offset = below_size_max(random);
        let length = [1, 100, 4096, 5000, 32_768].into_iter();
        let length = random.pick(length).unwrap_or(1).min(SIZE_MAX - offset).max(1);
        let first = random.bits();
        let data = (0..length).map(|index| (index as u64).wrapping_mul(31).wrapping_add(first).to_le_bytes()[0] | 1);
        Self::Write { path, offset, data: data.collect(), stable }
    }
}

fn new_path(now: &Expected, number: u64, random: &mut Random) -> String {
    let folder = random.pick(now.folders.keys()).filter(|_| random.below(2) == 0);
    folder.map_or_else(|| format!("file-{number}"), |folder| format!("{folder}/file-{number}"))
}

/// A new name, or one in three times the name of another file.
fn destination(now: &Expected, number: u64, random: &mut Random) -> String {
    let other = random.pick(now.files.keys()).cloned().filter(|_| random.below(3) == 0);
    other.unwrap_or_else(|| new_path(now, number, random))
}

/// Offsets around block boundaries as often as anywhere.
fn below_size_max(random: &mut Random) -> usize {
    let anywhere = usize::try_from(random.below(SIZE_MAX as u64)).unwrap_or(0);
    if random.below(2) == 0 { anywhere / 4096 * 4096 } else { anywhere }
}

fn mode(random: &mut Random) -> u32 {
    random.pick([0o600, 0o640, 0o644, 0o755, 0o700].into_iter()).unwrap_or(0o600)
}

const FILES_MIN: usize = 4;
const FILES_MAX: usize = 40;
const FOLDERS_MAX: usize = 6;
/// Large enough for several 256 KiB regions, small enough to read back after every cycle.
const SIZE_MAX: usize = 600 << 10;
