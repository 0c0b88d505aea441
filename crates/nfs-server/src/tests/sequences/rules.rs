//! What must become of a record (RFC 5531 9, RFC 1813, RFC 1833, C702): found from its bytes, without the door's help.

use bytes::Bytes;
use nfs_wire::mount::{v1, v3};
use nfs_wire::nfs3::{self, FILE_HANDLE_MAX_BYTES};
use nfs_wire::portmap::{self, rpcbind};
use nfs_wire::rpc::{
    AcceptStat, AuthFlavor, AuthStat, AuthSys, CallError, CallHeader, MOUNT_PROGRAM, NFS_PROGRAM, NLM_PROGRAM,
    NSM_PROGRAM, PORTMAP_PROGRAM, Procedure, ReplyBody, ReplyHeader,
};
use nfs_wire::xdr::{Decode, DecodeError, Decoder};
use nfs_wire::{nlm4, nsm};

use crate::caller::Role;

/// What must become of a record.
pub(super) enum Expected {
    /// The connection ends.
    Close,
    /// It is ignored: it is no call.
    Silence,
    /// It is answered.
    Answer(Answer),
}

/// What an answer must say.
pub(super) struct Answer {
    pub(super) xid: u32,
    /// The headers that are right; with success among them a result follows.
    bodies: Vec<ReplyBody>,
    /// Of the procedure that was called.
    pub(super) signature: Option<&'static Signature>,
    /// The arguments, if they decode.
    pub(super) arguments: Option<Bytes>,
}

/// How to read a procedure's arguments and result.
pub(super) struct Signature {
    pub(super) program: u32,
    version: u32,
    pub(super) number: u32,
    arguments: fn(&mut Decoder) -> Result<(), DecodeError>,
    result: fn(&mut Decoder) -> Result<(), DecodeError>,
}

/// Says what must become of a record that arrives at the port of `role`.
pub(super) fn expected(role: Role, record: &Bytes) -> Expected {
    let mut decoder = Decoder::new(record.clone());
    let answer = match CallHeader::decode_call(&mut decoder) {
        Ok(header) => called(role, &header, decoder),
        Err(CallError::Malformed(_)) => return Expected::Close,
        Err(CallError::NotACall { .. }) => return Expected::Silence,
        Err(CallError::RpcMismatch { xid, .. }) => Answer::only(ReplyHeader::rpc_mismatch(xid)),
        Err(CallError::BadCredential { xid }) => Answer::only(ReplyHeader::auth_error(xid, AuthStat::BadCredential)),
        Err(CallError::BadVerifier { xid }) => Answer::only(ReplyHeader::auth_error(xid, AuthStat::BadVerifier)),
    };
    Expected::Answer(answer)
}

fn called(role: Role, header: &CallHeader, mut decoder: Decoder) -> Answer {
    let xid = header.xid;
    let accepted = |status| Answer::only(ReplyHeader::accepted(xid, status));
    let Some((low, high)) = versions(role, header.program) else { return accepted(AcceptStat::ProgUnavail) };
    if header.version < low || header.version > high {
        return accepted(AcceptStat::ProgMismatch { low, high });
    }
    if let Some(status) = refused_credential(header).filter(|_| header.procedure != 0) {
        return Answer::only(ReplyHeader::auth_error(xid, status));
    }
    let Some(signature) = Signature::of(header) else { return accepted(AcceptStat::ProcUnavail) };
    let arguments = decoder.rest();
    let is_whole = (signature.arguments)(&mut decoder).map(|()| decoder.remaining() == 0);
    let statuses: &[AcceptStat] = match is_whole {
        Ok(true) => &[AcceptStat::Success],
        // Servers may ignore what follows the arguments.
        Ok(false) => &[AcceptStat::Success, AcceptStat::GarbageArgs],
        Err(_) if signature.ignores_arguments() => &[AcceptStat::Success, AcceptStat::GarbageArgs],
        Err(_) => &[AcceptStat::GarbageArgs],
    };
    let bodies = statuses.iter().map(|status| ReplyHeader::accepted(xid, *status).body).collect();
    Answer { xid, bodies, signature: Some(signature), arguments: is_whole.is_ok().then_some(arguments) }
}

