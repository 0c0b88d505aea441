//! NEGOTIATE and SESSION_SETUP, and the keys that they come to.

use anyhow::{Context, Result, bail, ensure};
use bytes::{Bytes, BytesMut};
use load::Stream;
use security::Key;
use security::ntlm::{Chosen, Initiator, NtHash};
use security::smb::{Cipher, Decryptor, Derivation, Encryptor, PreauthHash, SessionKeys, Signer, SigningAlgorithm};
use smb_wire::codec::{Encode, List, decode_body, encode_body};
use smb_wire::compound::{Chain, Elements};
use smb_wire::dtyp::Guid;
use smb_wire::negotiate::{
    self as wire, Capabilities, Dialect, HashAlgorithm, NegotiateContext, NegotiateContexts, NegotiateRequest,
    NegotiateResponse, SecurityMode,
};
use smb_wire::session_setup::{SessionFlags, SessionSetupFlags, SessionSetupRequest, SessionSetupResponse};
use smb_wire::{Command, Header, Status};

use crate::arguments::{Arguments, Protection};

/// A session, as the client knows it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: u64,
    pub(crate) signer: Signer,
    pub(crate) cipher: Option<(Encryptor, Decryptor)>,
    /// Message ids used, which are credits used.
    pub(crate) used: u64,
    /// Credits left.
    pub(crate) credits: u64,
}

/// What NEGOTIATE came to.
#[derive(Clone, Copy, Debug)]
struct Terms {
    dialect: Dialect,
    cipher: Option<Cipher>,
    signing: SigningAlgorithm,
}

/// Speaks before there is a session.
struct Speaker<'a> {
    stream: &'a mut Stream,
    hash: PreauthHash,
    next: u64,
    credits: u64,
}

struct Answer {
    header: Header,
    frame: Bytes,
    body: Bytes,
}

/// Negotiates and logs on.
pub(crate) async fn log_on(stream: &mut Stream, arguments: &Arguments) -> Result<Session> {
    let mut speaker = Speaker { stream, hash: PreauthHash::START, next: 0, credits: 1 };
    let terms = negotiate(&mut speaker, arguments).await.context("NEGOTIATE")?;
    let (id, keys) = set_up(&mut speaker, arguments, terms).await.context("SESSION_SETUP")?;
    let cipher = match (terms.cipher, &keys.decryption, &keys.encryption) {
        (Some(cipher), Some(ours), Some(theirs)) => {
            Some((Encryptor::new(cipher, ours, random()?), Decryptor::new(cipher, theirs)))
        }
        _ => None,
    };
    ensure!(cipher.is_some() || arguments.protection() != Protection::Encrypted, "the server cannot encrypt");
    let signer = Signer::new(terms.signing, &keys.signing);
    Ok(Session { id, signer, cipher, used: speaker.next, credits: speaker.credits })
}

async fn negotiate(speaker: &mut Speaker<'_>, arguments: &Arguments) -> Result<Terms> {
    let dialects = [arguments.dialect.number()];
    let (client_guid, salt): ([u8; 16], [u8; 32]) = (random()?, random()?);
    let contexts = [
        NegotiateContext::PreauthIntegrity {
            hash_algorithms: List::Items(&[HashAlgorithm::SHA_512]),
            salt: salt.as_slice(),
        },
        NegotiateContext::Encryption(List::Items(&CIPHERS)),
        NegotiateContext::Signing(List::Items(&SIGNING_ALGORITHMS)),
    ];
    let is_newest = dialects == [Dialect::SMB_3_1_1];
    let request = NegotiateRequest {
        security_mode: security_mode(arguments.protection()),
        capabilities: Capabilities::LARGE_MTU | Capabilities::ENCRYPTION,
        client_guid: Guid(client_guid),
        dialects: List::Items(&dialects),
        contexts: NegotiateContexts::Items(if is_newest { &contexts } else { &[] }),
    };
    let answer = speaker.ask((Command::NEGOTIATE, 0), &request).await?;
    ensure!(answer.header.status == Status::SUCCESS, "{:?}", answer.header.status);
    speaker.hash.add([&answer.frame[..]]);
    let response: NegotiateResponse<'_> = decode_body(&answer.body)?;
    ensure!(dialects.contains(&response.dialect), "the server speaks {:?}", response.dialect);
    let must_sign = response.security_mode.contains(SecurityMode::SIGNING_REQUIRED);
    ensure!(!must_sign || arguments.protection() != Protection::Plain, "the server wants all signed");
    Terms::of(&response)
}

