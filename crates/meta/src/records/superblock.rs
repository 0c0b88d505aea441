//! What the whole store is.

use vfs::Timestamp;

use crate::RecordError;
use crate::codec::{fields, record};

/// The head of the store. Its bytes are the same for its whole life, but for the keys of handles and feature words.
#[derive(Clone, PartialEq, Eq)]
pub struct Superblock {
    /// Name of the store; log, tree and segments carry the same.
    pub store_id: u128,
    /// Features that a house which does not know them may ignore.
    pub compatible: u64,
    /// Features that allow only reading to a house which does not know them.
    pub read_only_compatible: u64,
    /// Features without which the store cannot be read.
    pub incompatible: u64,
    /// Bytes of a block.
    pub block_bytes: u32,
    /// Bytes of a region.
    pub region_bytes: u32,
    /// Key of the hash of names.
    pub hash_key: [u8; 16],
    /// Bits of the hash of the folded name in a cookie.
    pub hash_bits: u8,
    /// Bits of the slot in a cookie.
    pub slot_bits: u8,
    /// Which table folds names.
    pub fold_table: u16,
    /// Keys that seal file handles; the last one seals new handles, all open old ones. At most 16.
    pub handle_keys: Vec<HandleKey>,
    /// When the store was made.
    pub created: Timestamp,
}

/// A key that seals file handles.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HandleKey {
    /// Number that stands in the handle.
    pub id: u8,
    /// The key.
    pub key: [u8; 32],
}

impl Superblock {
    fn check(&self) -> Result<(), RecordError> {
        let count = self.handle_keys.len();
        if count == 0 || count > HANDLE_KEYS_MAX { Err(RecordError::Invalid("count of handle keys")) } else { Ok(()) }
    }
}

impl std::fmt::Debug for Superblock {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = formatter.debug_struct("Superblock");
        out.field("store_id", &format_args!("{:032x}", self.store_id));
        out.field("compatible", &self.compatible).field("read_only_compatible", &self.read_only_compatible);
        out.field("incompatible", &self.incompatible).field("handle_keys", &self.handle_keys);
        out.field("created", &self.created).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for HandleKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("HandleKey").field("id", &self.id).finish_non_exhaustive()
    }
}

fields!(HandleKey, id, key);
record!(
    Superblock,
    "superblock",
    Self::check,
    store_id,
    compatible,
    read_only_compatible,
    incompatible,
    block_bytes,
    region_bytes,
    hash_key,
    hash_bits,
    slot_bits,
    fold_table,
    handle_keys,
    created,
);

const HANDLE_KEYS_MAX: usize = 16;
