//! Records gathered for one write.

use kv::Batch;

use super::buffer::AlignedBuffer;
use super::record::{self, Chain, EntryPlace, RECORD_ALIGNMENT};
use super::{BLOCK_BYTES, WRITE_BYTES_MAX};

/// The records of the next write, in memory that is allocated once.
#[derive(Debug)]
pub(crate) struct PendingWrite {
    buffer: AlignedBuffer,
    records: Vec<usize>,
    entries: Vec<EntryPlace>,
}

impl PendingWrite {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self { buffer: AlignedBuffer::new(WRITE_BYTES_MAX), records: Vec::new(), entries: Vec::new() }
    }

    /// Forgets what was gathered.
    pub(crate) fn clear(&mut self) {
        self.buffer.clear();
        self.records.clear();
        self.entries.clear();
    }

    /// Whether nothing is gathered.
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Adds a batch; `None` when it does not fit, which the limits of batches rule out for the first.
    pub(crate) fn add(&mut self, batch: &Batch) -> Option<()> {
        let at = self.buffer.len().next_multiple_of(RECORD_ALIGNMENT);
        record::encode(batch, &mut self.buffer)?;
        self.records.push(at);
        self.entries.extend(record::entries(batch).map(|entry| EntryPlace { at: at + entry.at, ..entry }));
        Some(())
    }

    /// The entries of the journal that it holds, with their places within the write.
    pub(crate) fn entries(&self) -> &[EntryPlace] {
        &self.entries
    }

    /// Bytes that the write takes.
    pub(crate) fn padded_len(&self) -> u64 {
        u64::try_from(self.buffer.len()).unwrap_or(u64::MAX).next_multiple_of(BLOCK_BYTES)
    }

    /// Gives every record its place: the first one `first`, the others behind it with the numbers of `next_group`.
    pub(crate) fn seal(&mut self, first: Chain, mut next_group: impl FnMut() -> u64) -> Option<Vec<u64>> {
        self.buffer.pad(usize::try_from(BLOCK_BYTES).ok()?);
        let mut groups = Vec::with_capacity(self.records.len());
        let mut chain = first;
        for at in &self.records {
            chain.group = next_group();
            chain.position = first.position + u64::try_from(*at).ok()?;
            record::seal(&mut self.buffer, *at, &chain)?;
            chain.previous_group = chain.group;
            groups.push(chain.group);
        }
        Some(groups)
    }

    /// The bytes to write.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.bytes()
    }
}