impl Terms {
    fn of(response: &NegotiateResponse<'_>) -> Result<Self> {
        let is_old = response.dialect == Dialect::SMB_2_1;
        let encrypts = response.capabilities.contains(Capabilities::ENCRYPTION);
        let mut terms = Self {
            dialect: response.dialect,
            cipher: encrypts.then_some(Cipher::Aes128Ccm),
            signing: if is_old { SigningAlgorithm::HmacSha256 } else { SigningAlgorithm::AesCmac },
        };
        for context in response.contexts.iter() {
            match context {
                NegotiateContext::Encryption(list) => terms.cipher = list.get(0).and_then(|id| Cipher::from_id(id.0)),
                NegotiateContext::Signing(list) => {
                    let chosen = list.get(0).and_then(|id| SigningAlgorithm::from_id(id.0));
                    terms.signing = chosen.context("a signing algorithm that was not offered")?;
                }
                _ => {}
            }
        }
        Ok(terms)
    }
}

/// NTLM, without SPNEGO around it, which servers take.
async fn set_up(speaker: &mut Speaker<'_>, arguments: &Arguments, terms: Terms) -> Result<(u64, SessionKeys)> {
    let chosen = Chosen { challenge: random()?, session_key: random()? };
    let initiator = Initiator::new(&arguments.user, NtHash::of_password(&arguments.password), chosen);
    let first = speaker.set_up(0, &initiator.negotiate(), arguments.protection()).await?;
    ensure!(first.header.status == Status::MORE_PROCESSING_REQUIRED, "{:?}", first.header.status);
    speaker.hash.add([&first.frame[..]]);
    let response: SessionSetupResponse<'_> = decode_body(&first.body)?;
    let proved = initiator.authenticate(response.security_buffer)?;
    let last = speaker.set_up(first.header.session_id, &proved.token, arguments.protection()).await?;
    ensure!(last.header.status == Status::SUCCESS, "{:?}", last.header.status);
    let response: SessionSetupResponse<'_> = decode_body(&last.body)?;
    if response.flags.intersects(SessionFlags::IS_GUEST | SessionFlags::IS_NULL) {
        bail!("the server takes {} for a guest", arguments.user);
    }
    Ok((first.header.session_id, session_keys(&proved.session_key, terms, &speaker.hash)))
}

fn session_keys(session_key: &Key, terms: Terms, hash: &PreauthHash) -> SessionKeys {
    let derivation = match terms.dialect {
        Dialect::SMB_3_1_1 => Derivation::Smb311(hash),
        Dialect::SMB_3_0 | Dialect::SMB_3_0_2 => Derivation::Smb3,
        _ => Derivation::Smb2,
    };
    SessionKeys::derive(session_key, derivation, terms.cipher)
}

impl Speaker<'_> {
    async fn set_up(&mut self, session_id: u64, token: &[u8], protection: Protection) -> Result<Answer> {
        let request = SessionSetupRequest {
            flags: SessionSetupFlags::empty(),
            security_mode: security_mode(protection),
            capabilities: Capabilities::empty(),
            previous_session_id: 0,
            security_buffer: token,
        };
        self.ask((Command::SESSION_SETUP, session_id), &request).await
    }

    /// Sends a request and adds it to the hash; the answer is for who knows whether it belongs to it.
    async fn ask(&mut self, (command, session_id): (Command, u64), body: &impl Encode) -> Result<Answer> {
        let header = Header { credits: CREDITS_ASKED, session_id, ..Header::request(command, self.next) };
        (self.next, self.credits) = (self.next + 1, self.credits.saturating_sub(1));
        let mut message = BytesMut::new();
        encode_body(body, Chain::new(&mut message).begin(&header));
        self.hash.add([&message[..]]);
        self.stream.output.push(Bytes::from(u32::try_from(message.len())?.to_be_bytes().to_vec()));
        self.stream.output.push(message.freeze());
        let frame = self.stream.frame().await?.freeze();
        let element = Elements::new(&frame).next().context("an empty frame")??;
        self.credits += u64::from(element.header.credits);
        Ok(Answer { header: element.header, body: frame.slice_ref(element.body), frame })
    }
}

fn security_mode(protection: Protection) -> SecurityMode {
    match protection {
        Protection::Plain | Protection::Encrypted => SecurityMode::SIGNING_ENABLED,
        Protection::Signed => SecurityMode::SIGNING_ENABLED | SecurityMode::SIGNING_REQUIRED,
    }
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
    Ok(bytes)
}

/// The one that a client likes best first.
const SIGNING_ALGORITHMS: [wire::SigningAlgorithm; 3] =
    [wire::SigningAlgorithm::AES_GMAC, wire::SigningAlgorithm::AES_CMAC, wire::SigningAlgorithm::HMAC_SHA256];
const CIPHERS: [wire::Cipher; 4] =
    [wire::Cipher::AES_128_GCM, wire::Cipher::AES_256_GCM, wire::Cipher::AES_128_CCM, wire::Cipher::AES_256_CCM];
const CREDITS_ASKED: u16 = 128;
