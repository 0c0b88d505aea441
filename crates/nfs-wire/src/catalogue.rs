//! Every message of this crate by name, for whoever must visit them all: fixtures, fuzzing, capture tools.

use bytes::Bytes;

use crate::rpc::{AuthSys, CallError, CallHeader, Procedure, ReplyHeader};
use crate::xdr::{self, Decode, DecodeError, Decoder, Encode};
use crate::{mount, nfs3, nlm4, nsm, portmap, rquota};

/// One kind of message.
#[derive(Debug, Clone, Copy)]
pub struct Message {
    /// Program, version, procedure and direction: `nfs3 READ args`.
    pub name: &'static str,
    /// Decodes the bytes wholly and encodes what was understood.
    pub recode: fn(Bytes) -> Result<Bytes, DecodeError>,
    /// Whether the value in the bytes has an encoding of their length, the size it announces, that decodes to the same
    /// value. True for every input; bytes that do not decode hold no value.
    pub comes_back: fn(Bytes) -> bool,
}

/// All of them.
pub const MESSAGES: &[Message] = &[
    Message { name: "rpc call", recode: recode_call, comes_back: call_comes_back },
    of::<ReplyHeader>("rpc reply"),
    of::<AuthSys>("rpc auth_sys"),
    args::<portmap::Getport>("portmap2 GETPORT args"),
    result::<portmap::Getport>("portmap2 GETPORT result"),
    args::<portmap::Set>("portmap2 SET args"),
    result::<portmap::Set>("portmap2 SET result"),
    result::<portmap::Dump>("portmap2 DUMP result"),
    args::<portmap::rpcbind::v3::Set>("rpcbind3 SET args"),
    args::<portmap::rpcbind::v3::Getaddr>("rpcbind3 GETADDR args"),
    result::<portmap::rpcbind::v3::Getaddr>("rpcbind3 GETADDR result"),
    result::<portmap::rpcbind::v3::Dump>("rpcbind3 DUMP result"),
    result::<portmap::rpcbind::v4::Getaddrlist>("rpcbind4 GETADDRLIST result"),
    args::<mount::v1::Mnt>("mount1 MNT args"),
    result::<mount::v1::Mnt>("mount1 MNT result"),
    args::<mount::v3::Mnt>("mount3 MNT args"),
    result::<mount::v3::Mnt>("mount3 MNT result"),
    result::<mount::v3::Dump>("mount3 DUMP result"),
    result::<mount::v3::Export>("mount3 EXPORT result"),
    args::<nfs3::Null>("nfs3 NULL args"),
    args::<nfs3::Getattr>("nfs3 GETATTR args"),
    result::<nfs3::Getattr>("nfs3 GETATTR result"),
    args::<nfs3::Setattr>("nfs3 SETATTR args"),
    result::<nfs3::Setattr>("nfs3 SETATTR result"),
    args::<nfs3::Lookup>("nfs3 LOOKUP args"),
    result::<nfs3::Lookup>("nfs3 LOOKUP result"),
    args::<nfs3::Access>("nfs3 ACCESS args"),
    result::<nfs3::Access>("nfs3 ACCESS result"),
    args::<nfs3::Readlink>("nfs3 READLINK args"),
    result::<nfs3::Readlink>("nfs3 READLINK result"),
    args::<nfs3::Read>("nfs3 READ args"),
    result::<nfs3::Read>("nfs3 READ result"),
    args::<nfs3::Write>("nfs3 WRITE args"),
    result::<nfs3::Write>("nfs3 WRITE result"),
    args::<nfs3::Create>("nfs3 CREATE args"),
    result::<nfs3::Create>("nfs3 CREATE result"),
    args::<nfs3::Mkdir>("nfs3 MKDIR args"),
    result::<nfs3::Mkdir>("nfs3 MKDIR result"),
    args::<nfs3::Symlink>("nfs3 SYMLINK args"),
    result::<nfs3::Symlink>("nfs3 SYMLINK result"),
    args::<nfs3::Mknod>("nfs3 MKNOD args"),
    result::<nfs3::Mknod>("nfs3 MKNOD result"),
    args::<nfs3::Remove>("nfs3 REMOVE args"),
    result::<nfs3::Remove>("nfs3 REMOVE result"),
    args::<nfs3::Rmdir>("nfs3 RMDIR args"),
    result::<nfs3::Rmdir>("nfs3 RMDIR result"),
    args::<nfs3::Rename>("nfs3 RENAME args"),
    result::<nfs3::Rename>("nfs3 RENAME result"),
    args::<nfs3::Link>("nfs3 LINK args"),
    result::<nfs3::Link>("nfs3 LINK result"),
    args::<nfs3::Readdir>("nfs3 READDIR args"),
    result::<nfs3::Readdir>("nfs3 READDIR result"),
    args::<nfs3::Readdirplus>("nfs3 READDIRPLUS args"),
    result::<nfs3::Readdirplus>("nfs3 READDIRPLUS result"),
    args::<nfs3::Fsstat>("nfs3 FSSTAT args"),
    result::<nfs3::Fsstat>("nfs3 FSSTAT result"),
    args::<nfs3::Fsinfo>("nfs3 FSINFO args"),
    result::<nfs3::Fsinfo>("nfs3 FSINFO result"),
    args::<nfs3::Pathconf>("nfs3 PATHCONF args"),
    result::<nfs3::Pathconf>("nfs3 PATHCONF result"),
    args::<nfs3::Commit>("nfs3 COMMIT args"),
    result::<nfs3::Commit>("nfs3 COMMIT result"),
    args::<nlm4::Test>("nlm4 TEST args"),
    result::<nlm4::Test>("nlm4 TEST result"),
    args::<nlm4::Lock>("nlm4 LOCK args"),
    result::<nlm4::Lock>("nlm4 LOCK result"),
    args::<nlm4::Cancel>("nlm4 CANCEL args"),
    args::<nlm4::Unlock>("nlm4 UNLOCK args"),
    args::<nlm4::Granted>("nlm4 GRANTED args"),
    result::<nlm4::Granted>("nlm4 GRANTED result"),
    args::<nlm4::TestRes>("nlm4 TEST_RES args"),
    args::<nlm4::GrantedRes>("nlm4 GRANTED_RES args"),
    args::<nlm4::Share>("nlm4 SHARE args"),
    result::<nlm4::Share>("nlm4 SHARE result"),
    args::<nlm4::FreeAll>("nlm4 FREE_ALL args"),
    args::<rquota::v1::Getquota>("rquota1 GETQUOTA args"),
    result::<rquota::v1::Getquota>("rquota1 GETQUOTA result"),
    args::<rquota::v2::Getquota>("rquota2 GETQUOTA args"),
    args::<nsm::Stat>("nsm1 STAT args"),
    result::<nsm::Stat>("nsm1 STAT result"),
    args::<nsm::Mon>("nsm1 MON args"),
    result::<nsm::Mon>("nsm1 MON result"),
    args::<nsm::Unmon>("nsm1 UNMON args"),
    result::<nsm::Unmon>("nsm1 UNMON result"),
    args::<nsm::UnmonAll>("nsm1 UNMON_ALL args"),
    args::<nsm::Notify>("nsm1 NOTIFY args"),
];

