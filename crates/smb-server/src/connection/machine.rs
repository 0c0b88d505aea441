//! The protocol of one connection as a value (MS-SMB2 3.3.5.2): frames in, requests out, answers in, frames out. It does
//! no I/O: NEGOTIATE and SESSION_SETUP are done here, everything else by who runs it.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use admission::Distrusted;
use bytes::Bytes;
use security::smb::PreauthHash;
use smallvec::SmallVec;
use smb_wire::codec::{Decode, DecodeError, Decoder, decode_body};
use smb_wire::compound::Elements;
use smb_wire::dtyp::Guid;
use smb_wire::negotiate::{Dialect, NegotiateRequest};
use smb_wire::smb1::Smb1NegotiateRequest;
use smb_wire::transform::{TRANSFORM_HEADER_BYTES, TransformHeader};
use smb_wire::{Command, HEADER_BYTES, Header, HeaderFlags, LogoffRequest, Protocol, Recipient, Status};
use vfs::{ClientId, Clock};
use zones::{Registry, Zone};

use super::credits::Credits;
use super::frame::Frame;
use super::negotiate::{Greeting, Terms};
use super::outbox::Outbox;
use super::request::{After, Batch, Hashed, Incoming, Replies, Request, Verdict};
use super::setup::Setup;
use super::traffic::Traffic;
use crate::answer::Answer;
use crate::app_instance::Applications;
use crate::durable::{Claims, Parked};
use crate::ioctl::force_unacked;
use crate::metrics::Metrics;
use crate::session::{Channel, Session, Sessions};
use crate::settings::{STRANGER_BYTES_MAX, Settings};
use crate::status;
use crate::users::Users;
use crate::waits::{Named, Waits};

/// What all connections of the door go by.
pub(crate) struct Facts {
    pub(crate) settings: Settings,
    pub(crate) server_guid: Guid,
    pub(crate) registry: Arc<Registry>,
    pub(crate) users: Arc<dyn Users>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Fills bytes that nobody can guess.
    pub(crate) random: fn(&mut [u8]),
    pub(crate) sessions: Sessions,
    /// Opens whose clients lost their connection.
    pub(crate) parked: Parked,
    /// Requests that made opens, by name.
    pub(crate) claims: Claims,
    /// Opens that belong to applications.
    pub(crate) applications: Applications,
    pub(crate) metrics: Metrics,
}

/// The two ends of a connection.
#[derive(Debug)]
pub(crate) struct Peer {
    /// The address that the client came to; picks the zone.
    pub(crate) local: SocketAddr,
    pub(crate) socket: SocketAddr,
    pub(crate) client: IpAddr,
    pub(crate) client_id: ClientId,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) waits: Arc<Waits>,
    /// What it is asked to answer is taken for never having come: a conformance suite says so.
    pub(crate) is_unheard: AtomicBool,
    /// Something like that was sent: it is given up.
    pub(crate) is_given_up: AtomicBool,
}

impl Peer {
    /// It is sent something that it has to answer, or not.
    pub(crate) fn is_lost_to(&self, must_answer: bool) {
        if must_answer && self.is_unheard.load(Ordering::Relaxed) {
            self.is_given_up.store(true, Ordering::Relaxed);
            self.outbox.rouse();
        }
    }
}

/// The protocol of one connection.
pub(crate) struct Machine {
    pub(super) facts: Arc<Facts>,
    pub(super) peer: Arc<Peer>,
    state: State,
    pub(super) credits: Credits,
    pub(super) preauth: PreauthHash,
    pub(super) setups: HashMap<u64, Setup>,
    pub(super) sessions: HashMap<u64, Arc<Channel>>,
}

enum State {
    /// Nothing was said, or an SMB1 client was told to go on with SMB2.
    Fresh {
        was_told: bool,
    },
    Negotiated(Arc<Terms>),
}

/// What the element before leaves to a related one.
#[derive(Default)]
struct Before {
    channel: Option<Arc<Channel>>,
    /// It was refused before it was done.
    refused: Option<Status>,
}