fn versions(role: Role, program: u32) -> Option<(u32, u32)> {
    match (role, program) {
        (Role::Nfs, NFS_PROGRAM) => Some((3, 3)),
        (Role::Nfs, MOUNT_PROGRAM) => Some((1, 3)),
        (Role::Nfs, NLM_PROGRAM) => NLM_IS_SERVED.then_some((4, 4)),
        (Role::Nfs, NSM_PROGRAM) => NLM_IS_SERVED.then_some((1, 1)),
        (Role::Portmap, PORTMAP_PROGRAM) => Some((2, 4)),
        _ => None,
    }
}

fn refused_credential(header: &CallHeader) -> Option<AuthStat> {
    match header.credential.flavor {
        AuthFlavor::NONE => None,
        AuthFlavor::SYS => AuthSys::from_credential(&header.credential).err().map(|_| AuthStat::BadCredential),
        _ => Some(AuthStat::RejectedCredential),
    }
}

impl Answer {
    fn only(header: ReplyHeader) -> Self {
        Self { xid: header.xid, bodies: vec![header.body], signature: None, arguments: None }
    }

    /// Checks a reply, without its record marker, and returns the result if there is one.
    pub(super) fn check(&self, reply: &Bytes) -> Option<Bytes> {
        let mut decoder = Decoder::new(reply.clone());
        let header = ReplyHeader::decode(&mut decoder).expect("a reply header");
        assert_eq!(header.xid, self.xid, "the answer to another call");
        assert!(self.bodies.contains(&header.body), "{:?} where {:?} would be right", header.body, self.bodies);
        if !header.is_success() {
            assert_eq!(decoder.remaining(), 0, "something follows a refusal");
            return None;
        }
        let result = decoder.rest();
        let signature = self.signature.expect("only a procedure succeeds");
        (signature.result)(&mut decoder).unwrap_or_else(|error| panic!("result of {}: {error}", signature.number));
        assert_eq!(decoder.remaining(), 0, "something follows the result of {}", signature.number);
        Some(result)
    }

    /// The file handle that the arguments of an NFS call begin with.
    pub(super) fn handle(&self) -> Option<Bytes> {
        let is_nfs = self.signature.is_some_and(|signature| signature.program == NFS_PROGRAM && signature.number != 0);
        let arguments = self.arguments.clone().filter(|_| is_nfs)?;
        Decoder::new(arguments).read_opaque(FILE_HANDLE_MAX_BYTES).ok()
    }
}

impl Signature {
    const fn new<P: Procedure>() -> Self {
        Self {
            program: P::PROGRAM,
            version: P::VERSION,
            number: P::NUMBER,
            arguments: |decoder| P::Args::decode(decoder).map(drop),
            result: |decoder| P::Result::decode(decoder).map(drop),
        }
    }

    fn of(header: &CallHeader) -> Option<&'static Self> {
        // MOUNT 2 is MOUNT 1 and PATHCONF, which nobody asks for.
        let version = if header.program == MOUNT_PROGRAM { header.version | 1 } else { header.version };
        let version = if header.program == MOUNT_PROGRAM && header.version == 2 { 1 } else { version };
        let asked = (header.program, version, header.procedure);
        SIGNATURES.iter().find(|known| (known.program, known.version, known.number) == asked)
    }

    /// `_RES` calls tell a server what it never asked.
    const fn ignores_arguments(&self) -> bool {
        self.program == NLM_PROGRAM && self.number >= 11 && self.number <= 15
    }
}

const NLM_IS_SERVED: bool = true;

