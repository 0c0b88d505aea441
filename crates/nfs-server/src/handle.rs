//! File handles: what a client holds in its hands, sealed so that none can be forged.
//!
//! 52 bytes, all numbers big-endian:
//!
//! ```text
//!  0 version 1   1 reserved (0)   2 key id u16   4 shard u32   8 tree u32   12 inode number u64
//! 20 generation u32 (0)   24 export u32   28 reserved u64 (0)   36 seal: 16 bytes of keyed BLAKE3 of 0..36
//! ```
//!
//! A handle names an inode *within an export*: the same inode has another handle in another export, and a handle is
//! honoured only on connections of the zone that has the export. Handles survive restart, upgrade and rename, because
//! nothing in them changes and the keys are kept with the store.

use std::fmt;

use bytes::Bytes;
use nfs_wire::nfs3::FileHandle;
use thiserror::Error;
use vfs::{InodeId, InodeNumber, ShardId, TreeId};

/// What a handle names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HandleTarget {
    /// The inode.
    pub inode: InodeId,
    /// Number of the export through which it was reached.
    pub export: u32,
}

/// The secrets that seal handles, by key id. The newest seals; all of them open.
#[derive(Clone)]
pub struct HandleKeys {
    newest: Key,
    older: Vec<Key>,
}

#[derive(Clone, Copy)]
struct Key {
    id: u16,
    secret: [u8; KEY_BYTES],
}

/// Why keys cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HandleKeysError {
    /// There is none.
    #[error("no key for file handles")]
    Empty,
    /// More than [`HANDLE_KEYS_MAX`].
    #[error("more than {HANDLE_KEYS_MAX} keys for file handles")]
    TooMany,
    /// Two have this id.
    #[error("two keys for file handles have the id {0}")]
    Repeated(u16),
}

/// The bytes are no handle that this house sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a handle of this house")]
pub struct BadHandle;

/// Most keys that can be in use at once.
pub const HANDLE_KEYS_MAX: usize = 16;
/// Length of a key in bytes.
pub const KEY_BYTES: usize = 32;
/// Length of a sealed handle in bytes.
pub const HANDLE_BYTES: usize = BODY_BYTES + SEAL_BYTES;

impl HandleKeys {
    /// Takes keys from oldest to newest as (id, secret).
    ///
    /// # Errors
    /// In order: `Empty`, `TooMany`, `Repeated`.
    pub fn new(keys: &[(u16, [u8; KEY_BYTES])]) -> Result<Self, HandleKeysError> {
        let Some(((id, secret), older)) = keys.split_last() else { return Err(HandleKeysError::Empty) };
        if keys.len() > HANDLE_KEYS_MAX {
            return Err(HandleKeysError::TooMany);
        }
        for (index, (id, _)) in keys.iter().enumerate() {
            if keys.iter().take(index).any(|(earlier, _)| earlier == id) {
                return Err(HandleKeysError::Repeated(*id));
            }
        }
        let older = older.iter().map(|(id, secret)| Key { id: *id, secret: *secret }).collect();
        Ok(Self { newest: Key { id: *id, secret: *secret }, older })
    }

    /// Makes the handle of a target.
    #[must_use]
    pub fn seal(&self, target: &HandleTarget) -> FileHandle {
        let body = encode_body(target, self.newest.id);
        let seal = seal_of(&self.newest.secret, &body);
        let mut bytes = [0; HANDLE_BYTES];
        let parts = body.iter().chain(&seal).copied();
        bytes.iter_mut().zip(parts).for_each(|(place, byte)| *place = byte);
        // 52 bytes fit the type's 64.
        FileHandle::new(Bytes::copy_from_slice(&bytes)).unwrap_or_default()
    }

    /// Tells what a handle names.
    ///
    /// # Errors
    /// [`BadHandle`] when length, version, key id, seal or a reserved field is not right.
    pub fn open(&self, handle: &[u8]) -> Result<HandleTarget, BadHandle> {
        let (body, seal) = handle.split_first_chunk::<BODY_BYTES>().ok_or(BadHandle)?;
        let seal = <[u8; SEAL_BYTES]>::try_from(seal).map_err(|_| BadHandle)?;
        let key = self.key(u16::from_be_bytes(field(body, 2)?)).ok_or(BadHandle)?;
        if !equal_in_constant_time(&seal_of(&key.secret, body), &seal) {
            return Err(BadHandle);
        }
        decode_body(body)
    }

    /// A secret for another purpose, named by `context`. It stays the same when newer keys are added.
    pub(crate) fn derive(&self, context: &str) -> [u8; KEY_BYTES] {
        let oldest = self.older.first().unwrap_or(&self.newest);
        blake3::derive_key(context, &oldest.secret)
    }

    fn key(&self, id: u16) -> Option<&Key> {
        if self.newest.id == id { Some(&self.newest) } else { self.older.iter().find(|key| key.id == id) }
    }
}

impl fmt::Debug for HandleKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let older: Vec<u16> = self.older.iter().map(|key| key.id).collect();
        formatter
            .debug_struct("HandleKeys")
            .field("newest", &self.newest.id)
            .field("older", &older)
            .finish_non_exhaustive()
    }
}

