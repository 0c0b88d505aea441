//! Numbers that stay the same over restarts, reloads and gateways, because they are made from names alone.

/// FNV-1a, 32 bits, over the parts with a NUL between them; never 0. Collisions are found when files are loaded.
pub(crate) fn stable_id(parts: &[&[u8]]) -> u32 {
    let bytes = parts.iter().flat_map(|part| part.iter().copied().chain([0]));
    bytes.fold(OFFSET_BASIS, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(PRIME)).max(1)
}

const OFFSET_BASIS: u32 = 0x811c_9dc5;
const PRIME: u32 = 0x0100_0193;

#[cfg(test)]
mod tests {
    use super::*;

    /// File handles carry these numbers: they may never change.
    #[test]
    fn numbers_never_change() {
        assert_eq!(stable_id(&[]), OFFSET_BASIS);
        assert_eq!(stable_id(&[b"contoso"]), 0xfe93_08e0);
        assert_eq!(stable_id(&[b"contoso", b"/projects"]), 0x487e_be9d);
        assert_ne!(stable_id(&[b"ab", b"c"]), stable_id(&[b"a", b"bc"]));
    }
}
