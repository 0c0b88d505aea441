//! Calls through the pipes of `IPC$`.

use bytes::BytesMut;
use smb_wire::close::{CloseFlags, CloseRequest};
use smb_wire::codec::{Decode, Encode, List, decode, decode_body, encode};
use smb_wire::create::CreateDisposition;
use smb_wire::ioctl::{ControlCode, IoctlFlags, IoctlRequest, IoctlResponse};
use smb_wire::negotiate::Dialect;
use smb_wire::pipe::lsarpc as lsa;
use smb_wire::pipe::lsarpc::{
    CloseHandleRequest, HandleResponse, LookupSids2Request, LookupSids2Response, OpenPolicy2Request, PolicyInfo,
    QueryPolicyRequest, QueryPolicyResponse, SidInformation,
};
use smb_wire::pipe::ndr::Counted;
use smb_wire::pipe::pdu::*;
use smb_wire::pipe::srvsvc as srvs;
use smb_wire::pipe::srvsvc::{
    GetInfoRequest, SessionEnum, SessionEnumRequest, SessionEnumResponse, SessionInfos, ShareEnum, ShareEnumRequest,
    ShareEnumResponse, ShareInfos,
};
use smb_wire::pipe::wkssvc;
use smb_wire::read::ReadResponse;
use smb_wire::{Command, FileId, Status};

use super::files::{open, reading, writing};
use super::harness::{CONTOSO, Client, House, offer};

fn at<'a>(house: &'a House, token: &str) -> Client<'a> {
    let mut client = house.client(CONTOSO);
    client.negotiate(offer(&[Dialect::SMB_3_1_1]));
    let response = client.log_on(&[token]);
    if client.session.is_none() {
        client.guest = response.header.session_id;
    }
    assert_eq!(client.connect("ipc$").status(), Status::SUCCESS);
    client
}

fn unit(kind: PduType, carried: &impl Encode) -> BytesMut {
    let mut bytes = BytesMut::new();
    put_pdu((kind, PduFlags::FIRST_FRAGMENT | PduFlags::LAST_FRAGMENT, 7), carried, &mut bytes);
    bytes
}

fn bind(interface: SyntaxId, syntaxes: &[SyntaxId]) -> BytesMut {
    let contexts = vec![ContextElement { id: 0, interface, syntaxes: List::Items(syntaxes) }];
    unit(PduType::BIND, &Bind { send_bytes_max: 4280, receive_bytes_max: 4280, group: 0, contexts })
}

fn request(operation: u16, arguments: &impl Encode) -> BytesMut {
    let mut stub = BytesMut::new();
    encode(arguments, &mut stub);
    unit(PduType::REQUEST, &Request { hint: 0, context: 0, operation, stub: &stub })
}

