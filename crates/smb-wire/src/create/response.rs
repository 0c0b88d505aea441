//! What was opened.

use super::{CreateAction, CreateContexts, CreateResponseContext, CreateResponseFlags, OplockLevel};
use crate::FileId;
use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder};
use crate::info::NetworkOpen;

/// `SMB2 CREATE Response` (MS-SMB2 2.2.14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreateResponse<'a> {
    /// `OplockLevel`.
    pub oplock_level: OplockLevel,
    /// `Flags`, of SMB 3 only.
    pub flags: CreateResponseFlags,
    /// `CreateAction`.
    pub action: CreateAction,
    /// `CreationTime` to `FileAttributes`.
    pub file: NetworkOpen,
    /// `FileId`.
    pub file_id: FileId,
    /// The contexts in `Buffer`.
    pub contexts: CreateContexts<'a, CreateResponseContext<'a>>,
}

impl<'a> Decode<'a> for CreateResponse<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        decoder.structure_size(89)?;
        let oplock_level = decoder.read("OplockLevel")?;
        let flags = decoder.read("Flags")?;
        let action = decoder.read("CreateAction")?;
        let file = decoder.read("CreationTime")?;
        decoder.skip(4)?;
        let file_id = decoder.read("FileId")?;
        let offset = decoder.read("CreateContextsOffset")?;
        let length = decoder.read("CreateContextsLength")?;
        let contexts = CreateContexts::from_bytes(decoder.part(offset, length, "CreateContexts")?)?;
        Ok(Self { oplock_level, flags, action, file, file_id, contexts })
    }
}

impl Encode for CreateResponse<'_> {
    #[inline]
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(89_u16);
        encoder.put(self.oplock_level);
        encoder.put(self.flags);
        encoder.put(self.action);
        encoder.put(self.file);
        encoder.put_zeros(4);
        encoder.put(self.file_id);
        let contexts = encoder.place::<u64>();
        self.contexts.encode_behind(encoder, contexts);
    }
}
