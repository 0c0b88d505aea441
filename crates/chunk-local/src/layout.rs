//! What is on the disk, byte by byte. All numbers are little-endian.
//!
//! ```text
//! DIRECTORY/lock                      empty; flock(2) by whoever has the store open
//! DIRECTORY/superblock                one block, replaced by rename of superblock.new
//! DIRECTORY/segments/0000000abc.seg   segment 0xabc: header block, then data block i at (i + 1) * 4096
//!
//! both blocks   0   8  magic: "BERTHSTO" superblock, "BERTHSEG" segment header
//!               8   4  format version, 1
//!              12   4  zero
//!              16  16  store id
//!              32   8  compatible features: ignored when unknown
//!              40   8  read-only compatible features: not opened for writing when unknown
//!              48   8  incompatible features: not opened when unknown
//! superblock   56   8  ids_reserved: every segment id ever given is below
//! segment      56   8  segment id
//!              64   8  owner
//!              72   4  data blocks the segment may hold
//! both          .   .  zero
//!            4092   4  CRC-32C of bytes 0..4092
//! ```

use chunk::{Owner, SegmentId, crc32c};
use pages::BLOCK_SIZE;

/// The file that tells which store this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SuperblockRecord {
    pub(crate) store_id: u128,
    pub(crate) ids_reserved: u64,
}

/// The first block of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) store_id: u128,
    pub(crate) segment: SegmentId,
    pub(crate) owner: Owner,
    pub(crate) blocks_max: u32,
}

impl SuperblockRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut block = begin(SUPERBLOCK_MAGIC, self.store_id);
        put(&mut block, 56, &self.ids_reserved.to_le_bytes());
        seal(block)
    }

    /// Checks and reads; the error says what is wrong.
    pub(crate) fn decode(block: &[u8]) -> Result<Self, &'static str> {
        let store_id = check(block, SUPERBLOCK_MAGIC)?;
        Ok(Self { store_id, ids_reserved: u64::from_le_bytes(take(block, 56)?) })
    }
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut block = begin(SEGMENT_MAGIC, self.store_id);
        put(&mut block, 56, &self.segment.0.to_le_bytes());
        put(&mut block, 64, &self.owner.0.to_le_bytes());
        put(&mut block, 72, &self.blocks_max.to_le_bytes());
        seal(block)
    }

    /// Checks and reads; the error says what is wrong.
    pub(crate) fn decode(block: &[u8]) -> Result<Self, &'static str> {
        let store_id = check(block, SEGMENT_MAGIC)?;
        Ok(Self {
            store_id,
            segment: SegmentId(u64::from_le_bytes(take(block, 56)?)),
            owner: Owner(u64::from_le_bytes(take(block, 64)?)),
            blocks_max: u32::from_le_bytes(take(block, 72)?),
        })
    }
}

/// The file name of a segment.
pub(crate) fn segment_file_name(segment: SegmentId) -> String {
    format!("{:010x}.seg", segment.0)
}

/// The segment that a file name stands for.
pub(crate) fn parse_file_name(name: &str) -> Option<SegmentId> {
    let digits = name.strip_suffix(".seg")?;
    let segment = u64::from_str_radix(digits, 16).ok().map(SegmentId)?;
    (segment.0 < SEGMENT_IDS_END && segment_file_name(segment) == name).then_some(segment)
}

/// Where data block `block` starts in its file.
pub(crate) fn block_offset(block: u32) -> u64 {
    (u64::from(block) + 1) * BLOCK_SIZE as u64
}

fn begin(magic: [u8; 8], store_id: u128) -> Vec<u8> {
    let mut block = vec![0; BLOCK_SIZE];
    put(&mut block, 0, &magic);
    put(&mut block, 8, &FORMAT_VERSION.to_le_bytes());
    put(&mut block, 16, &store_id.to_le_bytes());
    block
}

fn seal(mut block: Vec<u8>) -> Vec<u8> {
    let checksum = crc32c(block.get(..CHECKSUM_AT).unwrap_or_default());
    put(&mut block, CHECKSUM_AT, &checksum.to_le_bytes());
    block
}

