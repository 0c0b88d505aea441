//! Calls as bytes, and replies as far as a load generator looks at them.

use anyhow::{Result, bail};
use bytes::{Buf, Bytes, BytesMut};
use nfs_wire::rpc::{AuthSys, CallHeader, OpaqueAuth, Procedure, RECORD_MARKER_BYTES, begin_record, finish_record};
use nfs_wire::xdr::{Decode, Decoder, Encode, Encoder, Opaque};

/// A call with its record marker, xid 0; the payload of a WRITE stands behind, not copied.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) head: BytesMut,
    pub(crate) payload: Bytes,
}

/// The body of a successful reply: what follows the RPC header.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) xid: u32,
    pub(crate) body: Bytes,
}

impl Call {
    /// A call of root.
    pub(crate) fn new<P: Procedure>(args: &P::Args) -> Self {
        Self { head: encode::<P>(args), payload: Bytes::new() }
    }

    /// A WRITE whose arguments were encoded without data: the data goes out from where it lies. Its length is a
    /// multiple of 4.
    pub(crate) fn with_payload<P: Procedure>(args: &P::Args, payload: Bytes) -> Self {
        let mut head = encode::<P>(args);
        let length = u32::try_from(payload.len()).unwrap_or(0);
        let data_length = head.len() - 4;
        put_u32(&mut head, data_length, length);
        let record = u32::try_from(head.len() - RECORD_MARKER_BYTES).unwrap_or(0) + length;
        put_u32(&mut head, 0, record | 1 << 31);
        Self { head, payload }
    }

    /// The same call with this xid.
    pub(crate) fn stamped(&self, xid: u32) -> Self {
        let mut head = self.head.clone();
        put_u32(&mut head, RECORD_MARKER_BYTES, xid);
        Self { head, payload: self.payload.clone() }
    }
}

impl Reply {
    /// Reads the RPC header of a record.
    pub(crate) fn parse(record: Bytes) -> Result<Self> {
        let mut rest = record.clone();
        if rest.len() < REPLY_HEAD_BYTES {
            bail!("a reply of {} bytes", rest.len());
        }
        let xid = rest.get_u32();
        let (kind, status) = (rest.get_u32(), rest.get_u32());
        rest.advance(4);
        let verifier_bytes = usize::try_from(rest.get_u32())?;
        if kind != 1 || status != 0 || verifier_bytes > 0 || rest.get_u32() != 0 {
            bail!("the server refuses to speak: {record:x?}");
        }
        Ok(Self { xid, body: rest })
    }

    /// The status that NFSv3 results begin with; that of NULL, which has no results, is no status.
    pub(crate) fn status(&self) -> u32 {
        self.body.first_chunk().map_or(u32::MAX, |word| u32::from_be_bytes(*word))
    }

    pub(crate) fn decode<T: Decode>(&self) -> Result<T> {
        Ok(T::decode(&mut Decoder::new(self.body.clone()))?)
    }
}

fn encode<P: Procedure>(args: &P::Args) -> BytesMut {
    let root =
        AuthSys { stamp: 0, machine_name: Opaque::from_static("nfs-load"), uid: 0, gid: 0, gids: Default::default() };
    let header = CallHeader {
        xid: 0,
        program: P::PROGRAM,
        version: P::VERSION,
        procedure: P::NUMBER,
        credential: OpaqueAuth::sys(&root),
        verifier: OpaqueAuth::none(),
    };
    let mut record = BytesMut::new();
    let start = begin_record(&mut record);
    header.encode(&mut Encoder::new(&mut record));
    args.encode(&mut Encoder::new(&mut record));
    finish_record(&mut record, start, 0);
    record
}

fn put_u32(bytes: &mut BytesMut, at: usize, value: u32) {
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&value.to_be_bytes());
    }
}

const REPLY_HEAD_BYTES: usize = 24;
