//! The call header (RFC 5531 9), with every way it can be wrong kept apart by the answer it deserves.

use super::auth::{AUTH_BODY_MAX_BYTES, OpaqueAuth};
use crate::xdr::{Decode, DecodeError, Decoder, Encode, Encoder, UNIT};

/// The only version of the RPC protocol there is: `rpcvers`.
pub const RPC_VERSION: u32 = 2;
/// `msg_type` CALL.
pub(super) const MESSAGE_CALL: u32 = 0;
/// `msg_type` REPLY.
pub(super) const MESSAGE_REPLY: u32 = 1;

/// `rpc_msg` with a `call_body` (RFC 5531 9), up to the arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallHeader {
    /// The client's number for this call; a retransmission repeats it.
    pub xid: u32,
    /// `prog`.
    pub program: u32,
    /// `vers` of the program.
    pub version: u32,
    /// `proc`.
    pub procedure: u32,
    /// `cred`: who calls.
    pub credential: OpaqueAuth,
    /// `verf`: the proof of it.
    pub verifier: OpaqueAuth,
}

/// Why a record is not a call that can be dispatched, by what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Too short for any answer, or broken inside: drop the connection.
    #[error("no call header: {0}")]
    Malformed(#[from] DecodeError),
    /// A reply, or neither call nor reply: drop the record.
    #[error("message {xid:#x} is no call")]
    NotACall {
        /// Its xid.
        xid: u32,
    },
    /// `rpcvers` is not 2: answer RPC_MISMATCH(2, 2).
    #[error("call {xid:#x} speaks RPC version {version}")]
    RpcMismatch {
        /// Its xid.
        xid: u32,
        /// The version asked for.
        version: u32,
    },
    /// The credential announces more than 400 bytes: answer AUTH_ERROR(AUTH_BADCRED).
    #[error("call {xid:#x} has an oversized credential")]
    BadCredential {
        /// Its xid.
        xid: u32,
    },
    /// The verifier announces more than 400 bytes: answer AUTH_ERROR(AUTH_BADVERF).
    #[error("call {xid:#x} has an oversized verifier")]
    BadVerifier {
        /// Its xid.
        xid: u32,
    },
}

impl CallHeader {
    /// Reads the header; the decoder then stands at the arguments.
    ///
    /// # Errors
    /// See [`CallError`], checked in the order of the wire: xid, message type, RPC version, credential, verifier.
    pub fn decode_call(decoder: &mut Decoder) -> Result<Self, CallError> {
        let xid = decoder.read_u32()?;
        if decoder.read_u32()? != MESSAGE_CALL {
            return Err(CallError::NotACall { xid });
        }
        let version = decoder.read_u32()?;
        if version != RPC_VERSION {
            return Err(CallError::RpcMismatch { xid, version });
        }
        let program = decoder.read_u32()?;
        let version = decoder.read_u32()?;
        let procedure = decoder.read_u32()?;
        let credential = decode_auth(decoder, CallError::BadCredential { xid })?;
        let verifier = decode_auth(decoder, CallError::BadVerifier { xid })?;
        Ok(Self { xid, program, version, procedure, credential, verifier })
    }
}

impl Encode for CallHeader {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put_u32(self.xid);
        encoder.put_u32(MESSAGE_CALL);
        encoder.put_u32(RPC_VERSION);
        encoder.put_u32(self.program);
        encoder.put_u32(self.version);
        encoder.put_u32(self.procedure);
        self.credential.encode(encoder);
        self.verifier.encode(encoder);
    }

    fn encoded_size(&self) -> usize {
        6 * UNIT + self.credential.encoded_size() + self.verifier.encoded_size()
    }
}

fn decode_auth(decoder: &mut Decoder, oversized: CallError) -> Result<OpaqueAuth, CallError> {
    OpaqueAuth::decode(decoder).map_err(|error| match error {
        DecodeError::TooLong { maximum: AUTH_BODY_MAX_BYTES, .. } => oversized,
        other => CallError::Malformed(other),
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::xdr;

    fn call() -> CallHeader {
        CallHeader {
            xid: 0x1234_5678,
            program: 100_003,
            version: 3,
            procedure: 1,
            credential: OpaqueAuth::none(),
            verifier: OpaqueAuth::none(),
        }
    }

    fn decode(bytes: Vec<u8>) -> Result<CallHeader, CallError> {
        CallHeader::decode_call(&mut Decoder::new(Bytes::from(bytes)))
    }

    fn with_word(index: usize, value: u32) -> Vec<u8> {
        let mut bytes = xdr::to_bytes(&call()).to_vec();
        bytes[index * 4..index * 4 + 4].copy_from_slice(&value.to_be_bytes());
        bytes
    }

    #[test]
    fn a_call_comes_back_and_leaves_the_arguments() {
        let mut bytes = xdr::to_bytes(&call()).to_vec();
        bytes.extend_from_slice(b"args");
        let mut decoder = Decoder::new(Bytes::from(bytes));
        assert_eq!(CallHeader::decode_call(&mut decoder), Ok(call()));
        assert_eq!(decoder.rest(), "args");
    }

    #[test]
    fn another_rpc_version_keeps_the_xid() {
        assert_eq!(decode(with_word(2, 3)), Err(CallError::RpcMismatch { xid: 0x1234_5678, version: 3 }));
        // The rest of the header may have any shape then.
        assert_eq!(
            decode(with_word(2, 3)[..12].to_vec()),
            Err(CallError::RpcMismatch { xid: 0x1234_5678, version: 3 })
        );
    }

    #[test]
    fn replies_are_not_calls() {
        assert_eq!(decode(with_word(1, MESSAGE_REPLY)), Err(CallError::NotACall { xid: 0x1234_5678 }));
    }

    #[test]
    fn oversized_credentials_and_verifiers_are_told_apart() {
        assert_eq!(decode(with_word(7, 401)), Err(CallError::BadCredential { xid: 0x1234_5678 }));
        assert_eq!(decode(with_word(9, u32::MAX)), Err(CallError::BadVerifier { xid: 0x1234_5678 }));
    }

    #[test]
    fn every_cut_is_malformed() {
        let whole = xdr::to_bytes(&call());
        for length in 0..whole.len() {
            let cut = decode(whole[..length].to_vec());
            assert!(matches!(cut, Err(CallError::Malformed(DecodeError::Truncated { .. }))), "{length}: {cut:?}");
        }
    }
}
