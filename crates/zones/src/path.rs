//! Paths of bases and exports, and the paths that clients ask to mount.

use bytes::Bytes;
use vfs::limits::{DEPTH_MAX, NFS_NAME_BYTES_MAX};
use vfs::{Name, NameError};

/// Longest path in a zone file or a MNT call, in bytes (RFC 1813 5.1.1, `MNTPATHLEN`).
pub(crate) const PATH_BYTES_MAX: usize = 1024;

/// A path as a zone file must write it: absolute and clean. `/` is no component at all.
pub(crate) fn parse_configured(path: &str) -> Result<Vec<Name>, String> {
    let Some(below) = path.strip_prefix('/') else { return Err(format!("\"{path}\" does not begin with \"/\"")) };
    if path.len() > PATH_BYTES_MAX {
        return Err(format!("longer than {PATH_BYTES_MAX} bytes"));
    }
    if below.is_empty() {
        return Ok(Vec::new());
    }
    let components = below.split('/').map(|component| parse_component(path, component));
    let components = components.collect::<Result<Vec<_>, _>>()?;
    if components.len() > DEPTH_MAX as usize {
        return Err(format!("deeper than {DEPTH_MAX} components"));
    }
    Ok(components)
}

/// A path as a client asks to mount it: repeated and trailing slashes and `.` mean nothing; `..`, NUL, and names that
/// cannot exist make it no path at all.
pub(crate) fn parse_asked(path: &[u8]) -> Option<Vec<Name>> {
    if path.len() > PATH_BYTES_MAX || path.first() != Some(&b'/') {
        return None;
    }
    let components = path.split(|&byte| byte == b'/').filter(|component| !matches!(*component, b"" | b"."));
    components.map(|component| Name::new(Bytes::copy_from_slice(component)).ok()).collect()
}

/// The path in its one spelling.
pub(crate) fn spell(components: &[Name]) -> Vec<u8> {
    if components.is_empty() {
        return b"/".to_vec();
    }
    components.iter().flat_map(|name| [b"/".as_slice(), name.as_bytes()].concat()).collect()
}

fn parse_component(path: &str, component: &str) -> Result<Name, String> {
    if component.len() > NFS_NAME_BYTES_MAX {
        return Err(format!("\"{path}\" has a component of more than {NFS_NAME_BYTES_MAX} bytes"));
    }
    Name::try_from(component).map_err(|error| {
        let fault = match error {
            NameError::Empty => "an empty component (\"//\", or \"/\" at the end)",
            NameError::Dot => "a component \".\"",
            NameError::DotDot => "a component \"..\"",
            NameError::TooLong => "a component that is too long",
            NameError::IllegalByte => "a NUL byte",
        };
        format!("\"{}\" has {fault}", path.escape_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(path: &[u8]) -> Option<String> {
        parse_asked(path).map(|components| String::from_utf8(spell(&components)).unwrap())
    }

    #[test]
    fn configured_paths_are_clean() {
        for good in ["/", "/a", "/tenants/contoso", "/…"] {
            assert_eq!(spell(&parse_configured(good).unwrap()), good.as_bytes());
        }
        for bad in ["", "a", "./a", "//", "/a/", "/a//b", "/./a", "/a/..", "/a\0b"] {
            assert!(parse_configured(bad).is_err(), "{bad:?}");
        }
        assert!(parse_configured(&format!("/{}", "a".repeat(NFS_NAME_BYTES_MAX + 1))).is_err());
        assert!(parse_configured(&"/a".repeat(PATH_BYTES_MAX)).is_err());
    }

    #[test]
    fn asked_paths_are_forgiven_slashes_only() {
        assert_eq!(asked(b"/projects").as_deref(), Some("/projects"));
        assert_eq!(asked(b"//projects/./a//").as_deref(), Some("/projects/a"));
        assert_eq!(asked(b"/").as_deref(), Some("/"));
        for bad in [b"".as_slice(), b"projects", b"/a/../b", b"/a\0"] {
            assert_eq!(asked(bad), None, "{bad:?}");
        }
    }
}
