//! A house of memory with two zones, and clients that speak to it frame by frame.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::Waker;
use std::time::Duration;

use admission::{Distrusted, Output};
use bytes::{Bytes, BytesMut};
use security::smb::{Cipher, Decryptor, Derivation, Encryptor, PreauthHash, SessionKeys, Signer, SigningAlgorithm};
use security::{Established, Failure, Key, Step, Who};
use smb_wire::codec::{Decode, Decoder, Encode, Encoder, List, decode_body, encode_body};
use smb_wire::compound::{Chain, Elements};
use smb_wire::dtyp::Guid;
use smb_wire::negotiate::{
    self as wire, Capabilities, Dialect, HashAlgorithm, NegotiateContext, NegotiateContexts, NegotiateRequest,
    NegotiateResponse, SecurityMode,
};
use smb_wire::session_setup::{SessionSetupFlags, SessionSetupRequest, SessionSetupResponse};
use smb_wire::transform::{TRANSFORM_HEADER_BYTES, TransformHeader};
use smb_wire::tree_connect::{TreeConnectFlags, TreeConnectRequest};
use smb_wire::{Command, HEADER_BYTES, Header, HeaderFlags, Recipient, Status};
use testkit::{ManualClock, ReferenceFilesystem, block_on};
use vfs::{
    Admin, Credentials, InodeId, MkdirRequest, Namespace, OpContext, SetAttributes, ShardId, Timestamp, ZoneRootRequest,
};
use zones::{Registry, Zone};

use super::waiting::UnderWay;
use crate::app_instance::Applications;
use crate::connection::{Facts, Machine, Peer};
use crate::dispatch;
use crate::door::Door;
use crate::durable::{Claims, Parked};
use crate::metrics::Metrics;
use crate::session::Sessions;
use crate::settings::Settings;
use crate::users::{Asked, Exchange, Users};

pub(crate) const CONTOSO: &str = "127.0.0.1";
pub(crate) const FABRIKAM: &str = "127.0.0.2";

pub(crate) struct House {
    pub(crate) door: Arc<Door<ReferenceFilesystem>>,
    pub(crate) clock: Arc<ManualClock>,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self::recording(settings, "")
    }

    /// Zones that record what these lines say.
    pub(crate) fn recording(settings: Settings, audit: &str) -> Self {
        let clock = Arc::new(ManualClock::ticking(Duration::from_nanos(100)));
        let vfs = Arc::new(ReferenceFilesystem::new(clock.clone()));
        let registry = Arc::new(Registry::new());
        let zones = [("contoso", CONTOSO), ("fabrikam", FABRIKAM)].map(|zone| make(&vfs, zone, audit));
        registry.install(zones.into());
        let (server_guid, sessions) = (Guid([9; 16]), Sessions::default());
        let users = Arc::new(Friends);
        let metrics = Metrics::default();
        let (parked, claims, applications) = (Parked::default(), Claims::default(), Applications::default());
        let time: Arc<ManualClock> = clock.clone();
        let facts = Facts {
            settings,
            server_guid,
            registry,
            users,
            clock: time,
            random,
            sessions,
            parked,
            claims,
            applications,
            metrics,
        };
        let facts = Arc::new(facts);
        Self { door: Arc::new(Door { vfs, facts }), clock }
    }

    pub(crate) fn client(&self, local: &str) -> Client<'_> {
        let at = |host: &str, port| SocketAddr::new(host.parse().unwrap(), port);
        let socket = at("192.0.2.10", 50_000);
        let client = socket.ip();
        let (client_id, traffic) = (admission::client_id(client), Arc::default());
        let peer = Arc::new(Peer {
            local: at(local, 445),
            socket,
            client,
            client_id,
            traffic,
            outbox: Arc::default(),
            waits: Arc::default(),
            is_unheard: AtomicBool::new(false),
            is_given_up: AtomicBool::new(false),
        });
        let machine = Machine::new(Arc::clone(&self.door.facts), Arc::clone(&peer));
        Client {
            house: self,
            machine,
            peer,
            next: 0,
            hash: PreauthHash::START,
            terms: None,
            session: None,
            tree: 0,
            guest: 0,
            under_way: Vec::new(),
            guid: Guid([3; 16]),
        }
    }
}