impl Machine {
    /// Nothing was said yet.
    pub(crate) fn new(facts: Arc<Facts>, peer: Arc<Peer>) -> Self {
        Self {
            facts,
            peer,
            state: State::Fresh { was_told: false },
            credits: Credits::starting_at(0),
            preauth: PreauthHash::START,
            setups: HashMap::new(),
            sessions: HashMap::new(),
        }
    }

    /// Longest frame that is taken now: little from who has not logged on.
    pub(crate) fn frame_bytes_max(&self) -> usize {
        if self.sessions.is_empty() { STRANGER_BYTES_MAX } else { self.facts.settings.connection.record_bytes_max }
    }

    /// Whether somebody has logged on.
    pub(crate) fn is_known(&self) -> bool {
        !self.sessions.is_empty()
    }

    /// Whether no exchange of tokens is under way.
    #[cfg(test)]
    pub(crate) fn setups_are_over(&self) -> bool {
        self.setups.is_empty()
    }

    /// The sessions that end with the connection: those that no other one leads to.
    pub(crate) fn take_sessions(&mut self) -> Vec<Arc<Session>> {
        let left = self.sessions.drain().filter(|(_, channel)| channel.session.leave(&self.peer));
        left.map(|(_, channel)| Arc::clone(&channel.session)).collect()
    }

    /// What the sessions are to be told without having asked.
    ///
    /// Errors: there was no room for all of it. A client that does not hear of a break would read what is not there.
    pub(crate) fn unasked(&self, waker: &Waker) -> Result<Vec<Replies>, Distrusted> {
        if self.peer.is_given_up.load(Ordering::Relaxed) {
            return Err(Distrusted);
        }
        let mut all = Vec::new();
        for channel in self.sessions.values() {
            channel.session.take_breaks(&self.peer, waker, &mut all)?;
        }
        Ok(all)
    }

    /// Takes a frame, without the header of the transport. `None`: there is nothing to do or to answer.
    ///
    /// Errors: what MS-SMB2 answers by closing the connection.
    pub(crate) fn feed(&mut self, frame: Frame) -> Result<Option<Batch>, Distrusted> {
        match Protocol::of(frame.bytes()) {
            Some(Protocol::Smb2) => self.messages(&frame.freeze(), None),
            Some(Protocol::Transform) => {
                let (message, channel) = self.unseal(frame)?;
                self.messages(&message, Some(&channel))
            }
            Some(Protocol::Smb1) => self.upgrade(frame.bytes()).map(Some),
            Some(Protocol::Compressed) | None => Err(Distrusted),
        }
    }

    pub(super) fn terms(&self) -> Option<&Arc<Terms>> {
        match &self.state {
            State::Negotiated(terms) => Some(terms),
            State::Fresh { .. } => None,
        }
    }

    pub(super) fn zone(&self) -> Option<Arc<Zone>> {
        self.facts.registry.zone_for(self.peer.local.ip())
    }

    /// MS-SMB2 3.3.5.2.1.1. What does not decrypt closes the connection.
    fn unseal(&self, mut frame: Frame) -> Result<(Bytes, Arc<Channel>), Distrusted> {
        let header = TransformHeader::decode(&mut Decoder::new(frame.bytes())).map_err(|_| Distrusted)?;
        let channel = self.sessions.get(&header.session_id).ok_or(Distrusted)?;
        let keys = channel.session.keys.as_ref().and_then(|keys| keys.encryption.as_ref());
        let (_, decryptor) = keys.ok_or(Distrusted)?;
        let (authenticated, message) = frame.bytes_mut().split_first_chunk_mut().ok_or(Distrusted)?;
        if usize::try_from(header.original_message_size) != Ok(message.len()) {
            return Err(Distrusted);
        }
        decryptor.decrypt(authenticated, message).map_err(|_| Distrusted)?;
        if Protocol::of(message) != Some(Protocol::Smb2) {
            return Err(Distrusted);
        }
        Ok((frame.freeze().slice(TRANSFORM_HEADER_BYTES..), Arc::clone(channel)))
    }