/// What both kinds of block have in common; gives the store id.
fn check(block: &[u8], magic: [u8; 8]) -> Result<u128, &'static str> {
    if block.len() != BLOCK_SIZE {
        return Err("too short");
    }
    if take(block, 0)? != magic {
        return Err("not ours");
    }
    let checksum = u32::from_le_bytes(take(block, CHECKSUM_AT)?);
    if checksum != crc32c(block.get(..CHECKSUM_AT).unwrap_or_default()) {
        return Err("damaged");
    }
    if u32::from_le_bytes(take(block, 8)?) != FORMAT_VERSION {
        return Err("of an unknown version");
    }
    if take(block, 40)? != [0; 8] || take(block, 48)? != [0; 8] {
        return Err("with unknown features");
    }
    Ok(u128::from_le_bytes(take(block, 16)?))
}

fn put(block: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(target) = block.get_mut(at..at + bytes.len()) {
        target.copy_from_slice(bytes);
    }
}

fn take<const N: usize>(block: &[u8], at: usize) -> Result<[u8; N], &'static str> {
    block.get(at..).and_then(<[u8]>::first_chunk).copied().ok_or("too short")
}

const SUPERBLOCK_MAGIC: [u8; 8] = *b"BERTHSTO";
const SEGMENT_MAGIC: [u8; 8] = *b"BERTHSEG";
const FORMAT_VERSION: u32 = 1;
const CHECKSUM_AT: usize = BLOCK_SIZE - 4;
/// Segment ids have 40 bits in a placement.
pub(crate) const SEGMENT_IDS_END: u64 = 1 << 40;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: SegmentHeader =
        SegmentHeader { store_id: 7 << 100, segment: SegmentId(0xabc), owner: Owner(9), blocks_max: 65_535 };

    #[test]
    fn a_segment_header_is_laid_out_as_documented() {
        let block = HEADER.encode();
        assert_eq!(&block[..16], b"BERTHSEG\x01\0\0\0\0\0\0\0");
        assert_eq!(block[16..32], (7_u128 << 100).to_le_bytes());
        assert_eq!(block[32..56], [0; 24]);
        assert_eq!(&block[56..76], b"\xbc\x0a\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\xff\xff\0\0");
        assert_eq!(block[76..4092], [0; 4016]);
        assert_eq!(block[4092..], crc32c(&block[..4092]).to_le_bytes());
        assert_eq!(SegmentHeader::decode(&block), Ok(HEADER));
    }

    #[test]
    fn a_superblock_is_laid_out_as_documented() {
        let record = SuperblockRecord { store_id: 3, ids_reserved: 1024 };
        let block = record.encode();
        assert_eq!(&block[..17], b"BERTHSTO\x01\0\0\0\0\0\0\0\x03");
        assert_eq!(block[56..64], 1024_u64.to_le_bytes());
        assert_eq!(SuperblockRecord::decode(&block), Ok(record));
        assert_eq!(SegmentHeader::decode(&block), Err("not ours"));
    }

    #[test]
    fn unknown_features_are_refused_and_compatible_ones_are_not() {
        for (at, outcome) in [(32, Ok(HEADER)), (40, Err("with unknown features")), (48, Err("with unknown features"))]
        {
            let mut block = HEADER.encode();
            block[at] = 1;
            assert_eq!(SegmentHeader::decode(&seal(block)), outcome);
        }
        let mut block = HEADER.encode();
        block[8] = 2;
        assert_eq!(SegmentHeader::decode(&seal(block)), Err("of an unknown version"));
    }

    #[test]
    fn file_names_are_read_back() {
        assert_eq!(segment_file_name(SegmentId(0xabc)), "0000000abc.seg");
        for name in ["abc.seg", "0000000abc", "0000000ABC.seg", "+000000abc.seg", "ffffffffffff.seg", ".seg"] {
            assert_eq!(parse_file_name(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn names_round_trip(id in 0..SEGMENT_IDS_END) {
            prop_assert_eq!(parse_file_name(&segment_file_name(SegmentId(id))), Some(SegmentId(id)));
        }

        #[test]
        fn every_changed_bit_is_seen(at in 0..BLOCK_SIZE, bit in 0..8) {
            let mut block = HEADER.encode();
            block[at] ^= 1_u8 << bit;
            prop_assert!(SegmentHeader::decode(&block).is_err());
        }

        #[test]
        fn anything_decodes_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..5000)) {
            prop_assert!(SegmentHeader::decode(&bytes).is_err());
            prop_assert!(SuperblockRecord::decode(&bytes).is_err());
        }
    }
}
