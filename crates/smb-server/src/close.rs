//! CLOSE (MS-SMB2 3.3.5.10).

use smb_wire::Status;
use smb_wire::close::{CloseFlags, CloseRequest, CloseResponse};
use smb_wire::codec::decode_body;
use smb_wire::info::NetworkOpen;
use vfs::Vfs;

use crate::answer::Answer;
use crate::attributes::network_open;
use crate::dispatch::Call;
use crate::status;
use crate::tree::Tree;
use crate::waits::Which;

/// Ends an open. With POSTQUERY_ATTRIB the answer tells what the file is like at its end.
///
/// Errors, in order: INVALID_PARAMETER, FILE_CLOSED, those of the house.
pub(crate) async fn close<V: Vfs>(call: &Call<'_, V>, tree: &Tree) -> Result<Answer, Status> {
    let request: CloseRequest = decode_body(&call.request.body).map_err(status::unreadable)?;
    let open = call.open(request.file_id, tree)?;
    if !call.session.opens.take(&open) {
        return Err(Status::FILE_CLOSED);
    }
    let which = Which::Open { session: call.session.id, open: open.file_id.volatile };
    call.session.end_waits(Some(&call.peer.waits), which);
    let ctx = call.context(tree.root().unwrap_or(open.inode));
    let closed = call.door.vfs.close(&ctx, vfs::CloseRequest { open: open.id }).await.map_err(status::of)?;
    let wants_attributes = request.flags.contains(CloseFlags::POSTQUERY_ATTRIB);
    let (flags, file) = match closed.change.filter(|_| wants_attributes) {
        Some(change) => (CloseFlags::POSTQUERY_ATTRIB, network_open(&change.after)),
        None => (CloseFlags::empty(), NetworkOpen::default()),
    };
    Ok(Answer::success(&CloseResponse { flags, file }))
}
