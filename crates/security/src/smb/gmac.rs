//! AES-128-GMAC (SP 800-38D) over a message in several slices.
//!
//! aws-lc authenticates one contiguous slice at 20 GB/s and more; copying a payload of 1 MiB beside its header would cost
//! several times what signing it does. GHASH is a polynomial in the hash key H, so the hashes of parts can be
//! put together: `hash(A || B) = hash(A) * H^n + hash(B)` when A ends with a whole block and B has n of them. Each long
//! slice is authenticated where it lies, what the tag of this part hides its hash with is taken off again (length block and
//! mask), and the parts are put together with powers of H that were made with the key. Short slices are gathered first.
//! No such tag of a part ever leaves this module.

use std::fmt;

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use zeroize::Zeroize;

/// Bytes of a nonce.
pub(super) const NONCE_BYTES: usize = 12;

type Block = [u8; BLOCK];

/// A key, and what is made of it once.
pub(super) struct Gmac {
    /// `None` cannot happen: every 16 bytes are a key.
    tags: Option<LessSafeKey>,
    masks: Aes128,
    /// Multiply by H to the power of 2^index.
    powers: [GHash; POWERS],
}

/// A message that is being authenticated.
pub(super) struct Run<'a> {
    key: &'a Gmac,
    nonce: [u8; NONCE_BYTES],
    mask: Block,
    /// Times H: the hash of all whole parts so far.
    hash: Block,
    bytes: u64,
    gathered: [u8; GATHERED_BYTES],
    gathered_bytes: usize,
}

impl Gmac {
    pub(super) fn new(key: &[u8; 16]) -> Self {
        let tags = UnboundKey::new(&AES_128_GCM, key).ok().map(LessSafeKey::new);
        let masks = Aes128::new(key.into());
        let mut power = [0; BLOCK].into();
        masks.encrypt_block(&mut power);
        let powers = std::array::from_fn(|_| {
            let this = GHash::new(&power);
            let mut square = this.clone();
            square.update(&[power]);
            power = square.finalize();
            this
        });
        power.zeroize();
        Self { tags, masks, powers }
    }

    pub(super) fn begin(&self, nonce: [u8; NONCE_BYTES]) -> Run<'_> {
        // SP 800-38D 7.1: the first counter block of a 96-bit IV.
        let mut mask = [0; BLOCK];
        mask.iter_mut().zip(nonce.iter().chain(&1_u32.to_be_bytes())).for_each(|(place, byte)| *place = *byte);
        let mut block = mask.into();
        self.masks.encrypt_block(&mut block);
        let gathered = [0; GATHERED_BYTES];
        Run { key: self, nonce, mask: block.into(), hash: [0; BLOCK], bytes: 0, gathered, gathered_bytes: 0 }
    }

    fn tag(&self, nonce: [u8; NONCE_BYTES], bytes: &[u8]) -> Block {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let sealed = self.tags.as_ref().map(|key| key.seal_in_place_separate_tag(nonce, Aad::from(bytes), &mut []));
        let tag = sealed.and_then(Result::ok);
        tag.and_then(|tag| tag.as_ref().first_chunk().copied()).unwrap_or_default()
    }

    /// The value times H to the power of 2^index.
    fn times_power(&self, index: usize, value: Block) -> Block {
        let Some(power) = self.powers.get(index) else { return value };
        let mut product = power.clone();
        product.update(&[value.into()]);
        product.finalize().into()
    }

    /// The value times H to the power of `exponent`, which is below 2^[`POWERS`].
    fn times_powers(&self, exponent: usize, value: Block) -> Block {
        (0..POWERS).filter(|bit| exponent >> bit & 1 == 1).fold(value, |value, bit| self.times_power(bit, value))
    }
}

impl fmt::Debug for Gmac {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Gmac").finish_non_exhaustive()
    }
}

impl Run<'_> {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        if self.gather(bytes) {
            return;
        }
        // What was gathered has to end with a whole block, so that parts can be put together.
        let (filling, mut rest) = bytes.split_at(self.gathered_bytes.wrapping_neg() % BLOCK);
        self.gather(filling);
        self.end_gathered();
        while rest.len() > GATHERED_BYTES {
            let (part, others) = rest.split_at(rest.len().min(PART_BYTES_MAX) / BLOCK * BLOCK);
            self.add(self.key.tag(self.nonce, part), part.len());
            rest = others;
        }
        self.gather(rest);
    }

    /// The tag of the message.
    pub(super) fn finish(mut self) -> Block {
        if self.bytes == self.gathered_bytes as u64 {
            // All of it lies in one piece: nothing is to be put together.
            return self.key.tag(self.nonce, self.gathered.get(..self.gathered_bytes).unwrap_or_default());
        }
        self.end_gathered();
        let length = self.key.times_power(0, length_block(self.bytes));
        xor(xor(self.hash, length), self.mask)
    }
}

impl Run<'_> {
    /// Puts these bytes with what is gathered; `false` when there is no room for all of them, and none were taken.
    fn gather(&mut self, bytes: &[u8]) -> bool {
        let end = self.gathered_bytes + bytes.len();
        let Some(room) = self.gathered.get_mut(self.gathered_bytes..end) else { return false };
        room.copy_from_slice(bytes);
        self.gathered_bytes = end;
        true
    }

    fn end_gathered(&mut self) {
        let gathered = self.gathered.get(..self.gathered_bytes).unwrap_or_default();
        if !gathered.is_empty() {
            self.add(self.key.tag(self.nonce, gathered), gathered.len());
            self.gathered_bytes = 0;
        }
    }

    /// Appends a part by its tag. All parts but the last have whole blocks.
    fn add(&mut self, tag: Block, bytes: usize) {
        let length = self.key.times_power(0, length_block(bytes as u64));
        let hash = xor(xor(tag, self.mask), length);
        let is_first = self.hash == [0; BLOCK];
        // Nothing times a power is nothing.
        let before = if is_first { self.hash } else { self.key.times_powers(bytes.div_ceil(BLOCK), self.hash) };
        self.hash = xor(before, hash);
    }
}

/// SP 800-38D 7.1 step 5: the bits that are authenticated, and none that are encrypted.
fn length_block(bytes: u64) -> Block {
    (u128::from(bytes.saturating_mul(8)) << 64).to_be_bytes()
}

fn xor(left: Block, right: Block) -> Block {
    (u128::from_le_bytes(left) ^ u128::from_le_bytes(right)).to_le_bytes()
}

const BLOCK: usize = 16;
/// Slices up to this are gathered: about where a call of its own costs as much as the copy. Whole blocks.
const GATHERED_BYTES: usize = 1024;
/// Parts of a slice; whole blocks. SMB messages over TCP are smaller (MS-SMB2 2.1).
const PART_BYTES_MAX: usize = 16 << 20;
/// Powers of H that are made: for exponents up to the blocks of a part.
const POWERS: usize = (PART_BYTES_MAX / BLOCK).ilog2() as usize + 1;
