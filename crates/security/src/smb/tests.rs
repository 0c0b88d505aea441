//! Against vectors: those of Microsoft where there are some, else made by `tests/vectors/make.py` with OpenSSL and impacket.

use proptest::prelude::*;

use super::*;
use crate::secret::Key;

fn octets(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

fn key(text: &str) -> Key {
    Key::new(&octets(text))
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As `pattern` in make.py.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| u8::try_from((index * 131 + (index >> 8) * 7 + 5) & 0xff).unwrap()).collect()
}

fn header(message_id: u64, command: u16, flags: u32) -> [u8; HEADER_BYTES] {
    let mut header: [u8; HEADER_BYTES] = pattern(HEADER_BYTES).try_into().unwrap();
    header[12..14].copy_from_slice(&command.to_le_bytes());
    header[16..20].copy_from_slice(&flags.to_le_bytes());
    header[24..32].copy_from_slice(&message_id.to_le_bytes());
    header
}

fn preauth() -> PreauthHash {
    let mut hash = PreauthHash::START;
    hash.add([pattern(100).as_slice()]);
    let second = pattern(333);
    hash.add([&second[..64], &[], &second[64..]]);
    hash
}

fn all(keys: &SessionKeys) -> [String; 4] {
    let shown = |key: &Option<Key>| key.as_ref().map_or_else(|| "none".to_owned(), |key| hex(key.bytes()));
    [hex(keys.signing.bytes()), hex(keys.application.bytes()), shown(&keys.encryption), shown(&keys.decryption)]
}

/// "SMB 2 and SMB 3 security in Windows 10: the anatomy of signing and cryptographic keys" and "SMB 3.1.1
/// Pre-authentication integrity in Windows 10", Microsoft Open Specifications blog.
#[test]
fn signing_keys_as_microsoft_published_them() {
    let smb3 = SessionKeys::derive(&key("7cd451825d0450d235424e44ba6e78cc"), Derivation::Smb3, None);
    assert_eq!(hex(smb3.signing.bytes()), "0b7e9c5cac36c0f6ea9ab275298cedce");
    let hash = octets(
        "0dd13628cc3ed218ef9df9772d436d0887ab9814bfae63a80aa845f36909db79\
         28622dddad522d9751640a459762c5a9d6bb084cbb3ce6bdadef5d5bce3c6c01",
    );
    let preauth = PreauthHash(hash.try_into().unwrap());
    let smb311 = SessionKeys::derive(&key("270e1ba896585eeb7af3472d3b4c75a7"), Derivation::Smb311(&preauth), None);
    assert_eq!(hex(smb311.signing.bytes()), "73fe7a9a77bef0bde49c650d8ccb5f76");
}

#[test]
fn keys_of_smb_3_0() {
    let keys = SessionKeys::derive(&Key::new(&pattern(16)), Derivation::Smb3, Some(Cipher::Aes128Ccm));
    let expected = [
        "b136fe25d949b1ee14f6ee4b399c02a5",
        "835c6cadec2018c627e37839426b84c8",
        "cee65841c214a1e8419fd8eb302320be",
        "0284a425f9c2fbffc1320a25966b6e83",
    ];
    assert_eq!(all(&keys), expected);
}

#[test]
fn keys_of_smb_3_1_1() {
    let preauth = preauth();
    assert!(hex(preauth.value()).starts_with("73cf0b259f34cd4bff8f9fb1fec3c9be"));
    let derivation = Derivation::Smb311(&preauth);
    let keys = SessionKeys::derive(&Key::new(&pattern(32)), derivation, Some(Cipher::Aes128Gcm));
    let expected = [
        "b0788ef2b8149f192eefd7ddb913b1a8",
        "47883a7c589c2904922ecdc0bc9e9812",
        "2c137135b774f1ec377c032f41de1bd9",
        "5a22c37ba64c52dc993c78f357196149",
    ];
    assert_eq!(all(&keys), expected);

    let long = SessionKeys::derive(&Key::new(&pattern(32)), derivation, Some(Cipher::Aes256Gcm));
    let expected = [
        expected[0],
        expected[1],
        "ae738e2f52ef069623e30ae473db54d8c5e8b2da7dc377d21f9d180e7b5b6796",
        "98b1180894005fdfb59aca585752c3b64bec58eebd6e54ecc8634a2a1d547b15",
    ];
    assert_eq!(all(&long), expected);
}

#[test]
fn smb_2_signs_with_the_session_key_and_encrypts_nothing() {
    let session_key = pattern(16);
    let keys = SessionKeys::derive(&Key::new(&session_key), Derivation::Smb2, Some(Cipher::Aes128Gcm));
    assert_eq!(all(&keys), [hex(&session_key), hex(&session_key), "none".to_owned(), "none".to_owned()]);
    let short = SessionKeys::derive(&Key::new(&[1, 2]), Derivation::Smb2, None);
    assert_eq!(hex(short.signing.bytes()), "0102".to_owned() + &"00".repeat(14));
}

