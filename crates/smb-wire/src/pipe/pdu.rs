//! Protocol data units (C706 12.6, MS-RPCE 2.2.2): what the two sides of a pipe send each other.

use bytes::BytesMut;

use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, Fault, List, codes, decode, encode, flags, layout};
use crate::dtyp::Guid;

codes! {
    /// `PTYPE` (C706 12.6.1).
    pub struct PduType(u8) {
        REQUEST = 0 "request",
        RESPONSE = 2 "response",
        FAULT = 3 "fault",
        BIND = 11 "bind",
        BIND_ACK = 12 "bind_ack",
        BIND_NAK = 13 "bind_nak",
        ALTER_CONTEXT = 14 "alter_context",
        ALTER_CONTEXT_RESPONSE = 15 "alter_context_resp",
        AUTH3 = 16 "rpc_auth_3",
        SHUTDOWN = 17 "shutdown",
        CO_CANCEL = 18 "co_cancel",
        ORPHANED = 19 "orphaned",
    }
}

flags! {
    /// `pfc_flags` (C706 12.6.3.1).
    pub struct PduFlags(u8) {
        FIRST_FRAGMENT = 0x01 "PFC_FIRST_FRAG",
        LAST_FRAGMENT = 0x02 "PFC_LAST_FRAG",
        PENDING_CANCEL = 0x04 "PFC_PENDING_CANCEL",
        DID_NOT_EXECUTE = 0x20 "PFC_DID_NOT_EXECUTE",
        MAYBE = 0x40 "PFC_MAYBE",
        OBJECT_UUID = 0x80 "PFC_OBJECT_UUID",
    }
}

layout! {
    /// The header of every unit (C706 12.6.3.1).
    pub struct PduHeader {
        pub version: u8 = "rpc_vers",
        pub minor_version: u8 = "rpc_vers_minor",
        pub kind: PduType = "PTYPE",
        pub flags: PduFlags = "pfc_flags",
        /// Integers, characters and floating point as the sender has them.
        pub representation: [u8; 4] = "packed_drep",
        /// Bytes of the unit, this header included.
        pub fragment_length: u16 = "frag_length",
        /// Bytes of the authentication at its end.
        pub auth_length: u16 = "auth_length",
        pub call_id: u32 = "call_id",
    }
}

/// Bytes of [`PduHeader`].
pub const PDU_HEADER_BYTES: usize = 16;
/// ASCII, little-endian, IEEE (C706 14.1): how everybody speaks by now.
pub const LITTLE_ENDIAN: [u8; 4] = [0x10, 0, 0, 0];

layout! {
    /// An interface or a transfer syntax, with its version (C706 12.6.3.1 `p_syntax_id_t`).
    pub struct SyntaxId {
        pub uuid: Guid = "if_uuid",
        /// The major one in the lower half.
        pub version: u32 = "if_version",
    }
}

impl SyntaxId {
    /// NDR, version 2.0.
    pub const NDR: Self = Self::new(0x8a88_5d04_1ceb_11c9_9fe8_0800_2b10_4860, 2);

    /// The one with these digits.
    #[must_use]
    pub const fn new(digits: u128, version: u32) -> Self {
        Self { uuid: Guid::from_digits(digits), version }
    }

    /// Whether it is no syntax but a list of wishes (MS-RPCE 2.2.2.14): bind time feature negotiation.
    #[must_use]
    pub fn asks_for_features(&self) -> bool {
        let features = Guid::from_digits(0x6cb7_1c2c_9812_4540_0000_0000_0000_0000);
        self.version == 1 && self.uuid.0.first_chunk::<8>() == features.0.first_chunk()
    }
}

/// A proposal of an interface, and of syntaxes to speak there (`p_cont_elem_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextElement<'a> {
    /// `p_cont_id`.
    pub id: u16,
    /// `abstract_syntax`.
    pub interface: SyntaxId,
    /// `transfer_syntaxes`.
    pub syntaxes: List<'a, SyntaxId>,
}

impl<'a> Decode<'a> for ContextElement<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let id = decoder.read("p_cont_id")?;
        let count: u8 = decoder.read("n_transfer_syn")?;
        decoder.skip(1)?;
        let interface = decoder.read("abstract_syntax")?;
        Ok(Self { id, interface, syntaxes: List::read(decoder, count.into(), "transfer_syntaxes")? })
    }
}

impl Encode for ContextElement<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.id);
        encoder.put(u8::try_from(self.syntaxes.len()).unwrap_or(u8::MAX));
        encoder.put_zeros(1);
        encoder.put(self.interface);
        self.syntaxes.encode(encoder);
    }
}

/// What `bind` and `alter_context` carry (C706 12.6.4.3, 12.6.4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind<'a> {
    /// `max_xmit_frag` in bytes.
    pub send_bytes_max: u16,
    /// `max_recv_frag` in bytes.
    pub receive_bytes_max: u16,
    /// `assoc_group_id`.
    pub group: u32,
    /// `p_context_elem`.
    pub contexts: Vec<ContextElement<'a>>,
}

