//! Every message against bytes written down from the specifications or made by impacket: the layout, and where fields
//! could be swapped unnoticed, the meaning.

use smb_wire::catalogue::messages;
use smb_wire::codec::{Decode, DecodeError, Fault, decode, decode_body};
use smb_wire::dtyp::{AccessMask, FileTime, Guid};
use smb_wire::error_response::{ErrorId, ErrorResponse, SymlinkError, SymlinkFlags};
use smb_wire::negotiate::*;
use smb_wire::session_setup::*;
use smb_wire::smb1::Smb1NegotiateRequest;
use smb_wire::transform::TransformHeader;
use smb_wire::tree_connect::*;
use smb_wire::{Command, Header, HeaderFlags, Protocol, Recipient, Status};

use crate::hex::{self, fixture};

fn body<'a, T: Decode<'a>>(bytes: &'a [u8]) -> T {
    decode_body(bytes).unwrap()
}

#[test]
fn every_fixture_decodes_and_encodes_to_the_same_bytes() {
    for fixture in hex::all() {
        let message = messages().find(|message| message.name == fixture.message);
        let message = message.unwrap_or_else(|| panic!("{} is in no catalogue", fixture.stem));
        let again = (message.recode)(&fixture.bytes).unwrap_or_else(|error| panic!("{}: {error}", fixture.stem));
        assert_eq!(again, fixture.bytes, "{}", fixture.stem);
    }
}

#[test]
fn every_message_has_a_fixture() {
    let fixtures = hex::all();
    for message in messages() {
        assert!(fixtures.iter().any(|fixture| fixture.message == message.name), "{}", message.name);
    }
}

#[test]
fn headers() {
    let header: Header = decode(&fixture("smb2-header")).unwrap();
    let expected = Header {
        credit_charge: 2,
        status: Status::ACCESS_DENIED,
        command: Command::CREATE,
        credits: 31,
        flags: HeaderFlags::SERVER_TO_REDIR | HeaderFlags::SIGNED,
        next_command: 128,
        message_id: 0x0102_0304_0506_0708,
        recipient: Recipient::Sync { process_id: 0xfeff, tree_id: 5 },
        session_id: 0x1112_1314_1516_1718,
        signature: [0xaa; 16],
    };
    assert_eq!(header, expected);
    let header: Header = decode(&fixture("smb2-header.ASYNC")).unwrap();
    assert_eq!((header.async_id(), header.tree_id()), (Some(0x2122_2324_2526_2728), None));
    assert_eq!((header.status, header.command), (Status::PENDING, Command::CHANGE_NOTIFY));
}

#[test]
fn a_response_answers_its_request() {
    let request = Header {
        flags: HeaderFlags::SIGNED | HeaderFlags::RELATED_OPERATIONS | HeaderFlags::REPLAY_OPERATION,
        next_command: 88,
        status: Status(7),
        ..Header::request(Command::READ, 9)
    };
    let response = request.response(Status::END_OF_FILE);
    assert_eq!(request.channel_sequence(), 7);
    assert_eq!((response.message_id, response.command, response.status), (9, Command::READ, Status::END_OF_FILE));
    assert_eq!(response.flags, HeaderFlags::SERVER_TO_REDIR | HeaderFlags::RELATED_OPERATIONS);
    assert_eq!((response.next_command, response.credits), (0, 0));
    assert_eq!(response.with_async_id(4).async_id(), Some(4));
}

#[test]
fn what_a_frame_begins_with() {
    assert_eq!(Protocol::of(&fixture("smb1-NEGOTIATE-request")), Some(Protocol::Smb1));
    assert_eq!(Protocol::of(&fixture("smb2-header")), Some(Protocol::Smb2));
    assert_eq!(Protocol::of(&fixture("smb2-transform-header")), Some(Protocol::Transform));
    assert_eq!(Protocol::of(b"\xfcSMB"), Some(Protocol::Compressed));
    assert_eq!((Protocol::of(b"GET / HTTP/1.1"), Protocol::of(b"\xfeSM")), (None, None));
}

