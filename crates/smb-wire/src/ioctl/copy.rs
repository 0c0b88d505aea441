//! Copying and cloning on the server.

use crate::FileId;
use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, List, flags, layout};

/// `ResumeKey` (MS-SMB2 2.2.32.3): names the source of a copy.
pub type ResumeKey = [u8; 24];

layout! {
    /// `SRV_REQUEST_RESUME_KEY Response` (MS-SMB2 2.2.32.3).
    pub struct ResumeKeyResponse {
        pub key: ResumeKey = "ResumeKey",
        // ContextLength and Context.
        [reserved 8]
    }
}

layout! {
    /// `SRV_COPYCHUNK` (MS-SMB2 2.2.31.1.1), in bytes.
    pub struct Chunk {
        pub source_offset: u64 = "SourceOffset",
        pub target_offset: u64 = "TargetOffset",
        pub length: u32 = "Length",
        [reserved 4]
    }
}

/// `SRV_COPYCHUNK_COPY` (MS-SMB2 2.2.31.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyChunkRequest<'a> {
    /// `SourceKey`.
    pub source: ResumeKey,
    /// `Chunks`.
    pub chunks: List<'a, Chunk>,
}

impl<'a> Decode<'a> for CopyChunkRequest<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let source = decoder.array("SourceKey")?;
        let count: u32 = decoder.read("ChunkCount")?;
        decoder.skip(4)?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Ok(Self { source, chunks: List::read(decoder, count, "Chunks")? })
    }
}

impl Encode for CopyChunkRequest<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.source);
        encoder.put_count_32(self.chunks.len());
        encoder.put_zeros(4);
        self.chunks.encode(encoder);
    }
}

layout! {
    /// `SRV_COPYCHUNK_RESPONSE` (MS-SMB2 2.2.32.1): what was done, or with `STATUS_INVALID_PARAMETER` the limits.
    pub struct CopyChunkResponse {
        pub chunks_written: u32 = "ChunksWritten",
        pub chunk_bytes_written: u32 = "ChunkBytesWritten",
        pub total_bytes_written: u32 = "TotalBytesWritten",
    }
}

layout! {
    /// `SMB2_DUPLICATE_EXTENTS_DATA` (MS-FSCC 2.3.7.2), in bytes.
    pub struct DuplicateExtents {
        pub source: FileId = "SourceFileID",
        pub source_offset: u64 = "SourceFileOffset",
        pub target_offset: u64 = "TargetFileOffset",
        pub length: u64 = "ByteCount",
    }
}

flags! {
    /// `Flags` (MS-FSCC 2.3.9.2).
    pub struct DuplicateFlags(u32) {
        /// All or nothing.
        SOURCE_ATOMIC = 1 "DUPLICATE_EXTENTS_DATA_EX_SOURCE_ATOMIC",
    }
}

layout! {
    /// `SMB2_DUPLICATE_EXTENTS_DATA_EX` (MS-FSCC 2.3.9.2), in bytes.
    pub struct DuplicateExtentsEx {
        /// 0x30.
        pub structure_size: u64 = "StructureSize",
        pub source: FileId = "SourceFileID",
        pub source_offset: u64 = "SourceFileOffset",
        pub target_offset: u64 = "TargetFileOffset",
        pub length: u64 = "ByteCount",
        pub flags: DuplicateFlags = "Flags",
        [reserved 4]
    }
}