impl<'a> Decode<'a> for Bind<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let (send_bytes_max, receive_bytes_max) = (decoder.read("max_xmit_frag")?, decoder.read("max_recv_frag")?);
        let group = decoder.read("assoc_group_id")?;
        let count: u8 = decoder.read("n_context_elem")?;
        decoder.skip(3)?;
        let mut contexts = Vec::new();
        for _ in 0..count {
            contexts.push(ContextElement::decode(decoder)?);
        }
        Ok(Self { send_bytes_max, receive_bytes_max, group, contexts })
    }
}

impl Encode for Bind<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.send_bytes_max);
        encoder.put(self.receive_bytes_max);
        encoder.put(self.group);
        encoder.put(u8::try_from(self.contexts.len()).unwrap_or(u8::MAX));
        encoder.put_zeros(3);
        self.contexts.iter().for_each(|context| context.encode(encoder));
    }
}

codes! {
    /// `p_cont_def_result_t` (C706 12.6.3.1, MS-RPCE 2.2.2.4).
    pub struct ContextVerdict(u16) {
        ACCEPTANCE = 0 "acceptance",
        USER_REJECTION = 1 "user_rejection",
        PROVIDER_REJECTION = 2 "provider_rejection",
        NEGOTIATE_ACK = 3 "negotiate_ack",
    }
}

codes! {
    /// `p_provider_reason_t` (C706 12.6.3.1).
    pub struct ContextReason(u16) {
        NOT_SPECIFIED = 0 "reason_not_specified",
        ABSTRACT_SYNTAX = 1 "abstract_syntax_not_supported",
        TRANSFER_SYNTAXES = 2 "proposed_transfer_syntaxes_not_supported",
        LIMIT = 3 "local_limit_exceeded",
    }
}

layout! {
    /// What becomes of a proposal (`p_result_t`).
    pub struct ContextResult {
        pub verdict: ContextVerdict = "result",
        pub reason: ContextReason = "reason",
        pub syntax: SyntaxId = "transfer_syntax",
    }
}

/// What `bind_ack` and `alter_context_resp` carry (C706 12.6.4.4, 12.6.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindAck<'a> {
    /// `max_xmit_frag` in bytes.
    pub send_bytes_max: u16,
    /// `max_recv_frag` in bytes.
    pub receive_bytes_max: u16,
    /// `assoc_group_id`.
    pub group: u32,
    /// `sec_addr`: the pipe, with a zero at its end; nothing in answer to `alter_context`.
    pub address: &'a [u8],
    /// `p_result_list`, in the order of the proposals.
    pub results: List<'a, ContextResult>,
}

impl<'a> Decode<'a> for BindAck<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let (send_bytes_max, receive_bytes_max) = (decoder.read("max_xmit_frag")?, decoder.read("max_recv_frag")?);
        let group = decoder.read("assoc_group_id")?;
        let length: u16 = decoder.read("sec_addr")?;
        let address = decoder.take(length.into(), "sec_addr")?;
        decoder.align(4)?;
        let count: u8 = decoder.read("n_results")?;
        decoder.skip(3)?;
        let results = List::read(decoder, count.into(), "p_results")?;
        Ok(Self { send_bytes_max, receive_bytes_max, group, address, results })
    }
}

impl Encode for BindAck<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.send_bytes_max);
        encoder.put(self.receive_bytes_max);
        encoder.put(self.group);
        encoder.put_count_16(self.address.len());
        encoder.put_bytes(self.address);
        encoder.align(4);
        encoder.put(u8::try_from(self.results.len()).unwrap_or(u8::MAX));
        encoder.put_zeros(3);
        self.results.encode(encoder);
    }
}

codes! {
    /// `p_reject_reason_t` (C706 12.6.3.1, MS-RPCE 2.2.2.5).
    pub struct RejectReason(u16) {
        NOT_SPECIFIED = 0 "REASON_NOT_SPECIFIED",
        CONGESTION = 1 "TEMPORARY_CONGESTION",
        LIMIT = 2 "LOCAL_LIMIT_EXCEEDED",
        VERSION = 4 "PROTOCOL_VERSION_NOT_SUPPORTED",
        AUTHENTICATION_TYPE = 8 "authentication_type_not_recognized",
    }
}

layout! {
    /// What `bind_nak` carries (C706 12.6.4.5), with the one version that is spoken.
    pub struct BindNak {
        pub reason: RejectReason = "provider_reject_reason",
        pub versions: u8 = "n_protocols",
        pub version: u8 = "major",
        pub minor_version: u8 = "minor",
    }
}

/// What `request` carries (C706 12.6.4.9), where no object is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// `alloc_hint` in bytes: nobody has to believe it.
    pub hint: u32,
    /// `p_cont_id`.
    pub context: u16,
    /// `opnum`.
    pub operation: u16,
    /// `stub_data`: a part of the arguments.
    pub stub: &'a [u8],
}

impl<'a> Decode<'a> for Request<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let hint = decoder.read("alloc_hint")?;
        let (context, operation) = (decoder.read("p_cont_id")?, decoder.read("opnum")?);
        Ok(Self { hint, context, operation, stub: decoder.rest() })
    }
}