#[test]
fn transform_header() {
    let header: TransformHeader = decode(&fixture("smb2-transform-header")).unwrap();
    assert_eq!((header.signature, header.original_message_size), ([0x51; 16], 0x1234));
    assert_eq!((header.nonce[0], header.nonce[10], header.nonce[11]), (1, 11, 0));
    assert_eq!(header.session_id, 0x1112_1314_1516_1718);
}

#[test]
fn smb1_dialects() {
    let bytes = fixture("smb1-NEGOTIATE-request");
    let request: Smb1NegotiateRequest<'_> = decode(&bytes).unwrap();
    let names: Vec<_> = request.names().collect();
    assert_eq!(names, [&b"NT LM 0.12"[..], b"SMB 2.002", b"SMB 2.???"]);
    assert!(request.offers_2_0_2() && request.offers_later());
    let mut old = bytes.clone();
    old[4] = 0x73;
    assert_eq!(decode::<Smb1NegotiateRequest<'_>>(&old), Err(DecodeError::new("Command", Fault::Value)));
}

#[test]
fn negotiate_request() {
    let bytes = fixture("smb2-NEGOTIATE-request");
    let request: NegotiateRequest<'_> = body(&bytes);
    let dialects: Vec<_> = request.dialects.iter().collect();
    let offered = [Dialect::SMB_2_0_2, Dialect::SMB_2_1, Dialect::SMB_3_0, Dialect::SMB_3_0_2, Dialect::SMB_3_1_1];
    assert_eq!(dialects, offered);
    assert_eq!(request.security_mode, SecurityMode::SIGNING_ENABLED);
    assert_eq!(request.client_guid, Guid::from_digits(0x4b32_4fc8_1670_01d3_1278_5a47_bf6e_e188));
    let contexts: Vec<_> = request.contexts.iter().collect();
    let kinds: Vec<_> = contexts.iter().map(NegotiateContext::kind).collect();
    let expected = [
        ContextType::PREAUTH_INTEGRITY,
        ContextType::ENCRYPTION,
        ContextType::COMPRESSION,
        ContextType::SIGNING,
        ContextType::NETNAME,
        ContextType::TRANSPORT,
        ContextType::RDMA_TRANSFORM,
        ContextType::POSIX,
    ];
    assert_eq!(kinds, expected);
    let NegotiateContext::PreauthIntegrity { hash_algorithms, salt } = contexts[0] else { panic!("{contexts:?}") };
    assert_eq!((hash_algorithms.get(0), salt.len()), (Some(HashAlgorithm::SHA_512), 32));
    let NegotiateContext::Encryption(ciphers) = contexts[1] else { panic!("{contexts:?}") };
    assert!(ciphers.iter().eq([Cipher::AES_128_GCM, Cipher::AES_128_CCM]));
    let NegotiateContext::Signing(algorithms) = contexts[3] else { panic!("{contexts:?}") };
    assert!(algorithms.iter().eq([SigningAlgorithm::AES_GMAC, SigningAlgorithm::AES_CMAC]));
    let NegotiateContext::NetName(name) = contexts[4] else { panic!("{contexts:?}") };
    assert!(name.is("berth"));
}

#[test]
fn contexts_count_with_3_1_1_only() {
    let bytes = fixture("smb2-NEGOTIATE-request.SMB_2_1");
    let request: NegotiateRequest<'_> = body(&bytes);
    assert!(request.contexts.is_empty() && request.dialects.iter().eq([Dialect::SMB_2_1]));
    // A ClientStartTime where the contexts would be.
    let mut started = bytes.clone();
    started[28..36].copy_from_slice(&[0xff; 8]);
    assert_eq!(body::<NegotiateRequest<'_>>(&started), request);
}

#[test]
fn a_context_that_does_not_fit_is_told_by_its_field() {
    let bytes = fixture("smb2-NEGOTIATE-request");
    let list = usize::from(bytes[28]) - 64;
    let spoilt = |at: usize, value: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = value;
        decode_body::<NegotiateRequest<'_>>(&bytes).err()
    };
    assert_eq!(spoilt(2, 0), Some(DecodeError::new("DialectCount", Fault::Value)));
    assert_eq!(spoilt(29, 0xff), Some(DecodeError::new("NegotiateContextOffset", Fault::OutOfBounds)));
    assert_eq!(spoilt(28, 60), Some(DecodeError::new("NegotiateContextOffset", Fault::OutOfBounds)));
    assert_eq!(spoilt(list + 8, 0xff), Some(DecodeError::new("HashAlgorithms", Fault::Truncated)));
    assert_eq!(spoilt(list + 10, 33), Some(DecodeError::new("Salt", Fault::Truncated)));
    assert_eq!(spoilt(0, 35), Some(DecodeError::new("StructureSize", Fault::StructureSize(35))));
}

#[test]
fn negotiate_response() {
    let bytes = fixture("smb2-NEGOTIATE-response");
    let response: NegotiateResponse<'_> = body(&bytes);
    assert_eq!(response.dialect, Dialect::SMB_3_1_1);
    assert_eq!((response.max_transact_size, response.max_read_size), (0x10_0000, 0x80_0000));
    assert_eq!(response.max_write_size, 0x40_0000);
    assert_eq!(response.system_time, FileTime(0x01db_0000_0000_0001));
    assert_eq!((response.security_buffer, response.contexts.len()), (&b"\x60\x03abc"[..], 2));
    let older = fixture("smb2-NEGOTIATE-response.SMB_3_0");
    assert!(body::<NegotiateResponse<'_>>(&older).contexts.is_empty());
}

#[test]
fn session_setup() {
    let bytes = fixture("smb2-SESSION_SETUP-request");
    let request: SessionSetupRequest<'_> = body(&bytes);
    assert_eq!((request.flags, request.security_mode), (SessionSetupFlags::BINDING, SecurityMode::SIGNING_REQUIRED));
    assert_eq!((request.previous_session_id, request.security_buffer), (0x3132_3334_3536_3738, &b"NTLMSSP"[..]));
    let bytes = fixture("smb2-SESSION_SETUP-response");
    let response: SessionSetupResponse<'_> = body(&bytes);
    assert_eq!((response.flags, response.security_buffer), (SessionFlags::ENCRYPT_DATA, &b"\xa1\x07\x30"[..]));
}

#[test]
fn tree_connect() {
    let bytes = fixture("smb2-TREE_CONNECT-request");
    let request: TreeConnectRequest<'_> = body(&bytes);
    assert!(request.path.is(r"\\berth\projects"), "{request:?}");
    let response: TreeConnectResponse = body(&fixture("smb2-TREE_CONNECT-response"));
    assert_eq!((response.share_type, response.maximal_access), (ShareType::DISK, AccessMask::FILE_ALL_ACCESS));
    assert_eq!(response.share_flags, ShareFlags::NO_CACHING | ShareFlags::ACCESS_BASED_DIRECTORY_ENUM);
    assert_eq!(response.capabilities, ShareCapabilities::CONTINUOUS_AVAILABILITY);
}

#[test]
fn half_a_unit_of_text_is_refused() {
    let mut bytes = fixture("smb2-TREE_CONNECT-request");
    bytes[6] -= 1;
    let error = decode_body::<TreeConnectRequest<'_>>(&bytes);
    assert_eq!(error, Err(DecodeError::new("PathName", Fault::Length)));
}

#[test]
fn errors() {
    let bytes = fixture("smb2-ERROR-response");
    assert_eq!(body::<ErrorResponse<'_>>(&bytes), ErrorResponse::default());
    let bytes = fixture("smb2-ERROR-response.CONTEXTS");
    let response: ErrorResponse<'_> = body(&bytes);
    let contexts: Vec<_> = response.contexts().map(|context| (context.id, context.data.len())).collect();
    assert_eq!(contexts, [(ErrorId::DEFAULT, 4), (ErrorId::SHARE_REDIRECT, 2)]);
    let bytes = fixture("smb2-symlink-error");
    let link: SymlinkError<'_> = decode(&bytes).unwrap();
    assert_eq!((link.unparsed_path_length, link.flags), (8, SymlinkFlags::RELATIVE));
    assert!(link.substitute_name.is("there") && link.print_name.is("here"));
}
