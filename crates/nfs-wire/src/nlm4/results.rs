//! Results of the lock procedures (RFC 1813 6.1.2, 6.3); also the arguments of the `_RES` calls.

use super::{Netobj, Nlm4Holder, Nlm4Stats};
use crate::xdr::{Decode, DecodeError, Decoder, Encode, Encoder, UNIT, xdr_struct};

xdr_struct! {
    /// `nlm4_res`: of LOCK, CANCEL, UNLOCK, GRANTED and NM_LOCK.
    pub struct StatusResult {
        /// Cookie of the call.
        pub cookie: Netobj,
        /// `stat`.
        pub status: Nlm4Stats,
    }
}

xdr_struct! {
    /// `nlm4_testres`: of TEST.
    pub struct TestResult {
        /// Cookie of the call.
        pub cookie: Netobj,
        /// `stat` with its arm.
        pub reply: TestReply,
    }
}

/// `nlm4_testrply`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TestReply {
    /// `NLM4_DENIED` and the lock that stands in the way.
    Denied(Nlm4Holder),
    /// Any other status: `NLM4_GRANTED` if the lock could be had. Never `NLM4_DENIED`, which encodes as `NLM4_FAILED`.
    Status(Nlm4Stats),
}

impl TestReply {
    /// The status word.
    #[must_use]
    pub const fn status(&self) -> Nlm4Stats {
        match self {
            Self::Denied(_) => Nlm4Stats::Denied,
            Self::Status(Nlm4Stats::Denied) => Nlm4Stats::Failed,
            Self::Status(status) => *status,
        }
    }
}

impl Encode for TestReply {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        self.status().encode(encoder);
        if let Self::Denied(holder) = self {
            holder.encode(encoder);
        }
    }

    fn encoded_size(&self) -> usize {
        match self {
            Self::Denied(holder) => UNIT + holder.encoded_size(),
            Self::Status(_) => UNIT,
        }
    }
}

impl Decode for TestReply {
    fn decode(decoder: &mut Decoder) -> Result<Self, DecodeError> {
        match Nlm4Stats::decode(decoder)? {
            Nlm4Stats::Denied => Nlm4Holder::decode(decoder).map(Self::Denied),
            status => Ok(Self::Status(status)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xdr;

    #[test]
    fn a_denial_without_a_holder_stays_decodable() {
        let bytes = xdr::to_bytes(&TestReply::Status(Nlm4Stats::Denied));
        assert_eq!(xdr::from_bytes(bytes), Ok(TestReply::Status(Nlm4Stats::Failed)));
    }
}
