//! The path of a TREE_CONNECT: `\\server\share` (MS-SMB2 2.2.9).

use smb_wire::codec::Utf16;

/// The name of the share; `None` when the path is none. What the server is called is not looked at: it is the address
/// that picks the zone.
pub(super) fn share_name(path: Utf16<'_>) -> Option<String> {
    if path.len() > PATH_BYTES_MAX {
        return None;
    }
    let text: String = path.chars().collect::<Result<_, _>>().ok()?;
    let (server, share) = text.strip_prefix(r"\\")?.split_once('\\')?;
    let share = share.strip_suffix('\\').unwrap_or(share);
    (!server.is_empty() && !share.is_empty() && !share.contains('\\')).then(|| share.to_owned())
}

const PATH_BYTES_MAX: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_share_counts() {
        let name = |path: &str| {
            let bytes: Vec<u8> = path.encode_utf16().flat_map(u16::to_le_bytes).collect();
            share_name(Utf16::from_bytes(&bytes).unwrap())
        };
        assert_eq!(name(r"\\contoso.example\Projects").as_deref(), Some("Projects"));
        assert_eq!(name(r"\\[::1]\ä\").as_deref(), Some("ä"));
        for wrong in ["", r"\\", r"\\server", r"\\server\", r"\\\share", r"\server\share", r"\\server\a\b"] {
            assert_eq!(name(wrong), None, "{wrong}");
        }
    }
}
