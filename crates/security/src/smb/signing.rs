//! Signatures of messages (MS-SMB2 3.1.4.1, 3.1.5.1).

use std::fmt;

use aes::Aes128;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use cmac::{Cmac, KeyInit, Mac};

use super::gmac::{Gmac, NONCE_BYTES};
use crate::secret::Key;

/// `SigningAlgorithmId` (MS-SMB2 2.2.3.1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SigningAlgorithm {
    /// HMAC-SHA256: SMB 2.0.2 and 2.1.
    HmacSha256,
    /// AES-128-CMAC: SMB 3.0, 3.0.2, and 3.1.1 where nothing else is negotiated.
    AesCmac,
    /// AES-128-GMAC: SMB 3.1.1, many times as fast as the others.
    AesGmac,
}

/// The signature is not that of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature is wrong")]
pub struct BadSignature;

/// Signs messages, and verifies signatures, with one key. Both take the header apart from what follows it, which may lie in
/// any number of slices: nothing is copied but slices of less than a KiB, and nothing is allocated.
pub struct Signer(Algorithm);

enum Algorithm {
    HmacSha256(Box<hmac::Key>),
    AesCmac(Box<Cmac<Aes128>>),
    AesGmac(Box<Gmac>),
}

/// Bytes of an SMB2 header (MS-SMB2 2.2.1).
pub const HEADER_BYTES: usize = 64;

/// What signing looks at in a header.
type Header = [u8; HEADER_BYTES];
type Signature = [u8; 16];

impl SigningAlgorithm {
    /// The number on the wire.
    #[must_use]
    pub const fn id(self) -> u16 {
        match self {
            Self::HmacSha256 => 0,
            Self::AesCmac => 1,
            Self::AesGmac => 2,
        }
    }

    /// The algorithm of a number; `None` for one that this house does not speak.
    #[must_use]
    pub const fn from_id(id: u16) -> Option<Self> {
        match id {
            0 => Some(Self::HmacSha256),
            1 => Some(Self::AesCmac),
            2 => Some(Self::AesGmac),
            _ => None,
        }
    }
}

impl Signer {
    /// Signs with the first 16 bytes of this key.
    #[must_use]
    pub fn new(algorithm: SigningAlgorithm, key: &Key) -> Self {
        let key: [u8; 16] = key.first();
        Self(match algorithm {
            SigningAlgorithm::HmacSha256 => Algorithm::HmacSha256(Box::new(hmac::Key::new(hmac::HMAC_SHA256, &key))),
            SigningAlgorithm::AesCmac => Algorithm::AesCmac(Box::new(Cmac::new(&key.into()))),
            SigningAlgorithm::AesGmac => Algorithm::AesGmac(Box::new(Gmac::new(&key))),
        })
    }

    /// Which algorithm this is.
    #[must_use]
    pub const fn algorithm(&self) -> SigningAlgorithm {
        match self.0 {
            Algorithm::HmacSha256(_) => SigningAlgorithm::HmacSha256,
            Algorithm::AesCmac(_) => SigningAlgorithm::AesCmac,
            Algorithm::AesGmac(_) => SigningAlgorithm::AesGmac,
        }
    }

    /// Writes the signature of the message into its header. Everything else in the header is final by then,
    /// SMB2_FLAGS_SIGNED included: it is signed too. `rest` is what follows the header, up to the next message of a
    /// compound (its padding is signed) or to the end.
    pub fn sign<'a>(&self, header: &mut Header, rest: impl IntoIterator<Item = &'a [u8]>) {
        let signature = self.signature(header, rest);
        header.iter_mut().skip(SIGNATURE_AT).zip(signature).for_each(|(place, byte)| *place = byte);
    }

    /// Compares the signature in the header with that of the message, in constant time.
    ///
    /// Errors: `BadSignature`.
    pub fn verify<'a>(&self, header: &Header, rest: impl IntoIterator<Item = &'a [u8]>) -> Result<(), BadSignature> {
        let signature = self.signature(header, rest);
        let told: Signature = part(header, SIGNATURE_AT);
        verify_slices_are_equal(&signature, &told).map_err(|_| BadSignature)
    }

    /// The signature is computed over the message with zeros in its place.
    fn signature<'a>(&self, header: &Header, rest: impl IntoIterator<Item = &'a [u8]>) -> Signature {
        let mut unsigned = *header;
        unsigned.iter_mut().skip(SIGNATURE_AT).take(16).for_each(|byte| *byte = 0);
        match &self.0 {
            Algorithm::HmacSha256(key) => {
                let mut context = hmac::Context::with_key(key);
                context.update(&unsigned);
                rest.into_iter().for_each(|part| context.update(part));
                first_of(context.sign().as_ref())
            }
            Algorithm::AesCmac(key) => {
                let mut mac = Cmac::clone(key);
                mac.update(&unsigned);
                rest.into_iter().for_each(|part| mac.update(part));
                mac.finalize().into_bytes().into()
            }
            Algorithm::AesGmac(key) => {
                let mut run = key.begin(gmac_nonce(header));
                run.update(&unsigned);
                rest.into_iter().for_each(|part| run.update(part));
                run.finish()
            }
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Signer({:?})", self.algorithm())
    }
}

/// MS-SMB2 3.1.4.1: the MessageId; then 32 bits, of which the lowest says that a server sends, and the next that the message
/// is a CANCEL. A key signs each of them once in each direction: message ids are never used again on a channel, and
/// each channel has a key of its own.
fn gmac_nonce(header: &Header) -> [u8; NONCE_BYTES] {
    let message_id = u64::from_le_bytes(part(header, MESSAGE_ID_AT));
    let command = u16::from_le_bytes(part(header, COMMAND_AT));
    let is_from_server = u32::from_le_bytes(part(header, FLAGS_AT)) & SERVER_TO_REDIR;
    let is_cancel = u32::from(command == CANCEL) << 1;
    let nonce = u128::from(message_id) | u128::from(is_from_server | is_cancel) << 64;
    first_of(&nonce.to_le_bytes())
}

fn part<const N: usize>(header: &Header, at: usize) -> [u8; N] {
    first_of(header.get(at..).unwrap_or_default())
}

fn first_of<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}

// Places in the header (MS-SMB2 2.2.1.1).
const COMMAND_AT: usize = 12;
const FLAGS_AT: usize = 16;
const MESSAGE_ID_AT: usize = 24;
const SIGNATURE_AT: usize = 48;
/// SMB2_FLAGS_SERVER_TO_REDIR.
const SERVER_TO_REDIR: u32 = 1;
/// SMB2 CANCEL.
const CANCEL: u16 = 12;
