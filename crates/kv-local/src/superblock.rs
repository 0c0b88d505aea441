//! The identity of a store: the file `superblock`.
//!
//! ```text
//! offset size  field (little-endian)
//!      0    8  magic "BERTHKVS"
//!      8    4  CRC-32C of bytes 12..128
//!     12    4  format version (1)
//!     16   16  store id
//!     32    8  size of the log in bytes
//!     40    8  compatible feature bits: unknown ones are ignored
//!     48    8  read-only compatible feature bits: unknown ones refuse a start that writes
//!     56    8  incompatible feature bits: unknown ones refuse any start; bit 0: the log may hold entries of a journal
//!     64    4  state: 0 = being created (log and tree are made anew), 1 = ready
//!     68   60  zero
//! ```

use std::fs;

use kv::KvError;

use crate::directory::Directory;
use crate::errors::from_io;
use crate::log::checksum;
use crate::log::field::{read_u32, read_u64, read_u128};

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
}

impl Superblock {
    /// The superblock of a store that is being created.
    pub(crate) fn new(log_bytes: u64) -> Result<Self, KvError> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| KvError::Io(format!("no random store id: {error}")))?;
        Ok(Self { store_id: u128::from_le_bytes(id), log_bytes, has_journal: true, ready: false })
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
        tail.extend(u64::from(self.has_journal).to_le_bytes());
        tail.extend(u32::from(self.ready).to_le_bytes());
        tail.resize(SUPERBLOCK_BYTES - 12, 0);
        let mut bytes = MAGIC.to_vec();
        bytes.extend(checksum(&tail).to_le_bytes());
        bytes.extend(tail);
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        if bytes.len() != SUPERBLOCK_BYTES || bytes.get(..8) != Some(&MAGIC[..]) {
            return Err("not a superblock of a metadata store");
        }
        let tail = bytes.get(12..).unwrap_or_default();
        if read_u32(bytes, 8) != Some(checksum(tail)) {
            return Err("the checksum of the superblock is wrong");
        }
        if read_u32(bytes, 12) != Some(FORMAT) {
            return Err("the format version of the superblock is not known to this release");
        }
        if read_u64(bytes, 48) != Some(0) || read_u64(bytes, 56).is_none_or(|bits| bits & !FEATURE_JOURNAL != 0) {
            return Err("the store uses features that this release does not know");
        }
        let fields = || Some((read_u128(bytes, 16)?, read_u64(bytes, 32)?, read_u64(bytes, 56)?, read_u32(bytes, 64)?));
        let (store_id, log_bytes, features, state) = fields().ok_or("the superblock is cut short")?;
        Ok(Self { store_id, log_bytes, has_journal: features & FEATURE_JOURNAL != 0, ready: state == 1 })
    }
}

const MAGIC: [u8; 8] = *b"BERTHKVS";
const FORMAT: u32 = 1;
/// Incompatible: the log may hold entries of a journal.
const FEATURE_JOURNAL: u64 = 1;
const SUPERBLOCK_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decode_undoes_encode() {
        let superblock = Superblock { store_id: 0x1234_5678, log_bytes: 1 << 28, has_journal: true, ready: true };
        assert_eq!(Superblock::decode(&superblock.encode()), Ok(superblock.clone()));
        let older = Superblock { has_journal: false, ..superblock };
        assert_eq!(Superblock::decode(&older.encode()), Ok(older));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = Superblock { store_id: 7, log_bytes: 1 << 28, has_journal: true, ready: true }.encode();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Superblock::decode(&flipped).is_err(), "bit {bit}");
        }
        assert!(Superblock::decode(&bytes[..127]).is_err());
    }

    #[test]
    fn unknown_features_are_refused() {
        let encoded = Superblock { store_id: 7, log_bytes: 1 << 28, has_journal: true, ready: true }.encode();
        for (at, is_refused) in [(40, false), (48, true), (56, true)] {
            let mut bytes = encoded.clone();
            bytes[at] |= 2;
            let crc = checksum(&bytes[12..]).to_le_bytes();
            bytes[8..12].copy_from_slice(&crc);
            assert_eq!(Superblock::decode(&bytes).is_err(), is_refused, "feature word at {at}");
        }
    }
}
