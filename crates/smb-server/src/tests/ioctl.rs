//! What is asked by a control code.

use bytes::BytesMut;
use smb_wire::close::CloseResponse;
use smb_wire::codec::{Encode, List, decode, decode_body, encode};
use smb_wire::create::CreateDisposition;
use smb_wire::dtyp::{AccessMask, Guid};
use smb_wire::info::FileAttributes;
use smb_wire::ioctl::{
    AllocatedRange, Chunk, ControlCode, CopyChunkRequest, CopyChunkResponse, DuplicateExtents, DuplicateExtentsEx,
    DuplicateFlags, Integrity, IoctlFlags, IoctlRequest, IoctlResponse, ResumeKey, ResumeKeyResponse, SetIntegrity,
    ValidateNegotiateRequest, ValidateNegotiateResponse, ZeroData,
};
use smb_wire::negotiate::{Capabilities, Dialect, SecurityMode};
use smb_wire::read::ReadResponse;
use smb_wire::{Command, FileId, Status};

use super::descriptors::open_as;
use super::files::{close, open, reading, writing};
use super::harness::{CONTOSO, Client, House, Response};

fn asking(code: ControlCode, file_id: FileId, input: &[u8]) -> IoctlRequest<'_> {
    IoctlRequest {
        code,
        file_id,
        max_input_response: 0,
        max_output_response: 65_536,
        flags: IoctlFlags::IS_FSCTL,
        input,
    }
}

fn ask(client: &mut Client<'_>, code: ControlCode, file_id: FileId, input: &[u8]) -> Response {
    client.ask(Command::IOCTL, &asking(code, file_id, input))
}

fn output(response: &Response) -> &[u8] {
    let body: IoctlResponse<'_> = decode_body(&response.body).unwrap();
    body.output
}

fn encoded(structure: &impl Encode) -> BytesMut {
    let mut bytes = BytesMut::new();
    encode(structure, &mut bytes);
    bytes
}

fn at_home(house: &House, dialect: Dialect) -> Client<'_> {
    let mut client = house.client(CONTOSO).at_home(dialect);
    assert_eq!(client.connect("projects").status(), Status::SUCCESS);
    client
}

fn what_was_offered<'a>(dialects: &'a [Dialect]) -> ValidateNegotiateRequest<'a> {
    ValidateNegotiateRequest {
        capabilities: Capabilities::ENCRYPTION | Capabilities::MULTI_CHANNEL | Capabilities::DIRECTORY_LEASING,
        client_guid: Guid([3; 16]),
        security_mode: SecurityMode::SIGNING_ENABLED,
        dialects: List::Items(dialects),
    }
}

#[test]
fn a_negotiation_that_nobody_changed_is_confirmed() {
    let house = House::new();
    for dialect in [Dialect::SMB_2_1, Dialect::SMB_3_0, Dialect::SMB_3_0_2] {
        let mut client = at_home(&house, dialect);
        let input = encoded(&what_was_offered(&[dialect]));
        let response = ask(&mut client, ControlCode::VALIDATE_NEGOTIATE_INFO, FileId::RELATED, &input);
        let told: ValidateNegotiateResponse = decode(output(&response)).unwrap();
        assert_eq!((response.status(), told.dialect, told.server_guid), (Status::SUCCESS, dialect, Guid([9; 16])));
    }
}

#[test]
fn a_negotiation_that_somebody_changed_ends_the_connection() {
    let house = House::new();
    let (both, mine) = ([Dialect::SMB_3_0, Dialect::SMB_3_1_1], [Dialect::SMB_3_0]);
    let changed = [
        what_was_offered(&both),
        ValidateNegotiateRequest { client_guid: Guid([4; 16]), ..what_was_offered(&mine) },
        ValidateNegotiateRequest { capabilities: Capabilities::empty(), ..what_was_offered(&mine) },
        ValidateNegotiateRequest { security_mode: SecurityMode::SIGNING_REQUIRED, ..what_was_offered(&mine) },
    ];
    for request in changed {
        let mut client = at_home(&house, Dialect::SMB_3_0);
        let input = encoded(&request);
        let header = client.header(Command::IOCTL);
        let asking = asking(ControlCode::VALIDATE_NEGOTIATE_INFO, FileId::RELATED, &input);
        let message = client.message(header, &asking);
        assert!(client.exchange(&message).is_err(), "{request:?}");
    }
}