const SIGNATURES: &[Signature] = &[
    Signature::new::<nfs3::Null>(),
    Signature::new::<nfs3::Getattr>(),
    Signature::new::<nfs3::Setattr>(),
    Signature::new::<nfs3::Lookup>(),
    Signature::new::<nfs3::Access>(),
    Signature::new::<nfs3::Readlink>(),
    Signature::new::<nfs3::Read>(),
    Signature::new::<nfs3::Write>(),
    Signature::new::<nfs3::Create>(),
    Signature::new::<nfs3::Mkdir>(),
    Signature::new::<nfs3::Symlink>(),
    Signature::new::<nfs3::Mknod>(),
    Signature::new::<nfs3::Remove>(),
    Signature::new::<nfs3::Rmdir>(),
    Signature::new::<nfs3::Rename>(),
    Signature::new::<nfs3::Link>(),
    Signature::new::<nfs3::Readdir>(),
    Signature::new::<nfs3::Readdirplus>(),
    Signature::new::<nfs3::Fsstat>(),
    Signature::new::<nfs3::Fsinfo>(),
    Signature::new::<nfs3::Pathconf>(),
    Signature::new::<nfs3::Commit>(),
    Signature::new::<v1::Null>(),
    Signature::new::<v1::Mnt>(),
    Signature::new::<v1::Dump>(),
    Signature::new::<v1::Umnt>(),
    Signature::new::<v1::Umntall>(),
    Signature::new::<v1::Export>(),
    Signature::new::<v1::Exportall>(),
    Signature::new::<v3::Null>(),
    Signature::new::<v3::Mnt>(),
    Signature::new::<v3::Dump>(),
    Signature::new::<v3::Umnt>(),
    Signature::new::<v3::Umntall>(),
    Signature::new::<v3::Export>(),
    Signature::new::<portmap::Null>(),
    Signature::new::<portmap::Set>(),
    Signature::new::<portmap::Unset>(),
    Signature::new::<portmap::Getport>(),
    Signature::new::<portmap::Dump>(),
    Signature::new::<rpcbind::v3::Null>(),
    Signature::new::<rpcbind::v3::Set>(),
    Signature::new::<rpcbind::v3::Unset>(),
    Signature::new::<rpcbind::v3::Getaddr>(),
    Signature::new::<rpcbind::v3::Dump>(),
    Signature::new::<rpcbind::v3::Gettime>(),
    Signature::new::<rpcbind::v4::Null>(),
    Signature::new::<rpcbind::v4::Set>(),
    Signature::new::<rpcbind::v4::Unset>(),
    Signature::new::<rpcbind::v4::Getaddr>(),
    Signature::new::<rpcbind::v4::Dump>(),
    Signature::new::<rpcbind::v4::Gettime>(),
    Signature::new::<rpcbind::v4::Getversaddr>(),
    Signature::new::<rpcbind::v4::Getaddrlist>(),
    Signature::new::<nlm4::Null>(),
    Signature::new::<nlm4::Test>(),
    Signature::new::<nlm4::Lock>(),
    Signature::new::<nlm4::Cancel>(),
    Signature::new::<nlm4::Unlock>(),
    Signature::new::<nlm4::Granted>(),
    Signature::new::<nlm4::TestMsg>(),
    Signature::new::<nlm4::LockMsg>(),
    Signature::new::<nlm4::CancelMsg>(),
    Signature::new::<nlm4::UnlockMsg>(),
    Signature::new::<nlm4::GrantedMsg>(),
    Signature::new::<nlm4::TestRes>(),
    Signature::new::<nlm4::LockRes>(),
    Signature::new::<nlm4::CancelRes>(),
    Signature::new::<nlm4::UnlockRes>(),
    Signature::new::<nlm4::GrantedRes>(),
    Signature::new::<nlm4::Share>(),
    Signature::new::<nlm4::Unshare>(),
    Signature::new::<nlm4::NmLock>(),
    Signature::new::<nlm4::FreeAll>(),
    Signature::new::<nsm::Null>(),
    Signature::new::<nsm::Stat>(),
    Signature::new::<nsm::Mon>(),
    Signature::new::<nsm::Unmon>(),
    Signature::new::<nsm::UnmonAll>(),
    Signature::new::<nsm::SimuCrash>(),
    Signature::new::<nsm::Notify>(),
];
