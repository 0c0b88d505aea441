//! SESSION_SETUP (MS-SMB2 3.3.5.5): tokens until somebody is let in, or not.

use std::sync::Arc;

use security::smb::{Decryptor, Derivation, Encryptor, PreauthHash, SessionKeys, Signer};
use security::{Established, Step, Who};
use smb_wire::Status;
use smb_wire::codec::decode_body;
use smb_wire::negotiate::{Dialect, SecurityMode};
use smb_wire::session_setup::{SessionFlags, SessionSetupFlags, SessionSetupRequest, SessionSetupResponse};
use vfs::Credentials;
use zones::{NOBODY, NOGROUP, Zone};

use super::machine::Machine;
use super::request::{After, Hashed, Incoming, Request, Verdict};
use crate::answer::Answer;
use crate::audit::{self, Logon};
use crate::session::{Channel, Keys, Listed, Session, SessionParts, Standing};
use crate::settings::Protection;
use crate::status;
use crate::users::{Asked, Exchange};

/// An exchange of tokens that has begun.
#[derive(Debug)]
pub(super) struct Setup {
    exchange: Box<dyn Exchange>,
    pub(super) hash: PreauthHash,
    legs: usize,
    /// It is to join a session of another connection.
    joins: bool,
}

impl Machine {
    /// Takes the next token of a client. The channel of the request is there when somebody proves again who it is.
    pub(super) fn session_setup(&mut self, incoming: &Incoming<'_>, channel: Option<Arc<Channel>>) -> Request {
        let purpose = match self.purpose(incoming, channel.as_ref()) {
            Ok(purpose) => purpose,
            Err(status) => {
                let mut request = incoming.request(channel.or_else(|| self.elsewhere(incoming).ok()));
                request.verdict = Verdict::Answered(Box::new(Answer::error(status)));
                return request;
            }
        };
        let outcome = self.setup_leg(incoming, &purpose);
        let mut request = incoming.request(purpose.channel().cloned());
        match outcome {
            Ok(Leg::Next { id, token }) => {
                let flags = SessionFlags::empty();
                let body = SessionSetupResponse { flags, security_buffer: &token };
                let mut answer = Answer::new(Status::MORE_PROCESSING_REQUIRED, &body);
                answer.session_id = Some(id);
                request.hashed = Some(Hashed::Setup(id));
                request.verdict = Verdict::Answered(Box::new(answer));
            }
            Ok(Leg::Last { channel, token, replaced }) => {
                let body = SessionSetupResponse { flags: flags_of(&channel.session), security_buffer: &token };
                let mut answer = Answer::success(&body);
                answer.session_id = Some(channel.session.id);
                request.must_sign_answer = channel.signer.is_some();
                request.channel = Some(channel);
                request.after = replaced.map(After::Lose);
                request.verdict = Verdict::Answered(Box::new(answer));
            }
            Err(status) => {
                if let (Purpose::Again(channel), Status::LOGON_FAILURE) = (&purpose, status) {
                    // A failed one kills the session that it would have refreshed (MS-SMB2 3.3.5.5.2).
                    let session = &channel.session;
                    request.after =
                        self.sessions.remove(&session.id).map(|channel| After::End(Arc::clone(&channel.session)));
                }
                request.verdict = Verdict::Answered(Box::new(Answer::error(status)));
            }
        }
        request
    }

    /// What an exchange is for.
    ///
    /// Errors, in order: INVALID_PARAMETER (unreadable), those of who would join a session, ACCESS_DENIED where the
    /// connection already has; USER_SESSION_DELETED.
    fn purpose(&self, incoming: &Incoming<'_>, channel: Option<&Arc<Channel>>) -> Result<Purpose, Status> {
        let request: SessionSetupRequest<'_> = decode_body(incoming.body).map_err(status::unreadable)?;
        let is_binding = request.flags.contains(SessionSetupFlags::BINDING);
        match channel {
            Some(_) if is_binding => Err(Status::ACCESS_DENIED),
            Some(channel) => Ok(Purpose::Again(Arc::clone(channel))),
            None if is_binding => Ok(Purpose::Join(self.joined(incoming)?)),
            None if incoming.header.session_id == 0 || self.setups.contains_key(&incoming.header.session_id) => {
                Ok(Purpose::First)
            }
            None => Err(Status::USER_SESSION_DELETED),
        }
    }

