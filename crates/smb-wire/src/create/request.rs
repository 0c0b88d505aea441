//! What to open, and how.

use super::{
    CreateContexts, CreateDisposition, CreateOptions, CreateRequestContext, ImpersonationLevel, OplockLevel,
    ShareAccess,
};
use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, Utf16};
use crate::dtyp::AccessMask;
use crate::info::FileAttributes;

/// `SMB2 CREATE Request` (MS-SMB2 2.2.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreateRequest<'a> {
    /// `RequestedOplockLevel`.
    pub oplock_level: OplockLevel,
    /// `ImpersonationLevel`.
    pub impersonation_level: ImpersonationLevel,
    /// `DesiredAccess`.
    pub desired_access: AccessMask,
    /// `FileAttributes` of what is made.
    pub file_attributes: FileAttributes,
    /// `ShareAccess`.
    pub share_access: ShareAccess,
    /// `CreateDisposition`.
    pub disposition: CreateDisposition,
    /// `CreateOptions`.
    pub options: CreateOptions,
    /// The name in `Buffer`, below the share, parts separated by `\`, a stream behind `:`.
    pub name: Utf16<'a>,
    /// The contexts in `Buffer`.
    pub contexts: CreateContexts<'a, CreateRequestContext<'a>>,
}

impl<'a> Decode<'a> for CreateRequest<'a> {
    /// Errors: fields that are cut off; `Name`; those of [`CreateContexts::from_bytes`].
    #[inline]
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        decoder.structure_size(57)?;
        decoder.skip(1)?;
        let oplock_level = decoder.read("RequestedOplockLevel")?;
        let impersonation_level = decoder.read("ImpersonationLevel")?;
        decoder.skip(16)?;
        let desired_access = decoder.read("DesiredAccess")?;
        let file_attributes = decoder.read("FileAttributes")?;
        let share_access = decoder.read("ShareAccess")?;
        let disposition = decoder.read("CreateDisposition")?;
        let options = decoder.read("CreateOptions")?;
        let name_offset: u16 = decoder.read("NameOffset")?;
        let name_length: u16 = decoder.read("NameLength")?;
        let contexts_offset = decoder.read("CreateContextsOffset")?;
        let contexts_length = decoder.read("CreateContextsLength")?;
        let name = decoder.text(name_offset.into(), name_length.into(), "Name")?;
        let contexts = decoder.part(contexts_offset, contexts_length, "CreateContexts")?;
        Ok(Self {
            oplock_level,
            impersonation_level,
            desired_access,
            file_attributes,
            share_access,
            disposition,
            options,
            name,
            contexts: CreateContexts::from_bytes(contexts)?,
        })
    }
}

impl Encode for CreateRequest<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(57_u16);
        encoder.put_zeros(1);
        encoder.put(self.oplock_level);
        encoder.put(self.impersonation_level);
        encoder.put_zeros(16);
        encoder.put(self.desired_access);
        encoder.put(self.file_attributes);
        encoder.put(self.share_access);
        encoder.put(self.disposition);
        encoder.put(self.options);
        let name_offset = encoder.place::<u16>();
        encoder.put_count_16(self.name.len());
        let contexts = encoder.place::<u64>();
        encoder.set_16(name_offset, encoder.offset());
        self.name.encode(encoder);
        self.contexts.encode_behind(encoder, contexts);
        // "The Buffer field MUST be at least one byte in length".
        if self.name.is_empty() && self.contexts.is_empty() {
            encoder.put_zeros(1);
        }
    }
}