const fn args<P: Procedure<Args: PartialEq>>(name: &'static str) -> Message {
    of::<P::Args>(name)
}

const fn result<P: Procedure<Result: PartialEq>>(name: &'static str) -> Message {
    of::<P::Result>(name)
}

const fn of<T: Decode + Encode + PartialEq>(name: &'static str) -> Message {
    Message { name, recode: recode::<T>, comes_back: comes_back::<T> }
}

fn comes_back<T: Decode + Encode + PartialEq>(bytes: Bytes) -> bool {
    is_kept(bytes, xdr::from_bytes::<T>)
}

fn call_comes_back(bytes: Bytes) -> bool {
    is_kept(bytes, decode_call)
}

fn is_kept<T: Encode + PartialEq>(bytes: Bytes, decode: fn(Bytes) -> Result<T, DecodeError>) -> bool {
    let length = bytes.len();
    let Ok(value) = decode(bytes) else { return true };
    let encoded = xdr::to_bytes(&value);
    encoded.len() == length && value.encoded_size() == length && decode(encoded).is_ok_and(|again| again == value)
}

fn recode<T: Decode + Encode>(bytes: Bytes) -> Result<Bytes, DecodeError> {
    xdr::from_bytes::<T>(bytes).map(|item| xdr::to_bytes(&item))
}

fn recode_call(bytes: Bytes) -> Result<Bytes, DecodeError> {
    decode_call(bytes).map(|call| xdr::to_bytes(&call))
}

fn decode_call(bytes: Bytes) -> Result<CallHeader, DecodeError> {
    let mut decoder = Decoder::new(bytes);
    let call = CallHeader::decode_call(&mut decoder).map_err(|error| match error {
        CallError::Malformed(error) => error,
        _ => DecodeError::InvalidEnum { name: "call header", value: 0 },
    })?;
    decoder.finish()?;
    Ok(call)
}