    /// Errors, in order: INVALID_PARAMETER (unreadable), REQUEST_NOT_ACCEPTED (too many exchanges or sessions),
    /// USER_SESSION_DELETED, LOGON_FAILURE, ACCESS_DENIED (cannot encrypt, and has to), NOT_SUPPORTED (joins as somebody
    /// else), INSUFFICIENT_RESOURCES.
    fn setup_leg(&mut self, incoming: &Incoming<'_>, purpose: &Purpose) -> Result<Leg, Status> {
        let request: SessionSetupRequest<'_> = decode_body(incoming.body).map_err(status::unreadable)?;
        let zone = self.zone().ok_or(Status::NETWORK_NAME_DELETED)?;
        let (joins, is_known) = (matches!(purpose, Purpose::Join(_)), matches!(purpose, Purpose::Again(_)));
        let id = match (incoming.header.session_id, purpose) {
            (0, _) => self.begin_setup(self.facts.sessions.next_id(), (joins, is_known), &zone)?,
            (id, _) if self.setups.get(&id).is_some_and(|setup| setup.joins == joins) => id,
            (id, Purpose::Again(_) | Purpose::Join(_)) => self.begin_setup(id, (joins, is_known), &zone)?,
            (_, Purpose::First) => return Err(Status::USER_SESSION_DELETED),
        };
        let now = self.facts.clock.now();
        let Some(setup) = self.setups.get_mut(&id) else { return Err(Status::USER_SESSION_DELETED) };
        setup.hash.add([incoming.bytes]);
        setup.legs += 1;
        let step = setup.exchange.step(request.security_buffer, now);
        if let (Step::Continue(token), true) = (&step, setup.legs < LEGS_MAX) {
            return Ok(Leg::Next { id, token: token.clone() });
        }
        let Some(setup) = self.setups.remove(&id) else { return Err(Status::USER_SESSION_DELETED) };
        let established = match step {
            Step::Done(established) => established,
            Step::Continue(_) => return Err(Status::LOGON_FAILURE),
            Step::Failed(failure) => {
                tracing::info!(zone = zone.name(), client = %self.peer.client, %failure, "a logon was refused");
                let status = failed(failure);
                self.tell((incoming, id, &zone), setup.exchange.claimed().as_deref(), Err(status));
                return Err(status);
            }
        };
        let user = match &established.who {
            Who::User { name, .. } | Who::Guest { name } => Some(name.clone()),
            Who::Anonymous => None,
        };
        let leg = self.establish((id, &zone, purpose), (setup, established), &request);
        self.tell((incoming, id, &zone), user.as_deref(), leg.as_ref().map_err(|status| *status));
        leg
    }