fn transceive(client: &mut Client<'_>, pipe: FileId, input: &[u8]) -> Result<Vec<u8>, Status> {
    let asked = IoctlRequest {
        code: ControlCode::PIPE_TRANSCEIVE,
        file_id: pipe,
        max_input_response: 0,
        max_output_response: 4280,
        flags: IoctlFlags::IS_FSCTL,
        input,
    };
    let response = client.ask(Command::IOCTL, &asked);
    if response.status() != Status::SUCCESS {
        return Err(response.status());
    }
    Ok(decode_body::<IoctlResponse<'_>>(&response.body).unwrap().output.to_vec())
}

/// A pipe that is bound to its interface.
fn bound(client: &mut Client<'_>, name: &str, interface: SyntaxId) -> FileId {
    let pipe = open(client, name, CreateDisposition::OPEN).unwrap();
    let answer = transceive(client, pipe, &bind(interface, &[SyntaxId::NDR])).unwrap();
    let unit: Pdu<'_> = decode(&answer).unwrap();
    let ack: BindAck<'_> = unit.carried().unwrap();
    assert_eq!((unit.header.kind, unit.header.call_id), (PduType::BIND_ACK, 7));
    assert_eq!(ack.results.get(0).unwrap().verdict, ContextVerdict::ACCEPTANCE);
    pipe
}

/// The stub of what a call came to, or its fault.
fn ask(client: &mut Client<'_>, pipe: FileId, unit: &[u8]) -> Result<Vec<u8>, FaultStatus> {
    let answer = transceive(client, pipe, unit).unwrap();
    let unit: Pdu<'_> = decode(&answer).unwrap();
    match unit.header.kind {
        PduType::RESPONSE => Ok(unit.carried::<Response<'_>>().unwrap().stub.to_vec()),
        PduType::FAULT => Err(unit.carried::<FaultBody>().unwrap().status),
        other => panic!("{other:?}"),
    }
}

fn structure<'a, T: Decode<'a>>(stub: &'a [u8]) -> T {
    decode(stub).unwrap()
}

fn share_enum(level: u32) -> ShareEnumRequest<'static> {
    let shares = match level {
        1 => ShareInfos::Kinds(Some(Counted::default())),
        other => ShareInfos::Other(other),
    };
    ShareEnumRequest {
        wanted: ShareEnum { level, shares },
        preferred_length: u32::MAX,
        resume: Some(0),
        ..ShareEnumRequest::default()
    }
}

fn shares(client: &mut Client<'_>) -> Vec<String> {
    let pipe = bound(client, "srvsvc", srvs::INTERFACE);
    let stub = ask(client, pipe, &request(15, &share_enum(1))).unwrap();
    let told: ShareEnumResponse<'_> = structure(&stub);
    assert_eq!((told.error, told.resume), (0, Some(0)));
    let ShareInfos::Kinds(Some(shares)) = told.found.shares else { panic!("level 1") };
    shares.items().iter().map(|share| share.name.unwrap().0.to_string()).collect()
}

#[test]
fn everybody_is_told_of_the_shares_it_can_use() {
    let house = House::new();
    assert_eq!(
        shares(&mut at(&house, "alice")),
        ["Projects", "open", "sealed", "of-contoso", "always", "hiding", "gone", "IPC$"]
    );
    assert_eq!(shares(&mut at(&house, "guest")), ["open", "IPC$"], "what takes guests");
}

#[test]
fn levels_and_calls_that_nobody_has() {
    let house = House::new();
    let mut client = at(&house, "alice");
    let pipe = bound(&mut client, "srvsvc", srvs::INTERFACE);
    for (level, error) in [(502, 5), (503, 5), (77, 124)] {
        let stub = ask(&mut client, pipe, &request(15, &share_enum(level))).unwrap();
        let told: ShareEnumResponse<'_> = structure(&stub);
        assert_eq!(told.error, error, "level {level}");
    }
    let nothing = GetInfoRequest::default();
    assert_eq!(ask(&mut client, pipe, &request(99, &nothing)), Err(FaultStatus::UNKNOWN_OPERATION));
    assert_eq!(ask(&mut client, pipe, &request(15, &nothing)), Err(FaultStatus::BAD_STUB_DATA));
}

#[test]
fn a_session_sees_its_users_sessions_and_no_others() {
    let house = House::new();
    let _other = at(&house, "bob");
    let _second = at(&house, "alice");
    let mut client = at(&house, "alice");
    let pipe = bound(&mut client, "srvsvc", srvs::INTERFACE);
    let sessions = SessionInfos::Users(Some(Counted::default()));
    let wanted = SessionEnum { level: 10, sessions };
    let asked = SessionEnumRequest { wanted, preferred_length: u32::MAX, ..SessionEnumRequest::default() };
    let stub = ask(&mut client, pipe, &request(12, &asked)).unwrap();
    let told: SessionEnumResponse<'_> = structure(&stub);
    let SessionInfos::Users(Some(sessions)) = told.found.sessions else { panic!("level 10") };
    let users: Vec<_> = sessions.items().iter().map(|session| session.user.unwrap().0.to_string()).collect();
    assert_eq!((users, told.total), (vec!["alice".to_owned(), "alice".to_owned()], 2));
    assert!(sessions.items()[0].client.unwrap().0.is(r"\\192.0.2.10"));
}

#[test]
fn names_become_identifiers_and_names_again() {
    let house = House::new();
    let mut client = at(&house, "alice");
    let pipe = bound(&mut client, "lsarpc", lsa::INTERFACE);
    let stub = ask(&mut client, pipe, &request(44, &OpenPolicy2Request::default())).unwrap();
    let HandleResponse { handle, status } = structure(&stub);
    assert_eq!((status, handle == [0; 20]), (0, false));
    let stub = ask(&mut client, pipe, &request(46, &QueryPolicyRequest { handle, class: 5 })).unwrap();
    let told: QueryPolicyResponse<'_> = structure(&stub);
    let Some(PolicyInfo::AccountDomain(domain)) = told.info else { panic!("{told:?}") };
    assert!(domain.name.text().is("CONTOSO") && domain.sid.unwrap().to_string().starts_with("S-1-5-21-"));
    let sids = ["S-1-1-0", "S-1-22-1-77", "S-1-5-21-9-9-9-9"].map(|sid| SidInformation { sid: sid.parse().ok() });
    let asked = LookupSids2Request { handle, sids: Counted::new(sids.into()), ..LookupSids2Request::default() };
    let stub = ask(&mut client, pipe, &request(57, &asked)).unwrap();
    let told: LookupSids2Response<'_> = structure(&stub);
    let names: Vec<_> = told.translated.items().iter().map(|it| it.name.text().to_string()).collect();
    assert_eq!(names, ["Everyone", "77", "S-1-5-21-9-9-9-9"]);
    assert_eq!((told.mapped, Status(told.status)), (2, Status::SOME_NOT_MAPPED));
    let stub = ask(&mut client, pipe, &request(0, &CloseHandleRequest { handle })).unwrap();
    assert_eq!(structure::<HandleResponse>(&stub).status, 0);
    let stub = ask(&mut client, pipe, &request(57, &asked)).unwrap();
    assert_eq!(Status(structure::<LookupSids2Response<'_>>(&stub).status), Status::INVALID_HANDLE);
    let mut guest = at(&house, "guest");
    let pipe = bound(&mut guest, "lsarpc", lsa::INTERFACE);
    let stub = ask(&mut guest, pipe, &request(44, &OpenPolicy2Request::default())).unwrap();
    assert_eq!(Status(structure::<HandleResponse>(&stub).status), Status::ACCESS_DENIED, "nobody learns no names");
}

#[test]
fn what_is_written_in_pieces_is_read_in_parts() {
    let house = House::new();
    let mut client = at(&house, "alice");
    let pipe = bound(&mut client, r"\PIPE\WkSsVc", wkssvc::INTERFACE);
    let asked = request(0, &GetInfoRequest { server: None, level: 100 });
    assert_eq!(client.ask(Command::READ, &reading(pipe, 0, 100)).status(), Status::PIPE_EMPTY);
    for part in asked.chunks(9) {
        assert_eq!(client.ask(Command::WRITE, &writing(pipe, 0, part)).status(), Status::SUCCESS);
    }
    assert_eq!(transceive(&mut client, pipe, &asked), Err(Status::PIPE_BUSY));
    let first = client.ask(Command::READ, &reading(pipe, 0, 16));
    assert_eq!(first.status(), Status::BUFFER_OVERFLOW);
    let rest = client.ask(Command::READ, &reading(pipe, 0, 1000));
    assert_eq!(rest.status(), Status::SUCCESS);
    let parts = [first, rest].map(|part| decode_body::<ReadResponse<'_>>(&part.body).unwrap().data.to_vec());
    let unit = parts.concat();
    let told: wkssvc::WkstaGetInfoResponse<'_> =
        decode(decode::<Pdu<'_>>(&unit).unwrap().carried::<Response<'_>>().unwrap().stub).unwrap();
    let wkssvc::WkstaInfo::Name(Some(info)) = &told.found else { panic!("{told:?}") };
    assert!(info.name.unwrap().0.is("CONTOSO"));
}

#[test]
fn what_is_no_call_breaks_the_pipe_only() {
    let house = House::new();
    let mut client = at(&house, "alice");
    assert_eq!(open(&mut client, "spoolss", CreateDisposition::OPEN), Err(Status::OBJECT_NAME_NOT_FOUND));
    let pipe = open(&mut client, "srvsvc", CreateDisposition::OPEN).unwrap();
    let nak = transceive(&mut client, pipe, &bind(wkssvc::INTERFACE, &[SyntaxId::NDR])).unwrap();
    let ack: BindAck<'_> = decode::<Pdu<'_>>(&nak).unwrap().carried().unwrap();
    assert_eq!(ack.results.get(0).unwrap().reason, ContextReason::ABSTRACT_SYNTAX);
    let asked = request(15, &share_enum(1));
    assert_eq!(ask(&mut client, pipe, &asked), Err(FaultStatus::UNKNOWN_INTERFACE), "nothing was bound");
    let ndr64 = SyntaxId::new(0x7171_0533_beba_4937_8319_b5db_ef9c_cc36, 1);
    let nak = transceive(&mut client, pipe, &bind(srvs::INTERFACE, &[ndr64])).unwrap();
    let ack: BindAck<'_> = decode::<Pdu<'_>>(&nak).unwrap().carried().unwrap();
    assert_eq!(ack.results.get(0).unwrap().reason, ContextReason::TRANSFER_SYNTAXES);
    assert_eq!(transceive(&mut client, pipe, &[0xff; 40]), Err(Status::PIPE_EMPTY), "the rest of a unit is awaited");
    let broken = open(&mut client, "srvsvc", CreateDisposition::OPEN).unwrap();
    let garbage = [4, 0, 0, 3, 0x10, 0, 0, 0, 24, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(transceive(&mut client, broken, &garbage), Err(Status::PIPE_DISCONNECTED));
    assert_eq!(client.ask(Command::READ, &reading(broken, 0, 100)).status(), Status::PIPE_DISCONNECTED);
    let closing = CloseRequest { flags: CloseFlags::empty(), file_id: broken };
    assert_eq!(client.ask(Command::CLOSE, &closing).status(), Status::SUCCESS);
    assert_eq!(client.ask(Command::READ, &reading(broken, 0, 100)).status(), Status::FILE_CLOSED);
}

#[test]
fn pipes_are_bounded_and_go_with_their_tree() {
    let house = House::new();
    let mut client = at(&house, "alice");
    let last = (0..64).map(|_| open(&mut client, "srvsvc", CreateDisposition::OPEN).unwrap()).last().unwrap();
    assert_eq!(open(&mut client, "srvsvc", CreateDisposition::OPEN), Err(Status::INSUFFICIENT_RESOURCES));
    client.ask(Command::TREE_DISCONNECT, &smb_wire::TreeDisconnectRequest {});
    client.connect("IPC$");
    assert_eq!(client.ask(Command::READ, &reading(last, 0, 10)).status(), Status::FILE_CLOSED);
    assert!(open(&mut client, "srvsvc", CreateDisposition::OPEN).is_ok());
}