    fn messages(&mut self, frame: &Bytes, sealed: Option<&Arc<Channel>>) -> Result<Option<Batch>, Distrusted> {
        let mut requests = SmallVec::new();
        let mut before = Before::default();
        for element in Elements::new(frame) {
            let element = element.map_err(|_| Distrusted)?;
            if requests.len() >= ELEMENTS_MAX {
                return Err(Distrusted);
            }
            let incoming = Incoming {
                header: &element.header,
                bytes: element.bytes,
                body: element.body,
                frame,
                is_sealed: sealed.is_some(),
            };
            requests.extend(self.element(&incoming, (&mut before, sealed), requests.is_empty())?);
        }
        let (terms, bytes) = (self.terms().cloned(), frame.len());
        let sealed = sealed.map(|channel| Arc::clone(&channel.session));
        Ok((!requests.is_empty()).then_some(Batch { requests, sealed, terms, bytes }))
    }

    /// One request; `None` for a CANCEL.
    fn element(
        &mut self,
        incoming: &Incoming<'_>,
        (before, sealed): (&mut Before, Option<&Arc<Channel>>),
        is_first: bool,
    ) -> Result<Option<Request>, Distrusted> {
        let header = incoming.header;
        if header.flags.contains(HeaderFlags::SERVER_TO_REDIR) {
            return Err(Distrusted);
        }
        let has_terms = self.terms().is_some();
        if has_terms == (header.command == Command::NEGOTIATE) {
            // Nothing comes before NEGOTIATE, and no second one after it (MS-SMB2 3.3.5.2, 3.3.5.4).
            return Err(Distrusted);
        }
        if header.command == Command::CANCEL {
            self.cancel(incoming, sealed);
            return Ok(None);
        }
        if !self.credits.take(header.message_id, self.charge(header)) {
            return Err(Distrusted);
        }
        if header.command == Command::NEGOTIATE {
            let outcome = self.negotiate(incoming);
            let mut request = incoming.request(None);
            request.hashed = Some(Hashed::Connection);
            request.verdict = Verdict::Answered(Box::new(Answer::from(outcome)));
            return Ok(Some(request));
        }
        if let Some(answer) = self.torture(incoming) {
            let mut request = incoming.request(None);
            request.verdict = Verdict::Answered(Box::new(answer));
            return Ok(Some(request));
        }
        let is_related = header.flags.contains(HeaderFlags::RELATED_OPERATIONS);
        let found = if is_related && is_first {
            // MS-SMB2 3.3.5.2.7.2.
            Err(Status::INVALID_PARAMETER)
        } else if is_related {
            match (&before.channel, before.refused) {
                (None, _) => Err(Status::INVALID_PARAMETER),
                (Some(_), Some(status)) => Err(status),
                (Some(channel), None) => Ok(Arc::clone(channel)),
            }
        } else {
            self.session(incoming, sealed)?
        };
        Ok(Some(self.found(incoming, before, found)?))
    }

    /// What a conformance suite asks of a connection, without a session.
    fn torture(&self, incoming: &Incoming<'_>) -> Option<Answer> {
        let is_asked =
            self.facts.settings.torture && incoming.header.command == Command::IOCTL && incoming.header.session_id == 0;
        let answer = if is_asked { force_unacked(incoming.body) } else { None };
        if answer.is_some() {
            self.peer.is_unheard.store(true, Ordering::Relaxed);
        }
        answer
    }

    /// A client takes a request back (MS-SMB2 3.3.5.16); nothing is answered, whatever comes of it.
    fn cancel(&self, incoming: &Incoming<'_>, sealed: Option<&Arc<Channel>>) {
        let header = incoming.header;
        let Ok(Ok(channel)) = self.session(incoming, sealed) else { return };
        if is_protected(incoming, &channel).is_ok() {
            let named = header.async_id().map_or(Named::Message(header.message_id), Named::Async);
            self.peer.waits.cancel(channel.session.id, named);
        }
    }

