//! QUERY_INFO and SET_INFO; the response to a query is [`crate::OutputResponse`].

use crate::FileId;
use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, codes, flags, layout};

codes! {
    /// `InfoType` (MS-SMB2 2.2.37).
    pub struct InfoType(u8) {
        /// The class is a [`crate::info::FileInformationClass`].
        FILE = 1 "SMB2_0_INFO_FILE",
        /// The class is a [`crate::info::FsInformationClass`].
        FILESYSTEM = 2 "SMB2_0_INFO_FILESYSTEM",
        SECURITY = 3 "SMB2_0_INFO_SECURITY",
        QUOTA = 4 "SMB2_0_INFO_QUOTA",
    }
}

flags! {
    /// `AdditionalInformation` of [`InfoType::SECURITY`] (MS-SMB2 2.2.37).
    pub struct SecurityInformation(u32) {
        OWNER = 0x0000_0001 "OWNER_SECURITY_INFORMATION",
        GROUP = 0x0000_0002 "GROUP_SECURITY_INFORMATION",
        DACL = 0x0000_0004 "DACL_SECURITY_INFORMATION",
        SACL = 0x0000_0008 "SACL_SECURITY_INFORMATION",
        LABEL = 0x0000_0010 "LABEL_SECURITY_INFORMATION",
        ATTRIBUTE = 0x0000_0020 "ATTRIBUTE_SECURITY_INFORMATION",
        SCOPE = 0x0000_0040 "SCOPE_SECURITY_INFORMATION",
        BACKUP = 0x0001_0000 "BACKUP_SECURITY_INFORMATION",
    }
}

flags! {
    /// `Flags` (MS-SMB2 2.2.37), of extended attributes and quotas.
    pub struct QueryInfoFlags(u32) {
        RESTART_SCAN = 1 "SL_RESTART_SCAN",
        RETURN_SINGLE_ENTRY = 2 "SL_RETURN_SINGLE_ENTRY",
        INDEX_SPECIFIED = 4 "SL_INDEX_SPECIFIED",
    }
}

/// `SMB2 QUERY_INFO Request` (MS-SMB2 2.2.37).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryInfoRequest<'a> {
    /// `InfoType`.
    pub info_type: InfoType,
    /// `FileInfoClass`, whose meaning depends on the type.
    pub class: u8,
    /// `OutputBufferLength` in bytes.
    pub output_length: u32,
    /// `AdditionalInformation`.
    pub additional: SecurityInformation,
    /// `Flags`.
    pub flags: QueryInfoFlags,
    /// `FileId`.
    pub file_id: FileId,
    /// `Buffer`: names of extended attributes ([`crate::info::GetEa`]), or [`crate::info::QueryQuota`].
    pub input: &'a [u8],
}

impl<'a> Decode<'a> for QueryInfoRequest<'a> {
    #[inline]
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        decoder.structure_size(41)?;
        let info_type = decoder.read("InfoType")?;
        let class = decoder.read("FileInfoClass")?;
        let output_length = decoder.read("OutputBufferLength")?;
        let offset: u16 = decoder.read("InputBufferOffset")?;
        decoder.skip(2)?;
        let length = decoder.read("InputBufferLength")?;
        let additional = decoder.read("AdditionalInformation")?;
        let flags = decoder.read("Flags")?;
        let file_id = decoder.read("FileId")?;
        let input = decoder.part(offset.into(), length, "InputBuffer")?;
        Ok(Self { info_type, class, output_length, additional, flags, file_id, input })
    }
}

impl Encode for QueryInfoRequest<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(41_u16);
        encoder.put(self.info_type);
        encoder.put(self.class);
        encoder.put(self.output_length);
        let offset = encoder.place::<u16>();
        encoder.put_zeros(2);
        encoder.put_count_32(self.input.len());
        encoder.put(self.additional);
        encoder.put(self.flags);
        encoder.put(self.file_id);
        if !self.input.is_empty() {
            encoder.set_16(offset, encoder.offset());
            encoder.put_bytes(self.input);
        }
    }
}

/// `SMB2 SET_INFO Request` (MS-SMB2 2.2.39).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetInfoRequest<'a> {
    /// `InfoType`.
    pub info_type: InfoType,
    /// `FileInfoClass`, whose meaning depends on the type.
    pub class: u8,
    /// `AdditionalInformation`.
    pub additional: SecurityInformation,
    /// `FileId`.
    pub file_id: FileId,
    /// `Buffer`.
    pub input: &'a [u8],
}

impl<'a> Decode<'a> for SetInfoRequest<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        decoder.structure_size(33)?;
        let info_type = decoder.read("InfoType")?;
        let class = decoder.read("FileInfoClass")?;
        let length = decoder.read("BufferLength")?;
        let offset: u16 = decoder.read("BufferOffset")?;
        decoder.skip(2)?;
        let additional = decoder.read("AdditionalInformation")?;
        let file_id = decoder.read("FileId")?;
        Ok(Self { info_type, class, additional, file_id, input: decoder.part(offset.into(), length, "Buffer")? })
    }
}

impl Encode for SetInfoRequest<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(33_u16);
        encoder.put(self.info_type);
        encoder.put(self.class);
        encoder.put_count_32(self.input.len());
        let offset = encoder.place::<u16>();
        encoder.put_zeros(2);
        encoder.put(self.additional);
        encoder.put(self.file_id);
        encoder.set_16(offset, encoder.offset());
        encoder.put_bytes(self.input);
    }
}

layout! {
    /// `SMB2 SET_INFO Response` (MS-SMB2 2.2.40).
    pub struct SetInfoResponse [size 2] {
    }
}
