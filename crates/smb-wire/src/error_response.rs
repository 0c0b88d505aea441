//! The body of a response that failed (MS-SMB2 2.2.2).

use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, Fault, Utf16, codes, flags};
use crate::ioctl::SymlinkReparse;

const ALIGNMENT: usize = 8;
const SYMLINK_ERROR_TAG: u32 = 0x4c4d_5953;
const IO_REPARSE_TAG_SYMLINK: u32 = 0xa000_000c;

/// `SMB2 ERROR Response` (MS-SMB2 2.2.2). Most have nothing but the status in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ErrorResponse<'a> {
    /// `ErrorContextCount`: how many [`ErrorContext`]s the data is made of; 0 before SMB 3.1.1.
    pub context_count: u8,
    /// `ErrorData`.
    pub data: &'a [u8],
}

impl<'a> ErrorResponse<'a> {
    /// The contexts in `data`, up to the first that is malformed.
    pub fn contexts(&self) -> impl Iterator<Item = ErrorContext<'a>> + use<'a> {
        let mut walk = Decoder::new(self.data);
        (0..self.context_count).map_while(move |index| {
            if index > 0 {
                walk.align(ALIGNMENT).ok()?;
            }
            ErrorContext::decode(&mut walk).ok()
        })
    }
}

impl<'a> Decode<'a> for ErrorResponse<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        decoder.structure_size(9)?;
        let context_count = decoder.read("ErrorContextCount")?;
        decoder.skip(1)?;
        let length: u32 = decoder.read("ByteCount")?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        Ok(Self { context_count, data: decoder.take(length, "ErrorData")? })
    }
}

impl Encode for ErrorResponse<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(9_u16);
        encoder.put(self.context_count);
        encoder.put_zeros(1);
        encoder.put_count_32(self.data.len());
        encoder.put_bytes(self.data);
        // "If the ByteCount field is zero then the server MUST supply an ErrorData field that is one byte in length".
        if self.data.is_empty() {
            encoder.put_zeros(1);
        }
    }
}

codes! {
    /// `ErrorId` (MS-SMB2 2.2.2.1).
    pub struct ErrorId(u32) {
        DEFAULT = 0 "SMB2_ERROR_ID_DEFAULT",
        SHARE_REDIRECT = 0x7264_5253 "SMB2_ERROR_ID_SHARE_REDIRECT",
    }
}

/// `SMB2 ERROR Context Response` (MS-SMB2 2.2.2.1), of SMB 3.1.1. Those after the first begin at multiples of eight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorContext<'a> {
    /// `ErrorId`.
    pub id: ErrorId,
    /// `ErrorContextData`.
    pub data: &'a [u8],
}

impl<'a> Decode<'a> for ErrorContext<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let length: u32 = decoder.read("ErrorDataLength")?;
        let id = decoder.read("ErrorId")?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        Ok(Self { id, data: decoder.take(length, "ErrorContextData")? })
    }
}

impl Encode for ErrorContext<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put_count_32(self.data.len());
        encoder.put(self.id);
        encoder.put_bytes(self.data);
    }
}

flags! {
    /// `Flags` of a symbolic link (MS-SMB2 2.2.2.2.1, MS-FSCC 2.1.2.4).
    pub struct SymlinkFlags(u32) {
        RELATIVE = 1 "SYMLINK_FLAG_RELATIVE",
    }
}

/// `Symbolic Link Error Response` (MS-SMB2 2.2.2.2.1): data of `STATUS_STOPPED_ON_SYMLINK`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SymlinkError<'a> {
    /// `UnparsedPathLength`: bytes of the path of CREATE that come behind the link.
    pub unparsed_path_length: u16,
    /// `Flags`.
    pub flags: SymlinkFlags,
    /// The substitute name in `PathBuffer`.
    pub substitute_name: Utf16<'a>,
    /// The print name in `PathBuffer`.
    pub print_name: Utf16<'a>,
}

impl<'a> Decode<'a> for SymlinkError<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        decoder.skip(4)?;
        if decoder.read::<u32>("SymLinkErrorTag")? != SYMLINK_ERROR_TAG {
            return Err(DecodeError::new("SymLinkErrorTag", Fault::Value));
        }
        if decoder.read::<u32>("ReparseTag")? != IO_REPARSE_TAG_SYMLINK {
            return Err(DecodeError::new("ReparseTag", Fault::Value));
        }
        decoder.skip(2)?;
        let unparsed_path_length = decoder.read("UnparsedPathLength")?;
        let SymlinkReparse { flags, substitute_name, print_name } = SymlinkReparse::decode(decoder)?;
        Ok(Self { unparsed_path_length, flags, substitute_name, print_name })
    }
}

impl Encode for SymlinkError<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        let (substitute, print) = (self.substitute_name.len(), self.print_name.len());
        // SymLinkLength does not count itself; ReparseDataLength counts from SubstituteNameOffset.
        encoder.put_count_32(24 + substitute + print);
        encoder.put(SYMLINK_ERROR_TAG);
        encoder.put(IO_REPARSE_TAG_SYMLINK);
        encoder.put_count_16(12 + substitute + print);
        encoder.put(self.unparsed_path_length);
        let Self { flags, substitute_name, print_name, .. } = *self;
        SymlinkReparse { flags, substitute_name, print_name }.encode(encoder);
    }
}
