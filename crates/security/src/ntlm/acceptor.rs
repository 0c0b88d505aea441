//! The exchange (MS-NLMP 3.2.5).

use std::fmt;
use std::mem;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use vfs::Timestamp;
use zeroize::Zeroizing;

use super::flags::Flags;
use super::hash::{NtHash, hmac_md5};
use super::message::{Authenticate, Challenge, MessageError, Negotiate, NtResponse, text, without_mic};
use super::session::{Session, rc4};
use super::target_info::TargetNames;
use crate::mechanism::{Established, Failure, Mechanism, Step, Who};
use crate::secret::Key;

/// What a directory of users says of one.
#[derive(Clone, Debug)]
pub enum Account {
    /// May log on with this password.
    Known(NtHash),
    /// There is one, or there may be; it does not log on now: disabled, without a password, braked.
    Refused,
    /// No such user.
    Unknown,
}

/// Knows users by the names that clients write.
pub trait Accounts: fmt::Debug + Send + Sync {
    /// A user. Asked once in an exchange, before anything is proved: here a brake counts the attempt. It must take the same
    /// time for users that are there and that are not.
    fn find(&self, user: &str, domain: &str) -> Account;
}

/// What an exchange goes by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How the server names itself.
    pub names: TargetNames,
    /// Whether clients that do not say who they are come in, as [`Who::Anonymous`].
    pub anonymous: bool,
    /// Whether users that nobody knows come in, as [`Who::Guest`]. It tells which users there are.
    pub guests: bool,
    /// The users.
    pub accounts: Arc<dyn Accounts>,
}

/// One exchange.
#[derive(Debug)]
pub struct Acceptor {
    settings: Settings,
    challenge: [u8; 8],
    state: State,
}

enum State {
    /// Waits for NEGOTIATE.
    Fresh,
    /// Waits for AUTHENTICATE; the messages so far are for the MIC.
    Challenged {
        negotiate: Vec<u8>,
        challenge: Vec<u8>,
    },
    /// `None`: a guest, without keys.
    Done(Option<Session>),
    Over,
}

/// Who was let in, and the key that it chose; a guest has none.
struct LetIn {
    who: Who,
    exported: Option<Zeroizing<[u8; 16]>>,
}

impl Acceptor {
    /// A new exchange; `challenge` is random, and new for each.
    #[must_use]
    pub fn new(settings: Settings, challenge: [u8; 8]) -> Self {
        Self { settings, challenge, state: State::Fresh }
    }

    /// MS-NLMP 3.2.5.1.1.
    fn challenge(&mut self, message: &[u8], now: Timestamp) -> Result<Vec<u8>, Failure> {
        if message.len() > NEGOTIATE_BYTES_MAX {
            return Err(Failure::Malformed("an NTLMSSP NEGOTIATE that is too long"));
        }
        let asked = Negotiate::decode(message)?.flags;
        demand(asked)?;
        let challenge = Challenge {
            flags: OFFERED | asked.and(ECHOED),
            challenge: self.challenge,
            target_name: &self.settings.names.netbios,
            target_info: &self.settings.names.target_info(now),
        };
        let answer = challenge.encode();
        self.state = State::Challenged { negotiate: message.to_vec(), challenge: answer.clone() };
        Ok(answer)
    }

    /// MS-NLMP 3.2.5.1.2. Whatever is wrong with a proof is found after the same work, and told in the same words.
    fn authenticate(&self, message: &[u8], before: [&[u8]; 2]) -> Result<(LetIn, Flags), Failure> {
        let told = Authenticate::decode(message)?;
        if told.is_anonymous() {
            // Nothing is proved, and many say so by the weakest means there are.
            let let_in = self.anonymous(&told)?;
            return Ok((let_in, told.flags));
        }
        demand(told.flags)?;
        let response = NtResponse::decode(told.nt_response).ok_or(Failure::TooWeak("no NTLMv2 response"))?;
        if response.pairs.is_cut_short() {
            return Err(Failure::Malformed("an NTLMv2 response whose pairs are cut short"));
        }
        let (name, domain) = (text(told.user)?, text(told.domain)?);
        let account = self.settings.accounts.find(&name, &domain);
        let hash = match &account {
            Account::Known(hash) => hash.clone(),
            Account::Refused | Account::Unknown => NtHash::new(NOBODYS_HASH),
        };
        let key = Zeroizing::new(hash.response_key(&name, told.domain));
        let proof = hmac_md5(&*key, &[&self.challenge, response.client_challenge]);
        let is_proved = verify_slices_are_equal(&proof, response.proof).is_ok();
        match account {
            Account::Known(_) if is_proved => {}
            Account::Unknown if self.settings.guests => {
                return Ok((LetIn { who: Who::Guest { name }, exported: None }, told.flags));
            }
            Account::Known(_) | Account::Refused | Account::Unknown => return Err(Failure::LogonFailure),
        }
        let exported = exported_key(&told, hmac_md5(&*key, &[&proof]))?;
        if response.pairs.promise_mic() {
            verify_mic(&told, &exported, message, before)?;
        }
        Ok((LetIn { who: Who::User { name, domain }, exported: Some(exported) }, told.flags))
    }

