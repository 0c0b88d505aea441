//! The side that asks (MS-NLMP 3.1): for load generators and tests, which are clients.

use super::flags::Flags;
use super::hash::{NtHash, hmac_md5};
use super::message::{Asked, MessageError, encode_authenticate, encode_negotiate, without_mic};
use super::session::rc4;
use super::target_info::{AvPairs, client_pairs, utf16};
use crate::secret::Key;

/// Proves a user's password once: NEGOTIATE out, CHALLENGE in, AUTHENTICATE out.
#[derive(Debug)]
pub struct Initiator {
    user: String,
    hash: NtHash,
    chosen: Chosen,
}

/// What a client chooses, at random and anew for each exchange.
#[derive(Clone, Copy)]
pub struct Chosen {
    /// `ClientChallenge`.
    pub challenge: [u8; 8],
    /// `ExportedSessionKey`.
    pub session_key: [u8; 16],
}

/// What an exchange comes to at the client.
#[derive(Debug)]
pub struct Proved {
    /// AUTHENTICATE.
    pub token: Vec<u8>,
    /// The session key, if the server believes it.
    pub session_key: Key,
}

impl Initiator {
    /// An exchange for this user, of no domain.
    #[must_use]
    pub fn new(user: &str, hash: NtHash, chosen: Chosen) -> Self {
        Self { user: user.to_owned(), hash, chosen }
    }

    /// NEGOTIATE.
    #[must_use]
    pub fn negotiate(&self) -> Vec<u8> {
        encode_negotiate(ASKED)
    }

    /// AUTHENTICATE, with a MIC over all three messages.
    ///
    /// Errors: `challenge` is no CHALLENGE, or cut short.
    pub fn authenticate(&self, challenge: &[u8]) -> Result<Proved, MessageError> {
        let asked = Asked::decode(challenge)?;
        let key = self.hash.response_key(&self.user, &[]);
        let (time, pairs) = client_pairs(AvPairs(asked.target_info));
        let told = [&RESPONSE_VERSION, time.as_slice(), &self.chosen.challenge, &[0; 4], &pairs, &[0; 4]].concat();
        let proof = hmac_md5(&key, &[&asked.challenge, &told]);
        let mut sealed_key = self.chosen.session_key;
        rc4(&hmac_md5(&key, &[&proof]), &mut sealed_key);
        let response = [proof.as_slice(), &told].concat();
        let mut token = encode_authenticate(ASKED, [&[], &response, &[], &utf16(&self.user), &[], &sealed_key]);
        let [head, no_mic, tail] = without_mic(&token);
        let mic = hmac_md5(&self.chosen.session_key, &[&self.negotiate(), challenge, head, no_mic, tail]);
        let at = head.len();
        token.iter_mut().skip(at).zip(mic).for_each(|(place, byte)| *place = byte);
        Ok(Proved { token, session_key: Key::new(&self.chosen.session_key) })
    }
}

impl std::fmt::Debug for Chosen {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Chosen")
    }
}

const ASKED: Flags = Flags(
    Flags::UNICODE.0
        | Flags::REQUEST_TARGET.0
        | Flags::SIGN.0
        | Flags::SEAL.0
        | Flags::NTLM.0
        | Flags::ALWAYS_SIGN.0
        | Flags::EXTENDED_SESSION_SECURITY.0
        | Flags::TARGET_INFO.0
        | Flags::KEY_128.0
        | Flags::KEY_EXCHANGE.0,
);
/// `RespType`, `HiRespType` and what is reserved (MS-NLMP 2.2.2.7).
const RESPONSE_VERSION: [u8; 8] = [1, 1, 0, 0, 0, 0, 0, 0];
