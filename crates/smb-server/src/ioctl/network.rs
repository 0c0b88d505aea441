//! `FSCTL_QUERY_NETWORK_INTERFACE_INFO` (MS-SMB2 3.3.5.15.11): where else a client may connect to.

use bytes::BytesMut;
use smb_wire::Status;
use smb_wire::info::EntryWriter;
use smb_wire::ioctl::{InterfaceCapabilities, NetworkInterface, SocketAddress};
use vfs::Vfs;

use super::Asked;
use crate::answer::Answer;
use crate::dispatch::Call;

/// Tells the addresses of the zone, and of no other.
///
/// Errors, in order: INVALID_PARAMETER (a file is named), BUFFER_TOO_SMALL.
pub(super) fn interfaces<V: Vfs>(call: &Call<'_, V>, asked: &Asked<'_>) -> Result<Answer, Status> {
    asked.names_no_file()?;
    let mut bytes = BytesMut::new();
    let mut entries = EntryWriter::new(&mut bytes, asked.limit);
    for (index, address) in (1..).zip(call.zone.definition().addresses()) {
        let interface = NetworkInterface {
            index,
            capabilities: InterfaceCapabilities::RSS_CAPABLE,
            link_speed: LINK_SPEED,
            address: SocketAddress::Ip(*address),
        };
        if !entries.push(&interface) {
            return Err(Status::BUFFER_TOO_SMALL);
        }
    }
    Ok(asked.answer(Status::SUCCESS, &bytes))
}

/// In bits a second. What the machine really has is not known here; clients compare interfaces by it.
const LINK_SPEED: u64 = 10_000_000_000;
