//! The three messages (MS-NLMP 2.2.1).

use super::flags::Flags;
use super::target_info::{AvPairs, utf16};

/// Why a message cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// No NTLMSSP message of this type.
    #[error("no NTLMSSP message of this type")]
    OtherMessage,
    /// It ends before its fixed part does.
    #[error("an NTLMSSP message that is cut short")]
    Short,
    /// A field points beyond the message.
    #[error("a field beyond the end of an NTLMSSP message")]
    FieldOutside,
    /// A field is longer than such a thing can be.
    #[error("a field of an NTLMSSP message that is too long")]
    FieldTooLong,
    /// A name that is no UTF-16.
    #[error("a name that is no UTF-16")]
    NotText,
}

/// NEGOTIATE_MESSAGE (MS-NLMP 2.2.1.1). The names in it are not looked at: nothing protects them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiate {
    /// `NegotiateFlags`.
    pub flags: Flags,
}

/// CHALLENGE_MESSAGE (MS-NLMP 2.2.1.2).
#[derive(Clone, Debug)]
pub(super) struct Challenge<'a> {
    pub(super) flags: Flags,
    pub(super) challenge: [u8; 8],
    pub(super) target_name: &'a str,
    pub(super) target_info: &'a [u8],
}

/// CHALLENGE_MESSAGE, as far as a client looks at it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) challenge: [u8; 8],
    pub(super) target_info: &'a [u8],
}

/// AUTHENTICATE_MESSAGE (MS-NLMP 2.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authenticate<'a> {
    /// `LmChallengeResponse`.
    pub lm_response: &'a [u8],
    /// `NtChallengeResponse`.
    pub nt_response: &'a [u8],
    /// `DomainName`, UTF-16.
    pub domain: &'a [u8],
    /// `UserName`, UTF-16.
    pub user: &'a [u8],
    /// `EncryptedRandomSessionKey`.
    pub session_key: &'a [u8],
    /// `NegotiateFlags`.
    pub flags: Flags,
    /// What stands where the MIC is if there is one.
    pub mic: Option<&'a [u8; 16]>,
}

/// NTLMv2_RESPONSE (MS-NLMP 2.2.2.8).
#[derive(Clone, Copy, Debug)]
pub struct NtResponse<'a> {
    /// `Response`: the proof.
    pub proof: &'a [u8; 16],
    /// NTLMv2_CLIENT_CHALLENGE (2.2.2.7) as it stands there.
    pub client_challenge: &'a [u8],
    /// The pairs in it.
    pub pairs: AvPairs<'a>,
}

/// Whether this is some NTLMSSP message, and not a token of SPNEGO.
#[must_use]
pub fn is_message(token: &[u8]) -> bool {
    token.starts_with(SIGNATURE)
}

impl Negotiate {
    /// Decodes.
    ///
    /// Errors: `OtherMessage`, `Short`.
    pub fn decode(message: &[u8]) -> Result<Self, MessageError> {
        let fields = Fields::of(message, NEGOTIATE)?;
        Ok(Self { flags: fields.flags(12)? })
    }
}

impl Challenge<'_> {
    pub(super) fn encode(&self) -> Vec<u8> {
        let name = utf16(self.target_name);
        let mut message = Vec::with_capacity(CHALLENGE_HEAD_BYTES + name.len() + self.target_info.len());
        message.extend_from_slice(SIGNATURE);
        message.extend_from_slice(&CHALLENGE.to_le_bytes());
        push_field(&mut message, name.len(), CHALLENGE_HEAD_BYTES);
        message.extend_from_slice(&self.flags.0.to_le_bytes());
        message.extend_from_slice(&self.challenge);
        message.extend_from_slice(&[0; 8]);
        push_field(&mut message, self.target_info.len(), CHALLENGE_HEAD_BYTES + name.len());
        message.extend_from_slice(&VERSION);
        message.extend_from_slice(&name);
        message.extend_from_slice(self.target_info);
        message
    }
}

impl<'a> Asked<'a> {
    pub(super) fn decode(message: &'a [u8]) -> Result<Self, MessageError> {
        let fields = Fields::of(message, CHALLENGE)?;
        let challenge = message.get(24..).and_then(<[u8]>::first_chunk).ok_or(MessageError::Short)?;
        Ok(Self { challenge: *challenge, target_info: fields.field(40, RESPONSE_BYTES_MAX)? })
    }
}

impl<'a> Authenticate<'a> {
    /// Decodes.
    ///
    /// Errors: `OtherMessage`, `Short`, `FieldOutside`, `FieldTooLong`.
    pub fn decode(message: &'a [u8]) -> Result<Self, MessageError> {
        let fields = Fields::of(message, AUTHENTICATE)?;
        Ok(Self {
            lm_response: fields.field(12, RESPONSE_BYTES_MAX)?,
            nt_response: fields.field(20, RESPONSE_BYTES_MAX)?,
            domain: fields.field(28, NAME_BYTES_MAX)?,
            user: fields.field(36, NAME_BYTES_MAX)?,
            session_key: fields.field(52, RESPONSE_BYTES_MAX)?,
            flags: fields.flags(60)?,
            mic: message.get(MIC_AT..).and_then(<[u8]>::first_chunk),
        })
    }

    /// Nobody says who they are (MS-NLMP 3.2.5.1.2).
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        let proves_nothing = self.nt_response.is_empty() && matches!(self.lm_response, [] | [0]);
        self.user.is_empty() && proves_nothing
    }
}

