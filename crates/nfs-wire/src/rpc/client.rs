//! The caller's side of one call: what is sent, and what an answer means.

use bytes::{Bytes, BytesMut};

use super::{CallHeader, OpaqueAuth, Procedure, ReplyBody, ReplyHeader};
use crate::xdr::{Decode, DecodeError, Decoder, Encode, Encoder};

/// Why a message is not the result of a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// No reply, or one that is broken inside.
    #[error("no reply: {0}")]
    Malformed(#[from] DecodeError),
    /// The answer to another call, such as an earlier transmission given up meanwhile.
    #[error("the reply to call {xid:#x}")]
    OtherCall {
        /// Its xid.
        xid: u32,
    },
    /// The peer did not perform the call.
    #[error("refused: {0:?}")]
    Refused(ReplyBody),
}

/// A whole call as one message: one datagram, or one record after [`super::record_marker`] of its length.
#[must_use]
pub fn call_message<P: Procedure>(xid: u32, credential: OpaqueAuth, args: &P::Args) -> Bytes {
    let header = CallHeader {
        xid,
        program: P::PROGRAM,
        version: P::VERSION,
        procedure: P::NUMBER,
        credential,
        verifier: OpaqueAuth::none(),
    };
    let mut buffer = BytesMut::with_capacity(header.encoded_size() + args.encoded_size());
    let mut encoder = Encoder::new(&mut buffer);
    header.encode(&mut encoder);
    args.encode(&mut encoder);
    buffer.freeze()
}

/// The result in a message that answers call `xid`. Bytes after the result are ignored.
///
/// # Errors
/// [`ReplyError::Malformed`] in the header, [`ReplyError::OtherCall`], [`ReplyError::Refused`], then
/// [`ReplyError::Malformed`] in the result.
pub fn reply_result<P: Procedure>(xid: u32, message: Bytes) -> Result<P::Result, ReplyError> {
    let mut decoder = Decoder::new(message);
    let header = ReplyHeader::decode(&mut decoder)?;
    if header.xid != xid {
        return Err(ReplyError::OtherCall { xid: header.xid });
    }
    if !header.is_success() {
        return Err(ReplyError::Refused(header.body));
    }
    Ok(P::Result::decode(&mut decoder)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portmap::{Getport, Mapping, PROTOCOL_UDP};
    use crate::rpc::{AcceptStat, NLM_PROGRAM, PORTMAP_PROGRAM};
    use crate::xdr;

    const MAPPING: Mapping = Mapping { program: NLM_PROGRAM, version: 4, protocol: PROTOCOL_UDP, port: 0 };

    fn reply(header: &ReplyHeader, result: &[u8]) -> Result<u32, ReplyError> {
        reply_result::<Getport>(7, [&xdr::to_bytes(header)[..], result].concat().into())
    }

    #[test]
    fn a_call_is_its_header_and_its_arguments() {
        let mut decoder = Decoder::new(call_message::<Getport>(7, OpaqueAuth::none(), &MAPPING));
        let header = CallHeader::decode_call(&mut decoder).unwrap();
        let numbers = (header.xid, header.program, header.version, header.procedure);
        assert_eq!(numbers, (7, PORTMAP_PROGRAM, 2, 3));
        assert_eq!(xdr::from_bytes(decoder.rest()), Ok(MAPPING));
    }

    #[test]
    fn a_reply_is_told_from_every_other_message() {
        let success = ReplyHeader::success(7);
        assert_eq!(reply(&success, &[0, 0, 0x0f, 0xa1]), Ok(4001));
        assert_eq!(reply(&success, &[0, 0, 0x0f, 0xa1, 0, 0, 0, 0]), Ok(4001));
        assert!(matches!(reply(&success, &[0]), Err(ReplyError::Malformed(_))));
        assert_eq!(reply(&ReplyHeader::success(8), &[]), Err(ReplyError::OtherCall { xid: 8 }));
        let refusal = ReplyHeader::accepted(7, AcceptStat::ProgUnavail);
        assert_eq!(reply(&refusal, &[]), Err(ReplyError::Refused(refusal.body.clone())));
        let call = call_message::<Getport>(7, OpaqueAuth::none(), &MAPPING);
        assert!(matches!(reply_result::<Getport>(7, call), Err(ReplyError::Malformed(_))));
    }
}
