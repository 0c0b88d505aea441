//! The log: a ring of fixed size in one file, and the only thing a commit waits for.
//!
//! ```text
//! file   0          4096       8192                                                        log_bytes
//!        | slot 0   | slot 1   | data area: writes, each starting at a multiple of 4096, in a ring   |
//!
//! write  | record | record | ... | zeros up to a multiple of 4096 |      one write + sync at a time
//!          records start at multiples of 8; the first one starts the write
//! ```
//!
//! A *position* is a byte of the endless log: `position / area` is the lap and `8192 + position % area` the place in
//! the file. A write never crosses the end of the area: it starts the next lap instead.
//!
//! ```text
//! record, little-endian                                slot, little-endian
//! offset size field                                    offset size field
//!      0    4 magic "BLR1"                                  0    8 magic "BERTHLOG"
//!      4    4 CRC-32C of bytes 8..length                    8    4 CRC-32C of bytes 12..80 (format 2: 12..88)
//!      8    4 length, header included                      12    4 format version (1; 2 with a number of the log)
//!     12    4 number of entries of the journal             16   16 store id
//!     16   16 store id                                     32    8 generation: the higher valid slot counts;
//!     32    8 epoch: raised at every open                             it lies in slot generation % 2
//!     40    8 group number (= sequence number)             40    8 epoch of the last open
//!     48    8 position of this record                      48    8 position where replay starts
//!     56    8 position of the first record of its write    56    8 group before the first one to replay
//!     64    8 group number of the record before            64    8 log_bytes
//!     72    4 number of deletes                            72    8 bytes of the file that were zero-filled
//!     76    4 number of puts                               80    8 number of the log (format 2), then zeros up to 4096
//!     80      deletes: { key length u16, key }
//!             puts: { key length u16, value length u32, key, value }
//!             entries: { sequence u64, length u32, bytes }
//! ```
//!
//! Replay follows the records from the slot's start: each must have a right checksum, the store id, its own position,
//! an epoch that does not fall, and name the group before it. The first that does not is the end. Only one write is in
//! flight at a time, so a whole record of a *later* write behind the end proves that acknowledged records are lost: the
//! log is damaged, and the store does not start. The epoch keeps leftovers of a torn write from being read as records
//! after the log has gone on over them.

pub(crate) mod buffer;
pub(crate) mod device;
pub(crate) mod field;
pub(crate) mod numbered;
pub(crate) mod planned;
pub(crate) mod record;
pub(crate) mod recovery;
pub(crate) mod ring;
#[cfg(test)]
pub(crate) mod simulated;
pub(crate) mod slot;
pub(crate) mod write;

/// Unit of writes, and their alignment in memory and in the file.
pub const BLOCK_BYTES: u64 = 4096;
/// Where the data area starts, behind the two slots.
pub const DATA_START: u64 = 2 * BLOCK_BYTES;
/// Most bytes of one write, padding included.
pub const WRITE_BYTES_MAX: usize = 1280 * 1024;

/// CRC-32C.
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    let wide = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, bytes);
    u32::try_from(wide).unwrap_or_default()
}
