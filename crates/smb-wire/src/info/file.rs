//! Classes of files (MS-FSCC 2.4) that are not listings.

use super::{Entry, FileAttributes, FileTimes, NetworkOpen};
use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, Utf16, flags, layout};
use crate::dtyp::AccessMask;

layout! {
    /// `FileBasicInformation` (MS-FSCC 2.4.7). For setting, see the constants of [`crate::dtyp::FileTime`].
    pub struct FileBasic {
        pub times: FileTimes = "CreationTime",
        /// Set: zero leaves them as they are.
        pub attributes: FileAttributes = "FileAttributes",
        [reserved 4]
    }
}

layout! {
    /// `FileStandardInformation` (MS-FSCC 2.4.47).
    pub struct FileStandard {
        /// In bytes.
        pub allocation_size: u64 = "AllocationSize",
        /// In bytes.
        pub end_of_file: u64 = "EndOfFile",
        pub number_of_links: u32 = "NumberOfLinks",
        pub delete_pending: bool = "DeletePending",
        pub directory: bool = "Directory",
        [reserved 2]
    }
}

layout! {
    /// `FileNetworkOpenInformation` (MS-FSCC 2.4.34).
    pub struct FileNetworkOpen {
        pub file: NetworkOpen = "CreationTime",
        [reserved 4]
    }
}

layout! {
    /// `FileAttributeTagInformation` (MS-FSCC 2.4.6).
    pub struct FileAttributeTag {
        pub attributes: FileAttributes = "FileAttributes",
        pub reparse_tag: u32 = "ReparseTag",
    }
}

layout! {
    /// `FileCompressionInformation` (MS-FSCC 2.4.9).
    pub struct FileCompression {
        /// In bytes.
        pub compressed_size: u64 = "CompressedFileSize",
        pub format: u16 = "CompressionFormat",
        pub unit_shift: u8 = "CompressionUnitShift",
        pub chunk_shift: u8 = "ChunkShift",
        pub cluster_shift: u8 = "ClusterShift",
        [reserved 3]
    }
}

layout! {
    /// `FileIdInformation` (MS-FSCC 2.4.26).
    pub struct FileIdInformation {
        pub volume_serial_number: u64 = "VolumeSerialNumber",
        pub file_id: [u8; 16] = "FileId",
    }
}

layout! {
    /// `FileInternalInformation` (MS-FSCC 2.4.27), `FilePositionInformation` (2.4.40), `FileAllocationInformation` (2.4.4),
    /// `FileEndOfFileInformation` (2.4.13) and `FileValidDataLengthInformation` (2.4.52): a number of 64 bits.
    pub struct Number64 {
        pub value: u64 = "Value",
    }
}

layout! {
    /// `FileEaInformation` (MS-FSCC 2.4.12), `FileAccessInformation` (2.4.1), `FileModeInformation` (2.4.31),
    /// `FileAlignmentInformation` (2.4.3): a number of 32 bits.
    pub struct Number32 {
        pub value: u32 = "Value",
    }
}

layout! {
    /// `FileDispositionInformation` (MS-FSCC 2.4.11).
    pub struct FileDisposition {
        pub delete_pending: bool = "DeletePending",
    }
}

layout! {
    /// `FilePipeInformation` (MS-FSCC 2.4.35).
    pub struct FilePipe {
        pub read_mode: u32 = "ReadMode",
        pub completion_mode: u32 = "CompletionMode",
    }
}

layout! {
    /// `FilePipeLocalInformation` (MS-FSCC 2.4.36).
    pub struct FilePipeLocal {
        pub pipe_type: u32 = "NamedPipeType",
        pub configuration: u32 = "NamedPipeConfiguration",
        pub maximum_instances: u32 = "MaximumInstances",
        pub current_instances: u32 = "CurrentInstances",
        pub inbound_quota: u32 = "InboundQuota",
        pub read_data_available: u32 = "ReadDataAvailable",
        pub outbound_quota: u32 = "OutboundQuota",
        pub write_quota_available: u32 = "WriteQuotaAvailable",
        pub state: u32 = "NamedPipeState",
        pub end: u32 = "NamedPipeEnd",
    }
}

/// `FILE_NAME_INFORMATION` (MS-FSCC 2.1.7): `FileNameInformation`, `FileAlternateNameInformation` and
/// `FileNormalizedNameInformation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileName<'a> {
    /// `FileName`.
    pub name: Utf16<'a>,
}

impl<'a> Decode<'a> for FileName<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let length = decoder.read("FileNameLength")?;
        Ok(Self { name: decoder.take_text(length, "FileName")? })
    }
}

impl Encode for FileName<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put_count_32(self.name.len());
        self.name.encode(encoder);
    }
}

