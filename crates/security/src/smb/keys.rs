//! The keys of a session (MS-SMB2 3.3.5.5.3, 3.1.4.2) out of the key that its authentication came to.

use aws_lc_rs::hmac;

use super::encryption::Cipher;
use super::preauth::PreauthHash;
use crate::secret::Key;

/// How a dialect makes keys.
#[derive(Clone, Copy, Debug)]
pub enum Derivation<'a> {
    /// SMB 2.0.2 and 2.1: the session key itself signs, nothing is encrypted.
    Smb2,
    /// SMB 3.0 and 3.0.2: fixed labels and contexts.
    Smb3,
    /// SMB 3.1.1: the hash of everything that was said before is the context.
    Smb311(&'a PreauthHash),
}

/// The keys of a session, as a server names them. A channel that binds to a session has a signing key of its own, made in
/// the same way; all channels share the other three.
#[derive(Clone, Debug)]
pub struct SessionKeys {
    /// `Session.SigningKey` or `Channel.SigningKey`: 16 bytes.
    pub signing: Key,
    /// `Session.ApplicationKey`, for RPC over named pipes: 16 bytes.
    pub application: Key,
    /// `Session.EncryptionKey`: server to client, as long as the cipher wants it; `None` where nothing can be encrypted.
    pub encryption: Option<Key>,
    /// `Session.DecryptionKey`: client to server.
    pub decryption: Option<Key>,
}

impl SessionKeys {
    /// Makes the keys of a session. `session_key` is what the mechanism exported: its first 16 bytes, filled up with
    /// zeros, are `Session.SessionKey`; all of it is `Session.FullSessionKey`, which AES-256 keys are made from. `cipher`
    /// is the one of the connection; without one, and on SMB 2, there are no keys to encrypt with.
    #[must_use]
    pub fn derive(session_key: &Key, derivation: Derivation<'_>, cipher: Option<Cipher>) -> Self {
        let short = Key::new(&session_key.first::<16>());
        let make = |source: &Key, label: Label, bytes| match derivation {
            Derivation::Smb2 => source.clone(),
            Derivation::Smb3 => derive(source, label.smb3, label.smb3_context, bytes),
            Derivation::Smb311(hash) => derive(source, label.smb311, hash.value(), bytes),
        };
        let cipher = cipher.filter(|_| !matches!(derivation, Derivation::Smb2));
        let cipher_key = |label| {
            cipher.map(|cipher| {
                make(if cipher.key_bytes() > 16 { session_key } else { &short }, label, cipher.key_bytes())
            })
        };
        Self {
            signing: make(&short, SIGNING, 16),
            application: make(&short, APPLICATION, 16),
            encryption: cipher_key(SERVER_TO_CLIENT),
            decryption: cipher_key(CLIENT_TO_SERVER),
        }
    }
}

/// SP 800-108 5.1, the key derivation function in counter mode with HMAC-SHA256, a counter and a length of 32 bits. One
/// round makes at most 32 bytes, which is all that SMB asks for.
fn derive(source: &Key, label: &[u8], context: &[u8], bytes: usize) -> Key {
    let bits = u32::try_from(bytes * 8).unwrap_or(u32::MAX);
    let mut prf = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, source.bytes()));
    for part in [&1_u32.to_be_bytes(), label, &[0], context, &bits.to_be_bytes()] {
        prf.update(part);
    }
    Key::new(prf.sign().as_ref().get(..bytes).unwrap_or_default())
}

/// What a key is for. The terminating NUL is part of label and context (MS-SMB2 3.1.4.2).
#[derive(Clone, Copy)]
struct Label {
    smb3: &'static [u8],
    smb3_context: &'static [u8],
    smb311: &'static [u8],
}

const SIGNING: Label = Label { smb3: b"SMB2AESCMAC\0", smb3_context: b"SmbSign\0", smb311: b"SMBSigningKey\0" };
const APPLICATION: Label = Label { smb3: b"SMB2APP\0", smb3_context: b"SmbRpc\0", smb311: b"SMBAppKey\0" };
const SERVER_TO_CLIENT: Label =
    Label { smb3: b"SMB2AESCCM\0", smb3_context: b"ServerOut\0", smb311: b"SMBS2CCipherKey\0" };
/// The blank in the context is the specification's.
const CLIENT_TO_SERVER: Label =
    Label { smb3: b"SMB2AESCCM\0", smb3_context: b"ServerIn \0", smb311: b"SMBC2SCipherKey\0" };