#[test]
fn pieces_of_a_file_are_copied_without_the_network() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let source = open(&mut client, "source", CreateDisposition::CREATE).unwrap();
    client.ask(Command::WRITE, &writing(source, 0, b"abcdefgh"));
    let target = open(&mut client, "target", CreateDisposition::CREATE).unwrap();
    let response = ask(&mut client, ControlCode::SRV_REQUEST_RESUME_KEY, source, &[]);
    let ResumeKeyResponse { key } = decode(output(&response)).unwrap();
    let copy = |client: &mut Client<'_>, source: ResumeKey, chunks: &[Chunk]| {
        let input = encoded(&CopyChunkRequest { source, chunks: List::Items(chunks) });
        ask(client, ControlCode::SRV_COPYCHUNK_WRITE, target, &input)
    };
    let chunk = |source_offset, target_offset, length| Chunk { source_offset, target_offset, length };
    let response = copy(&mut client, key, &[chunk(0, 4, 4), chunk(4, 0, 4)]);
    let told: CopyChunkResponse = decode(output(&response)).unwrap();
    assert_eq!((response.status(), told.chunks_written, told.total_bytes_written), (Status::SUCCESS, 2, 8));
    let response = client.ask(Command::READ, &reading(target, 0, 100));
    assert_eq!(decode_body::<ReadResponse<'_>>(&response.body).unwrap().data, b"efghabcd");
    // What was done before a piece that cannot be is told.
    let response = copy(&mut client, key, &[chunk(0, 0, 1), chunk(5, 0, 4)]);
    let told: CopyChunkResponse = decode(output(&response)).unwrap();
    assert_eq!((response.status(), told.chunks_written), (Status::INVALID_VIEW_SIZE, 1));
    for wrong in [&[chunk(0, 0, 0)][..], &[chunk(0, 0, (1 << 20) + 1)], &[chunk(0, 0, 1); 257]] {
        let response = copy(&mut client, key, wrong);
        let limits: CopyChunkResponse = decode(output(&response)).unwrap();
        assert_eq!((response.status(), limits.chunks_written), (Status::INVALID_PARAMETER, 256));
        assert_eq!((limits.chunk_bytes_written, limits.total_bytes_written), (1 << 20, 16 << 20));
    }
    close(&mut client, source);
    assert_eq!(copy(&mut client, key, &[chunk(0, 0, 1)]).status(), Status::OBJECT_NAME_NOT_FOUND);
}

#[test]
fn large_pieces_that_follow_each_other_are_shared() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let source = open(&mut client, "source", CreateDisposition::CREATE).unwrap();
    let bytes: Vec<u8> = (0..100_000_u32).map(|at| at.to_le_bytes()[1]).collect();
    client.ask(Command::WRITE, &writing(source, 0, &bytes[..60_000]));
    client.ask(Command::WRITE, &writing(source, 60_000, &bytes[60_000..]));
    let target = open(&mut client, "target", CreateDisposition::CREATE).unwrap();
    let key = decode::<ResumeKeyResponse>(output(&ask(&mut client, ControlCode::SRV_REQUEST_RESUME_KEY, source, &[])));
    let source = key.unwrap().key;
    let chunk = |source_offset, target_offset, length| Chunk { source_offset, target_offset, length };
    let mut copy = |chunks: &[Chunk]| {
        let input = encoded(&CopyChunkRequest { source, chunks: List::Items(chunks) });
        let response = ask(&mut client, ControlCode::SRV_COPYCHUNK_WRITE, target, &input);
        decode::<CopyChunkResponse>(output(&response)).map(|told| (response.status(), told))
    };
    let whole = CopyChunkResponse { chunks_written: 2, chunk_bytes_written: 0, total_bytes_written: 100_000 };
    // Shared, and where that cannot be, copied.
    assert_eq!(copy(&[chunk(0, 0, 50_000), chunk(50_000, 50_000, 50_000)]), Ok((Status::SUCCESS, whole)));
    assert_eq!(copy(&[chunk(0, 100_001, 50_000), chunk(50_000, 150_001, 50_000)]), Ok((Status::SUCCESS, whole)));
    for (offset, end) in [(0, 50_000), (50_000, 100_000)] {
        for behind in [0, 100_001] {
            let response = client.ask(Command::READ, &reading(target, behind + offset as u64, 50_000));
            let read: ReadResponse<'_> = decode_body(&response.body).unwrap();
            assert!(read.data == &bytes[offset..end], "{offset} {behind}");
        }
    }
}