    fn anonymous(&self, told: &Authenticate<'_>) -> Result<LetIn, Failure> {
        if !self.settings.anonymous {
            return Err(Failure::LogonFailure);
        }
        // SessionBaseKey and KeyExchangeKey are zeros (MS-NLMP 3.2.5.1.2).
        Ok(LetIn { who: Who::Anonymous, exported: Some(exported_key(told, [0; 16])?) })
    }

    fn session(&self) -> Option<&Session> {
        match &self.state {
            State::Done(session) => session.as_ref(),
            State::Fresh | State::Challenged { .. } | State::Over => None,
        }
    }
}

impl Mechanism for Acceptor {
    fn oids(&self) -> &'static [&'static [u8]] {
        &[OID]
    }

    fn step(&mut self, token: &[u8], now: Timestamp) -> Step {
        match mem::replace(&mut self.state, State::Over) {
            State::Fresh => self.challenge(token, now).map_or_else(Step::Failed, Step::Continue),
            State::Challenged { negotiate, challenge } => match self.authenticate(token, [&negotiate, &challenge]) {
                Ok((LetIn { who, exported }, flags)) => {
                    let exchanges_keys = flags.has(Flags::KEY_EXCHANGE);
                    self.state = State::Done(exported.as_deref().map(|key| Session::new(key, exchanges_keys)));
                    let session_key = Key::new(exported.as_deref().map_or(&[], <[u8; 16]>::as_slice));
                    Step::Done(Established { who, session_key, token: Vec::new() })
                }
                Err(failure) => Step::Failed(failure),
            },
            State::Done(_) | State::Over => Step::Failed(Failure::Malformed("a token after the end of the exchange")),
        }
    }

    fn message_code(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.session().map(|session| session.code(message).to_vec())
    }

    fn verify_message_code(&self, message: &[u8], code: &[u8]) -> bool {
        self.session().is_some_and(|session| session.verify(message, code))
    }
}

impl From<MessageError> for Failure {
    fn from(error: MessageError) -> Self {
        Self::Malformed(match error {
            MessageError::OtherMessage => "no NTLMSSP message of the type that is due",
            MessageError::Short | MessageError::FieldOutside => "an NTLMSSP message that is cut short",
            MessageError::FieldTooLong => "a field of an NTLMSSP message that is too long",
            MessageError::NotText => "a name that is no UTF-16",
        })
    }
}

/// What no client of today is without.
fn demand(flags: Flags) -> Result<(), Failure> {
    let demands = [
        (Flags::UNICODE, "no Unicode"),
        (Flags::EXTENDED_SESSION_SECURITY, "no extended session security"),
        (Flags::KEY_128, "no 128-bit keys"),
    ];
    let missing = demands.into_iter().find(|(flag, _)| !flags.has(*flag));
    missing.map_or(Ok(()), |(_, reason)| Err(Failure::TooWeak(reason)))
}

/// `ExportedSessionKey`: what the client chose, or the key that the proof came to. Some clients ask for an exchange of keys
/// and send none; they mean the latter.
fn exported_key(told: &Authenticate<'_>, base: [u8; 16]) -> Result<Zeroizing<[u8; 16]>, Failure> {
    let base = Zeroizing::new(base);
    if !told.flags.has(Flags::KEY_EXCHANGE) || told.session_key.is_empty() {
        return Ok(base);
    }
    let encrypted = <[u8; 16]>::try_from(told.session_key);
    let mut key = Zeroizing::new(encrypted.map_err(|_| Failure::Malformed("a session key that is not of 16 bytes"))?);
    rc4(&*base, &mut *key);
    Ok(key)
}

/// The MIC over all three messages; whoever promises one has to send it.
fn verify_mic(
    told: &Authenticate<'_>,
    exported: &[u8; 16],
    message: &[u8],
    [negotiate, challenge]: [&[u8]; 2],
) -> Result<(), Failure> {
    let [head, mic, tail] = without_mic(message);
    let expected = hmac_md5(exported, &[negotiate, challenge, head, mic, tail]);
    let is_right = told.mic.is_some_and(|mic| verify_slices_are_equal(&expected, mic).is_ok());
    if is_right { Ok(()) } else { Err(Failure::LogonFailure) }
}

impl fmt::Debug for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Fresh => "Fresh",
            Self::Challenged { .. } => "Challenged",
            Self::Done(_) => "Done",
            Self::Over => "Over",
        })
    }
}

/// 1.3.6.1.4.1.311.2.2.10 (MS-NLMP 1.9).
pub const OID: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a];
/// Stands in for the hash of a user that there is not; a proof with it is refused whatever it says.
const NOBODYS_HASH: [u8; 16] = [0x5a; 16];
/// The first message is kept for the MIC.
const NEGOTIATE_BYTES_MAX: usize = 2048;
/// What a CHALLENGE always says.
const OFFERED: Flags = Flags(
    Flags::UNICODE.0
        | Flags::REQUEST_TARGET.0
        | Flags::NTLM.0
        | Flags::ALWAYS_SIGN.0
        | Flags::TARGET_TYPE_SERVER.0
        | Flags::EXTENDED_SESSION_SECURITY.0
        | Flags::TARGET_INFO.0
        | Flags::VERSION.0
        | Flags::KEY_128.0,
);
/// And what only when the client asks for it.
const ECHOED: Flags = Flags(Flags::SIGN.0 | Flags::SEAL.0 | Flags::KEY_EXCHANGE.0 | Flags::KEY_56.0);
