//! LOCK.

use crate::FileId;
use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, Fault, List, flags, layout};

flags! {
    /// `Flags` of a range (MS-SMB2 2.2.26.1).
    pub struct LockFlags(u32) {
        SHARED = 0x01 "SMB2_LOCKFLAG_SHARED_LOCK",
        EXCLUSIVE = 0x02 "SMB2_LOCKFLAG_EXCLUSIVE_LOCK",
        UNLOCK = 0x04 "SMB2_LOCKFLAG_UNLOCK",
        FAIL_IMMEDIATELY = 0x10 "SMB2_LOCKFLAG_FAIL_IMMEDIATELY",
    }
}

layout! {
    /// `SMB2_LOCK_ELEMENT` (MS-SMB2 2.2.26.1).
    pub struct LockElement {
        /// In bytes.
        pub offset: u64 = "Offset",
        /// In bytes.
        pub length: u64 = "Length",
        pub flags: LockFlags = "Flags",
        [reserved 4]
    }
}

/// `SMB2 LOCK Request` (MS-SMB2 2.2.26).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockRequest<'a> {
    /// `LockSequenceNumber` in the lowest four bits, `LockSequenceIndex` above; of SMB 2.1 and later.
    pub lock_sequence: u32,
    /// `FileId`.
    pub file_id: FileId,
    /// `Locks`, at least one.
    pub locks: List<'a, LockElement>,
}

impl LockRequest<'_> {
    /// `LockSequenceNumber`.
    #[must_use]
    pub const fn sequence_number(&self) -> u32 {
        self.lock_sequence & 0xf
    }

    /// `LockSequenceIndex`.
    #[must_use]
    pub const fn sequence_index(&self) -> u32 {
        self.lock_sequence >> 4
    }
}

impl<'a> Decode<'a> for LockRequest<'a> {
    /// Errors: fields that are cut off; a `LockCount` of zero ([`Fault::Value`]); `Locks`.
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        decoder.structure_size(48)?;
        let count: u16 = decoder.read("LockCount")?;
        let lock_sequence = decoder.read("LockSequence")?;
        let file_id = decoder.read("FileId")?;
        if count == 0 {
            return Err(DecodeError::new("LockCount", Fault::Value));
        }
        Ok(Self { lock_sequence, file_id, locks: List::read(decoder, count.into(), "Locks")? })
    }
}

impl Encode for LockRequest<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(48_u16);
        encoder.put_count_16(self.locks.len());
        encoder.put(self.lock_sequence);
        encoder.put(self.file_id);
        self.locks.encode(encoder);
    }
}

layout! {
    /// `SMB2 LOCK Response` (MS-SMB2 2.2.27).
    pub struct LockResponse [size 4] {
        [reserved 2]
    }
}
