//! WRITE (RFC 1813 3.3.7).

use bytes::Bytes;

use super::{FileHandle, Reply3, Verifier, WccData, Write};
use crate::rpc::{CallHeader, NFS_PROGRAM, Procedure};
use crate::xdr::{Decode, Decoder, xdr_enum, xdr_struct};

xdr_enum! {
    /// `stable_how`: how safe the data must be, or is, before the reply.
    #[derive(PartialOrd, Ord)]
    pub enum StableHow: "stable_how" {
        Unstable = 0 "UNSTABLE",
        DataSync = 1 "DATA_SYNC",
        FileSync = 2 "FILE_SYNC",
    }
}

xdr_struct! {
    /// `WRITE3args`.
    pub struct WriteArgs {
        /// The file.
        pub file: FileHandle,
        /// First byte.
        pub offset: u64,
        /// Bytes to write as the client counts them. May differ from the length of `data`: use the smaller, or refuse.
        pub count: u32,
        /// How safe before the reply.
        pub stable: StableHow,
        /// The bytes, a slice of the received record.
        pub data: Bytes,
    }
}

xdr_struct! {
    /// `WRITE3resok`.
    #[derive(Copy)]
    pub struct WriteOk {
        /// Attributes around the write.
        pub file_wcc: WccData,
        /// Bytes written, from the start of the data; may be fewer than asked.
        pub count: u32,
        /// How safe they are now: at least as asked, never more than true.
        pub committed: StableHow,
        /// `writeverf3`: changes when uncommitted data may have been lost.
        pub verf: Verifier,
    }
}

/// `WRITE3res`; a failure tells `file_wcc` (`WRITE3resfail`).
pub type WriteResult = Reply3<WriteOk, WccData>;

/// Where the data of a WRITE begins in its record, and the byte of the file that it goes to. `None`: another call, or its
/// head is not whole. `head` is the begin of the record; a server may look before the rest has come.
#[must_use]
pub fn data_place(head: &Bytes) -> Option<(usize, u64)> {
    let mut decoder = Decoder::new(head.clone());
    let call = CallHeader::decode_call(&mut decoder).ok()?;
    if (call.program, call.version, call.procedure) != (NFS_PROGRAM, Write::VERSION, Write::NUMBER) {
        return None;
    }
    FileHandle::decode(&mut decoder).ok()?;
    let offset = decoder.read_u64().ok()?;
    let [_count, _stable, _length] = [decoder.read_u32().ok()?, decoder.read_u32().ok()?, decoder.read_u32().ok()?];
    Some((decoder.position(), offset))
}