#[test]
fn signatures_of_messages_of_many_lengths() {
    use SigningAlgorithm::{AesCmac, AesGmac, HmacSha256};
    let expected = [
        (HmacSha256, 0, "d1c0d0d56a519497380a172e1414df52"),
        (AesCmac, 0, "05fbab0a96c13dea0edb110acb485fde"),
        (AesGmac, 0, "eb9072494eb5615b5444f2d58a05c5f4"),
        (HmacSha256, 16, "bc137cc1db43095e3d6a43b2beae1039"),
        (AesCmac, 16, "efe36f3ead5837f649432588ab3bb190"),
        (AesGmac, 16, "d8876af63aa760b7520ef2ea8d864dba"),
        (HmacSha256, 1000, "ddcabb5b81729e81982a5ae84103d38d"),
        (AesCmac, 1000, "eb20ade38466d2d8411e582f0d15d32d"),
        (AesGmac, 1000, "51866272c8797a6ad0637bffd105fc0d"),
        (HmacSha256, 4113, "7df0a02922dc78139467297717adab57"),
        (AesCmac, 4113, "6f23bc6b4ff7bdc621fd874c952ef882"),
        (AesGmac, 4113, "1186813affb6b1792c78e249bf642e02"),
        (HmacSha256, 1_048_592, "10f0a4d9b5ab1c955cd9141fd41815f4"),
        (AesCmac, 1_048_592, "b3073be57a603d447c3d5aa101f81429"),
        (AesGmac, 1_048_592, "4cec28483c3cdb05324c87f9c64246e2"),
    ];
    for (algorithm, length, signature) in expected {
        let signer = Signer::new(algorithm, &Key::new(&pattern(16)));
        let (mut header, body) = (header(7, 8, 9), pattern(length));
        signer.sign(&mut header, [body.as_slice()]);
        assert_eq!(hex(&header[48..]), signature, "{algorithm:?} {length}");
        assert_eq!(signer.verify(&header, [body.as_slice()]), Ok(()));
        let (head, tail) = body.split_at(length / 3);
        assert_eq!(signer.verify(&header, [head, &[], tail]), Ok(()), "{algorithm:?} {length} in slices");
    }
}

#[test]
fn gmac_nonces_tell_directions_and_cancels_apart() {
    let signer = Signer::new(SigningAlgorithm::AesGmac, &Key::new(&pattern(16)));
    let mut cancel = header(9, 12, 8);
    signer.sign(&mut cancel, [pattern(4).as_slice()]);
    assert_eq!(hex(&cancel[48..]), "a6ab0f29ffbc15cdf51493fae51df772");
}

#[test]
fn every_changed_bit_is_found() {
    for algorithm in [SigningAlgorithm::HmacSha256, SigningAlgorithm::AesCmac, SigningAlgorithm::AesGmac] {
        let signer = Signer::new(algorithm, &Key::new(&pattern(16)));
        let (mut header, mut body) = (header(1, 2, 8), pattern(40));
        signer.sign(&mut header, [body.as_slice()]);
        for bit in 0..(HEADER_BYTES + body.len()) * 8 {
            let byte = if bit / 8 < HEADER_BYTES { &mut header[bit / 8] } else { &mut body[bit / 8 - HEADER_BYTES] };
            *byte ^= 1 << (bit % 8);
            assert_eq!(signer.verify(&header, [body.as_slice()]), Err(BadSignature), "{algorithm:?} bit {bit}");
            let byte = if bit / 8 < HEADER_BYTES { &mut header[bit / 8] } else { &mut body[bit / 8 - HEADER_BYTES] };
            *byte ^= 1 << (bit % 8);
        }
        assert_eq!(signer.verify(&header, [body.as_slice()]), Ok(()));
        let other = Signer::new(algorithm, &Key::new(&pattern(15)));
        assert_eq!(other.verify(&header, [body.as_slice()]), Err(BadSignature));
    }
}

proptest! {
    /// However a message lies in slices, its signature is the same.
    #[test]
    fn slices_do_not_matter(length in 0_usize..9000, cuts in prop::collection::vec(0_usize..9000, 0..6)) {
        let body = pattern(length);
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(length)).chain([0, length]).collect();
        cuts.sort_unstable();
        let slices: Vec<_> = cuts.windows(2).map(|cut| &body[cut[0]..cut[1]]).collect();
        for algorithm in [SigningAlgorithm::HmacSha256, SigningAlgorithm::AesCmac, SigningAlgorithm::AesGmac] {
            let signer = Signer::new(algorithm, &Key::new(&pattern(16)));
            let (mut whole, mut sliced) = (header(3, 4, 1), header(3, 4, 1));
            signer.sign(&mut whole, [body.as_slice()]);
            signer.sign(&mut sliced, slices.iter().copied());
            prop_assert_eq!(whole, sliced);
        }
    }
}

