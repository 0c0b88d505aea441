//! Which stores this house opens: the feature words and fixed sizes of the superblock.

use vfs::Timestamp;

use crate::MetaError;
use crate::keys::{FOLD_TABLE, HASH_BITS, SLOT_BITS};
use crate::records::{HandleKey, REGION_BYTES, Superblock};

/// The superblock of a store that is made now.
pub(crate) fn new_superblock(now: Timestamp, seed: &[u8; 64]) -> Superblock {
    let part = |first: usize| seed.iter().skip(first).copied();
    let mut store_id = [0; 16];
    let mut hash_key = [0; 16];
    let mut handle_key = [0; 32];
    store_id.iter_mut().zip(part(0)).for_each(|(to, from)| *to = from);
    hash_key.iter_mut().zip(part(16)).for_each(|(to, from)| *to = from);
    handle_key.iter_mut().zip(part(32)).for_each(|(to, from)| *to = from);
    Superblock {
        store_id: u128::from_be_bytes(store_id),
        compatible: 0,
        read_only_compatible: 0,
        incompatible: INCOMPATIBLE_ALWAYS,
        block_bytes: BLOCK_BYTES,
        region_bytes: REGION_BYTES,
        hash_key,
        hash_bits: u8::try_from(HASH_BITS).unwrap_or_default(),
        slot_bits: u8::try_from(SLOT_BITS).unwrap_or_default(),
        fold_table: FOLD_TABLE,
        handle_keys: vec![HandleKey { id: 1, key: handle_key }],
        created: now,
    }
}

/// The superblock of a store that this house has opened: an older house must not work on it any more.
pub(crate) fn upgraded(superblock: &Superblock) -> Superblock {
    Superblock { incompatible: superblock.incompatible | INCOMPATIBLE_ALWAYS, ..superblock.clone() }
}

/// Whether this house may work on the store.
pub(crate) fn check(superblock: &Superblock) -> Result<(), MetaError> {
    let unknown = superblock.incompatible & !INCOMPATIBLE_KNOWN;
    let unknown_writing = superblock.read_only_compatible & !READ_ONLY_COMPATIBLE_KNOWN;
    let widths = (u32::from(superblock.hash_bits), u32::from(superblock.slot_bits));
    let problem = match superblock {
        _ if unknown != 0 => format!("it uses features this version does not know (incompatible word {unknown:#x})"),
        _ if unknown_writing != 0 => format!(
            "it uses features with which this version may only read (read-only compatible word {unknown_writing:#x}), \
             and reading alone is not offered"
        ),
        _ if superblock.block_bytes != BLOCK_BYTES => {
            format!("its blocks have {} bytes, not 4096", superblock.block_bytes)
        }
        _ if superblock.region_bytes != REGION_BYTES => {
            format!("its regions have {} bytes, not {REGION_BYTES}", superblock.region_bytes)
        }
        _ if widths != (HASH_BITS, SLOT_BITS) => {
            format!("its cookies have {} + {} bits, not 47 + 16", widths.0, widths.1)
        }
        _ if superblock.fold_table != FOLD_TABLE => {
            format!("it folds names by table {}, this version knows table {FOLD_TABLE}", superblock.fold_table)
        }
        _ => return Ok(()),
    };
    Err(MetaError::Incompatible(problem))
}

/// Inodes may have security descriptors, which stand for rights.
const DESCRIPTORS: u64 = 1;
/// Inodes may have extended attributes: data that is counted and goes with them.
const XATTRS: u64 = 1 << 1;
/// Inodes may have streams: inodes without a place in a directory.
const STREAMS: u64 = 1 << 2;
/// Blocks may be named more than once, and are free only with the last name.
const SHARED: u64 = 1 << 3;
/// Directories may count the owners of what lies below them.
const OWNERS: u64 = 1 << 4;
/// There may be snapshots: states that are kept, and buffered data of an epoch that has ended.
const SNAPSHOTS: u64 = 1 << 5;
/// There may be clones: trees that show another one where they have nothing of their own.
const CLONES: u64 = 1 << 6;
/// Directories may be on their way back to what a snapshot shows.
const REVERTS: u64 = 1 << 7;
/// Bits of the incompatible word that this house knows.
const INCOMPATIBLE_KNOWN: u64 = DESCRIPTORS | XATTRS | STREAMS | SHARED | OWNERS | SNAPSHOTS | CLONES | REVERTS;
/// Those that a store gets when it is made or opened.
const INCOMPATIBLE_ALWAYS: u64 = DESCRIPTORS | XATTRS | STREAMS | SHARED | OWNERS | SNAPSHOTS | CLONES | REVERTS;
/// Bits of the read-only compatible word that this house knows: none yet.
const READ_ONLY_COMPATIBLE_KNOWN: u64 = 0;
const BLOCK_BYTES: u32 = 4096;
