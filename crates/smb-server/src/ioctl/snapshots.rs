//! `FSCTL_SRV_ENUMERATE_SNAPSHOTS` (MS-SMB2 3.3.5.15.1). There are no snapshots yet.

use smb_wire::Status;
use smb_wire::codec::Utf16;
use smb_wire::ioctl::SnapshotArray;

use super::Asked;
use crate::answer::Answer;

/// Tells the snapshots of what is open.
///
/// Errors: INVALID_PARAMETER (not even their count fits).
pub(super) fn enumerate(asked: &Asked<'_>) -> Result<Answer, Status> {
    // Two zeros end the empty list, and two more fill it up to the shortest answer that clients take.
    let array = Utf16::from_bytes(&[0; 4]).unwrap_or_default();
    asked.output(&SnapshotArray { snapshots: 0, returned: 0, array_size: 2, array })
}