#[test]
fn encrypted_messages() {
    let expected = [
        (
            Cipher::Aes128Ccm,
            "49beb830a9fbaa3c54564e45f3e415880bae97a69cefb81d9d465c1b49f588a5c626c9fdc856b44259882b59078ef9c68dcee683a28680e8a96596185ecc954f99a026e6c031a07c566991a552",
            "26779c43c60d9e52c6ec8e9756294413",
        ),
        (
            Cipher::Aes128Gcm,
            "f0d15815cb36c1f242df3ef85ce9e49f52981db473461620bb35b014ec0d61bd7aaf1909b75d44f6d225e87555352342a6e5eef2c78ba748a238126a3b4c83adc59df25ac34f04a30ace279155",
            "80e896d48cd164d216f48169e37e0349",
        ),
        (
            Cipher::Aes256Ccm,
            "2f89b184aeaa1e402c47045d4ccdcda371ed4ad3c1f96ec6920445458bd5aecef294aa374311e81e2b8d3bb03fe415612189d352592b405802bfeb0d17356258a9449e63834887fcc7dd018b48",
            "329b2cd0dd467fb7975c7dad89c13c4d",
        ),
        (
            Cipher::Aes256Gcm,
            "dbf669172c965c451911f45460b60953a11ebc963ab52b5d25ee15cdcfe8716e4624e67779edc6016019b0ea26d79a59f7e80b5dd699561c019a4e62e7686d8f05fd4716e4e25e238a2feccf49",
            "5eec291a797d68145a78977278d1f0b7",
        ),
    ];
    for (cipher, encrypted, signature) in expected {
        let key = Key::new(&pattern(cipher.key_bytes()));
        let (encryptor, decryptor) = (Encryptor::new(cipher, &key, [1, 2, 3]), Decryptor::new(cipher, &key));
        let mut header: [u8; TRANSFORM_HEADER_BYTES] = pattern(TRANSFORM_HEADER_BYTES).try_into().unwrap();
        let mut message = pattern(77);
        encryptor.encrypt(&mut header, &mut message).unwrap();
        assert_eq!((hex(&message), hex(&header[4..20])), (encrypted.to_owned(), signature.to_owned()), "{cipher:?}");

        for byte in 4..TRANSFORM_HEADER_BYTES {
            let (mut changed, mut copy) = (header, message.clone());
            changed[byte] ^= 0x10;
            assert_eq!(decryptor.decrypt(&changed, &mut copy), Err(NotAuthentic), "{cipher:?} header byte {byte}");
        }
        let mut changed = message.clone();
        changed[76] ^= 1;
        assert_eq!(decryptor.decrypt(&header, &mut changed), Err(NotAuthentic));
        decryptor.decrypt(&header, &mut message).unwrap();
        assert_eq!(message, pattern(77));
    }
}

#[test]
fn nonces_are_never_used_twice() {
    let encryptor = Encryptor::new(Cipher::Aes128Gcm, &Key::new(&pattern(16)), [9; 3]);
    let nonces = std::thread::scope(|scope| {
        let encrypt = || {
            let mut header = [0; TRANSFORM_HEADER_BYTES];
            encryptor.encrypt(&mut header, &mut []).unwrap();
            header[20..36].to_vec()
        };
        let many = move || (0..500).map(|_| encrypt()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(many)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let different: std::collections::HashSet<_> = nonces.iter().collect();
    assert_eq!((nonces.len(), different.len()), (2000, 2000));
    assert!(nonces.iter().all(|nonce| nonce.starts_with(&[9; 3]) && nonce.ends_with(&[0; 5])));
}

#[test]
fn a_key_that_is_used_up_encrypts_nothing() {
    let encryptor = Encryptor::used_up(Cipher::Aes128Gcm, &Key::new(&pattern(16)));
    let (mut header, mut message) = ([0; TRANSFORM_HEADER_BYTES], pattern(8));
    assert_eq!(encryptor.encrypt(&mut header, &mut message), Err(NoncesUsedUp));
    assert_eq!((header, message), ([0; TRANSFORM_HEADER_BYTES], pattern(8)));
}

#[test]
fn numbers_on_the_wire() {
    for id in 0..9 {
        assert_eq!(SigningAlgorithm::from_id(id).map(SigningAlgorithm::id), Some(id).filter(|id| *id < 3));
        assert_eq!(Cipher::from_id(id).map(Cipher::id), Some(id).filter(|id| (1..=4).contains(id)));
    }
}

#[test]
fn nothing_shows_a_key() {
    let key = Key::new(&[0xab; 16]);
    let keys = SessionKeys::derive(&key, Derivation::Smb3, Some(Cipher::Aes128Ccm));
    let signer = Signer::new(SigningAlgorithm::AesGmac, &key);
    let shown = format!("{keys:?} {signer:?} {:?}", Encryptor::new(Cipher::Aes128Gcm, &key, [0; 3]));
    assert!(!shown.contains("ab") && !shown.contains("171"), "{shown}");
}
