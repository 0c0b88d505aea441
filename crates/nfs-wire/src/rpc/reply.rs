//! The reply header (RFC 5531 9): accepted or denied, and why.

use super::auth::OpaqueAuth;
use super::message::{MESSAGE_REPLY, RPC_VERSION};
use crate::xdr::{Decode, DecodeError, Decoder, Encode, Encoder, UNIT, xdr_enum};

const REPLY_ACCEPTED: u32 = 0;
const REPLY_DENIED: u32 = 1;

/// `rpc_msg` with a `reply_body`; after [`AcceptStat::Success`] the procedure's result follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyHeader {
    /// The xid of the call.
    pub xid: u32,
    /// What became of it.
    pub body: ReplyBody,
}

/// `reply_body`: `reply_stat` with its arm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyBody {
    /// `MSG_ACCEPTED`.
    Accepted {
        /// The server's verifier.
        verifier: OpaqueAuth,
        /// `accept_stat`.
        status: AcceptStat,
    },
    /// `MSG_DENIED`.
    Denied(RejectStat),
}

/// `accept_stat` with its arm (RFC 5531 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptStat {
    /// `SUCCESS` = 0: the result follows.
    Success,
    /// `PROG_UNAVAIL` = 1.
    ProgUnavail,
    /// `PROG_MISMATCH` = 2.
    ProgMismatch {
        /// Lowest version served.
        low: u32,
        /// Highest version served.
        high: u32,
    },
    /// `PROC_UNAVAIL` = 3.
    ProcUnavail,
    /// `GARBAGE_ARGS` = 4: the arguments do not decode.
    GarbageArgs,
    /// `SYSTEM_ERR` = 5.
    SystemErr,
}

/// `reject_stat` with its arm (RFC 5531 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectStat {
    /// `RPC_MISMATCH` = 0.
    RpcMismatch {
        /// Lowest RPC version served.
        low: u32,
        /// Highest RPC version served.
        high: u32,
    },
    /// `AUTH_ERROR` = 1.
    AuthError(AuthStat),
}

xdr_enum! {
    /// `auth_stat` (RFC 5531 9): why the caller was not believed.
    pub enum AuthStat: "auth_stat" {
        Ok = 0 "AUTH_OK",
        BadCredential = 1 "AUTH_BADCRED",
        RejectedCredential = 2 "AUTH_REJECTEDCRED",
        BadVerifier = 3 "AUTH_BADVERF",
        RejectedVerifier = 4 "AUTH_REJECTEDVERF",
        TooWeak = 5 "AUTH_TOOWEAK",
        InvalidResponse = 6 "AUTH_INVALIDRESP",
        Failed = 7 "AUTH_FAILED",
        KerberosGeneric = 8 "AUTH_KERB_GENERIC",
        TimeExpired = 9 "AUTH_TIMEEXPIRE",
        TicketFile = 10 "AUTH_TKT_FILE",
        Decode = 11 "AUTH_DECODE",
        NetAddress = 12 "AUTH_NET_ADDR",
        GssCredentialProblem = 13 "RPCSEC_GSS_CREDPROBLEM",
        GssContextProblem = 14 "RPCSEC_GSS_CTXPROBLEM",
    }
}

impl ReplyHeader {
    /// Size of an accepted header with an AUTH_NONE verifier and no arm, in bytes.
    pub const ACCEPTED_BYTES: usize = 6 * UNIT;

    /// An accepted reply with an AUTH_NONE verifier.
    #[must_use]
    pub fn accepted(xid: u32, status: AcceptStat) -> Self {
        Self { xid, body: ReplyBody::Accepted { verifier: OpaqueAuth::none(), status } }
    }

    /// `SUCCESS` with an AUTH_NONE verifier; append the result next.
    #[must_use]
    pub fn success(xid: u32) -> Self {
        Self::accepted(xid, AcceptStat::Success)
    }

    /// `AUTH_ERROR`.
    #[must_use]
    pub const fn auth_error(xid: u32, status: AuthStat) -> Self {
        Self { xid, body: ReplyBody::Denied(RejectStat::AuthError(status)) }
    }

