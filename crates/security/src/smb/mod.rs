//! What SMB does with a session key: keys of a session, signatures, encryption, pre-authentication integrity.
//!
//! Everything takes the bytes of messages as they are on the wire; of a header only the places that MS-SMB2 3.1.4.1 and
//! 3.1.4.3 name are looked at. Fixed lengths are in the types, so that nothing here can be out of bounds.

mod encryption;
mod gmac;
mod keys;
mod preauth;
mod signing;
#[cfg(test)]
mod tests;

pub use encryption::{Cipher, Decryptor, Encryptor, NonceSalt, NoncesUsedUp, NotAuthentic, TRANSFORM_HEADER_BYTES};
pub use keys::{Derivation, SessionKeys};
pub use preauth::PreauthHash;
pub use signing::{BadSignature, HEADER_BYTES, Signer, SigningAlgorithm};
