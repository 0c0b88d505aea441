//! The house limits: what the strictest engine takes. Every engine enforces them.

use bytes::Bytes;

use crate::{Batch, KvError};

/// Longest key in bytes.
pub const KEY_BYTES_MAX: usize = 512;
/// Longest value in bytes.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;
/// Most bytes (keys, values and entries of the journal) in one batch.
pub const BATCH_BYTES_MAX: usize = 1024 * 1024;
/// Longest entry of the journal in bytes.
pub const JOURNAL_ENTRY_BYTES_MAX: usize = 128 * 1024;
/// Most keys written by one batch.
pub const BATCH_KEYS_MAX: usize = 4096;
/// Shortest key in bytes: some engines know no empty key.
pub const KEY_BYTES_MIN: usize = 1;

/// Checks a batch against the limits. Every engine calls this first. That a key occurs once in a batch, and
/// that entries of the journal rise, is the caller's duty and is not checked here.
///
/// # Errors
/// `TooLarge`, which names the limit.
pub fn check(batch: &Batch) -> Result<(), KvError> {
    if batch.keys() > BATCH_KEYS_MAX {
        return Err(KvError::TooLarge("the batch writes more than 4096 keys"));
    }
    if batch.expect.len() > BATCH_KEYS_MAX {
        return Err(KvError::TooLarge("the batch expects more than 4096 keys"));
    }
    let puts = batch.puts.iter().map(|(key, value)| (key, Some(value)));
    let deletes = batch.deletes.iter().map(|key| (key, None));
    let token = batch.token.iter().map(|token| (&token.key, Some(&token.value)));
    let expected = batch.expect.iter().map(|(key, value)| (key, value.as_ref()));
    for (key, value) in puts.chain(deletes).chain(token).chain(expected) {
        check_entry(key, value)?;
    }
    if batch.journal.iter().any(|entry| entry.bytes.len() > JOURNAL_ENTRY_BYTES_MAX) {
        return Err(KvError::TooLarge("an entry of the journal is longer than 128 KiB"));
    }
    if batch.size_bytes() > BATCH_BYTES_MAX {
        return Err(KvError::TooLarge("the batch writes more than 1 MiB"));
    }
    Ok(())
}

fn check_entry(key: &Bytes, value: Option<&Bytes>) -> Result<(), KvError> {
    if key.len() < KEY_BYTES_MIN {
        return Err(KvError::TooLarge("a key is empty"));
    }
    if key.len() > KEY_BYTES_MAX {
        return Err(KvError::TooLarge("a key is longer than 512 bytes"));
    }
    if value.is_some_and(|value| value.len() > VALUE_BYTES_MAX) {
        return Err(KvError::TooLarge("a value is longer than 64 KiB"));
    }
    Ok(())
}
