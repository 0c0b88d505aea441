//! Encryption of messages (MS-SMB2 3.1.4.3, 2.2.41): in place, with the transform header as what is authenticated beside.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use aes::{Aes128, Aes256};
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ccm::Ccm;
use ccm::aead::consts::{U11, U16};
use ccm::aead::inout::InOutBuf;
use ccm::aead::{AeadInOut, KeyInit};

use crate::secret::Key;

/// `CipherId` (MS-SMB2 2.2.3.1.2). SMB 3.0 and 3.0.2 know [`Cipher::Aes128Ccm`] only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cipher {
    /// AES-128-CCM.
    Aes128Ccm,
    /// AES-128-GCM.
    Aes128Gcm,
    /// AES-256-CCM.
    Aes256Ccm,
    /// AES-256-GCM.
    Aes256Gcm,
}

/// Bytes of an SMB2 TRANSFORM_HEADER (MS-SMB2 2.2.41).
pub const TRANSFORM_HEADER_BYTES: usize = 52;

/// Three random bytes in front of the counter of nonces: two sessions that ended up with one key, because a client chose
/// the same one twice, do not use the same nonces.
pub type NonceSalt = [u8; 3];

/// A key has encrypted as many messages as it may; the session has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key has encrypted as many messages as it may")]
pub struct NoncesUsedUp;

/// A message is not what was encrypted with this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the encrypted message is not authentic")]
pub struct NotAuthentic;

/// Encrypts the messages of a session, for all its channels: one counter of nonces for one key, never set back.
#[derive(Debug)]
pub struct Encryptor {
    key: CipherKey,
    salt: NonceSalt,
    used: AtomicU64,
}

/// Decrypts the messages of a session.
#[derive(Debug)]
pub struct Decryptor(CipherKey);

enum CipherKey {
    /// `None` cannot happen: the key has the length of the cipher.
    Gcm(Option<LessSafeKey>),
    Ccm128(Box<Ccm<Aes128, U16, U11>>),
    Ccm256(Box<Ccm<Aes256, U16, U11>>),
}

impl Cipher {
    /// The number on the wire.
    #[must_use]
    pub const fn id(self) -> u16 {
        match self {
            Self::Aes128Ccm => 1,
            Self::Aes128Gcm => 2,
            Self::Aes256Ccm => 3,
            Self::Aes256Gcm => 4,
        }
    }

    /// The cipher of a number; `None` for one that this house does not speak.
    #[must_use]
    pub const fn from_id(id: u16) -> Option<Self> {
        match id {
            1 => Some(Self::Aes128Ccm),
            2 => Some(Self::Aes128Gcm),
            3 => Some(Self::Aes256Ccm),
            4 => Some(Self::Aes256Gcm),
            _ => None,
        }
    }

    /// Bytes of its key.
    #[must_use]
    pub const fn key_bytes(self) -> usize {
        match self {
            Self::Aes128Ccm | Self::Aes128Gcm => 16,
            Self::Aes256Ccm | Self::Aes256Gcm => 32,
        }
    }
}

impl Encryptor {
    /// Encrypts with this key, of which [`Cipher::key_bytes`] count. `salt` is random.
    #[must_use]
    pub fn new(cipher: Cipher, key: &Key, salt: NonceSalt) -> Self {
        Self { key: CipherKey::new(cipher, key), salt, used: AtomicU64::new(0) }
    }

    #[cfg(test)]
    pub(super) fn used_up(cipher: Cipher, key: &Key) -> Self {
        Self { used: AtomicU64::new(MESSAGES_MAX), ..Self::new(cipher, key, [0; 3]) }
    }

    /// Encrypts a message in place, and writes nonce and signature into its header. The other fields of the header are
    /// final by then: they are authenticated too.
    ///
    /// Errors: `NoncesUsedUp`; message and header must not be sent then.
    pub fn encrypt(&self, header: &mut [u8; TRANSFORM_HEADER_BYTES], message: &mut [u8]) -> Result<(), NoncesUsedUp> {
        let count = |used: u64| used.checked_add(1).filter(|used| *used <= MESSAGES_MAX);
        let used = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count).map_err(|_| NoncesUsedUp)?;
        let nonce = self.salt.into_iter().chain(used.to_le_bytes()).chain([0; 5]);
        header.iter_mut().skip(NONCE_AT).zip(nonce).for_each(|(place, byte)| *place = byte);
        let tag = self.key.encrypt(Parts::of(header), message).ok_or(NoncesUsedUp)?;
        header.iter_mut().skip(SIGNATURE_AT).zip(tag).for_each(|(place, byte)| *place = byte);
        Ok(())
    }
}

