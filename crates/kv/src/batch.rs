//! One atomic, durable step of the store.

use bytes::Bytes;

/// Names a batch, so that an `Unknown` outcome can be answered by reading the key again: the engine stores the value
/// under the key in the same step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Key that the token is stored under.
    pub key: Bytes,
    /// Unique value of this batch.
    pub value: Bytes,
}

/// Bytes that are kept, in order, until they are released: durable with their batch, seen by no view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// Its place: the writer chooses it, above that of every entry before.
    pub sequence: u64,
    /// What is kept.
    pub bytes: Bytes,
}

/// Conditions and changes that are applied together or not at all. A key occurs at most once in `puts` and `deletes`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// What must hold: the key has exactly this value, or is absent.
    pub expect: Vec<(Bytes, Option<Bytes>)>,
    /// Keys to set.
    pub puts: Vec<(Bytes, Bytes)>,
    /// Keys to remove; one that is absent is no error.
    pub deletes: Vec<Bytes>,
    /// What the journal keeps of it, in rising order.
    pub journal: Vec<JournalEntry>,
    /// Identity of the batch, if an unknown outcome must be answerable.
    pub token: Option<Token>,
}

impl Batch {
    /// Number of keys the batch writes.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.puts.len() + self.deletes.len() + usize::from(self.token.is_some())
    }

    /// Bytes of all keys, values and entries of the journal that the batch writes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let puts: usize = self.puts.iter().map(|(key, value)| key.len() + value.len()).sum();
        let deletes: usize = self.deletes.iter().map(Bytes::len).sum();
        puts + deletes
            + self.journal_bytes()
            + self.token.as_ref().map_or(0, |token| token.key.len() + token.value.len())
    }

    /// Bytes of its entries of the journal, with what each takes besides.
    #[must_use]
    pub fn journal_bytes(&self) -> usize {
        self.journal.iter().map(JournalEntry::size_bytes).sum()
    }
}

impl JournalEntry {
    /// Bytes that it takes of a batch and of the journal.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.bytes.len() + JOURNAL_HEAD_BYTES
    }
}

/// What an entry of the journal takes beside its bytes: sequence and length.
pub const JOURNAL_HEAD_BYTES: usize = 12;
