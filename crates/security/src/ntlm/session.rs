//! Codes over messages once the exchange is done (MS-NLMP 3.4), as far as SPNEGO wants them: the first message in each
//! direction, and the state of the cipher set back after it (MS-SPNG 3.3.5.1).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use rc4::{KeyInit, Rc4, StreamCipher};

use super::hash::{hmac_md5, md5};
use crate::secret::Key;

/// Keys of both directions, with extended session security and 128 bits.
#[derive(Clone, Debug)]
pub(super) struct Session {
    from_client: Direction,
    from_server: Direction,
}

#[derive(Clone, Debug)]
struct Direction {
    sign: Key,
    /// `None` without key exchange.
    seal: Option<Key>,
}

impl Session {
    /// SIGNKEY and SEALKEY (MS-NLMP 3.4.5.2, 3.4.5.3).
    pub(super) fn new(exported: &[u8; 16], exchanges_keys: bool) -> Self {
        let key = |magic: &[u8]| Key::new(&md5(&[exported, magic]));
        let direction = |sign, seal| Direction { sign: key(sign), seal: exchanges_keys.then(|| key(seal)) };
        Self {
            from_client: direction(
                b"session key to client-to-server signing key magic constant\0",
                b"session key to client-to-server sealing key magic constant\0",
            ),
            from_server: direction(
                b"session key to server-to-client signing key magic constant\0",
                b"session key to server-to-client sealing key magic constant\0",
            ),
        }
    }

    pub(super) fn code(&self, message: &[u8]) -> [u8; 16] {
        self.from_server.code(message)
    }

    pub(super) fn verify(&self, message: &[u8], code: &[u8]) -> bool {
        verify_slices_are_equal(&self.from_client.code(message), code).is_ok()
    }
}

impl Direction {
    /// MAC with extended session security (MS-NLMP 3.4.4.2), sequence number 0.
    fn code(&self, message: &[u8]) -> [u8; 16] {
        let full = hmac_md5(self.sign.bytes(), &[&[0; 4], message]);
        let mut checksum: [u8; 8] = full.first_chunk().copied().unwrap_or_default();
        if let Some(seal) = &self.seal {
            rc4(seal.bytes(), &mut checksum);
        }
        let mut code = [0; 16];
        code.iter_mut().zip([1, 0, 0, 0].into_iter().chain(checksum)).for_each(|(place, byte)| *place = byte);
        code
    }
}

/// RC4 in place.
pub(super) fn rc4(key: &[u8], bytes: &mut [u8]) {
    if let Ok(mut cipher) = Rc4::new_from_slice(key) {
        cipher.apply_keystream(bytes);
    }
}