/// `FileAllInformation` (MS-FSCC 2.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileAll<'a> {
    /// `BasicInformation`.
    pub basic: FileBasic,
    /// `StandardInformation`.
    pub standard: FileStandard,
    /// `InternalInformation`: the number of the file.
    pub index_number: u64,
    /// `EaInformation` in bytes.
    pub ea_size: u32,
    /// `AccessInformation`: what the open was granted.
    pub access: AccessMask,
    /// `PositionInformation`.
    pub position: u64,
    /// `ModeInformation`.
    pub mode: u32,
    /// `AlignmentInformation`.
    pub alignment: u32,
    /// `NameInformation`.
    pub name: Utf16<'a>,
}

impl<'a> Decode<'a> for FileAll<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            basic: decoder.read("BasicInformation")?,
            standard: decoder.read("StandardInformation")?,
            index_number: decoder.read("InternalInformation")?,
            ea_size: decoder.read("EaInformation")?,
            access: decoder.read("AccessInformation")?,
            position: decoder.read("PositionInformation")?,
            mode: decoder.read("ModeInformation")?,
            alignment: decoder.read("AlignmentInformation")?,
            name: FileName::decode(decoder)?.name,
        })
    }
}

impl Encode for FileAll<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.basic);
        encoder.put(self.standard);
        encoder.put(self.index_number);
        encoder.put(self.ea_size);
        encoder.put(self.access);
        encoder.put(self.position);
        encoder.put(self.mode);
        encoder.put(self.alignment);
        FileName { name: self.name }.encode(encoder);
    }
}

flags! {
    /// `Flags` of `FileRenameInformationEx` (MS-FSCC 2.4.43) and, in the classes without, `ReplaceIfExists`.
    pub struct RenameFlags(u32) {
        REPLACE_IF_EXISTS = 1 "FILE_RENAME_REPLACE_IF_EXISTS",
        POSIX_SEMANTICS = 2 "FILE_RENAME_POSIX_SEMANTICS",
    }
}

/// `FileRenameInformation` (MS-FSCC 2.4.42.2), `FileLinkInformation` (2.4.28.2) and their `Ex`. In the plain ones only the
/// first byte of the flags is one, and three are reserved: see [`RenameTo::of_plain`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenameTo<'a> {
    /// `Flags`, or `ReplaceIfExists` with what is reserved behind it.
    pub flags: RenameFlags,
    /// `RootDirectory`, which is zero.
    pub root_directory: u64,
    /// `FileName`.
    pub name: Utf16<'a>,
}

impl RenameTo<'_> {
    /// The value of a plain class: `ReplaceIfExists` is anything but zero in the first byte.
    #[must_use]
    pub fn of_plain(self) -> Self {
        let replaces = self.flags.bits().to_le_bytes().first().is_some_and(|byte| *byte != 0);
        let flags = if replaces { RenameFlags::REPLACE_IF_EXISTS } else { RenameFlags::empty() };
        Self { flags, ..self }
    }
}

impl<'a> Decode<'a> for RenameTo<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let flags = decoder.read("Flags")?;
        decoder.skip(4)?;
        let root_directory = decoder.read("RootDirectory")?;
        let length = decoder.read("FileNameLength")?;
        Ok(Self { flags, root_directory, name: decoder.take_text(length, "FileName")? })
    }
}

impl Encode for RenameTo<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.flags);
        encoder.put_zeros(4);
        encoder.put(self.root_directory);
        FileName { name: self.name }.encode(encoder);
    }
}

flags! {
    /// `Flags` of `FileDispositionInformationEx` (MS-FSCC 2.4.11.1).
    pub struct DispositionFlags(u32) {
        DELETE = 0x01 "FILE_DISPOSITION_DELETE",
        POSIX_SEMANTICS = 0x02 "FILE_DISPOSITION_POSIX_SEMANTICS",
        FORCE_IMAGE_SECTION_CHECK = 0x04 "FILE_DISPOSITION_FORCE_IMAGE_SECTION_CHECK",
        ON_CLOSE = 0x08 "FILE_DISPOSITION_ON_CLOSE",
        IGNORE_READONLY_ATTRIBUTE = 0x10 "FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE",
    }
}

/// `FILE_STREAM_INFORMATION` (MS-FSCC 2.4.49).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStream<'a> {
    /// `StreamSize` in bytes.
    pub size: u64,
    /// `StreamAllocationSize` in bytes.
    pub allocation_size: u64,
    /// `StreamName`: `:name:$DATA`.
    pub name: Utf16<'a>,
}

impl<'a> Entry<'a> for FileStream<'a> {
    const ALIGNMENT: usize = 8;

    fn decode_entry(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let length = decoder.read("StreamNameLength")?;
        let size = decoder.read("StreamSize")?;
        let allocation_size = decoder.read("StreamAllocationSize")?;
        Ok(Self { size, allocation_size, name: decoder.take_text(length, "StreamName")? })
    }
}

impl Encode for FileStream<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put_count_32(self.name.len());
        encoder.put(self.size);
        encoder.put(self.allocation_size);
        self.name.encode(encoder);
    }
}
