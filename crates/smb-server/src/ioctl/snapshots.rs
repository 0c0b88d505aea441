//! `FSCTL_SRV_ENUMERATE_SNAPSHOTS` (MS-SMB2 3.3.5.15.1).

use smb_wire::Status;
use smb_wire::codec::Utf16;
use smb_wire::ioctl::SnapshotArray;
use vfs::Vfs;

use super::{Asked, Opened};
use crate::answer::Answer;
use crate::dispatch::Call;
use crate::snapshots::tokens;
use crate::tree::Target;

/// Tells the snapshots that have what is open. Where they do not all fit only their count and size are told.
///
/// Errors, in order: INVALID_PARAMETER (not even their count fits), those of the house.
pub(super) async fn enumerate<V: Vfs>(
    call: &Call<'_, V>,
    (tree, open): Opened<'_>,
    asked: &Asked<'_>,
) -> Result<Answer, Status> {
    let Target::Disk(disk) = &tree.target else { return Err(Status::INVALID_DEVICE_REQUEST) };
    if asked.limit < LEAST_BYTES {
        return Err(Status::INVALID_PARAMETER);
    }
    let tokens = tokens(call, &call.context(disk.root), open.file).await?;
    let count = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
    let mut list: Vec<u8> = Vec::new();
    for unit in tokens.iter().flat_map(|token| token.encode_utf16().chain([0])).chain([0]) {
        list.extend(unit.to_le_bytes());
    }
    let array_size = u32::try_from(list.len()).unwrap_or(u32::MAX);
    if tokens.is_empty() || HEAD_BYTES + list.len() > asked.limit {
        // Two zeros end the empty list, and two more fill it up to the shortest answer that clients take.
        let array = Utf16::from_bytes(&[0; 4]).unwrap_or_default();
        return asked.output(&SnapshotArray { snapshots: count, returned: 0, array_size, array });
    }
    let array = Utf16::from_bytes(&list).unwrap_or_default();
    asked.output(&SnapshotArray { snapshots: count, returned: count, array_size, array })
}

const HEAD_BYTES: usize = 12;
/// The shortest answer.
const LEAST_BYTES: usize = 16;
