//! Object ids, reparse points, integrity.

use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, Utf16, layout};
use crate::dtyp::Guid;
use crate::error_response::SymlinkFlags;

layout! {
    /// `FILE_OBJECTID_BUFFER` type 1 (MS-FSCC 2.1.3.1).
    pub struct ObjectId {
        pub object_id: Guid = "ObjectId",
        pub birth_volume_id: Guid = "BirthVolumeId",
        pub birth_object_id: Guid = "BirthObjectId",
        pub domain_id: Guid = "DomainId",
    }
}

layout! {
    /// `FSCTL_GET_COMPRESSION` reply (MS-FSCC 2.3.18) and `FSCTL_SET_COMPRESSION` request (MS-FSCC 2.3.73).
    pub struct Compression {
        /// 0 is `COMPRESSION_FORMAT_NONE`.
        pub format: u16 = "CompressionState",
    }
}

layout! {
    /// `FSCTL_GET_INTEGRITY_INFORMATION_BUFFER` (MS-FSCC 2.3.20).
    pub struct Integrity {
        pub checksum_algorithm: u16 = "ChecksumAlgorithm",
        [reserved 2]
        pub flags: u32 = "Flags",
        /// In bytes.
        pub checksum_chunk_size: u32 = "ChecksumChunkSizeInBytes",
        /// In bytes.
        pub cluster_size: u32 = "ClusterSizeInBytes",
    }
}

layout! {
    /// `FSCTL_SET_INTEGRITY_INFORMATION_BUFFER` (MS-FSCC 2.3.77).
    pub struct SetIntegrity {
        pub checksum_algorithm: u16 = "ChecksumAlgorithm",
        [reserved 2]
        pub flags: u32 = "Flags",
    }
}

/// `REPARSE_DATA_BUFFER` (MS-FSCC 2.1.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReparseBuffer<'a> {
    /// `ReparseTag`.
    pub tag: u32,
    /// `DataBuffer`.
    pub data: &'a [u8],
}

impl ReparseBuffer<'_> {
    /// `IO_REPARSE_TAG_SYMLINK`: the data is a [`SymlinkReparse`].
    pub const SYMLINK: u32 = 0xa000_000c;
    /// `IO_REPARSE_TAG_NFS`.
    pub const NFS: u32 = 0x8000_0014;
}

impl<'a> Decode<'a> for ReparseBuffer<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let tag = decoder.read("ReparseTag")?;
        let length: u16 = decoder.read("ReparseDataLength")?;
        decoder.skip(2)?;
        Ok(Self { tag, data: decoder.take(length.into(), "DataBuffer")? })
    }
}

impl Encode for ReparseBuffer<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.tag);
        encoder.put_count_16(self.data.len());
        encoder.put_zeros(2);
        encoder.put_bytes(self.data);
    }
}

/// `Symbolic Link Reparse Data Buffer` (MS-FSCC 2.1.2.4), from `SubstituteNameOffset` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SymlinkReparse<'a> {
    /// `Flags`.
    pub flags: SymlinkFlags,
    /// The substitute name in `PathBuffer`: where it leads.
    pub substitute_name: Utf16<'a>,
    /// The print name in `PathBuffer`: what is shown.
    pub print_name: Utf16<'a>,
}

impl<'a> Decode<'a> for SymlinkReparse<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let [substitute, print]: [[u16; 2]; 2] = [
            [decoder.read("SubstituteNameOffset")?, decoder.read("SubstituteNameLength")?],
            [decoder.read("PrintNameOffset")?, decoder.read("PrintNameLength")?],
        ];
        let flags = decoder.read("Flags")?;
        let names = Decoder::new(decoder.rest());
        let [substitute_name, print_name] = [
            names.text(substitute[0].into(), substitute[1].into(), "SubstituteName")?,
            names.text(print[0].into(), print[1].into(), "PrintName")?,
        ];
        Ok(Self { flags, substitute_name, print_name })
    }
}

impl Encode for SymlinkReparse<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put_count_16(0);
        encoder.put_count_16(self.substitute_name.len());
        encoder.put_count_16(self.substitute_name.len());
        encoder.put_count_16(self.print_name.len());
        encoder.put(self.flags);
        self.substitute_name.encode(encoder);
        self.print_name.encode(encoder);
    }
}