#[test]
fn extents_are_duplicated_as_windows_does() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let mut file = |name: &str, length: usize| {
        let file = open(&mut client, name, CreateDisposition::CREATE).unwrap();
        client.ask(Command::WRITE, &writing(file, 0, &vec![name.as_bytes()[0]; length]));
        file
    };
    let (source, target) = (file("source", 10_000), file("target", 9_000));
    let range =
        |source_offset, target_offset, length| DuplicateExtents { source, source_offset, target_offset, length };
    let plain = ControlCode::DUPLICATE_EXTENTS_TO_FILE;
    for (request, status) in [
        (range(0, 0, 8192), Status::SUCCESS),
        (range(0, 0, 0), Status::SUCCESS),
        (range(8192, 8192, 4096), Status::SUCCESS),
        (range(1, 0, 4096), Status::INVALID_PARAMETER),
        (range(0, 1, 4096), Status::INVALID_PARAMETER),
        (range(8192, 0, 8192), Status::NOT_SUPPORTED),
        (range(0, 8192, 8192), Status::NOT_SUPPORTED),
        (range(u64::MAX - 4095, 0, 4096), Status::INVALID_PARAMETER),
        (
            DuplicateExtents { source: FileId { persistent: 1, volatile: 99 }, ..range(0, 0, 4096) },
            Status::INVALID_HANDLE,
        ),
    ] {
        assert_eq!(ask(&mut client, plain, target, &encoded(&request)).status(), status, "{request:?}");
    }
    let within = DuplicateExtents { source: target, ..range(0, 4096, 4096) };
    assert_eq!(ask(&mut client, plain, target, &encoded(&within)).status(), Status::SUCCESS);
    let overlapping = DuplicateExtents { source: target, ..range(0, 4096, 8192) };
    assert_eq!(ask(&mut client, plain, target, &encoded(&overlapping)).status(), Status::NOT_SUPPORTED);
    let response = client.ask(Command::READ, &reading(target, 0, 20_000));
    let read = decode_body::<ReadResponse<'_>>(&response.body).unwrap().data.to_vec();
    assert!(read == [b's'; 9_000], "its end stays where it was");
    let long = DuplicateExtentsEx {
        structure_size: 0x30,
        source,
        source_offset: 0,
        target_offset: 4096,
        length: 4096,
        flags: DuplicateFlags::SOURCE_ATOMIC,
    };
    let code = ControlCode::DUPLICATE_EXTENTS_TO_FILE_EX;
    assert_eq!(ask(&mut client, code, target, &encoded(&long)).status(), Status::SUCCESS);
    let short = DuplicateExtentsEx { structure_size: 0x20, ..long };
    assert_eq!(ask(&mut client, code, target, &encoded(&short)).status(), Status::INVALID_PARAMETER);
    // A source that nobody may read, a target that nobody may write.
    let mut at = |name: &str, access| open_as(&mut client, name, (access, CreateDisposition::OPEN)).unwrap();
    let (blind, fixed) = (at("source", AccessMask::WRITE_DATA), at("target", AccessMask::READ_DATA));
    let unread = DuplicateExtents { source: blind, ..range(0, 0, 4096) };
    assert_eq!(ask(&mut client, plain, target, &encoded(&unread)).status(), Status::ACCESS_DENIED);
    assert_eq!(ask(&mut client, plain, fixed, &encoded(&range(0, 0, 4096))).status(), Status::ACCESS_DENIED);
}

#[test]
fn holes_are_not_brought_into_a_file_that_is_not_sparse() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let source = open(&mut client, "source", CreateDisposition::CREATE).unwrap();
    let target = open(&mut client, "target", CreateDisposition::CREATE).unwrap();
    client.ask(Command::WRITE, &writing(source, 0, &[7; 8192]));
    client.ask(Command::WRITE, &writing(target, 0, &[8; 4096]));
    ask(&mut client, ControlCode::SET_SPARSE, source, &[]);
    let duplicate = |client: &mut Client<'_>, length| {
        let request = DuplicateExtents { source, source_offset: 0, target_offset: 0, length };
        ask(client, ControlCode::DUPLICATE_EXTENTS_TO_FILE, target, &encoded(&request)).status()
    };
    assert_eq!(duplicate(&mut client, 4096), Status::NOT_SUPPORTED);
    ask(&mut client, ControlCode::SET_SPARSE, target, &[]);
    assert_eq!(duplicate(&mut client, 8192), Status::SUCCESS, "a sparse file is made longer");
    let response = client.ask(Command::READ, &reading(target, 0, 20_000));
    assert!(decode_body::<ReadResponse<'_>>(&response.body).unwrap().data == [7; 8192]);
}

#[test]
fn nobody_is_refused_who_asks_about_integrity() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let file = open(&mut client, "file", CreateDisposition::CREATE).unwrap();
    let told = ask(&mut client, ControlCode::GET_INTEGRITY_INFORMATION, file, &[]);
    let told: Integrity = decode(output(&told)).unwrap();
    assert_eq!((told.checksum_algorithm, told.cluster_size), (0, 4096));
    let set = encoded(&SetIntegrity { checksum_algorithm: 0, flags: 0 });
    assert_eq!(ask(&mut client, ControlCode::SET_INTEGRITY_INFORMATION, file, &set).status(), Status::SUCCESS);
}