    fn found(
        &mut self,
        incoming: &Incoming<'_>,
        before: &mut Before,
        found: Result<Arc<Channel>, Status>,
    ) -> Result<Request, Distrusted> {
        let command = incoming.header.command;
        let request = match found {
            Ok(channel) if command == Command::SESSION_SETUP => self.checked_setup(incoming, channel)?,
            Ok(channel) => self.checked(incoming, channel)?,
            // A client that has no session yet makes one.
            Err(Status::USER_SESSION_DELETED) if command == Command::SESSION_SETUP => {
                self.session_setup(incoming, None)
            }
            // ECHO is answered whoever asks (MS-SMB2 3.3.5.17).
            Err(Status::USER_SESSION_DELETED) if command == Command::ECHO => incoming.request(None),
            Err(Status::USER_SESSION_DELETED) => {
                refused(incoming.request(self.elsewhere(incoming).ok()), Status::USER_SESSION_DELETED)
            }
            Err(status) => refused(incoming.request(None), status),
        };
        before.channel.clone_from(&request.channel);
        before.refused = match &request.verdict {
            Verdict::Answered(answer) if answer.status.is_error() => Some(answer.status),
            _ => None,
        };
        Ok(request)
    }

    /// The session that a request names (MS-SMB2 3.3.5.2.9).
    fn session(
        &self,
        incoming: &Incoming<'_>,
        sealed: Option<&Arc<Channel>>,
    ) -> Result<Result<Arc<Channel>, Status>, Distrusted> {
        let id = incoming.header.session_id;
        if let Some(sealed) = sealed {
            // MS-SMB2 3.3.5.2.1.1: one session's key says nothing of another's requests.
            return if sealed.session.id == id { Ok(Ok(Arc::clone(sealed))) } else { Err(Distrusted) };
        }
        let channel = self.sessions.get(&id).filter(|channel| !channel.session.life.is_over());
        Ok(channel.cloned().ok_or(Status::USER_SESSION_DELETED))
    }

    /// A request of a session, if it is signed or encrypted as it must be (MS-SMB2 3.3.5.2.4, 3.3.5.2.9).
    fn checked(&mut self, incoming: &Incoming<'_>, channel: Arc<Channel>) -> Result<Request, Distrusted> {
        let command = incoming.header.command;
        let mut request = incoming.request(Some(Arc::clone(&channel)));
        if let Err(status) = is_protected(incoming, &channel) {
            return Ok(refused(request, status));
        }
        let is_bare = !incoming.is_sealed && !incoming.header.flags.contains(HeaderFlags::SIGNED);
        let is_311 = self.terms().is_some_and(|terms| terms.dialect == Dialect::SMB_3_1_1);
        if command == Command::TREE_CONNECT && is_bare && is_311 && channel.signer.is_some() {
            // MS-SMB2 3.3.5.7: it would prove that nobody changed what was negotiated.
            return Err(Distrusted);
        }
        if !self.is_charged_enough(incoming) {
            return Ok(refused(request, Status::INVALID_PARAMETER));
        }
        if command == Command::LOGOFF {
            if let Err(error) = decode_body::<LogoffRequest>(incoming.body) {
                return Ok(refused(request, status::unreadable(error)));
            }
            self.sessions.remove(&channel.session.id);
            // What is durable waits all the same: whoever wants it does not (MS-SMB2 3.3.5.6).
            request.after = Some(After::Lose(Arc::clone(&channel.session)));
        }
        Ok(request)
    }

    fn checked_setup(&mut self, incoming: &Incoming<'_>, channel: Arc<Channel>) -> Result<Request, Distrusted> {
        match is_protected(incoming, &channel) {
            Ok(()) => Ok(self.session_setup(incoming, Some(channel))),
            Err(status) => Ok(refused(incoming.request(Some(channel)), status)),
        }
    }

    fn negotiate(&mut self, incoming: &Incoming<'_>) -> Result<Answer, Status> {
        let request: NegotiateRequest<'_> = decode_body(incoming.body).map_err(status::unreadable)?;
        let terms = Terms::choose(&request, &self.facts.settings)?;
        self.preauth.add([incoming.bytes]);
        let answer = self.greet(&terms);
        self.state = State::Negotiated(Arc::new(terms));
        Ok(answer)
    }

