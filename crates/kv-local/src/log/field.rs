//! Little-endian fields at fixed offsets of a byte slice.

/// A `u16`, if the slice reaches so far.
pub(crate) fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

/// A `u32`, if the slice reaches so far.
pub(crate) fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

/// A `u64`, if the slice reaches so far.
pub(crate) fn read_u64(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

/// A `u128`, if the slice reaches so far.
pub(crate) fn read_u128(bytes: &[u8], at: usize) -> Option<u128> {
    array(bytes, at).map(u128::from_le_bytes)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}
