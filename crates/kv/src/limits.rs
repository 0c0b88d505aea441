//! The house limits: what the strictest engine takes. Every engine enforces them.

/// Longest key in bytes.
pub const KEY_BYTES_MAX: usize = 512;
/// Longest value in bytes.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;
/// Most bytes (keys and values written) in one batch.
pub const BATCH_BYTES_MAX: usize = 1024 * 1024;
/// Most keys written by one batch.
pub const BATCH_KEYS_MAX: usize = 4096;
