//! AUTH_SYS (RFC 5531 appendix A): ids as the client claims them.

use vfs::Identity;

/// Most supplementary groups in one AUTH_SYS credential (RFC 5531 appendix A, `gids<16>`).
pub const GROUPS_MAX: usize = 16;

/// The identity of a call with these ids. Groups beyond [`GROUPS_MAX`] cannot come from a well-formed credential and
/// are dropped: fewer groups never allow more.
#[must_use]
pub fn identity(uid: u32, gid: u32, groups: &[u32]) -> Identity {
    Identity::Unix { uid, gid, groups: groups.iter().take(GROUPS_MAX).copied().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_taken_as_they_are() {
        let Identity::Unix { uid, gid, groups } = identity(7, 8, &[9, 3]) else { panic!("not a Unix identity") };
        assert_eq!((uid, gid, groups.as_slice()), (7, 8, [9, 3].as_slice()));
    }

    #[test]
    fn groups_are_bounded() {
        let many: Vec<u32> = (0..40).collect();
        let Identity::Unix { groups, .. } = identity(1, 1, &many) else { panic!("not a Unix identity") };
        assert_eq!(groups.as_slice(), &many[..GROUPS_MAX]);
    }
}
