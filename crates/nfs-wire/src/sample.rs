//! Values of every wire type, grown from a string of bytes (which proptest can shrink).

use bytes::Bytes;

use crate::mount::v1::FhStatus;
use crate::mount::v3::{MountOk, MountResult};
use crate::nfs3::{CreateHow, Fattr3, MknodData, Reply3, SetTime};
use crate::nlm4::{Nlm4Stats, TestReply};
use crate::rpc::{AcceptStat, AuthFlavor, AuthSys, CallHeader, RejectStat, ReplyBody, ReplyHeader, SYS_GROUPS_MAX};
use crate::rquota::QuotaResult;
use crate::xdr::{Array, LinkedList, Opaque};

/// The bytes a value grows from; zeros when they are used up, so that every value is finite.
#[derive(Debug)]
pub(crate) struct Source {
    bytes: Vec<u8>,
    position: usize,
}

impl Source {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, position: 0 }
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.position).copied().unwrap_or(0);
        self.position += 1;
        byte
    }

    /// A number below `limit`, which is above 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::from(u16::sample(self)) % limit
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.byte()).collect()
    }

    /// A length that is often small and sometimes the limit itself.
    fn length(&mut self, limit: usize) -> usize {
        match self.byte() {
            255 => limit.min(256),
            small => usize::from(small % 20).min(limit),
        }
    }
}

pub(crate) trait Sample: Sized {
    fn sample(source: &mut Source) -> Self;
}

impl Sample for () {
    fn sample(_source: &mut Source) -> Self {}
}

impl Sample for bool {
    fn sample(source: &mut Source) -> Self {
        source.byte() & 1 == 1
    }
}

impl Sample for u16 {
    fn sample(source: &mut Source) -> Self {
        Self::from_be_bytes([source.byte(), source.byte()])
    }
}

impl Sample for u32 {
    fn sample(source: &mut Source) -> Self {
        Self::from_be_bytes(<[u8; 4]>::sample(source))
    }
}

impl Sample for u64 {
    fn sample(source: &mut Source) -> Self {
        Self::from_be_bytes(<[u8; 8]>::sample(source))
    }
}

impl<const N: usize> Sample for [u8; N] {
    fn sample(source: &mut Source) -> Self {
        std::array::from_fn(|_| source.byte())
    }
}

impl Sample for Bytes {
    fn sample(source: &mut Source) -> Self {
        let length = source.length(300);
        source.take(length).into()
    }
}

impl<const MAX: usize> Sample for Opaque<MAX> {
    fn sample(source: &mut Source) -> Self {
        let length = source.length(MAX);
        Self::new(source.take(length)).unwrap()
    }
}

impl<T: Sample> Sample for Option<T> {
    fn sample(source: &mut Source) -> Self {
        bool::sample(source).then(|| T::sample(source))
    }
}

impl<T: Sample, const MAX: usize> Sample for Array<T, MAX> {
    fn sample(source: &mut Source) -> Self {
        (0..source.length(MAX).min(MAX)).map(|_| T::sample(source)).collect()
    }
}

impl<T: Sample, const MAX: usize> Sample for LinkedList<T, MAX> {
    fn sample(source: &mut Source) -> Self {
        (0..source.length(MAX).min(8)).map(|_| T::sample(source)).collect()
    }
}

impl<Resok: Sample, Resfail: Sample> Sample for Reply3<Resok, Resfail> {
    fn sample(source: &mut Source) -> Self {
        if bool::sample(source) {
            Self::Ok(Resok::sample(source))
        } else {
            Self::Failed(Sample::sample(source), Resfail::sample(source))
        }
    }
}

impl Sample for Fattr3 {
    fn sample(source: &mut Source) -> Self {
        Self {
            file_type: Sample::sample(source),
            mode: Sample::sample(source),
            nlink: Sample::sample(source),
            uid: Sample::sample(source),
            gid: Sample::sample(source),
            size: Sample::sample(source),
            used: Sample::sample(source),
            rdev: Sample::sample(source),
            fsid: Sample::sample(source),
            fileid: Sample::sample(source),
            atime: Sample::sample(source),
            mtime: Sample::sample(source),
            ctime: Sample::sample(source),
        }
    }
}

