//! The identity of a store: the file `superblock`.
//!
//! ```text
//! offset size  field (little-endian)
//!      0    8  magic "BERTHKVS"
//!      8    4  CRC-32C of bytes 12 to the end
//!     12    4  format version (1)
//!     16   16  store id
//!     32    8  size of the log in bytes
//!     40    8  compatible feature bits: unknown ones are ignored
//!     48    8  read-only compatible feature bits: unknown ones refuse a start that writes
//!     56    8  incompatible feature bits: unknown ones refuse any start; bit 0: the log may hold entries of a journal;
//!              bit 1: the log is numbered, since it has a folder of its own or once had
//!     64    4  state: 0 = being created (log and tree are made anew), 1 = ready
//!     68   60  zero; with incompatible bit 1:
//!
//!     68    8  number of the log
//!     76    8  epoch of the last open
//!     84    8  last group at the last open or clean close
//!     92    4  1 = the epoch may not be in the log yet, else 0
//!     96    4  length of the path
//!    100   28  zero
//!    128       path of the folder of the log; empty: the folder of the store
//! ```

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kv::KvError;

use crate::directory::Directory;
use crate::errors::from_io;
use crate::log::checksum;
use crate::log::field::{read_u32, read_u64, read_u128};
use crate::log::numbered::NumberedLog;
use crate::settings::LogPlace;

/// What a superblock says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Superblock {
    /// Random name of the store, repeated in every log record.
    pub(crate) store_id: u128,
    /// Size of the log.
    pub(crate) log_bytes: u64,
    /// Whether the log may hold entries of a journal, which releases before that lose.
    pub(crate) has_journal: bool,
    /// Whether creation has finished.
    pub(crate) ready: bool,
    /// What is known of a log that has a folder of its own or once had.
    pub(crate) numbered: Option<NumberedLog>,
}

impl Superblock {
    /// The superblock of a store that is being created.
    pub(crate) fn new(log_bytes: u64, log_directory: Option<PathBuf>) -> Result<Self, KvError> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| KvError::Io(format!("no random store id: {error}")))?;
        let numbered = log_directory.map(|directory| NumberedLog::first(Some(directory)));
        Ok(Self { store_id: u128::from_le_bytes(id), log_bytes, has_journal: true, ready: false, numbered })
    }

    /// That of the same store, whose creation begins anew.
    pub(crate) fn again(self, log_directory: Option<PathBuf>) -> Self {
        let numbered = log_directory.map(|directory| NumberedLog::first(Some(directory)));
        Self { numbered, ..self }
    }

    /// The folder that a choice names; `None` is that of the store.
    pub(crate) fn log_directory(&self, place: &LogPlace) -> Option<PathBuf> {
        self.numbered.as_ref().and_then(|log| place.directory(log))
    }

    /// Reads the superblock; `None` if the directory is empty.
    ///
    /// Errors: `Damaged`, `Io`.
    pub(crate) fn read(directory: &Directory) -> Result<Option<Self>, KvError> {
        let path = directory.superblock();
        match fs::read(&path) {
            Ok(bytes) => {
                Self::decode(&bytes).map(Some).map_err(|what| KvError::Damaged(format!("{}: {what}", path.display())))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if directory.is_empty()? {
                    return Ok(None);
                }
                let path = directory.path().display();
                Err(KvError::Damaged(format!("{path} is not empty, but holds no superblock")))
            }
            Err(error) => Err(from_io("cannot read", &path, &error)),
        }
    }

    /// Writes it atomically.
    pub(crate) fn write(&self, directory: &Directory) -> Result<(), KvError> {
        directory.replace(&directory.superblock(), &self.encode())
    }

    fn encode(&self) -> Vec<u8> {
        let mut tail = Vec::with_capacity(SUPERBLOCK_BYTES);
        tail.extend(FORMAT.to_le_bytes());
        tail.extend(self.store_id.to_le_bytes());
        tail.extend(self.log_bytes.to_le_bytes());
        tail.extend([0; 16]);
        tail.extend(self.features().to_le_bytes());
        tail.extend(u32::from(self.ready).to_le_bytes());
        if let Some(numbered) = &self.numbered {
            encode_numbered(numbered, &mut tail);
        }
        tail.resize(tail.len().max(SUPERBLOCK_BYTES - 12), 0);
        let mut bytes = MAGIC.to_vec();
        bytes.extend(checksum(&tail).to_le_bytes());
        bytes.extend(tail);
        bytes
    }

    fn features(&self) -> u64 {
        let journal = if self.has_journal { FEATURE_JOURNAL } else { 0 };
        journal | if self.numbered.is_some() { FEATURE_NUMBERED } else { 0 }
    }

    fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        if bytes.len() < SUPERBLOCK_BYTES || bytes.get(..8) != Some(&MAGIC[..]) {
            return Err("not a superblock of a metadata store");
        }
        let tail = bytes.get(12..).unwrap_or_default();
        if read_u32(bytes, 8) != Some(checksum(tail)) {
            return Err("the checksum of the superblock is wrong");
        }
        if read_u32(bytes, 12) != Some(FORMAT) {
            return Err("the format version of the superblock is not known to this release");
        }
        let known = FEATURE_JOURNAL | FEATURE_NUMBERED;
        if read_u64(bytes, 48) != Some(0) || read_u64(bytes, 56).is_none_or(|bits| bits & !known != 0) {
            return Err("the store uses features that this release does not know");
        }
        let fields = || Some((read_u128(bytes, 16)?, read_u64(bytes, 32)?, read_u64(bytes, 56)?, read_u32(bytes, 64)?));
        let (store_id, log_bytes, features, state) = fields().ok_or("the superblock is cut short")?;
        let numbered = match features & FEATURE_NUMBERED != 0 {
            true => Some(decode_numbered(bytes).ok_or("what the superblock tells of the log is cut short")?),
            false if bytes.len() == SUPERBLOCK_BYTES => None,
            false => return Err("the superblock is too long"),
        };
        Ok(Self { store_id, log_bytes, has_journal: features & FEATURE_JOURNAL != 0, ready: state == 1, numbered })
    }
}