fn make(vfs: &ReferenceFilesystem, (name, address): (&str, &str), audit: &str) -> (zones::ZoneDefinition, InodeId) {
    let text = format!(
        "name = \"{name}\"\nbase = \"/tenants/{name}\"\naddresses = [\"{address}\"]\n\
         [[share]]\nname = \"Projects\"\npath = \"/projects\"\n\
         [[share]]\nname = \"open\"\npath = \"/projects\"\nguests = true\nread_only = true\n\
         [[share]]\nname = \"sealed\"\npath = \"/projects\"\nsmb3_encryption_enabled = true\n\
         [[share]]\nname = \"of-{name}\"\npath = \"/projects\"\n\
         permissions = [{{ trustee = \"user:1001\", rights = \"change\" }}]\n\
         [[share]]\nname = \"plain\"\npath = \"/projects\"\nbrowsable = false\nstreams = false\n\
         [[share]]\nname = \"always\"\npath = \"/projects\"\ncontinuously_available = true\n\
         [[share]]\nname = \"hiding\"\npath = \"/projects\"\naccess_based_enumeration = true\n\
         [[share]]\nname = \"gone\"\npath = \"/nowhere\"\n{audit}"
    );
    let zone = zones::parse(Path::new("zone.toml"), &text, &zones::system_resolver).unwrap();
    let ctx = OpContext::internal(InodeId::root_of(ShardId::ROOT));
    let attributes = |mode| SetAttributes { mode: Some(mode), ..SetAttributes::default() };
    let request = ZoneRootRequest { base: zone.base().to_vec(), attributes: attributes(0o755) };
    let root = block_on(vfs.zone_root(&ctx, request)).unwrap().attributes.inode;
    let name = "projects".try_into().unwrap();
    block_on(vfs.mkdir(&ctx, MkdirRequest { parent: root, name, attributes: attributes(0o777) })).unwrap();
    (zone, root)
}

fn random(bytes: &mut [u8]) {
    static COUNT: AtomicU8 = AtomicU8::new(1);
    bytes.fill(COUNT.fetch_add(1, Ordering::Relaxed));
}

/// Knows everybody but `stranger`: a token is a user name, and whoever sends `wait` first is asked once more. Nobody is the
/// empty name, and `guest` is one.
#[derive(Debug)]
struct Friends;

#[derive(Debug)]
struct Friend;

impl Users for Friends {
    fn exchange(&self, _: &Arc<Zone>, _: IpAddr, _: Asked) -> Box<dyn Exchange> {
        Box::new(Friend)
    }

    fn hint(&self) -> Vec<u8> {
        b"hint".to_vec()
    }

    fn credentials(&self, zone: &Zone, _: IpAddr, user: &str) -> Option<Credentials> {
        let uid = if zone.name() == "contoso" { 1001 } else { 2001 };
        (user != "unknown").then(|| Credentials::unix(uid, uid, &[]))
    }
}

impl Exchange for Friend {
    fn step(&mut self, token: &[u8], _: Timestamp) -> Step {
        let done =
            |who, key: &[u8]| Step::Done(Established { who, session_key: Key::new(key), token: b"welcome".to_vec() });
        match token {
            b"wait" => Step::Continue(b"who?".to_vec()),
            b"stranger" => Step::Failed(Failure::LogonFailure),
            b"nonsense" => Step::Failed(Failure::Malformed("nonsense")),
            b"guest" => done(Who::Guest { name: "guest".to_owned() }, &[]),
            b"" => done(Who::Anonymous, &[]),
            name => {
                let name = String::from_utf8(name.to_vec()).unwrap();
                done(Who::User { name, domain: String::new() }, &[7; 16])
            }
        }
    }
}

/// What a client offers.
#[derive(Clone, Copy)]
pub(crate) struct Offer<'a> {
    pub(crate) dialects: &'a [Dialect],
    pub(crate) contexts: &'a [NegotiateContext<'a>],
    pub(crate) mode: SecurityMode,
}

pub(crate) const PREAUTH: NegotiateContext<'_> =
    NegotiateContext::PreauthIntegrity { hash_algorithms: List::Items(&[HashAlgorithm::SHA_512]), salt: &[5; 32] };
pub(crate) const CIPHERS: NegotiateContext<'_> =
    NegotiateContext::Encryption(List::Items(&[wire::Cipher::AES_128_CCM, wire::Cipher::AES_128_GCM]));
pub(crate) const SIGNING: NegotiateContext<'_> =
    NegotiateContext::Signing(List::Items(&[wire::SigningAlgorithm::AES_CMAC, wire::SigningAlgorithm::AES_GMAC]));

pub(crate) fn offer<'a>(dialects: &'a [Dialect]) -> Offer<'a> {
    Offer { dialects, contexts: &[PREAUTH, CIPHERS, SIGNING], mode: SecurityMode::SIGNING_ENABLED }
}

