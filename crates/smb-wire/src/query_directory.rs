//! QUERY_DIRECTORY; the response is [`crate::OutputResponse`] with entries of [`crate::info::DirectoryEntry`].

use crate::FileId;
use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, Utf16, flags};
use crate::info::FileInformationClass;

flags! {
    /// `Flags` (MS-SMB2 2.2.33).
    pub struct QueryDirectoryFlags(u8) {
        RESTART_SCANS = 0x01 "SMB2_RESTART_SCANS",
        RETURN_SINGLE_ENTRY = 0x02 "SMB2_RETURN_SINGLE_ENTRY",
        INDEX_SPECIFIED = 0x04 "SMB2_INDEX_SPECIFIED",
        REOPEN = 0x10 "SMB2_REOPEN",
    }
}

/// `SMB2 QUERY_DIRECTORY Request` (MS-SMB2 2.2.33).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryDirectoryRequest<'a> {
    /// `FileInformationClass`.
    pub class: FileInformationClass,
    /// `Flags`.
    pub flags: QueryDirectoryFlags,
    /// `FileIndex`.
    pub file_index: u32,
    /// `FileId`.
    pub file_id: FileId,
    /// `OutputBufferLength` in bytes.
    pub output_length: u32,
    /// `Buffer`: the pattern.
    pub pattern: Utf16<'a>,
}

impl<'a> Decode<'a> for QueryDirectoryRequest<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        decoder.structure_size(33)?;
        let class = decoder.read("FileInformationClass")?;
        let flags = decoder.read("Flags")?;
        let file_index = decoder.read("FileIndex")?;
        let file_id = decoder.read("FileId")?;
        let offset: u16 = decoder.read("FileNameOffset")?;
        let length: u16 = decoder.read("FileNameLength")?;
        let output_length = decoder.read("OutputBufferLength")?;
        let pattern = decoder.text(offset.into(), length.into(), "FileName")?;
        Ok(Self { class, flags, file_index, file_id, output_length, pattern })
    }
}

impl Encode for QueryDirectoryRequest<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(33_u16);
        encoder.put(self.class);
        encoder.put(self.flags);
        encoder.put(self.file_index);
        encoder.put(self.file_id);
        let offset = encoder.place::<u16>();
        encoder.put_count_16(self.pattern.len());
        encoder.put(self.output_length);
        encoder.set_16(offset, encoder.offset());
        self.pattern.encode(encoder);
    }
}
