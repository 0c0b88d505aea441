//! Signing and encrypting allocate nothing, whatever the message.

use allocation_counter::measure;
use security::Key;
use security::smb::{Cipher, Decryptor, Encryptor, HEADER_BYTES, Signer, SigningAlgorithm, TRANSFORM_HEADER_BYTES};

const ALGORITHMS: [SigningAlgorithm; 3] =
    [SigningAlgorithm::HmacSha256, SigningAlgorithm::AesCmac, SigningAlgorithm::AesGmac];
const CIPHERS: [Cipher; 4] = [Cipher::Aes128Ccm, Cipher::Aes128Gcm, Cipher::Aes256Ccm, Cipher::Aes256Gcm];

#[test]
fn signing_allocates_nothing() {
    let (key, payload) = (Key::new(&[7; 16]), vec![1_u8; 1 << 20]);
    for algorithm in ALGORITHMS {
        let (signer, mut header) = (Signer::new(algorithm, &key), [0; HEADER_BYTES]);
        let used = measure(|| {
            signer.sign(&mut header, [[5_u8; 16].as_slice(), &payload]);
            signer.verify(&header, [[5_u8; 16].as_slice(), &payload]).unwrap();
        });
        assert_eq!(used.count_total, 0, "{algorithm:?}");
    }
}

#[test]
fn encryption_allocates_nothing() {
    let (key, mut payload) = (Key::new(&[7; 32]), vec![1_u8; 1 << 20]);
    for cipher in CIPHERS {
        let (encryptor, decryptor) = (Encryptor::new(cipher, &key, [0; 3]), Decryptor::new(cipher, &key));
        let mut header = [0; TRANSFORM_HEADER_BYTES];
        let used = measure(|| {
            encryptor.encrypt(&mut header, &mut payload).unwrap();
            decryptor.decrypt(&header, &mut payload).unwrap();
        });
        assert_eq!(used.count_total, 0, "{cipher:?}");
    }
}