    /// Records what a logon came to.
    fn tell(
        &self,
        (incoming, session, zone): (&Incoming<'_>, u64, &Zone),
        user: Option<&str>,
        leg: Result<&Leg, Status>,
    ) {
        let (uid, status) = match leg {
            Ok(Leg::Last { channel, .. }) => (Some(channel.session.credentials().uid), Status::SUCCESS),
            Ok(Leg::Next { .. }) => return,
            Err(status) => (None, status),
        };
        let (client, request, user) = (self.peer.client, incoming.header.message_id, user.unwrap_or_default());
        audit::logged_on(&self.facts, zone, &Logon { client, request, session, user, uid }, status);
    }

    fn begin_setup(&mut self, id: u64, (joins, is_known): (bool, bool), zone: &Arc<Zone>) -> Result<u64, Status> {
        // Sessions may have ended on other connections.
        self.sessions.retain(|_, channel| !channel.session.life.is_over());
        if self.setups.len() >= SETUPS_MAX || self.sessions.len() >= SESSIONS_MAX {
            return Err(Status::REQUEST_NOT_ACCEPTED);
        }
        let mut challenge = [0; 8];
        (self.facts.random)(&mut challenge);
        let exchange = self.facts.users.exchange(zone, self.peer.client, Asked { challenge, is_known });
        self.setups.insert(id, Setup { exchange, hash: self.preauth, legs: 0, joins });
        Ok(id)
    }

    fn establish(
        &mut self,
        (id, zone, purpose): (u64, &Zone, &Purpose),
        (setup, established): (Setup, Established),
        request: &SessionSetupRequest<'_>,
    ) -> Result<Leg, Status> {
        let (user, standing) = match &established.who {
            Who::User { name, .. } => (name.clone(), Standing::Proved),
            Who::Guest { name } => (name.clone(), Standing::Guest),
            Who::Anonymous => (String::new(), Standing::Anonymous),
        };
        let credentials = match standing {
            Standing::Proved => {
                self.facts.users.credentials(zone, self.peer.client, &user).ok_or(Status::LOGON_FAILURE)?
            }
            Standing::Guest | Standing::Anonymous => Credentials::unix(NOBODY, NOGROUP, &[]),
        };
        let (credentials, token) = (Arc::new(credentials), established.token);
        match purpose {
            Purpose::First => {}
            Purpose::Again(channel) => {
                let session = &channel.session;
                let is_same = session.user == user && session.standing == standing;
                // Who holds the keys may do with less, and come back.
                let is_less = standing == Standing::Anonymous;
                if !is_same && !is_less {
                    return Err(Status::LOGON_FAILURE);
                }
                session.refresh(credentials, is_same);
                return Ok(Leg::Last { channel: Arc::clone(channel), token, replaced: None });
            }
            Purpose::Join(channel) => {
                let session = &channel.session;
                if session.user != user || session.standing != standing {
                    return Err(Status::NOT_SUPPORTED);
                }
                let keys = self.keys(&established.session_key, &setup.hash);
                return Ok(Leg::Last { channel: self.join(session, Some(keys.signer))?, token, replaced: None });
            }
        }
        let Some(terms) = self.terms().cloned() else { return Err(Status::INVALID_PARAMETER) };
        let wants_encryption = self.facts.settings.encryption == Protection::Required;
        let keys = (standing == Standing::Proved).then(|| self.keys(&established.session_key, &setup.hash));
        let can_encrypt = keys.as_ref().is_some_and(|keys| keys.encryption.is_some());
        if wants_encryption && !can_encrypt {
            return Err(Status::ACCESS_DENIED);
        }
        let modes = request.security_mode | terms.client_mode | terms.mode;
        let session = Arc::new(Session::new(SessionParts {
            id,
            zone: zone.id(),
            user,
            standing,
            must_sign: keys.is_some() && modes.contains(SecurityMode::SIGNING_REQUIRED),
            must_encrypt: wants_encryption,
            keys,
            terms,
            since: self.facts.clock.now(),
            credentials,
        }));
        let channel = self.join(&session, Channel::unbound(&session).signer)?;
        let peer = &self.peer;
        self.facts.sessions.enter(Listed {
            session: Arc::clone(&session),
            client: peer.socket,
            local: peer.local,
            traffic: Arc::clone(&peer.traffic),
        });
        Ok(Leg::Last { replaced: self.replaced(request.previous_session_id, &session), channel, token })
    }

    /// A session is reached over this connection from now on.
    ///
    /// Errors, in order: USER_SESSION_DELETED, INSUFFICIENT_RESOURCES.
    fn join(&mut self, session: &Arc<Session>, signer: Option<Arc<Signer>>) -> Result<Arc<Channel>, Status> {
        session.join(&self.peer)?;
        let channel = Arc::new(Channel { session: Arc::clone(session), signer });
        self.sessions.insert(session.id, Arc::clone(&channel));
        Ok(channel)
    }

    /// The session that this one comes in place of (MS-SMB2 3.3.5.5.3): of the same user, whose connection was lost.
    fn replaced(&self, id: u64, session: &Session) -> Option<Arc<Session>> {
        let previous = self.facts.sessions.find(id).filter(|previous| previous.id != session.id)?;
        let is_same = previous.zone == session.zone
            && previous.user == session.user
            && (previous.standing, session.standing) == (Standing::Proved, Standing::Proved);
        is_same.then_some(previous)
    }

    fn keys(&self, session_key: &security::Key, hash: &PreauthHash) -> Keys {
        let (dialect, signing, cipher) = self
            .terms()
            .map_or((Dialect::SMB_2_0_2, None, None), |terms| (terms.dialect, Some(terms.signing), terms.cipher));
        let derivation = match dialect {
            Dialect::SMB_3_1_1 => Derivation::Smb311(hash),
            Dialect::SMB_3_0 | Dialect::SMB_3_0_2 => Derivation::Smb3,
            _ => Derivation::Smb2,
        };
        let keys = SessionKeys::derive(session_key, derivation, cipher);
        let mut salt = [0; 3];
        (self.facts.random)(&mut salt);
        let encryption = match (cipher, &keys.encryption, &keys.decryption) {
            (Some(cipher), Some(ours), Some(theirs)) => {
                Some((Encryptor::new(cipher, ours, salt), Decryptor::new(cipher, theirs)))
            }
            _ => None,
        };
        let signing = signing.unwrap_or(security::smb::SigningAlgorithm::HmacSha256);
        Keys { signer: Arc::new(Signer::new(signing, &keys.signing)), encryption }
    }
}

/// What a token came to.
enum Leg {
    /// The client has to send another.
    Next { id: u64, token: Vec<u8> },
    /// Somebody is let in.
    Last { channel: Arc<Channel>, token: Vec<u8>, replaced: Option<Arc<Session>> },
}

/// What an exchange is for.
enum Purpose {
    /// A new session.
    First,
    /// Somebody proves again who it is.
    Again(Arc<Channel>),
    /// A session of another connection is to be reached over this one; signed with its key until then.
    Join(Arc<Channel>),
}

impl Purpose {
    fn channel(&self) -> Option<&Arc<Channel>> {
        match self {
            Self::First => None,
            Self::Again(channel) | Self::Join(channel) => Some(channel),
        }
    }
}

fn flags_of(session: &Session) -> SessionFlags {
    let standing = match session.standing {
        Standing::Proved => SessionFlags::empty(),
        Standing::Guest => SessionFlags::IS_GUEST,
        Standing::Anonymous => SessionFlags::IS_NULL,
    };
    if session.must_encrypt { standing | SessionFlags::ENCRYPT_DATA } else { standing }
}

fn failed(failure: security::Failure) -> Status {
    match failure {
        security::Failure::Malformed(_) => Status::INVALID_PARAMETER,
        security::Failure::NoCommonMechanism | security::Failure::TooWeak(_) | security::Failure::LogonFailure => {
            Status::LOGON_FAILURE
        }
    }
}

/// Tokens of one exchange.
const LEGS_MAX: usize = 6;
/// Exchanges of one connection at once.
const SETUPS_MAX: usize = 8;
/// Sessions of one connection.
const SESSIONS_MAX: usize = 1024;