/// A client's side of a session.
pub(crate) struct Keys {
    pub(crate) id: u64,
    pub(super) signer: Signer,
    pub(super) cipher: Option<(Encryptor, Decryptor)>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Agreed {
    pub(crate) dialect: Dialect,
    pub(crate) cipher: Option<Cipher>,
    pub(crate) signing: SigningAlgorithm,
}

pub(crate) struct Client<'a> {
    pub(super) house: &'a House,
    pub(crate) machine: Machine,
    pub(super) peer: Arc<Peer>,
    pub(crate) next: u64,
    pub(super) hash: PreauthHash,
    pub(crate) terms: Option<Agreed>,
    pub(crate) session: Option<Keys>,
    pub(crate) tree: u32,
    /// The session of a guest, which signs nothing.
    pub(crate) guest: u64,
    /// Requests that wait.
    pub(super) under_way: Vec<UnderWay>,
    /// How it names itself.
    pub(crate) guid: Guid,
}

/// One response.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) header: Header,
    pub(crate) body: Bytes,
    pub(super) whole: Bytes,
}

impl Response {
    pub(crate) fn status(&self) -> Status {
        self.header.status
    }
}

impl Client<'_> {
    /// Sends a frame as it is, and returns the frame that comes back; `None` when nothing does.
    pub(crate) fn exchange(&mut self, frame: &[u8]) -> Result<Option<Bytes>, Distrusted> {
        let Some(batch) = self.machine.feed(BytesMut::from(frame).into())? else { return Ok(None) };
        let run = dispatch::run(Arc::clone(&self.house.door), Arc::clone(&self.peer), batch);
        let replies = block_on(run).ok_or(Distrusted)?;
        let mut output = Output::default();
        self.machine.finish(replies, &mut output)?;
        let bytes = output.take_all();
        let (length, frame) = bytes.split_first_chunk::<4>().unwrap();
        assert_eq!(u32::from_be_bytes(*length) as usize, frame.len());
        Ok(Some(Bytes::copy_from_slice(frame)))
    }

    pub(crate) fn header(&mut self, command: Command) -> Header {
        let mut header = Header::request(command, self.next);
        self.next += 1;
        header.credits = 10;
        header.session_id = self.session.as_ref().map_or(self.guest, |session| session.id);
        header.recipient = Recipient::Sync { process_id: 0xfeff, tree_id: self.tree };
        header
    }

    /// One message, signed when there is a session.
    pub(crate) fn message(&self, mut header: Header, body: &impl Encode) -> BytesMut {
        let is_signed = self.session.is_some();
        if is_signed {
            header.flags |= HeaderFlags::SIGNED;
        }
        let mut message = BytesMut::new();
        encode_body(body, Chain::new(&mut message).begin(&header));
        if let Some(session) = &self.session {
            let (header, rest) = message.split_first_chunk_mut().unwrap();
            session.signer.sign(header, [&*rest]);
        }
        message
    }

    /// An empty body of four bytes, padded to eight and signed with its padding.
    pub(crate) fn padded(&self, header: Header) -> BytesMut {
        self.raw(header, &[4, 0, 0, 0, 0, 0, 0, 0])
    }

    /// Any bytes behind a header, signed; the link of the header stays.
    pub(crate) fn raw(&self, mut header: Header, body: &[u8]) -> BytesMut {
        header.flags |= HeaderFlags::SIGNED;
        let mut message = BytesMut::new();
        header.encode(&mut Encoder::new(&mut message));
        message.extend_from_slice(body);
        let (header, rest) = message.split_first_chunk_mut().unwrap();
        self.session.as_ref().unwrap().signer.sign(header, [&*rest]);
        message
    }

    /// Messages in one frame, each signed with its padding.
    pub(crate) fn compound(&self, messages: &[(Header, BytesMut)]) -> Vec<u8> {
        let mut frame = Vec::new();
        for (index, (header, body)) in messages.iter().enumerate() {
            let is_last = index + 1 == messages.len();
            let mut body = body.clone();
            let length = (HEADER_BYTES + body.len()).next_multiple_of(8);
            if !is_last {
                body.resize(length - HEADER_BYTES, 0);
            }
            let next_command = if is_last { 0 } else { u32::try_from(length).unwrap() };
            frame.extend_from_slice(&self.raw(Header { next_command, ..*header }, &body));
        }
        frame
    }

    /// Whether an answer has the right signature.
    pub(crate) fn is_signed(&self, response: &Response) -> bool {
        let (header, rest) = response.whole.split_first_chunk::<HEADER_BYTES>().unwrap();
        self.session.as_ref().unwrap().signer.verify(header, [rest]).is_ok()
    }

    /// Sends a signed request, and checks the signature of the answer.
    pub(crate) fn ask(&mut self, command: Command, body: &impl Encode) -> Response {
        let header = self.header(command);
        let message = self.message(header, body);
        let answer = self.exchange(&message).unwrap().expect("an answer");
        let response = responses(&answer).remove(0);
        assert_eq!(response.header.message_id, header.message_id);
        if let Some(session) = &self.session {
            let header = response.whole.first_chunk::<HEADER_BYTES>().unwrap();
            assert!(response.header.flags.contains(HeaderFlags::SIGNED), "{:?}", response.header);
            session.signer.verify(header, [&response.whole[HEADER_BYTES..]]).expect("the signature of the answer");
        }
        response
    }

    /// Sends a request encrypted, and decrypts the answer.
    pub(crate) fn ask_sealed(&mut self, command: Command, body: &impl Encode) -> Response {
        let header = self.header(command);
        let mut message = BytesMut::new();
        encode_body(body, Chain::new(&mut message).begin(&header));
        let frame = self.seal(message);
        let answer = self.exchange(&frame).unwrap().expect("an answer");
        responses(&self.unseal(&answer)).remove(0)
    }

    pub(crate) fn seal(&self, mut message: BytesMut) -> Vec<u8> {
        let session = self.session.as_ref().unwrap();
        let original_message_size = u32::try_from(message.len()).unwrap();
        let header = TransformHeader { original_message_size, session_id: session.id, ..TransformHeader::default() };
        let mut encoded = BytesMut::new();
        header.encode(&mut Encoder::new(&mut encoded));
        let mut header = *encoded.first_chunk::<TRANSFORM_HEADER_BYTES>().unwrap();
        session.cipher.as_ref().unwrap().0.encrypt(&mut header, &mut message).unwrap();
        [&header[..], &message].concat()
    }

    /// What it is told without having asked, decrypted.
    pub(super) fn unasked(&mut self) -> Vec<Response> {
        let told = self.machine.unasked(Waker::noop()).expect("a connection that stays");
        told.into_iter().flat_map(|replies| self.finished(replies)).collect()
    }

    pub(super) fn unseal(&self, frame: &[u8]) -> Bytes {
        let (header, message) = frame.split_first_chunk::<TRANSFORM_HEADER_BYTES>().unwrap();
        let told = TransformHeader::decode(&mut Decoder::new(header)).unwrap();
        assert_eq!(told.session_id, self.session.as_ref().unwrap().id);
        let mut message = message.to_vec();
        let (_, decryptor) = self.session.as_ref().unwrap().cipher.as_ref().unwrap();
        decryptor.decrypt(header, &mut message).unwrap();
        message.into()
    }

    pub(crate) fn negotiate(&mut self, offer: Offer<'_>) -> Response {
        let header = self.header(Command::NEGOTIATE);
        let body = NegotiateRequest {
            security_mode: offer.mode,
            capabilities: Capabilities::ENCRYPTION | Capabilities::MULTI_CHANNEL | Capabilities::DIRECTORY_LEASING,
            client_guid: self.guid,
            dialects: List::Items(offer.dialects),
            contexts: NegotiateContexts::Items(offer.contexts),
        };
        let message = self.message(header, &body);
        let answer = self.exchange(&message).unwrap().expect("an answer");
        let response = responses(&answer).remove(0);
        if response.status() == Status::SUCCESS {
            self.hash.add([&message[..]]);
            self.hash.add([&answer[..]]);
            self.terms = Some(agreed(&decode_body(&response.body).unwrap()));
        }
        response
    }

    /// Logs on with these tokens; the keys are there afterwards if it went well.
    pub(crate) fn log_on(&mut self, tokens: &[&str]) -> Response {
        let (mut hash, mut id) = (self.hash, self.session.as_ref().map_or(0, |session| session.id));
        let again = self.session.take();
        let mut last = None;
        for token in tokens {
            let header = Header { session_id: id, ..self.header(Command::SESSION_SETUP) };
            let body = setup(token.as_bytes());
            let message = match &again {
                Some(session) => {
                    let header = Header { flags: HeaderFlags::SIGNED, ..header };
                    let mut message = BytesMut::new();
                    encode_body(&body, Chain::new(&mut message).begin(&header));
                    let (header, rest) = message.split_first_chunk_mut().unwrap();
                    session.signer.sign(header, [&*rest]);
                    message
                }
                None => self.message(header, &body),
            };
            hash.add([&message[..]]);
            let answer = self.exchange(&message).unwrap().expect("an answer");
            let response = responses(&answer).remove(0);
            id = response.header.session_id;
            if response.status() == Status::MORE_PROCESSING_REQUIRED {
                hash.add([&answer[..]]);
            }
            last = Some(response);
        }
        let last = last.unwrap();
        self.session = match again {
            Some(session) => Some(session),
            None if last.status() == Status::SUCCESS => self.keys(id, &hash, &last),
            None => None,
        };
        last
    }

    /// MS-SMB2 3.2.5.3: the keys of a user; the last response is signed with them.
    pub(super) fn keys(&self, id: u64, hash: &PreauthHash, last: &Response) -> Option<Keys> {
        let body: SessionSetupResponse<'_> = decode_body(&last.body).unwrap();
        let guests = smb_wire::session_setup::SessionFlags::IS_GUEST | smb_wire::session_setup::SessionFlags::IS_NULL;
        if body.flags.intersects(guests) {
            return None;
        }
        let Agreed { dialect, cipher, signing } = self.terms.unwrap();
        let derivation = match dialect {
            Dialect::SMB_3_1_1 => Derivation::Smb311(hash),
            Dialect::SMB_3_0 | Dialect::SMB_3_0_2 => Derivation::Smb3,
            _ => Derivation::Smb2,
        };
        let keys = SessionKeys::derive(&Key::new(&[7; 16]), derivation, cipher);
        let signer = Signer::new(signing, &keys.signing);
        let header = last.whole.first_chunk::<HEADER_BYTES>().unwrap();
        signer.verify(header, [&last.whole[HEADER_BYTES..]]).expect("the signature of the last response");
        let ciphers = cipher.map(|cipher| {
            let (ours, theirs) = (keys.decryption.as_ref().unwrap(), keys.encryption.as_ref().unwrap());
            (Encryptor::new(cipher, ours, [1; 3]), Decryptor::new(cipher, theirs))
        });
        Some(Keys { id, signer, cipher: ciphers })
    }

    pub(crate) fn connect(&mut self, share: &str) -> Response {
        let path = utf16(&format!(r"\\server\{share}"));
        let path = smb_wire::codec::Utf16::from_bytes(&path).unwrap();
        let response = self.ask(Command::TREE_CONNECT, &TreeConnectRequest { flags: TreeConnectFlags::empty(), path });
        self.tree = response.header.tree_id().unwrap();
        response
    }

    /// Negotiated and logged on as `alice`, over one dialect.
    pub(crate) fn at_home(mut self, dialect: Dialect) -> Self {
        assert_eq!(self.negotiate(offer(&[dialect])).status(), Status::SUCCESS);
        assert_eq!(self.log_on(&["wait", "alice"]).status(), Status::SUCCESS);
        self
    }
}