fn encode_body(target: &HandleTarget, key_id: u16) -> [u8; BODY_BYTES] {
    let mut body = [0; BODY_BYTES];
    let fields: [&[u8]; 8] = [
        &[VERSION, 0],
        &key_id.to_be_bytes(),
        &target.inode.shard.0.to_be_bytes(),
        &target.inode.tree.0.to_be_bytes(),
        &target.inode.number.0.to_be_bytes(),
        &GENERATION.to_be_bytes(),
        &target.export.to_be_bytes(),
        &[0; 8],
    ];
    body.iter_mut().zip(fields.into_iter().flatten()).for_each(|(place, byte)| *place = *byte);
    body
}

fn decode_body(body: &[u8; BODY_BYTES]) -> Result<HandleTarget, BadHandle> {
    let [version, reserved] = field(body, 0)?;
    if version != VERSION || u32::from_be_bytes(field(body, 20)?) != GENERATION {
        return Err(BadHandle);
    }
    if (reserved, u64::from_be_bytes(field(body, 28)?)) != (0, 0) {
        return Err(BadHandle);
    }
    let inode = InodeId {
        shard: ShardId(u32::from_be_bytes(field(body, 4)?)),
        tree: TreeId(u32::from_be_bytes(field(body, 8)?)),
        number: InodeNumber(u64::from_be_bytes(field(body, 12)?)),
    };
    Ok(HandleTarget { inode, export: u32::from_be_bytes(field(body, 24)?) })
}

fn field<const N: usize>(body: &[u8; BODY_BYTES], offset: usize) -> Result<[u8; N], BadHandle> {
    body.get(offset..).and_then(|rest| rest.first_chunk::<N>()).copied().ok_or(BadHandle)
}

fn seal_of(secret: &[u8; KEY_BYTES], body: &[u8; BODY_BYTES]) -> [u8; SEAL_BYTES] {
    let hash = blake3::keyed_hash(secret, body);
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// Takes the same time wherever the first difference is, so that a seal cannot be guessed byte by byte.
fn equal_in_constant_time(left: &[u8; SEAL_BYTES], right: &[u8; SEAL_BYTES]) -> bool {
    let difference = left.iter().zip(right).fold(0, |difference, (left, right)| difference | (left ^ right));
    std::hint::black_box(difference) == 0
}

const VERSION: u8 = 1;
/// Inode numbers are never reused, so there is only one generation.
const GENERATION: u32 = 0;
const BODY_BYTES: usize = 36;
const SEAL_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn target() -> HandleTarget {
        let inode = InodeId { shard: ShardId(3), tree: TreeId(7), number: InodeNumber(0x0102_0304_0506_0708) };
        HandleTarget { inode, export: 9 }
    }

    fn keys(ids: &[u16]) -> HandleKeys {
        let keys: Vec<_> = ids.iter().map(|id| (*id, [u8::try_from(*id).unwrap(); KEY_BYTES])).collect();
        HandleKeys::new(&keys).unwrap()
    }

    #[test]
    fn the_layout_is_fixed() {
        let handle = keys(&[1]).seal(&target());
        let expected = "01000001000000030000000701020304050607080000000000000009000000000000000\
                        0";
        let hex: String = handle[..BODY_BYTES].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((hex.as_str(), handle.len()), (expected, HANDLE_BYTES));
    }

    #[test]
    fn no_bit_can_be_changed() {
        let keys = keys(&[1]);
        let handle = keys.seal(&target()).to_vec();
        for bit in 0..handle.len() * 8 {
            let mut forged = handle.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(keys.open(&forged), Err(BadHandle), "bit {bit}");
        }
        for length in 0..handle.len() {
            assert_eq!(keys.open(&handle[..length]), Err(BadHandle));
        }
        let longer = [handle.as_slice(), &[0; 4]].concat();
        assert_eq!(keys.open(&longer), Err(BadHandle));
    }

    #[test]
    fn old_keys_open_and_the_newest_seals() {
        let (old, both) = (keys(&[1]), keys(&[1, 2]));
        let handle = old.seal(&target());
        assert_eq!(both.open(&handle), Ok(target()));
        assert_eq!(old.open(&both.seal(&target())), Err(BadHandle));
        assert_eq!(keys(&[3, 2]).open(&handle), Err(BadHandle));
    }

    #[test]
    fn bad_keys_are_refused() {
        let error = |ids: &[u16]| HandleKeys::new(&ids.iter().map(|id| (*id, [0; 32])).collect::<Vec<_>>()).err();
        assert_eq!(error(&[]), Some(HandleKeysError::Empty));
        assert_eq!(error(&[1, 2, 1]), Some(HandleKeysError::Repeated(1)));
        assert_eq!(error(&(0..17).collect::<Vec<_>>()), Some(HandleKeysError::TooMany));
    }

    #[test]
    fn secrets_are_not_printed() {
        assert_eq!(format!("{:?}", keys(&[1, 2])), "HandleKeys { newest: 2, older: [1], .. }");
    }

    proptest! {
        #[test]
        fn every_target_comes_back(shard: u32, tree: u32, number: u64, export: u32) {
            let inode = InodeId { shard: ShardId(shard), tree: TreeId(tree), number: InodeNumber(number) };
            let target = HandleTarget { inode, export };
            let keys = keys(&[5]);
            prop_assert_eq!(keys.open(&keys.seal(&target)), Ok(target));
        }
    }
}