#[test]
fn who_may_run_a_file_may_copy_it_elsewhere() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let whole = open(&mut client, "program", CreateDisposition::CREATE).unwrap();
    client.ask(Command::WRITE, &writing(whole, 0, b"text"));
    let mut at = |name: &str, access| open_as(&mut client, name, (access, CreateDisposition::OPEN_IF)).unwrap();
    let source = at("program", AccessMask::EXECUTE);
    let (both, run) = (AccessMask::READ_DATA | AccessMask::WRITE_DATA, AccessMask::EXECUTE | AccessMask::WRITE_DATA);
    let targets = [at("both", both), at("run", run), at("read", AccessMask::READ_DATA)];
    let key = decode::<ResumeKeyResponse>(output(&ask(&mut client, ControlCode::SRV_REQUEST_RESUME_KEY, source, &[])));
    let chunks = [Chunk { source_offset: 0, target_offset: 0, length: 4 }];
    let input = encoded(&CopyChunkRequest { source: key.unwrap().key, chunks: List::Items(&chunks) });
    let mut copied = |target, code| ask(&mut client, code, target, &input).status();
    let [both, run, read] = targets;
    assert_eq!(copied(both, ControlCode::SRV_COPYCHUNK), Status::SUCCESS);
    assert_eq!(copied(run, ControlCode::SRV_COPYCHUNK), Status::ACCESS_DENIED, "the target has to be read");
    assert_eq!(copied(run, ControlCode::SRV_COPYCHUNK_WRITE), Status::SUCCESS);
    assert_eq!(copied(read, ControlCode::SRV_COPYCHUNK_WRITE), Status::ACCESS_DENIED);
}

#[test]
fn codes_that_are_not_served_have_the_status_of_windows() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let file = open(&mut client, "file", CreateDisposition::CREATE).unwrap();
    for (code, file_id, status) in [
        (ControlCode::DFS_GET_REFERRALS, FileId::RELATED, Status::FS_DRIVER_REQUIRED),
        (ControlCode(0x1234), file, Status::INVALID_DEVICE_REQUEST),
        (ControlCode(0x8384_8013), file, Status::INVALID_DEVICE_REQUEST),
        (ControlCode::GET_REPARSE_POINT, file, Status::NOT_A_REPARSE_POINT),
        (ControlCode::SRV_REQUEST_RESUME_KEY, FileId { persistent: 1, volatile: 99 }, Status::FILE_CLOSED),
        (ControlCode::SRV_REQUEST_RESUME_KEY, FileId::RELATED, Status::FILE_CLOSED),
        (ControlCode::QUERY_NETWORK_INTERFACE_INFO, file, Status::INVALID_PARAMETER),
    ] {
        assert_eq!(ask(&mut client, code, file_id, &[]).status(), status, "{code:?}");
    }
    let asking = IoctlRequest { flags: IoctlFlags::empty(), ..asking(ControlCode::GET_COMPRESSION, file, &[]) };
    assert_eq!(client.ask(Command::IOCTL, &asking).status(), Status::NOT_SUPPORTED);
}

#[test]
fn holes_are_made_and_told() {
    let house = House::new();
    let mut client = at_home(&house, Dialect::SMB_3_1_1);
    let file = open(&mut client, "sparse", CreateDisposition::CREATE).unwrap();
    client.ask(Command::WRITE, &writing(file, 0, &[7; 3 * 4096]));
    assert_eq!(ask(&mut client, ControlCode::SET_SPARSE, file, &[]).status(), Status::SUCCESS);
    let zero = |client: &mut Client<'_>, offset, beyond| {
        ask(client, ControlCode::SET_ZERO_DATA, file, &encoded(&ZeroData { offset, beyond })).status()
    };
    assert_eq!(zero(&mut client, 4096, 8192), Status::SUCCESS);
    assert_eq!(zero(&mut client, 2, 1), Status::INVALID_PARAMETER);
    let whole = encoded(&AllocatedRange { offset: 0, length: 1 << 40 });
    let response = ask(&mut client, ControlCode::QUERY_ALLOCATED_RANGES, file, &whole);
    let [first, second] = [AllocatedRange { offset: 0, length: 4096 }, AllocatedRange { offset: 8192, length: 4096 }];
    assert_eq!(output(&response), [encoded(&first), encoded(&second)].concat());
    let little = IoctlRequest { max_output_response: 16, ..asking(ControlCode::QUERY_ALLOCATED_RANGES, file, &whole) };
    let response = client.ask(Command::IOCTL, &little);
    assert_eq!((response.status(), output(&response)), (Status::BUFFER_OVERFLOW, &encoded(&first)[..]));
    let closed = close(&mut client, file);
    let told: CloseResponse = decode_body(&closed.body).unwrap();
    assert!(told.file.attributes.contains(FileAttributes::SPARSE_FILE));
}