impl<'a> NtResponse<'a> {
    /// Decodes; `None` for anything but NTLMv2, which NTLMv1 (24 bytes) is.
    #[must_use]
    pub fn decode(response: &'a [u8]) -> Option<Self> {
        let (proof, client_challenge) = response.split_first_chunk()?;
        let pairs = client_challenge.get(PAIRS_AT..)?;
        // RespType and HiRespType.
        client_challenge.starts_with(&[1, 1]).then_some(Self { proof, client_challenge, pairs: AvPairs(pairs) })
    }
}

/// NEGOTIATE_MESSAGE without names.
pub(super) fn encode_negotiate(flags: Flags) -> Vec<u8> {
    [SIGNATURE, &NEGOTIATE.to_le_bytes(), &flags.0.to_le_bytes(), &[0; 16]].concat()
}

/// AUTHENTICATE_MESSAGE with these fields in the order of their descriptors (responses to LM and NT, domain, user,
/// workstation, session key), and zeros where the MIC is.
pub(super) fn encode_authenticate(flags: Flags, fields: [&[u8]; 6]) -> Vec<u8> {
    let mut message = [SIGNATURE, &AUTHENTICATE.to_le_bytes()].concat();
    let mut offset = AUTHENTICATE_HEAD_BYTES;
    for field in fields {
        push_field(&mut message, field.len(), offset);
        offset += field.len();
    }
    message.extend_from_slice(&flags.0.to_le_bytes());
    message.extend_from_slice(&[0; 8 + MIC_BYTES]);
    fields.into_iter().for_each(|field| message.extend_from_slice(field));
    message
}

/// Text out of UTF-16.
///
/// Errors: `NotText`.
pub(super) fn text(bytes: &[u8]) -> Result<String, MessageError> {
    let (units, rest) = bytes.as_chunks::<2>();
    let units = units.iter().map(|unit| u16::from_le_bytes(*unit));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.ok().filter(|_| rest.is_empty()).ok_or(MessageError::NotText)
}

/// The message with zeros where the MIC is, in three parts.
pub(super) fn without_mic(message: &[u8]) -> [&[u8]; 3] {
    let (head, rest) = message.split_at(message.len().min(MIC_AT));
    let (mic, tail) = rest.split_at(rest.len().min(MIC_BYTES));
    let zeros: &[u8] = &[0; MIC_BYTES];
    [head, zeros.get(..mic.len()).unwrap_or_default(), tail]
}

/// A message whose type is right.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn of(message: &'a [u8], kind: u32) -> Result<Self, MessageError> {
        let rest = message.strip_prefix(SIGNATURE).ok_or(MessageError::OtherMessage)?;
        if rest.starts_with(&kind.to_le_bytes()) { Ok(Self(message)) } else { Err(MessageError::OtherMessage) }
    }

    fn flags(self, at: usize) -> Result<Flags, MessageError> {
        let bytes = self.0.get(at..).and_then(<[u8]>::first_chunk).ok_or(MessageError::Short)?;
        Ok(Flags(u32::from_le_bytes(*bytes)))
    }

    /// The bytes that a descriptor (length, allocated length, offset) names. An empty field may point anywhere.
    fn field(self, at: usize, bytes_max: usize) -> Result<&'a [u8], MessageError> {
        let descriptor: &[u8; 8] = self.0.get(at..).and_then(<[u8]>::first_chunk).ok_or(MessageError::Short)?;
        let [length_low, length_high, _, _, offset @ ..] = *descriptor;
        let length = usize::from(u16::from_le_bytes([length_low, length_high]));
        if length == 0 {
            return Ok(&[]);
        }
        if length > bytes_max {
            return Err(MessageError::FieldTooLong);
        }
        let start = usize::try_from(u32::from_le_bytes(offset)).unwrap_or(usize::MAX);
        self.0.get(start..start.saturating_add(length)).ok_or(MessageError::FieldOutside)
    }
}

fn push_field(message: &mut Vec<u8>, length: usize, offset: usize) {
    let length = u16::try_from(length).unwrap_or(0).to_le_bytes();
    message.extend_from_slice(&length);
    message.extend_from_slice(&length);
    message.extend_from_slice(&u32::try_from(offset).unwrap_or(0).to_le_bytes());
}

const SIGNATURE: &[u8] = b"NTLMSSP\0";
const NEGOTIATE: u32 = 1;
const CHALLENGE: u32 = 2;
const AUTHENTICATE: u32 = 3;
const CHALLENGE_HEAD_BYTES: usize = 56;
const AUTHENTICATE_HEAD_BYTES: usize = MIC_AT + MIC_BYTES;
const MIC_AT: usize = 72;
const MIC_BYTES: usize = 16;
/// Where the pairs begin in NTLMv2_CLIENT_CHALLENGE.
const PAIRS_AT: usize = 28;
/// `Version` (MS-NLMP 2.2.2.10), for debugging only: 6.1.0, NTLMSSP_REVISION_W2K3, as other servers that are no Windows say.
const VERSION: [u8; 8] = [6, 1, 0, 0, 0, 0, 0, 15];
/// Longest user and domain: 256 UTF-16 units.
const NAME_BYTES_MAX: usize = 512;
/// Longest response; Windows allows 2888 bytes for a whole message.
const RESPONSE_BYTES_MAX: usize = 4096;
