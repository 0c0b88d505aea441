//! What a user does over SMB, in single steps.

use std::io;

use bytes::{Bytes, BytesMut};
use smb_wire::change_notify::{ChangeNotifyFlags, ChangeNotifyRequest, CompletionFilter};
use smb_wire::close::{CloseFlags, CloseRequest};
use smb_wire::codec::{List, Utf16, decode, decode_body, encode};
use smb_wire::create::{
    CreateContexts, CreateDisposition, CreateOptions, CreateRequest, CreateRequestContext, CreateResponse,
    ImpersonationLevel, LeaseContext, OplockLevel, ShareAccess,
};
use smb_wire::dtyp::{AccessMask, SecurityDescriptor, Sid};
use smb_wire::info::FileAttributes;
use smb_wire::lock::{LockElement, LockFlags, LockRequest};
use smb_wire::query_info::{InfoType, QueryInfoFlags, QueryInfoRequest, SecurityInformation, SetInfoRequest};
use smb_wire::read::{ReadFlags, ReadRequest, ReadResponse};
use smb_wire::write::{WriteFlags, WriteRequest};
use smb_wire::{Channel, Command, FileId, FlushRequest, OutputResponse, Status};

use crate::smb_clients::House;
use crate::smb_session::{Session, Who};

/// The security descriptor of a file, as a kind of information.
pub(crate) const DESCRIPTOR: (InfoType, u8) = (InfoType::SECURITY, 0);

pub(crate) struct User(pub(crate) Session);

/// How a file is opened; everybody may share it and it is there unless something else is said.
#[derive(Clone, Copy)]
pub(crate) struct How {
    pub(crate) access: AccessMask,
    pub(crate) share: ShareAccess,
    pub(crate) disposition: CreateDisposition,
    pub(crate) lease: Option<LeaseContext>,
}

impl How {
    pub(crate) const fn to(access: AccessMask) -> Self {
        let share = ShareAccess::READ.union(ShareAccess::WRITE).union(ShareAccess::DELETE);
        Self { access, share, disposition: CreateDisposition::OPEN, lease: None }
    }

    pub(crate) const fn create(self) -> Self {
        Self { disposition: CreateDisposition::CREATE, ..self }
    }

    pub(crate) const fn share(self, share: ShareAccess) -> Self {
        Self { share, ..self }
    }

    pub(crate) const fn lease(self, lease: LeaseContext) -> Self {
        Self { lease: Some(lease), ..self }
    }
}

impl User {
    pub(crate) fn log_on(house: &House, user: &str) -> Self {
        let who = Who { client: [user.len().to_le_bytes()[0]; 16], share: "projects" };
        Self(Session::open_as(house.smb_address(), (who, user), 0).unwrap())
    }