impl Decryptor {
    /// Decrypts with this key, of which [`Cipher::key_bytes`] count.
    #[must_use]
    pub fn new(cipher: Cipher, key: &Key) -> Self {
        Self(CipherKey::new(cipher, key))
    }

    /// Decrypts a message in place.
    ///
    /// Errors: `NotAuthentic`; what is in `message` then means nothing.
    pub fn decrypt(&self, header: &[u8; TRANSFORM_HEADER_BYTES], message: &mut [u8]) -> Result<(), NotAuthentic> {
        self.0.decrypt(Parts::of(header), message).ok_or(NotAuthentic)
    }
}

impl CipherKey {
    fn new(cipher: Cipher, key: &Key) -> Self {
        let (key128, key256) = (key.first::<16>(), key.first::<32>());
        match cipher {
            Cipher::Aes128Gcm => Self::Gcm(UnboundKey::new(&AES_128_GCM, &key128).ok().map(LessSafeKey::new)),
            Cipher::Aes256Gcm => Self::Gcm(UnboundKey::new(&AES_256_GCM, &key256).ok().map(LessSafeKey::new)),
            Cipher::Aes128Ccm => Self::Ccm128(Box::new(Ccm::new(&key128.into()))),
            Cipher::Aes256Ccm => Self::Ccm256(Box::new(Ccm::new(&key256.into()))),
        }
    }

    fn encrypt(&self, header: Parts<'_>, message: &mut [u8]) -> Option<[u8; 16]> {
        let beside = header.authenticated;
        match self {
            Self::Gcm(key) => {
                let tag =
                    key.as_ref()?.seal_in_place_separate_tag(header.for_gcm(), Aad::from(beside), message).ok()?;
                tag.as_ref().first_chunk().copied()
            }
            Self::Ccm128(key) => {
                let tag = key.encrypt_inout_detached(&header.for_ccm().into(), beside, InOutBuf::from(message));
                tag.ok().map(Into::into)
            }
            Self::Ccm256(key) => {
                let tag = key.encrypt_inout_detached(&header.for_ccm().into(), beside, InOutBuf::from(message));
                tag.ok().map(Into::into)
            }
        }
    }

    fn decrypt(&self, header: Parts<'_>, message: &mut [u8]) -> Option<()> {
        let (beside, tag) = (header.authenticated, header.signature);
        match self {
            Self::Gcm(key) => {
                let opened =
                    key.as_ref()?.open_in_place_separate_tag(header.for_gcm(), Aad::from(beside), tag, message);
                opened.ok().map(drop)
            }
            Self::Ccm128(key) => {
                let nonce = header.for_ccm().into();
                key.decrypt_inout_detached(&nonce, beside, InOutBuf::from(message), &(*tag).into()).ok()
            }
            Self::Ccm256(key) => {
                let nonce = header.for_ccm().into();
                key.decrypt_inout_detached(&nonce, beside, InOutBuf::from(message), &(*tag).into()).ok()
            }
        }
    }
}

impl fmt::Debug for CipherKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Gcm(_) => "AES-GCM",
            Self::Ccm128(_) | Self::Ccm256(_) => "AES-CCM",
        })
    }
}

/// The parts of a transform header.
#[derive(Clone, Copy)]
struct Parts<'a> {
    signature: &'a [u8; 16],
    nonce: &'a [u8; 16],
    /// The header from the nonce on (MS-SMB2 3.1.4.3).
    authenticated: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(header: &'a [u8; TRANSFORM_HEADER_BYTES]) -> Self {
        let at = |place: usize| header.get(place..).and_then(<[u8]>::first_chunk).unwrap_or(&[0; 16]);
        let authenticated = header.get(NONCE_AT..).unwrap_or_default();
        Self { signature: at(SIGNATURE_AT), nonce: at(NONCE_AT), authenticated }
    }

    /// `AES128GCM_Nonce`: the first 12 bytes (MS-SMB2 2.2.41).
    fn for_gcm(self) -> Nonce {
        Nonce::assume_unique_for_key(self.nonce.first_chunk().copied().unwrap_or_default())
    }

    /// `AES128CCM_Nonce`: the first 11 bytes.
    fn for_ccm(self) -> [u8; 11] {
        self.nonce.first_chunk().copied().unwrap_or_default()
    }
}

// Places in the header (MS-SMB2 2.2.41).
const SIGNATURE_AT: usize = 4;
const NONCE_AT: usize = 20;
/// Messages that one key encrypts; with a message of 1 MiB each, far above what a session lives.
const MESSAGES_MAX: u64 = 1 << 48;