    /// A client that speaks SMB1 too (MS-SMB2 3.3.5.3).
    fn upgrade(&mut self, frame: &[u8]) -> Result<Batch, Distrusted> {
        let unreadable = |_: DecodeError| Distrusted;
        let request = Smb1NegotiateRequest::decode(&mut Decoder::new(frame)).map_err(unreadable)?;
        let State::Fresh { was_told: false } = self.state else { return Err(Distrusted) };
        if !self.credits.take(0, 1) {
            return Err(Distrusted);
        }
        let settings = &self.facts.settings;
        let terms = if request.offers_later() {
            Terms::of(Dialect::WILDCARD, settings)
        } else if request.offers_2_0_2() {
            Terms::of(Dialect::SMB_2_0_2, settings)
        } else {
            return Err(Distrusted);
        };
        let answer = self.greet(&terms);
        self.state = if terms.dialect == Dialect::WILDCARD {
            State::Fresh { was_told: true }
        } else {
            State::Negotiated(Arc::new(terms))
        };
        let header = Header { credit_charge: 0, ..Header::request(Command::NEGOTIATE, 0) };
        let nothing = Bytes::new();
        let incoming = Incoming { header: &header, bytes: &[], body: &[], frame: &nothing, is_sealed: false };
        let request = Request { verdict: Verdict::Answered(Box::new(answer)), ..incoming.request(None) };
        Ok(Batch { requests: SmallVec::from_iter([request]), sealed: None, terms: None, bytes: frame.len() })
    }

    fn greet(&self, terms: &Terms) -> Answer {
        let mut salt = [0; 32];
        (self.facts.random)(&mut salt);
        let hint = self.facts.users.hint();
        let (server_guid, now) = (self.facts.server_guid, self.facts.clock.now());
        terms.answer(&Greeting { server_guid, now, hint: &hint, salt: &salt })
    }

    /// Ids that a request uses (MS-SMB2 3.3.5.2.3).
    fn charge(&self, header: &Header) -> u16 {
        let is_charged = self.terms().is_some_and(|terms| terms.charges_by_size());
        if is_charged { header.credit_charge.max(1) } else { 1 }
    }

    /// Whether the charge pays for what is sent (MS-SMB2 3.3.5.2.5); what is to be sent back is checked by who makes it.
    fn is_charged_enough(&self, incoming: &Incoming<'_>) -> bool {
        let is_charged = self.terms().is_some_and(|terms| terms.charges_by_size());
        let paid = usize::from(incoming.header.credit_charge.max(1)).saturating_mul(CREDIT_BYTES);
        !is_charged || incoming.body.len() <= paid.saturating_add(BODY_BYTES_MAX)
    }
}

/// Whether a request is signed, or encrypted, as its session wants it.
fn is_protected(incoming: &Incoming<'_>, channel: &Channel) -> Result<(), Status> {
    if incoming.is_sealed {
        return Ok(());
    }
    if channel.session.must_encrypt {
        return Err(Status::ACCESS_DENIED);
    }
    let Some(signer) = &channel.signer else { return Ok(()) };
    if !incoming.header.flags.contains(HeaderFlags::SIGNED) {
        return if channel.session.must_sign { Err(Status::ACCESS_DENIED) } else { Ok(()) };
    }
    let header = incoming.bytes.first_chunk::<HEADER_BYTES>().ok_or(Status::ACCESS_DENIED)?;
    signer.verify(header, [incoming.body]).map_err(|_| Status::ACCESS_DENIED)
}

fn refused(mut request: Request, status: Status) -> Request {
    request.verdict = Verdict::Answered(Box::new(Answer::error(status)));
    request
}

/// The tree of a request; `None` for a related one and for one that has none.
pub(crate) fn tree_id(header: &Header) -> Option<u32> {
    match header.recipient {
        Recipient::Sync { tree_id, .. } => Some(tree_id),
        Recipient::Async { .. } => None,
    }
}

impl fmt::Debug for Facts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Facts").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Machine").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// Requests in one frame.
const ELEMENTS_MAX: usize = 256;
/// What one credit pays for.
const CREDIT_BYTES: usize = 64 << 10;
/// What a body has beside what is charged.
const BODY_BYTES_MAX: usize = 1024;