impl Sample for SetTime {
    fn sample(source: &mut Source) -> Self {
        match source.below(3) {
            0 => Self::DontChange,
            1 => Self::ServerTime,
            _ => Self::ClientTime(Sample::sample(source)),
        }
    }
}

impl Sample for CreateHow {
    fn sample(source: &mut Source) -> Self {
        match source.below(3) {
            0 => Self::Unchecked(Sample::sample(source)),
            1 => Self::Guarded(Sample::sample(source)),
            _ => Self::Exclusive(Sample::sample(source)),
        }
    }
}

impl Sample for MknodData {
    fn sample(source: &mut Source) -> Self {
        match source.below(7) {
            0 => Self::CharacterDevice(Sample::sample(source)),
            1 => Self::BlockDevice(Sample::sample(source)),
            2 => Self::Socket(Sample::sample(source)),
            3 => Self::Fifo(Sample::sample(source)),
            4 => Self::Regular,
            5 => Self::Directory,
            _ => Self::SymbolicLink,
        }
    }
}

impl Sample for MountResult {
    fn sample(source: &mut Source) -> Self {
        if bool::sample(source) { Self::Ok(MountOk::sample(source)) } else { Self::Failed(Sample::sample(source)) }
    }
}

impl Sample for QuotaResult {
    fn sample(source: &mut Source) -> Self {
        match source.below(3) {
            0 => Self::None,
            1 => Self::NotPermitted,
            _ => Self::Ok(Sample::sample(source)),
        }
    }
}

impl Sample for FhStatus {
    fn sample(source: &mut Source) -> Self {
        if bool::sample(source) { Self::Ok(Sample::sample(source)) } else { Self::Failed(u32::sample(source).max(1)) }
    }
}

impl Sample for TestReply {
    fn sample(source: &mut Source) -> Self {
        match Nlm4Stats::sample(source) {
            Nlm4Stats::Denied => Self::Denied(Sample::sample(source)),
            status => Self::Status(status),
        }
    }
}

impl Sample for AuthFlavor {
    fn sample(source: &mut Source) -> Self {
        Self(Sample::sample(source))
    }
}

impl Sample for AuthSys {
    fn sample(source: &mut Source) -> Self {
        Self {
            stamp: Sample::sample(source),
            machine_name: Sample::sample(source),
            uid: Sample::sample(source),
            gid: Sample::sample(source),
            gids: (0..source.length(SYS_GROUPS_MAX)).map(|_| u32::sample(source)).collect(),
        }
    }
}

impl Sample for CallHeader {
    fn sample(source: &mut Source) -> Self {
        Self {
            xid: Sample::sample(source),
            program: Sample::sample(source),
            version: Sample::sample(source),
            procedure: Sample::sample(source),
            credential: Sample::sample(source),
            verifier: Sample::sample(source),
        }
    }
}

impl Sample for ReplyHeader {
    fn sample(source: &mut Source) -> Self {
        let xid = Sample::sample(source);
        let body = if bool::sample(source) {
            ReplyBody::Accepted { verifier: Sample::sample(source), status: Sample::sample(source) }
        } else {
            ReplyBody::Denied(Sample::sample(source))
        };
        Self { xid, body }
    }
}

impl Sample for AcceptStat {
    fn sample(source: &mut Source) -> Self {
        match source.below(6) {
            0 => Self::Success,
            1 => Self::ProgUnavail,
            2 => Self::ProgMismatch { low: Sample::sample(source), high: Sample::sample(source) },
            3 => Self::ProcUnavail,
            4 => Self::GarbageArgs,
            _ => Self::SystemErr,
        }
    }
}

impl Sample for RejectStat {
    fn sample(source: &mut Source) -> Self {
        if bool::sample(source) {
            Self::AuthError(Sample::sample(source))
        } else {
            Self::RpcMismatch { low: Sample::sample(source), high: Sample::sample(source) }
        }
    }
}
