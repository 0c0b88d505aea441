//! Opens that outlive connections that are cut, and gateways that are killed: no byte and no lock is lost.

mod proxy;

use std::io;
use std::net::SocketAddr;

use integration::count_from;
use smb_wire::codec::{List, Utf16, decode_body};
use smb_wire::create::{
    CreateContexts, CreateDisposition, CreateOptions, CreateRequest, CreateRequestContext, CreateResponse,
    DurableFlags, DurableReconnect, DurableRequest, ImpersonationLevel, OplockLevel, ShareAccess,
};
use smb_wire::dtyp::{AccessMask, Guid};
use smb_wire::info::FileAttributes;
use smb_wire::lock::{LockElement, LockFlags, LockRequest};
use smb_wire::read::{ReadFlags, ReadRequest, ReadResponse};
use smb_wire::write::{WriteFlags, WriteRequest};
use smb_wire::{Channel, Command, FileId, Status};

use self::proxy::Proxy;
use crate::smb_clients::House;
use crate::smb_session::{Session, Who};

const PIECES: u64 = 200;
const PIECE: usize = 8192;
const NAME: Guid = Guid([9; 16]);
const LOCKED: LockElement =
    LockElement { offset: 1 << 40, length: 1, flags: LockFlags::EXCLUSIVE.union(LockFlags::FAIL_IMMEDIATELY) };

/// A client that writes a file, and comes back to its open as often as it loses it.
struct Writer {
    address: SocketAddr,
    who: Who,
    flags: DurableFlags,
    session: Option<Session>,
    last_session: u64,
    file: FileId,
}

