//! The Workstation Service (MS-WKST 3.2.4).

use smb_wire::codec::Utf16;
use smb_wire::pipe::ndr::Text;
use smb_wire::pipe::pdu::FaultStatus;
use smb_wire::pipe::srvsvc::GetInfoRequest;
use smb_wire::pipe::wkssvc::{WkstaGetInfoResponse, WkstaInfo, WkstaInfo100, WkstaInfo101, WkstaInfo102};

use super::service::{Circumstances, Outcome, arguments, outcome, utf16, win32};
use super::srvsvc::{MINOR_VERSION, PLATFORM_NT, VERSION};

pub(super) fn call(operation: u16, stub: &[u8], circumstances: &Circumstances<'_>) -> Outcome {
    match operation {
        WKSTA_GET_INFO => get_info(&arguments(stub)?, circumstances),
        _ => Err(FaultStatus::UNKNOWN_OPERATION),
    }
}

/// `NetrWkstaGetInfo` (MS-WKST 3.2.4.1). The zone is its own work group, as it is its own domain.
fn get_info(request: &GetInfoRequest<'_>, circumstances: &Circumstances<'_>) -> Outcome {
    let name = utf16(&circumstances.zone.computer_name());
    let name = Some(Text(Utf16::from_bytes(&name).unwrap_or_default()));
    let (platform, version, minor_version, domain) = (PLATFORM_NT, VERSION, MINOR_VERSION, name);
    let root = Some(Text::default());
    let found = match request.level {
        100 => WkstaInfo::Name(Some(WkstaInfo100 { platform, name, domain, version, minor_version })),
        101 => WkstaInfo::Root(Some(WkstaInfo101 { platform, name, domain, version, minor_version, root })),
        102 => {
            let users = 0;
            WkstaInfo::Users(Some(WkstaInfo102 { platform, name, domain, version, minor_version, root, users }))
        }
        other => WkstaInfo::Other(other),
    };
    let error = if matches!(found, WkstaInfo::Other(_)) { win32::INVALID_LEVEL } else { 0 };
    outcome(&WkstaGetInfoResponse { found, error })
}

const WKSTA_GET_INFO: u16 = 0;
