//! A client of SMB 3.1.1 that waits for each answer, signed with its session's key.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use security::ntlm::{Chosen, Initiator, NtHash};
use security::smb::{Derivation, PreauthHash, SessionKeys, Signer, SigningAlgorithm};
use smb_wire::codec::{Encode, List, Utf16, decode_body, encode_body};
use smb_wire::compound::{Chain, Elements};
use smb_wire::dtyp::Guid;
use smb_wire::negotiate::{
    Capabilities, Dialect, HashAlgorithm, NegotiateContext, NegotiateContexts, NegotiateRequest, SecurityMode,
};
use smb_wire::session_setup::{SessionSetupFlags, SessionSetupRequest, SessionSetupResponse};
use smb_wire::tree_connect::{TreeConnectFlags, TreeConnectRequest};
use smb_wire::{Command, Header, HeaderFlags, Recipient, Status};

/// A session over one connection, and a tree connect.
pub(crate) struct Session {
    stream: TcpStream,
    next: u64,
    hash: PreauthHash,
    pub(crate) id: u64,
    tree: u32,
    signer: Option<Signer>,
}

/// Who logs on, and where.
#[derive(Clone, Copy)]
pub(crate) struct Who {
    pub(crate) client: [u8; 16],
    pub(crate) share: &'static str,
}

pub(crate) struct Answer {
    pub(crate) status: Status,
    pub(crate) body: Bytes,
    header: Header,
}

impl Session {
    /// Connects, logs on as `alice` in place of an earlier session, and connects to a share.
    pub(crate) fn open(address: SocketAddr, who: Who, previous: u64) -> io::Result<Self> {
        Self::open_as(address, (who, "alice"), previous)
    }

    /// The same as another user, who has the same password.
    pub(crate) fn open_as(address: SocketAddr, (who, user): (Who, &str), previous: u64) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, LIMIT)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_nodelay(true)?;
        let mut session = Self { stream, next: 0, hash: PreauthHash::START, id: 0, tree: 0, signer: None };
        session.negotiate(who.client)?;
        session.log_on(user, previous)?;
        let path: Vec<u8> = format!(r"\\gateway\{}", who.share).encode_utf16().flat_map(u16::to_le_bytes).collect();
        let path = Utf16::from_bytes(&path).expect("UTF-16");
        let request = TreeConnectRequest { flags: TreeConnectFlags::empty(), path };
        let answer = session.ask(Command::TREE_CONNECT, &request)?;
        assert_eq!(answer.status, Status::SUCCESS);
        session.tree = answer.header.tree_id().expect("a tree connect");
        Ok(session)
    }

    /// Sends a request and waits for its answer; breaks and interim answers are passed over.
    pub(crate) fn ask(&mut self, command: Command, body: &impl Encode) -> io::Result<Answer> {
        let id = self.send(command, body)?;
        self.answer_to(id)
    }

    /// Waits for the answer of a request that was sent.
    pub(crate) fn answer_to(&mut self, id: u64) -> io::Result<Answer> {
        loop {
            let answer = self.hear()?;
            if answer.header.message_id == id && answer.status != Status::PENDING {
                return Ok(answer);
            }
        }
    }

    /// Waits until the gateway says that a request waits.
    pub(crate) fn hear_pending(&mut self, id: u64) -> io::Result<()> {
        let answer = self.hear()?;
        assert_eq!((answer.header.message_id, answer.status), (id, Status::PENDING));
        Ok(())
    }

    /// Waits for what nobody asked for: a break. No answer may be due.
    pub(crate) fn hear_break(&mut self) -> io::Result<Bytes> {
        let told = self.hear()?;
        assert_eq!((told.header.message_id, told.header.command), (u64::MAX, Command::OPLOCK_BREAK));
        Ok(told.body)
    }

    /// Sends a request whose answer nobody waits for.
    pub(crate) fn send(&mut self, command: Command, body: &impl Encode) -> io::Result<u64> {
        let mut header = Header { credits: 64, session_id: self.id, ..Header::request(command, self.next) };
        header.recipient = Recipient::Sync { process_id: 0, tree_id: self.tree };
        if self.signer.is_some() {
            header.flags |= HeaderFlags::SIGNED;
        }
        self.next += 1;
        let mut message = BytesMut::new();
        encode_body(body, Chain::new(&mut message).begin(&header));
        match &self.signer {
            Some(signer) => {
                let (header, rest) = message.split_first_chunk_mut().expect("a header");
                signer.sign(header, [&*rest]);
            }
            None => self.hash.add([&message[..]]),
        }
        let length = u32::try_from(message.len()).expect("a short message");
        self.stream.write_all(&[&length.to_be_bytes()[..], &message].concat())?;
        Ok(header.message_id)
    }

    fn hear(&mut self) -> io::Result<Answer> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut frame)?;
        let frame = Bytes::from(frame);
        let element = Elements::new(&frame).next().expect("a message").map_err(io::Error::other)?;
        if self.signer.is_none() && element.header.status != Status::SUCCESS
            || element.header.command == Command::NEGOTIATE
        {
            self.hash.add([&frame[..]]);
        }
        Ok(Answer { status: element.header.status, body: frame.slice_ref(element.body), header: element.header })
    }

    fn negotiate(&mut self, client: [u8; 16]) -> io::Result<()> {
        let contexts = [NegotiateContext::PreauthIntegrity {
            hash_algorithms: List::Items(&[HashAlgorithm::SHA_512]),
            salt: &[7; 32],
        }];
        let request = NegotiateRequest {
            security_mode: SecurityMode::SIGNING_ENABLED,
            capabilities: Capabilities::LARGE_MTU | Capabilities::PERSISTENT_HANDLES | Capabilities::LEASING,
            client_guid: Guid(client),
            dialects: List::Items(&[Dialect::SMB_3_1_1]),
            contexts: NegotiateContexts::Items(&contexts),
        };
        let answer = self.ask(Command::NEGOTIATE, &request)?;
        assert_eq!(answer.status, Status::SUCCESS);
        Ok(())
    }

    fn log_on(&mut self, user: &str, previous: u64) -> io::Result<()> {
        let chosen = Chosen { challenge: [3; 8], session_key: [5; 16] };
        let initiator = Initiator::new(user, NtHash::of_password("Correct.Horse1"), chosen);
        let first = self.set_up(&initiator.negotiate(), previous)?;
        assert_eq!(first.status, Status::MORE_PROCESSING_REQUIRED);
        self.id = first.header.session_id;
        let response: SessionSetupResponse<'_> = decode_body(&first.body).expect("a response");
        let proved = initiator.authenticate(response.security_buffer).map_err(io::Error::other)?;
        let last = self.set_up(&proved.token, previous)?;
        assert_eq!(last.status, Status::SUCCESS);
        let keys = SessionKeys::derive(&proved.session_key, Derivation::Smb311(&self.hash), None);
        self.signer = Some(Signer::new(SigningAlgorithm::AesCmac, &keys.signing));
        Ok(())
    }

    fn set_up(&mut self, token: &[u8], previous_session_id: u64) -> io::Result<Answer> {
        let request = SessionSetupRequest {
            flags: SessionSetupFlags::empty(),
            security_mode: SecurityMode::SIGNING_ENABLED,
            capabilities: Capabilities::empty(),
            previous_session_id,
            security_buffer: token,
        };
        self.ask(Command::SESSION_SETUP, &request)
    }
}

const LIMIT: Duration = Duration::from_secs(20);
