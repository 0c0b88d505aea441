//! QUERY_INFO (MS-SMB2 3.3.5.20): what is told of a file, and of the file system behind the share.

mod extended_attributes;
mod file;
mod filesystem;
mod quota;
mod security;

use bytes::BytesMut;
use smb_wire::codec::decode_body;
use smb_wire::info::{FileInformationClass, FsInformationClass};
use smb_wire::query_info::{InfoType, QueryInfoRequest};
use smb_wire::{OutputInPlace, Status};
use vfs::Vfs;

use crate::answer::Answer;
use crate::dispatch::Call;
use crate::status;
use crate::tree::Tree;

/// Tells what is asked.
///
/// Errors, in order: INVALID_PARAMETER, FILE_CLOSED, INVALID_INFO_CLASS, ACCESS_DENIED, INFO_LENGTH_MISMATCH (not even the
/// part of fixed size fits), those of the house; BUFFER_OVERFLOW with as much as fits.
pub(crate) async fn query_info<V: Vfs>(call: &Call<'_, V>, tree: &Tree) -> Result<Answer, Status> {
    let request: QueryInfoRequest<'_> = decode_body(&call.request.body).map_err(status::unreadable)?;
    if request.output_length > call.terms.transact_bytes_max || !call.is_paid(request.output_length) {
        return Err(Status::INVALID_PARAMETER);
    }
    let open = call.open(request.file_id, tree)?;
    let ctx = call.context(tree.root().unwrap_or(open.inode));
    let told = match request.info_type {
        InfoType::FILE if FileInformationClass(request.class) == FileInformationClass::FULL_EA => {
            return extended_attributes::tell(call, (&ctx, &open), &request).await;
        }
        InfoType::FILE => {
            let class = FileInformationClass(request.class);
            file::tell(call, (&ctx, tree, &open), class).await?
        }
        InfoType::FILESYSTEM => {
            let class = FsInformationClass(request.class);
            filesystem::tell(call, (&ctx, tree, &open), class).await?
        }
        InfoType::SECURITY => return security::tell(call, (&ctx, &open), &request).await,
        InfoType::QUOTA => return quota::tell(call, (&ctx, &open), &request).await,
        _ => return Err(Status::INVALID_PARAMETER),
    };
    told.answer(usize::try_from(request.output_length).unwrap_or(usize::MAX))
}

/// What is told, and how much of it is of fixed size.
struct Told {
    bytes: BytesMut,
    fixed: usize,
}

impl Told {
    /// All of it is of fixed size.
    fn fixed(bytes: BytesMut) -> Self {
        Self { fixed: bytes.len(), bytes }
    }

    fn answer(self, limit: usize) -> Result<Answer, Status> {
        if limit < self.fixed {
            return Err(Status::INFO_LENGTH_MISMATCH);
        }
        let status = if limit < self.bytes.len() { Status::BUFFER_OVERFLOW } else { Status::SUCCESS };
        let mut body = BytesMut::with_capacity(self.bytes.len() + 8);
        let place = OutputInPlace::begin(&mut body);
        body.extend_from_slice(self.bytes.get(..limit.min(self.bytes.len())).unwrap_or_default());
        place.finish(&mut body);
        Ok(Answer::of_body(status, body))
    }
}
