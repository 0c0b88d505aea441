//! NEGOTIATE (MS-SMB2 3.3.5.3, 3.3.5.4): what a connection speaks.

use security::smb::{Cipher, SigningAlgorithm};
use smb_wire::Status;
use smb_wire::codec::List;
use smb_wire::dtyp::{FileTime, Guid};
use smb_wire::negotiate::{
    self as wire, Capabilities, ContextType, Dialect, HashAlgorithm, NegotiateContext, NegotiateContexts,
    NegotiateRequest, NegotiateResponse, SecurityMode,
};
use vfs::Timestamp;

use crate::answer::Answer;
use crate::settings::{Protection, Settings, TRANSACT_BYTES_MAX};

/// What client and server agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) dialect: Dialect,
    pub(crate) client_guid: Guid,
    /// What the client said, for VALIDATE_NEGOTIATE_INFO.
    pub(crate) client_mode: SecurityMode,
    pub(crate) client_capabilities: Capabilities,
    /// What the server said.
    pub(crate) mode: SecurityMode,
    pub(crate) capabilities: Capabilities,
    /// Sessions may be encrypted with it.
    pub(crate) cipher: Option<Cipher>,
    pub(crate) signing: SigningAlgorithm,
    pub(crate) io_bytes_max: u32,
    pub(crate) transact_bytes_max: u32,
    has_ciphers: bool,
    has_signing: bool,
}

/// What an answer to NEGOTIATE says beside the terms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Greeting<'a> {
    pub(crate) server_guid: Guid,
    pub(crate) now: Timestamp,
    pub(crate) hint: &'a [u8],
    pub(crate) salt: &'a [u8; 32],
}

impl Terms {
    /// The best that the client offers (MS-SMB2 3.3.5.4).
    ///
    /// Errors, in order: NOT_SUPPORTED (no common dialect), INVALID_PARAMETER (contexts of SMB 3.1.1 that are missing,
    /// empty or there twice), SMB_NO_PREAUTH_INTEGRITY_HASH_OVERLAP.
    pub(crate) fn choose(request: &NegotiateRequest<'_>, settings: &Settings) -> Result<Self, Status> {
        let dialect = Self::best_dialect(&request.dialects).ok_or(Status::NOT_SUPPORTED)?;
        let mut terms = Self::of(dialect, settings);
        terms.client_guid = request.client_guid;
        terms.client_mode = request.security_mode;
        terms.client_capabilities = request.capabilities;
        if dialect.0 >= Dialect::SMB_3_0.0 {
            // Told only to clients that say it themselves (MS-SMB2 3.3.5.4): others do not reckon with it.
            terms.capabilities |= request.capabilities & TOLD_TO_WHO_SAYS_THEM;
        }
        match dialect {
            Dialect::SMB_3_1_1 => terms.agree_on_contexts(&request.contexts)?,
            Dialect::SMB_3_0 | Dialect::SMB_3_0_2 if request.capabilities.contains(Capabilities::ENCRYPTION) => {
                terms.cipher = Some(Cipher::Aes128Ccm);
                terms.capabilities |= Capabilities::ENCRYPTION;
            }
            _ => {}
        }
        Ok(terms)
    }

    /// The newest of these that is spoken here.
    pub(crate) fn best_dialect(offered: &List<'_, Dialect>) -> Option<Dialect> {
        DIALECTS.iter().copied().find(|dialect| offered.iter().any(|offered| offered == *dialect))
    }

    /// A dialect with nothing but itself. The wildcard answers SMB1 clients, that go on with a NEGOTIATE of SMB2.
    pub(crate) fn of(dialect: Dialect, settings: &Settings) -> Self {
        let is_large = !matches!(dialect, Dialect::SMB_2_0_2);
        let required = match settings.signing {
            Protection::Required => SecurityMode::SIGNING_REQUIRED,
            Protection::Offered => SecurityMode::empty(),
        };
        Self {
            dialect,
            client_guid: Guid::default(),
            client_mode: SecurityMode::empty(),
            client_capabilities: Capabilities::empty(),
            mode: SecurityMode::SIGNING_ENABLED | required,
            capabilities: match dialect {
                Dialect::SMB_2_0_2 => Capabilities::empty(),
                _ => Capabilities::LEASING | Capabilities::LARGE_MTU,
            },
            cipher: None,
            signing: match dialect {
                Dialect::SMB_3_0 | Dialect::SMB_3_0_2 | Dialect::SMB_3_1_1 => SigningAlgorithm::AesCmac,
                _ => SigningAlgorithm::HmacSha256,
            },
            io_bytes_max: if is_large { settings.io_bytes_max } else { SMALL_BYTES_MAX },
            transact_bytes_max: if is_large { TRANSACT_BYTES_MAX } else { SMALL_BYTES_MAX },
            has_ciphers: false,
            has_signing: false,
        }
    }

