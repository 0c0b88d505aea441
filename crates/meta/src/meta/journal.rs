//! What changes have left in the journal of the engine, by the version of each.

use bytes::Bytes;

use super::{Meta, Version};
use crate::MetaError;

impl<K: kv::Engine> Meta<K> {
    /// What the journal keeps of changes above `after`, in their order: at most `bytes_max` bytes, but one change at
    /// least if there is any. All that is durable and not released is there; after an open or reopen perhaps more.
    ///
    /// # Errors
    /// `Engine`.
    pub async fn journal(&self, after: Version, bytes_max: usize) -> Result<Vec<(Version, Bytes)>, MetaError> {
        let entries = self.inner.engine.journal(after.0, bytes_max).await?;
        Ok(entries.into_iter().map(|entry| (Version(entry.sequence), entry.bytes)).collect())
    }

    /// What the journal keeps of changes before this one is needed no more, now and after a crash.
    pub fn release_journal(&self, before: Version) {
        self.inner.engine.release_journal(before.0);
    }

    /// Most bytes that the journal may keep at once, from its oldest change that is not released to the newest, with
    /// [`kv::JOURNAL_HEAD_BYTES`] for each; whoever submits sees to it. 0: it is not to be used.
    #[must_use]
    pub fn journal_bytes_max(&self) -> u64 {
        self.inner.engine.journal_bytes_max()
    }
}