fn agreed(response: &NegotiateResponse<'_>) -> Agreed {
    let mut agreed = Agreed {
        dialect: response.dialect,
        cipher: response.capabilities.contains(Capabilities::ENCRYPTION).then_some(Cipher::Aes128Ccm),
        signing: if response.dialect.0 >= 0x300 { SigningAlgorithm::AesCmac } else { SigningAlgorithm::HmacSha256 },
    };
    for context in response.contexts.iter() {
        match context {
            NegotiateContext::Encryption(ciphers) => agreed.cipher = Cipher::from_id(ciphers.get(0).unwrap().0),
            NegotiateContext::Signing(list) => {
                agreed.signing = SigningAlgorithm::from_id(list.get(0).unwrap().0).unwrap()
            }
            _ => {}
        }
    }
    agreed
}

pub(crate) fn setup(token: &[u8]) -> SessionSetupRequest<'_> {
    SessionSetupRequest {
        flags: SessionSetupFlags::empty(),
        security_mode: SecurityMode::SIGNING_ENABLED,
        capabilities: Capabilities::empty(),
        previous_session_id: 0,
        security_buffer: token,
    }
}

pub(crate) fn responses(frame: &Bytes) -> Vec<Response> {
    let response = |element: smb_wire::compound::Element<'_>| Response {
        header: element.header,
        body: frame.slice_ref(element.body),
        whole: frame.slice_ref(element.bytes),
    };
    Elements::new(frame).map(|element| response(element.unwrap())).collect()
}

/// What follows a header.
pub(crate) fn body(message: &impl Encode) -> BytesMut {
    let mut buffer = BytesMut::new();
    encode_body(message, &mut buffer);
    buffer
}

pub(crate) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

pub(crate) const EVERY_DIALECT: [Dialect; 5] =
    [Dialect::SMB_2_0_2, Dialect::SMB_2_1, Dialect::SMB_3_0, Dialect::SMB_3_0_2, Dialect::SMB_3_1_1];