    pub(crate) fn open(&mut self, name: &str, how: How) -> Result<FileId, Status> {
        let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let contexts: Vec<_> = how.lease.map(CreateRequestContext::Lease).into_iter().collect();
        let request = CreateRequest {
            oplock_level: if how.lease.is_some() { OplockLevel::LEASE } else { OplockLevel::NONE },
            impersonation_level: ImpersonationLevel::IMPERSONATION,
            desired_access: how.access,
            file_attributes: FileAttributes::empty(),
            share_access: how.share,
            disposition: how.disposition,
            options: CreateOptions::empty(),
            name: Utf16::from_bytes(&name).unwrap(),
            contexts: CreateContexts::Items(&contexts),
        };
        let answer = self.0.ask(Command::CREATE, &request).unwrap();
        match answer.status {
            Status::SUCCESS => Ok(decode_body::<CreateResponse<'_>>(&answer.body).unwrap().file_id),
            status => Err(status),
        }
    }

    pub(crate) fn close(&mut self, file_id: FileId) {
        let request = CloseRequest { flags: CloseFlags::empty(), file_id };
        assert_eq!(self.0.ask(Command::CLOSE, &request).unwrap().status, Status::SUCCESS);
    }

    pub(crate) fn read(&mut self, file_id: FileId) -> Result<Vec<u8>, Status> {
        let request = ReadRequest {
            padding: 0x50,
            flags: ReadFlags::empty(),
            length: 32_768,
            offset: 0,
            file_id,
            minimum_count: 0,
            channel: Channel::NONE,
            channel_info: &[],
        };
        let answer = self.0.ask(Command::READ, &request).unwrap();
        match answer.status {
            Status::SUCCESS => Ok(decode_body::<ReadResponse<'_>>(&answer.body).unwrap().data.to_vec()),
            Status::END_OF_FILE => Ok(Vec::new()),
            status => Err(status),
        }
    }

    pub(crate) fn write(&mut self, file_id: FileId, data: &[u8]) -> Status {
        self.write_at(file_id, 0, data)
    }

    pub(crate) fn write_at(&mut self, file_id: FileId, offset: u64, data: &[u8]) -> Status {
        let flags = WriteFlags::empty();
        let request = WriteRequest { offset, file_id, channel: Channel::NONE, flags, data };
        self.0.ask(Command::WRITE, &request).unwrap().status
    }

    /// LOCK or unlock of the first ten bytes.
    pub(crate) fn lock(&mut self, file_id: FileId, flags: LockFlags) -> Status {
        let id = self.begin_to_lock(file_id, flags).unwrap();
        self.0.answer_to(id).unwrap().status
    }

    pub(crate) fn begin_to_lock(&mut self, file_id: FileId, flags: LockFlags) -> io::Result<u64> {
        let locks = [LockElement { offset: 0, length: 10, flags }];
        self.0.send(Command::LOCK, &LockRequest { lock_sequence: 0, file_id, locks: List::Items(&locks) })
    }

    /// Begins to watch a directory, and returns once the gateway does.
    pub(crate) fn watch(&mut self, file_id: FileId) -> u64 {
        let (flags, filter) = (ChangeNotifyFlags::empty(), CompletionFilter::FILE_NAME);
        let request = ChangeNotifyRequest { flags, output_length: 4096, file_id, filter };
        let id = self.0.send(Command::CHANGE_NOTIFY, &request).unwrap();
        self.0.hear_pending(id).unwrap();
        id
    }

    pub(crate) fn heard(&mut self, id: u64) -> Bytes {
        let answer = self.0.answer_to(id).unwrap();
        assert_eq!(answer.status, Status::SUCCESS);
        answer.body
    }

    pub(crate) fn flush(&mut self, file_id: FileId) -> io::Result<Status> {
        self.0.ask(Command::FLUSH, &FlushRequest { file_id }).map(|answer| answer.status)
    }

    /// QUERY_INFO of one kind; what it tells.
    pub(crate) fn query(&mut self, file_id: FileId, what: (InfoType, u8)) -> Result<Vec<u8>, Status> {
        let (info_type, class) = what;
        let additional = SecurityInformation::OWNER | SecurityInformation::DACL;
        let flags = QueryInfoFlags::RESTART_SCAN;
        let request =
            QueryInfoRequest { info_type, class, output_length: 16_384, additional, flags, file_id, input: &[] };
        let answer = self.0.ask(Command::QUERY_INFO, &request).unwrap();
        match answer.status {
            Status::SUCCESS => Ok(decode_body::<OutputResponse<'_>>(&answer.body).unwrap().output.to_vec()),
            status => Err(status),
        }
    }

    /// SET_INFO of one kind, sent and not waited for.
    pub(crate) fn begin_to_set(&mut self, file_id: FileId, (what, input): ((InfoType, u8), &[u8])) -> io::Result<u64> {
        let ((info_type, class), additional) = (what, SecurityInformation::DACL);
        self.0.send(Command::SET_INFO, &SetInfoRequest { info_type, class, additional, file_id, input })
    }

    /// Who owns an open file.
    pub(crate) fn owner(&mut self, file_id: FileId) -> Sid {
        let told = self.query(file_id, DESCRIPTOR).unwrap();
        decode::<SecurityDescriptor<'_>>(&told).unwrap().owner.unwrap()
    }

    pub(crate) fn protect(&mut self, file_id: FileId, descriptor: &SecurityDescriptor<'_>) -> Status {
        let mut input = BytesMut::new();
        encode(descriptor, &mut input);
        let id = self.begin_to_set(file_id, (DESCRIPTOR, &input)).unwrap();
        self.0.answer_to(id).unwrap().status
    }
}