impl Writer {
    /// Opens the file so that it lasts, and locks a byte.
    fn open(address: SocketAddr, (share, flags): (&'static str, DurableFlags)) -> Self {
        let who = Who { client: [4; 16], share };
        let session = Some(Session::open(address, who, 0).unwrap());
        let mut writer = Self { address, who, flags, session, last_session: 0, file: FileId::default() };
        let request = DurableRequest { timeout_ms: 0, flags, create_guid: NAME };
        writer.file = writer.create(CreateRequestContext::DurableRequestV2(request)).unwrap().unwrap();
        let lock = LockRequest { lock_sequence: 0, file_id: writer.file, locks: List::Items(&[LOCKED]) };
        let locked = writer.session.as_mut().unwrap().ask(Command::LOCK, &lock).unwrap();
        assert_eq!(locked.status, Status::SUCCESS);
        writer
    }

    fn create(&mut self, context: CreateRequestContext<'_>) -> io::Result<Result<FileId, Status>> {
        let contexts = [context];
        let mut request = opening(&contexts);
        if self.flags.contains(DurableFlags::PERSISTENT) {
            // It lasts without one, and others are not kept waiting.
            request.oplock_level = OplockLevel::NONE;
        }
        let answer = self.session.as_mut().unwrap().ask(Command::CREATE, &request)?;
        if answer.status != Status::SUCCESS {
            return Ok(Err(answer.status));
        }
        Ok(Ok(decode_body::<CreateResponse<'_>>(&answer.body).unwrap().file_id))
    }

    /// Does something, again after each time that the connection is lost.
    fn surely<T>(&mut self, mut act: impl FnMut(&mut Session, FileId) -> io::Result<T>) -> T {
        for _ in 0..TRIES {
            if self.session.is_none() && !self.come_back() {
                continue;
            }
            let session = self.session.as_mut().unwrap();
            match act(session, self.file) {
                Ok(done) => return done,
                Err(_) => self.last_session = self.session.take().map_or(0, |session| session.id),
            }
        }
        panic!("the gateway does not come back");
    }

    fn come_back(&mut self) -> bool {
        let Ok(session) = Session::open(self.address, self.who, self.last_session) else {
            std::thread::sleep(std::time::Duration::from_millis(50));
            return false;
        };
        self.session = Some(session);
        let back = DurableReconnect { file_id: self.file, create_guid: NAME, flags: self.flags };
        match self.create(CreateRequestContext::DurableReconnectV2(back)) {
            Ok(file) => assert_eq!(file, Ok(self.file), "the open is there"),
            Err(_) => self.session = None,
        }
        self.session.is_some()
    }

    fn write(&mut self, piece: u64) {
        let data = bytes_of(piece);
        let status = self.surely(|session, file_id| {
            let request = writing(file_id, piece, &data);
            session.ask(Command::WRITE, &request).map(|answer| answer.status)
        });
        assert_eq!(status, Status::SUCCESS);
    }

    /// Sends a piece, and does not wait for its answer.
    fn begin_to_write(&mut self, piece: u64) {
        let data = bytes_of(piece);
        self.surely(|session, file_id| session.send(Command::WRITE, &writing(file_id, piece, &data)));
    }

    fn read(&mut self, piece: u64) -> Vec<u8> {
        self.surely(|session, file_id| {
            let request = ReadRequest {
                padding: 0x50,
                flags: ReadFlags::empty(),
                length: u32::try_from(PIECE).unwrap(),
                offset: piece * PIECE as u64,
                file_id,
                minimum_count: 0,
                channel: Channel::NONE,
                channel_info: &[],
            };
            let answer = session.ask(Command::READ, &request)?;
            assert_eq!(answer.status, Status::SUCCESS);
            Ok(decode_body::<ReadResponse<'_>>(&answer.body).unwrap().data.to_vec())
        })
    }
}

fn opening<'a>(contexts: &'a [CreateRequestContext<'a>]) -> CreateRequest<'a> {
    const FILE: &[u8] = b"f\0i\0l\0e\0";
    CreateRequest {
        oplock_level: OplockLevel::BATCH,
        impersonation_level: ImpersonationLevel::IMPERSONATION,
        desired_access: AccessMask::GENERIC_READ | AccessMask::GENERIC_WRITE,
        file_attributes: FileAttributes::empty(),
        share_access: ShareAccess::READ | ShareAccess::WRITE,
        disposition: CreateDisposition::OPEN_IF,
        options: CreateOptions::NON_DIRECTORY_FILE,
        name: Utf16::from_bytes(FILE).unwrap(),
        contexts: CreateContexts::Items(contexts),
    }
}

fn writing(file_id: FileId, piece: u64, data: &[u8]) -> WriteRequest<'_> {
    let flags = WriteFlags::empty();
    WriteRequest { offset: piece * PIECE as u64, file_id, channel: Channel::NONE, flags, data }
}

fn bytes_of(piece: u64) -> Vec<u8> {
    let mut state = piece.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..PIECE).map(|_| next()).collect()
}

/// Whether somebody else could take the byte that the writer has locked.
fn is_locked(address: SocketAddr, share: &'static str) -> bool {
    let mut other = Session::open(address, Who { client: [5; 16], share }, 0).unwrap();
    let mut request = opening(&[]);
    request.oplock_level = OplockLevel::NONE;
    request.desired_access = AccessMask::GENERIC_READ;
    let opened = other.ask(Command::CREATE, &request).unwrap();
    assert_eq!(opened.status, Status::SUCCESS);
    let file_id = decode_body::<CreateResponse<'_>>(&opened.body).unwrap().file_id;
    let lock = LockRequest { lock_sequence: 0, file_id, locks: List::Items(&[LOCKED]) };
    other.ask(Command::LOCK, &lock).unwrap().status == Status::LOCK_NOT_GRANTED
}

#[test]
fn a_durable_open_survives_cut_connections_without_a_lost_byte() {
    let house = House::open("[smb]\n");
    let proxy = Proxy::to(house.smb_address()).unwrap();
    let mut writer = Writer::open(proxy.address, ("projects", DurableFlags::empty()));
    for piece in 0..PIECES {
        if piece % 9 == 4 {
            // On its way when the connection is cut: done or not, it is sent again.
            writer.begin_to_write(piece);
            proxy.cut();
        }
        writer.write(piece);
    }
    proxy.cut();
    for piece in 0..PIECES {
        assert_eq!(writer.read(piece), bytes_of(piece), "piece {piece}");
    }
    drop(writer);
    house.close();
}

#[test]
fn a_persistent_open_survives_killed_gateways_without_a_lost_byte_or_lock() {
    let mut house = House::open("[smb]\n");
    let address = house.smb_address();
    let always = ("always", DurableFlags::PERSISTENT);
    let mut writer = Writer::open(address, always);
    let kills = u64::from(count_from("BERTH_PERSISTENT_KILLS", 3)).clamp(1, PIECES);
    let each = PIECES / kills;
    for piece in 0..PIECES {
        writer.write(piece);
        if piece % each == each / 2 {
            writer.begin_to_write(piece + 1);
            house.kill_and_start_again();
            assert_eq!(writer.read(piece), bytes_of(piece), "what was answered is there, and need not be sent again");
        }
    }
    assert!(is_locked(address, always.0));
    house.kill_and_start_again();
    assert!(is_locked(address, always.0), "also before its client has come back");
    for piece in 0..PIECES {
        assert_eq!(writer.read(piece), bytes_of(piece), "piece {piece}");
    }
    drop(writer);
    house.close();
}

const TRIES: usize = 200;