    /// Whether requests are charged by their size (MS-SMB2 3.3.5.2.5).
    pub(crate) fn charges_by_size(&self) -> bool {
        self.capabilities.contains(Capabilities::LARGE_MTU)
    }

    fn agree_on_contexts(&mut self, contexts: &NegotiateContexts<'_>) -> Result<(), Status> {
        for kind in
            [ContextType::PREAUTH_INTEGRITY, ContextType::ENCRYPTION, ContextType::COMPRESSION, ContextType::SIGNING]
        {
            if contexts.iter().filter(|context| context.kind() == kind).count() > 1 {
                return Err(Status::INVALID_PARAMETER);
            }
        }
        let mut has_preauth = false;
        for context in contexts.iter() {
            match context {
                NegotiateContext::PreauthIntegrity { hash_algorithms, .. } => {
                    has_preauth = true;
                    if hash_algorithms.is_empty() {
                        return Err(Status::INVALID_PARAMETER);
                    }
                    if !hash_algorithms.iter().any(|algorithm| algorithm == HashAlgorithm::SHA_512) {
                        return Err(Status::SMB_NO_PREAUTH_INTEGRITY_HASH_OVERLAP);
                    }
                }
                NegotiateContext::Encryption(ciphers) => {
                    if ciphers.is_empty() {
                        return Err(Status::INVALID_PARAMETER);
                    }
                    self.has_ciphers = true;
                    let is_offered = |cipher: &&Cipher| ciphers.iter().any(|offered| offered.0 == cipher.id());
                    self.cipher = CIPHERS.iter().find(is_offered).copied();
                }
                NegotiateContext::Signing(algorithms) => {
                    if algorithms.is_empty() {
                        return Err(Status::INVALID_PARAMETER);
                    }
                    let is_offered =
                        |signing: &&SigningAlgorithm| algorithms.iter().any(|offered| offered.0 == signing.id());
                    if let Some(signing) = SIGNING.iter().find(is_offered) {
                        (self.has_signing, self.signing) = (true, *signing);
                    }
                }
                _ => {}
            }
        }
        if has_preauth { Ok(()) } else { Err(Status::INVALID_PARAMETER) }
    }

    /// The answer (MS-SMB2 2.2.4).
    pub(crate) fn answer(&self, greeting: &Greeting<'_>) -> Answer {
        let ciphers = [wire::Cipher(self.cipher.map_or(0, Cipher::id))];
        let signing = [wire::SigningAlgorithm(self.signing.id())];
        let mut contexts = Vec::new();
        if self.dialect == Dialect::SMB_3_1_1 {
            let hash_algorithms = List::Items(&[HashAlgorithm::SHA_512]);
            contexts.push(NegotiateContext::PreauthIntegrity { hash_algorithms, salt: greeting.salt });
            if self.has_ciphers {
                contexts.push(NegotiateContext::Encryption(List::Items(&ciphers)));
            }
            if self.has_signing {
                contexts.push(NegotiateContext::Signing(List::Items(&signing)));
            }
        }
        Answer::success(&NegotiateResponse {
            security_mode: self.mode,
            dialect: self.dialect,
            server_guid: greeting.server_guid,
            capabilities: self.capabilities,
            max_transact_size: self.transact_bytes_max,
            max_read_size: self.io_bytes_max,
            max_write_size: self.io_bytes_max,
            system_time: FileTime::from_unix(greeting.now.seconds, greeting.now.nanoseconds),
            server_start_time: FileTime(0),
            security_buffer: greeting.hint,
            contexts: NegotiateContexts::Items(&contexts),
        })
    }
}

/// Of SMB 3.
const TOLD_TO_WHO_SAYS_THEM: Capabilities =
    Capabilities::MULTI_CHANNEL.union(Capabilities::DIRECTORY_LEASING).union(Capabilities::PERSISTENT_HANDLES);
/// The best first.
const DIALECTS: [Dialect; 5] =
    [Dialect::SMB_3_1_1, Dialect::SMB_3_0_2, Dialect::SMB_3_0, Dialect::SMB_2_1, Dialect::SMB_2_0_2];
const CIPHERS: [Cipher; 4] = [Cipher::Aes128Gcm, Cipher::Aes256Gcm, Cipher::Aes128Ccm, Cipher::Aes256Ccm];
const SIGNING: [SigningAlgorithm; 3] =
    [SigningAlgorithm::AesGmac, SigningAlgorithm::AesCmac, SigningAlgorithm::HmacSha256];
/// What clients of SMB 2.0.2 move at once.
const SMALL_BYTES_MAX: u32 = 64 << 10;