fn encode_numbered(numbered: &NumberedLog, tail: &mut Vec<u8>) {
    let path = numbered.directory.as_ref().map_or(&[][..], |directory| directory.as_os_str().as_bytes());
    for field in [numbered.number, numbered.epoch, numbered.group] {
        tail.extend(field.to_le_bytes());
    }
    tail.extend(u32::from(numbered.is_begun).to_le_bytes());
    tail.extend(u32::try_from(path.len()).unwrap_or(u32::MAX).to_le_bytes());
    tail.resize(SUPERBLOCK_BYTES - 12, 0);
    tail.extend(path);
}

fn decode_numbered(bytes: &[u8]) -> Option<NumberedLog> {
    let path = bytes.get(SUPERBLOCK_BYTES..)?;
    if usize::try_from(read_u32(bytes, 96)?).ok()? != path.len() {
        return None;
    }
    Some(NumberedLog {
        number: read_u64(bytes, 68)?,
        epoch: read_u64(bytes, 76)?,
        group: read_u64(bytes, 84)?,
        is_begun: read_u32(bytes, 92)? == 1,
        directory: (!path.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(path))),
    })
}

/// The superblock of an open store, as it stands in its directory.
#[derive(Debug)]
pub(crate) struct SuperblockFile {
    directory: Directory,
    content: Mutex<Superblock>,
}

impl SuperblockFile {
    /// This one, which stands there.
    pub(crate) fn new(directory: Directory, superblock: Superblock) -> Self {
        Self { directory, content: Mutex::new(superblock) }
    }

    /// Where it lies.
    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Reads what it says.
    pub(crate) fn with<T>(&self, read: impl FnOnce(&Superblock) -> T) -> T {
        read(&self.lock())
    }

    /// Notes that creation has finished.
    pub(crate) fn finish(&self) -> Result<(), KvError> {
        let mut content = self.lock();
        content.ready = true;
        content.write(&self.directory)
    }

    /// Notes something of a numbered log, durably; nothing is to be noted of others.
    pub(crate) fn note(&self, change: impl FnOnce(&mut NumberedLog)) -> Result<(), KvError> {
        let mut content = self.lock();
        let mut changed = content.clone();
        let Some(numbered) = &mut changed.numbered else { return Ok(()) };
        change(numbered);
        if changed != *content {
            changed.write(&self.directory)?;
            *content = changed;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Superblock> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const MAGIC: [u8; 8] = *b"BERTHKVS";
const FORMAT: u32 = 1;
/// Incompatible: the log may hold entries of a journal.
const FEATURE_JOURNAL: u64 = 1;
/// Incompatible: the log is numbered. Releases that do not know it look for the log in the folder of the store only.
const FEATURE_NUMBERED: u64 = 2;
const SUPERBLOCK_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Superblock {
        Superblock { store_id: 7, log_bytes: 1 << 28, has_journal: true, ready: true, numbered: None }
    }

    #[test]
    fn decode_undoes_encode() {
        let superblock = small();
        assert_eq!(Superblock::decode(&superblock.encode()), Ok(superblock.clone()));
        assert_eq!(superblock.encode().len(), 128);
        for directory in [None, Some(PathBuf::from("/fast/log"))] {
            let numbered = NumberedLog { number: 3, epoch: 9, group: 70, is_begun: true, directory };
            let numbered = Superblock { numbered: Some(numbered), ..superblock.clone() };
            assert_eq!(Superblock::decode(&numbered.encode()), Ok(numbered.clone()));
        }
        let older = Superblock { has_journal: false, ..superblock };
        assert_eq!(Superblock::decode(&older.encode()), Ok(older));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let numbered = Some(NumberedLog::first(Some(PathBuf::from("/fast/log"))));
        for bytes in [small().encode(), Superblock { numbered, ..small() }.encode()] {
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(Superblock::decode(&flipped).is_err(), "bit {bit}");
            }
            assert!((0..bytes.len()).all(|length| Superblock::decode(&bytes[..length]).is_err()));
        }
    }

    #[test]
    fn unknown_features_are_refused() {
        let encoded = small().encode();
        for (at, is_refused) in [(40, false), (48, true), (56, true)] {
            let mut bytes = encoded.clone();
            bytes[at] |= 4;
            let crc = checksum(&bytes[12..]).to_le_bytes();
            bytes[8..12].copy_from_slice(&crc);
            assert_eq!(Superblock::decode(&bytes).is_err(), is_refused, "feature word at {at}");
        }
    }
}