impl Encode for Request<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.hint);
        encoder.put(self.context);
        encoder.put(self.operation);
        encoder.put_bytes(self.stub);
    }
}

/// What `response` carries (C706 12.6.4.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response<'a> {
    /// `alloc_hint`: bytes of this part and those behind it.
    pub hint: u32,
    /// `p_cont_id`.
    pub context: u16,
    /// `stub_data`: a part of what the call came to.
    pub stub: &'a [u8],
}

/// Bytes of a response in front of its stub, its header included.
pub const RESPONSE_HEAD_BYTES: usize = PDU_HEADER_BYTES + 8;

impl<'a> Decode<'a> for Response<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let (hint, context) = (decoder.read("alloc_hint")?, decoder.read("p_cont_id")?);
        decoder.skip(2)?;
        Ok(Self { hint, context, stub: decoder.rest() })
    }
}

impl Encode for Response<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.hint);
        encoder.put(self.context);
        encoder.put_zeros(2);
        encoder.put_bytes(self.stub);
    }
}

codes! {
    /// Why a call was not done (C706 appendix E, MS-RPCE 2.2.2.6).
    pub struct FaultStatus(u32) {
        ACCESS_DENIED = 5 "ERROR_ACCESS_DENIED",
        BAD_STUB_DATA = 0x0000_06f7 "RPC_X_BAD_STUB_DATA",
        UNKNOWN_OPERATION = 0x1c01_0002 "nca_s_op_rng_error",
        UNKNOWN_INTERFACE = 0x1c01_0003 "nca_s_unk_if",
        PROTOCOL = 0x1c01_000b "nca_s_proto_error",
        CONTEXT_MISMATCH = 0x1c00_001a "nca_s_fault_context_mismatch",
        NO_MEMORY = 0x1c00_001b "nca_s_fault_remote_no_memory",
    }
}

layout! {
    /// What `fault` carries (C706 12.6.4.7).
    pub struct FaultBody {
        /// In bytes.
        pub hint: u32 = "alloc_hint",
        pub context: u16 = "p_cont_id",
        pub cancel_count: u8 = "cancel_count", [reserved 1]
        pub status: FaultStatus = "status", [reserved 4]
    }
}

/// One unit: a header, and what it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pdu<'a> {
    /// The header.
    pub header: PduHeader,
    /// Everything between the header and the authentication.
    pub body: &'a [u8],
    /// `sec_trailer` and `auth_value` (MS-RPCE 2.2.2.11).
    pub authentication: &'a [u8],
}

impl<'a> Pdu<'a> {
    /// What a unit of this kind carries.
    ///
    /// # Errors
    /// Those of its fields.
    pub fn carried<T: Decode<'a>>(&self) -> Result<T, DecodeError> {
        decode(self.body)
    }
}

/// Bytes of `sec_trailer` without `auth_value`.
const SEC_TRAILER_BYTES: usize = 8;

impl<'a> Decode<'a> for Pdu<'a> {
    /// Errors: another version or byte order, an object (which nothing here has), lengths that cannot be.
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let header: PduHeader = decoder.read("header")?;
        if header.version != VERSION {
            return Err(DecodeError::new("rpc_vers", Fault::Value));
        }
        if header.representation.first() != LITTLE_ENDIAN.first() {
            return Err(DecodeError::new("packed_drep", Fault::Value));
        }
        if header.flags.contains(PduFlags::OBJECT_UUID) {
            return Err(DecodeError::new("object", Fault::Value));
        }
        let length = usize::from(header.fragment_length).checked_sub(PDU_HEADER_BYTES);
        let whole = decoder.take(length.ok_or(DecodeError::new("frag_length", Fault::Length))?, "frag_length")?;
        let auth = if header.auth_length == 0 { 0 } else { usize::from(header.auth_length) + SEC_TRAILER_BYTES };
        let split = whole.len().checked_sub(auth).and_then(|body| whole.split_at_checked(body));
        let (body, authentication) = split.ok_or(DecodeError::new("auth_length", Fault::Length))?;
        Ok(Self { header, body, authentication })
    }
}

impl Encode for Pdu<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.header);
        encoder.put_bytes(self.body);
        encoder.put_bytes(self.authentication);
    }
}

/// Appends a unit without authentication to a buffer.
pub fn put_pdu((kind, flags, call_id): (PduType, PduFlags, u32), carried: &impl Encode, buffer: &mut BytesMut) {
    let mut encoder = Encoder::new(buffer);
    let header =
        PduHeader { version: VERSION, kind, flags, representation: LITTLE_ENDIAN, call_id, ..PduHeader::default() };
    let start = encoder.place::<PduHeader>();
    carried.encode(&mut encoder.nested());
    let fragment_length = u16::try_from(encoder.offset()).unwrap_or(u16::MAX);
    let mut bytes = BytesMut::with_capacity(PDU_HEADER_BYTES);
    encode(&PduHeader { fragment_length, ..header }, &mut bytes);
    encoder.set(start, &bytes);
}

/// `rpc_vers`; minor versions 0 and 1 are the same without authentication (MS-RPCE 2.2.2.1).
const VERSION: u8 = 5;