    /// `RPC_MISMATCH(2, 2)`.
    #[must_use]
    pub const fn rpc_mismatch(xid: u32) -> Self {
        Self { xid, body: ReplyBody::Denied(RejectStat::RpcMismatch { low: RPC_VERSION, high: RPC_VERSION }) }
    }

    /// Whether a result follows.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.body, ReplyBody::Accepted { status: AcceptStat::Success, .. })
    }
}

impl Encode for ReplyHeader {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put_u32(self.xid);
        encoder.put_u32(MESSAGE_REPLY);
        match &self.body {
            ReplyBody::Accepted { verifier, status } => {
                encoder.put_u32(REPLY_ACCEPTED);
                verifier.encode(encoder);
                status.encode(encoder);
            }
            ReplyBody::Denied(status) => {
                encoder.put_u32(REPLY_DENIED);
                status.encode(encoder);
            }
        }
    }

    fn encoded_size(&self) -> usize {
        let body = match &self.body {
            ReplyBody::Accepted { verifier, status } => verifier.encoded_size() + status.encoded_size(),
            ReplyBody::Denied(status) => status.encoded_size(),
        };
        3 * UNIT + body
    }
}

impl Decode for ReplyHeader {
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError> {
        let xid = decoder.read_u32()?;
        match decoder.read_u32()? {
            MESSAGE_REPLY => {}
            value => return Err(DecodeError::InvalidEnum { name: "msg_type REPLY", value }),
        }
        let body = match decoder.read_u32()? {
            REPLY_ACCEPTED => {
                let verifier = OpaqueAuth::decode(decoder)?;
                ReplyBody::Accepted { verifier, status: AcceptStat::decode(decoder)? }
            }
            REPLY_DENIED => ReplyBody::Denied(RejectStat::decode(decoder)?),
            value => return Err(DecodeError::InvalidEnum { name: "reply_stat", value }),
        };
        Ok(Self { xid, body })
    }
}

impl Encode for AcceptStat {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        let code = match self {
            Self::Success => 0,
            Self::ProgUnavail => 1,
            Self::ProgMismatch { .. } => 2,
            Self::ProcUnavail => 3,
            Self::GarbageArgs => 4,
            Self::SystemErr => 5,
        };
        encoder.put_u32(code);
        if let Self::ProgMismatch { low, high } = self {
            encoder.put_u32(*low);
            encoder.put_u32(*high);
        }
    }

    fn encoded_size(&self) -> usize {
        if matches!(self, Self::ProgMismatch { .. }) { 3 * UNIT } else { UNIT }
    }
}

impl Decode for AcceptStat {
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError> {
        match decoder.read_u32()? {
            0 => Ok(Self::Success),
            1 => Ok(Self::ProgUnavail),
            2 => Ok(Self::ProgMismatch { low: decoder.read_u32()?, high: decoder.read_u32()? }),
            3 => Ok(Self::ProcUnavail),
            4 => Ok(Self::GarbageArgs),
            5 => Ok(Self::SystemErr),
            value => Err(DecodeError::InvalidEnum { name: "accept_stat", value }),
        }
    }
}

impl Encode for RejectStat {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        match self {
            Self::RpcMismatch { low, high } => {
                encoder.put_u32(0);
                encoder.put_u32(*low);
                encoder.put_u32(*high);
            }
            Self::AuthError(status) => {
                encoder.put_u32(1);
                status.encode(encoder);
            }
        }
    }

    fn encoded_size(&self) -> usize {
        match self {
            Self::RpcMismatch { .. } => 3 * UNIT,
            Self::AuthError(_) => 2 * UNIT,
        }
    }
}

impl Decode for RejectStat {
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError> {
        match decoder.read_u32()? {
            0 => Ok(Self::RpcMismatch { low: decoder.read_u32()?, high: decoder.read_u32()? }),
            1 => AuthStat::decode(decoder).map(Self::AuthError),
            value => Err(DecodeError::InvalidEnum { name: "reject_stat", value }),
        }
    }
}
