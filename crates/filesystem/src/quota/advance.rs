//! What is reserved for a file ahead of its writes: most of them take theirs from it and look at no ledger.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Held;

/// What is left of it, known to the file's data and to the ledger. Who holds the data takes from it; the ledger, where all
/// of it is reserved, takes back what is left before it says what is reserved.
#[derive(Debug)]
pub(crate) struct Advance(AtomicU64);

impl Advance {
    /// So much may be taken.
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(WHOLE))
    }

    /// All of it may be taken again: what is left must be reserved.
    pub(super) fn renew(&self) {
        self.0.store(WHOLE, Ordering::Release);
    }

    /// Takes as much. Says whether it was there; nothing is taken otherwise.
    pub(crate) fn take(&self, wanted: Held) -> bool {
        let rest = |left: u64| {
            let (bytes, blocks) = (left >> BLOCKS_BITS, left & BLOCKS_MASK);
            let (bytes, blocks) = (bytes.checked_sub(wanted.application_bytes)?, blocks.checked_sub(wanted.blocks)?);
            Some(bytes << BLOCKS_BITS | blocks)
        };
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, rest).is_ok()
    }

    /// Takes what is left.
    pub(super) fn recall(&self) -> Held {
        let left = self.0.swap(0, Ordering::AcqRel);
        Held { application_bytes: left >> BLOCKS_BITS, blocks: left & BLOCKS_MASK }
    }
}

/// What is reserved ahead: enough that the ledger is looked at by few writes, and little beside any limit.
pub(super) const AHEAD: Held = Held { application_bytes: 64 * crate::file::BLOCK_BYTES, blocks: 64 };
/// Bytes and blocks in one word, so that both are taken or none.
const WHOLE: u64 = AHEAD.application_bytes << BLOCKS_BITS | AHEAD.blocks;
const BLOCKS_BITS: u32 = 32;
const BLOCKS_MASK: u64 = (1 << BLOCKS_BITS) - 1;
