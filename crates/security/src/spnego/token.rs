//! Tokens (RFC 4178 4.2, MS-SPNG 2.2.1), over borrowed bytes.

use super::der::{
    APPLICATION_0, ENUMERATED, Element, GENERAL_STRING, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, context, only, take,
    wrap,
};

/// Why a token cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not one of SPNEGO.
    #[error("no SPNEGO token")]
    OtherToken,
    /// It is one, but what is in it cannot be read.
    #[error("a malformed SPNEGO token")]
    Malformed,
}

/// `NegTokenInit` of a client, and `NegTokenInit2` (MS-SPNG 2.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InitialToken<'a> {
    /// `mechTypes` as they stand there, with tag and length: what `mechListMIC` is made over.
    pub mechanism_list: &'a [u8],
    /// `mechToken`: for the first of them.
    pub mechanism_token: Option<&'a [u8]>,
}

/// `NegTokenResp`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponseToken<'a> {
    /// `negState`.
    pub state: Option<NegotiationState>,
    /// `supportedMech`.
    pub mechanism: Option<&'a [u8]>,
    /// `responseToken`.
    pub mechanism_token: Option<&'a [u8]>,
    /// `mechListMIC`.
    pub list_code: Option<&'a [u8]>,
}

/// `negState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NegotiationState {
    /// `accept-completed`.
    Completed,
    /// `accept-incomplete`.
    Incomplete,
    /// `reject`.
    Rejected,
    /// `request-mic`.
    CodeRequested,
}

impl<'a> InitialToken<'a> {
    /// Decodes. Flags, hints and fields that nobody knows are skipped.
    ///
    /// Errors: `OtherToken` (also a token of another GSS-API mechanism), `Malformed`.
    pub fn decode(token: &'a [u8]) -> Result<Self, TokenError> {
        let mut rest = only(token, APPLICATION_0).ok_or(TokenError::OtherToken)?;
        let mechanism = take(&mut rest).filter(|element| element.tag == OBJECT_IDENTIFIER);
        if mechanism.is_none_or(|element| element.content != OID) {
            return Err(TokenError::OtherToken);
        }
        let mut decoded = Self::default();
        for field in Fields::of(rest, context(0))? {
            let field = field?;
            match (field.tag, field.content) {
                (FIELD_0, content) => decoded.mechanism_list = list(content)?,
                (FIELD_2, content) => decoded.mechanism_token = Some(octets(content)?),
                _ => {}
            }
        }
        if decoded.mechanism_list.is_empty() { Err(TokenError::Malformed) } else { Ok(decoded) }
    }

    /// The object identifiers of `mechanism_list`, the one that the client likes best first.
    pub fn mechanisms(&self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = only(self.mechanism_list, SEQUENCE).unwrap_or_default();
        std::iter::from_fn(move || take(&mut rest)).map(|element| element.content)
    }

    /// What a server says before anybody asks: its mechanisms, and the hint that Windows looks for (MS-SPNG 2.2.1).
    pub(super) fn encode_hint(mechanisms: &[&[u8]]) -> Vec<u8> {
        let mechanisms: Vec<_> = mechanisms.iter().map(|oid| wrap(OBJECT_IDENTIFIER, &[oid])).collect();
        let mechanisms: Vec<_> = mechanisms.iter().map(Vec::as_slice).collect();
        let list = wrap(context(0), &[&wrap(SEQUENCE, &mechanisms)]);
        let name = wrap(context(0), &[&wrap(GENERAL_STRING, &[HINT])]);
        let hints = wrap(context(3), &[&wrap(SEQUENCE, &[&name])]);
        let token = wrap(context(0), &[&wrap(SEQUENCE, &[&list, &hints])]);
        wrap(APPLICATION_0, &[&wrap(OBJECT_IDENTIFIER, &[OID]), &token])
    }
}

impl<'a> ResponseToken<'a> {
    /// Decodes. Fields that nobody knows are skipped.
    ///
    /// Errors: `OtherToken`, `Malformed`.
    pub fn decode(token: &'a [u8]) -> Result<Self, TokenError> {
        let mut decoded = Self::default();
        for field in Fields::of(token, context(1))? {
            let field = field?;
            match (field.tag, field.content) {
                (FIELD_0, content) => decoded.state = Some(NegotiationState::decode(content)?),
                (FIELD_1, content) => decoded.mechanism = Some(value(content, OBJECT_IDENTIFIER)?),
                (FIELD_2, content) => decoded.mechanism_token = Some(octets(content)?),
                (FIELD_3, content) => decoded.list_code = Some(octets(content)?),
                _ => {}
            }
        }
        Ok(decoded)
    }

    /// Encodes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let field = |number, tag, value: Option<&[u8]>| {
            value.map_or_else(Vec::new, |value| wrap(context(number), &[&wrap(tag, &[value])]))
        };
        let state = self.state.map(|state| [state.number()]);
        let fields = [
            field(0, ENUMERATED, state.as_ref().map(<[u8; 1]>::as_slice)),
            field(1, OBJECT_IDENTIFIER, self.mechanism),
            field(2, OCTET_STRING, self.mechanism_token),
            field(3, OCTET_STRING, self.list_code),
        ];
        let fields: Vec<_> = fields.iter().map(Vec::as_slice).collect();
        wrap(context(1), &[&wrap(SEQUENCE, &fields)])
    }
}

impl NegotiationState {
    const ALL: [Self; 4] = [Self::Completed, Self::Incomplete, Self::Rejected, Self::CodeRequested];

    fn decode(content: &[u8]) -> Result<Self, TokenError> {
        let number = value(content, ENUMERATED)?;
        Self::ALL.into_iter().find(|state| number == [state.number()]).ok_or(TokenError::Malformed)
    }

    const fn number(self) -> u8 {
        match self {
            Self::Completed => 0,
            Self::Incomplete => 1,
            Self::Rejected => 2,
            Self::CodeRequested => 3,
        }
    }
}

/// The fields of a token's sequence.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn of(token: &'a [u8], tag: u8) -> Result<Self, TokenError> {
        let inside = only(token, tag).ok_or(TokenError::OtherToken)?;
        only(inside, SEQUENCE).map(Self).ok_or(TokenError::Malformed)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Element<'a>, TokenError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = take(&mut self.0).ok_or(TokenError::Malformed);
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

fn value(content: &[u8], tag: u8) -> Result<&[u8], TokenError> {
    only(content, tag).ok_or(TokenError::Malformed)
}

fn octets(content: &[u8]) -> Result<&[u8], TokenError> {
    value(content, OCTET_STRING)
}

/// A list of object identifiers, all of them whole.
fn list(mut content: &[u8]) -> Result<&[u8], TokenError> {
    let list = take(&mut content).filter(|element| element.tag == SEQUENCE).ok_or(TokenError::Malformed)?;
    let mut rest = list.content;
    while !rest.is_empty() {
        take(&mut rest).filter(|element| element.tag == OBJECT_IDENTIFIER).ok_or(TokenError::Malformed)?;
    }
    Ok(list.whole)
}

const FIELD_0: u8 = context(0);
const FIELD_1: u8 = context(1);
const FIELD_2: u8 = context(2);
const FIELD_3: u8 = context(3);
/// 1.3.6.1.5.5.2 (RFC 4178 3).
const OID: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x02];
/// `hintName` (MS-SPNG 2.2.1).
const HINT: &[u8] = b"not_defined_in_RFC4178@please_ignore";
