//! The services behind pipes, and what they are asked with.

use std::sync::Arc;

use bytes::BytesMut;
use smb_wire::codec::{Decode, Encode, decode, encode};
use smb_wire::pipe::pdu::{FaultStatus, SyntaxId};
use smb_wire::pipe::{lsarpc as lsa, srvsvc as srvs, wkssvc as wks};
use vfs::Credentials;
use zones::Zone;

use super::{lsarpc, srvsvc, wkssvc};
use crate::connection::Facts;
use crate::session::Session;

/// Who calls, and where.
#[derive(Debug)]
pub(super) struct Circumstances<'a> {
    pub(super) zone: &'a Arc<Zone>,
    pub(super) session: &'a Arc<Session>,
    pub(super) facts: &'a Facts,
    pub(super) can: Arc<Credentials>,
}

/// What a pipe leads to.
#[derive(Debug)]
pub(super) enum Service {
    Server,
    Workstation,
    /// With the policies that are open.
    Security(lsarpc::Policies),
}

/// What a call comes to.
pub(super) type Outcome = Result<BytesMut, FaultStatus>;

impl Service {
    /// The service of a pipe, by its name in any case.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name = name.trim_start_matches('\\').to_ascii_lowercase();
        match name.strip_prefix(r"pipe\").unwrap_or(&name) {
            "srvsvc" => Some(Self::Server),
            "wkssvc" => Some(Self::Workstation),
            "lsarpc" => Some(Self::Security(lsarpc::Policies::default())),
            _ => None,
        }
    }

    /// What may be asked there.
    pub(super) fn interface(&self) -> SyntaxId {
        match self {
            Self::Server => srvs::INTERFACE,
            Self::Workstation => wks::INTERFACE,
            Self::Security(_) => lsa::INTERFACE,
        }
    }

    /// The secondary address: the pipe, with a zero at its end (MS-RPCE 3.3.1.5.3). Windows says the same of all three.
    pub(super) fn address(&self) -> String {
        let name = match self {
            Self::Server => "srvsvc",
            Self::Workstation => "wkssvc",
            Self::Security(_) => "lsass",
        };
        format!("\\PIPE\\{name}\0")
    }

    /// Does a call.
    ///
    /// Errors: `UNKNOWN_OPERATION`, `BAD_STUB_DATA`.
    pub(super) fn call(&mut self, operation: u16, stub: &[u8], circumstances: &Circumstances<'_>) -> Outcome {
        match self {
            Self::Server => srvsvc::call(operation, stub, circumstances),
            Self::Workstation => wkssvc::call(operation, stub, circumstances),
            Self::Security(policies) => lsarpc::call(policies, operation, stub, circumstances),
        }
    }
}

/// The arguments of a call.
///
/// Errors: `BAD_STUB_DATA`.
pub(super) fn arguments<'a, T: Decode<'a>>(stub: &'a [u8]) -> Result<T, FaultStatus> {
    decode(stub).map_err(|error| {
        tracing::debug!(%error, "a call that cannot be read");
        FaultStatus::BAD_STUB_DATA
    })
}

/// What a call came to, as it goes out.
pub(super) fn outcome(results: &impl Encode) -> Outcome {
    let mut stub = BytesMut::new();
    encode(results, &mut stub);
    Ok(stub)
}

/// Text as it stands in arguments.
pub(super) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Win32 errors (MS-ERREF 2.2).
pub(super) mod win32 {
    pub(in crate::pipe) const ACCESS_DENIED: u32 = 5;
    pub(in crate::pipe) const INVALID_LEVEL: u32 = 124;
    pub(in crate::pipe) const MORE_DATA: u32 = 234;
    /// `NERR_NetNameNotFound` (MS-SRVS 2.2.2.11).
    pub(in crate::pipe) const NET_NAME_NOT_FOUND: u32 = 2310;
}
