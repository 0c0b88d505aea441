//! Holes and ranges.

use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, List, layout};

layout! {
    /// `FILE_SET_SPARSE_BUFFER` (MS-FSCC 2.3.83); no input at all means true.
    pub struct SetSparse {
        pub sparse: bool = "SetSparse",
    }
}

layout! {
    /// `FILE_ZERO_DATA_INFORMATION` (MS-FSCC 2.3.85), in bytes.
    pub struct ZeroData {
        pub offset: u64 = "FileOffset",
        pub beyond: u64 = "BeyondFinalZero",
    }
}

layout! {
    /// `FILE_ALLOCATED_RANGE_BUFFER` (MS-FSCC 2.3.52), in bytes: one is asked for, a list is answered.
    pub struct AllocatedRange {
        pub offset: u64 = "FileOffset",
        pub length: u64 = "Length",
    }
}

layout! {
    /// `FILE_LEVEL_TRIM_RANGE` (MS-FSCC 2.3.15.1), in bytes.
    pub struct TrimRange {
        pub offset: u64 = "Offset",
        pub length: u64 = "Length",
    }
}

/// `FILE_LEVEL_TRIM` (MS-FSCC 2.3.15).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelTrim<'a> {
    /// `Key`, zero.
    pub key: u32,
    /// `Ranges`.
    pub ranges: List<'a, TrimRange>,
}

impl<'a> Decode<'a> for LevelTrim<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let key = decoder.read("Key")?;
        let count: u32 = decoder.read("NumRanges")?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Ok(Self { key, ranges: List::read(decoder, count, "Ranges")? })
    }
}

impl Encode for LevelTrim<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.key);
        encoder.put_count_32(self.ranges.len());
        self.ranges.encode(encoder);
    }
}

layout! {
    /// `FILE_LEVEL_TRIM_OUTPUT` (MS-FSCC 2.3.16).
    pub struct TrimResponse {
        pub ranges_processed: u32 = "NumRangesProcessed",
    }
}
