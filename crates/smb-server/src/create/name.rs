//! Names between SMB and the house (MS-FSCC 2.1.5).
//!
//! What a name of the house has and none of SMB may have (made over NFS: characters that Windows reserves, bytes that are
//! no UTF-8, a dot or blank at the end) is shown as U+F000 and the byte, as Linux and macOS do it, and taken back the
//! same way. A name that has such characters itself is shown byte by byte: nothing is ambiguous.

use bytes::{BufMut, BytesMut};
use smb_wire::Status;
use smb_wire::codec::Utf16;
use vfs::Name;

/// A path below the root of a share; no names are the root.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) names: Vec<Name>,
    /// What of the last name is meant; `None` when it does not say.
    pub(crate) stream: Option<Stream>,
}

/// A stream of a file (MS-FSCC 2.1.5.1).
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// `::$DATA`: its data, which a directory has not.
    Data,
    /// `:name` or `:name:$DATA`.
    Named(Name),
}

impl Stream {
    /// The name of one beside the data.
    pub(crate) fn name(self) -> Option<Name> {
        match self {
            Self::Data => None,
            Self::Named(name) => Some(name),
        }
    }
}

/// The components of a path below the root of a share.
///
/// Errors, in order: INVALID_PARAMETER (begins with a separator), OBJECT_PATH_SYNTAX_BAD (leads above the root),
/// OBJECT_NAME_INVALID.
pub(crate) fn components(path: Utf16<'_>) -> Result<Path, Status> {
    let path: &[u16] = &path.units().collect::<Vec<_>>();
    if path.first() == Some(&SEPARATOR) {
        return Err(Status::INVALID_PARAMETER);
    }
    let last = path.iter().rposition(|unit| *unit == SEPARATOR).map_or(0, |at| at + 1);
    let colon = path.iter().skip(last).position(|unit| *unit == COLON).map(|at| last + at);
    let (path, stream) = path.split_at(colon.unwrap_or(path.len()));
    let stream = if colon.is_some() { Some(stream_of(stream)?) } else { None };
    let names = match path {
        [] => Ok(Vec::new()),
        path => from_root(path.split(|unit| *unit == SEPARATOR)),
    };
    Ok(Path { names: names?, stream })
}

/// The names that lead from the root to where a path does: `..` goes back by one, whatever is there.
///
/// Errors, in order: OBJECT_PATH_SYNTAX_BAD (above the root), OBJECT_NAME_INVALID.
fn from_root<'a>(path: impl Iterator<Item = &'a [u16]>) -> Result<Vec<Name>, Status> {
    let mut names = Vec::new();
    for units in path {
        if units == [DOT, DOT] {
            names.pop().ok_or(Status::OBJECT_PATH_SYNTAX_BAD)?;
        } else {
            names.push(component(units)?);
        }
    }
    Ok(names)
}

/// What stands behind the name of a file, with the first colon.
///
/// Errors: OBJECT_NAME_INVALID.
fn stream_of(units: &[u16]) -> Result<Stream, Status> {
    let invalid = Status::OBJECT_NAME_INVALID;
    let mut parts = units.split(|unit| *unit == COLON).skip(1);
    let (name, kind) = (parts.next().unwrap_or_default(), parts.next());
    let data: Vec<u16> = "$DATA".encode_utf16().collect();
    if parts.next().is_some() || kind.is_some_and(|kind| folded(kind) != data) || name.len() > NAME_UNITS_MAX {
        return Err(invalid);
    }
    match (name, kind) {
        ([], None) => Err(invalid),
        ([], Some(_)) => Ok(Stream::Data),
        (name, _) => {
            let text = String::from_utf16(name).map_err(|_| invalid)?;
            Name::new(text.into_bytes().into()).map(Stream::Named).map_err(|_| invalid)
        }
    }
}

/// The name of a stream as SMB shows it: no other door makes any, so it is one of SMB.
pub(crate) fn stream_units(name: &Name) -> Vec<u16> {
    String::from_utf8_lossy(name.as_bytes()).encode_utf16().collect()
}

/// One component of a path.
///
/// Errors: OBJECT_PATH_SYNTAX_BAD (the directory above), OBJECT_NAME_INVALID.
pub(crate) fn component(units: &[u16]) -> Result<Name, Status> {
    let invalid = Status::OBJECT_NAME_INVALID;
    if units == [DOT, DOT] {
        return Err(Status::OBJECT_PATH_SYNTAX_BAD);
    }
    if units.is_empty() || units.len() > NAME_UNITS_MAX {
        return Err(invalid);
    }
    let mut bytes = BytesMut::with_capacity(units.len());
    for character in char::decode_utf16(units.iter().copied()) {
        let character = character.map_err(|_| invalid)?;
        match shown_byte(character) {
            Some(byte) => bytes.put_u8(byte),
            None if is_reserved(character) => return Err(invalid),
            None => bytes.put_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Name::new(bytes.freeze()).map_err(|_| invalid)
}

/// A name of the house as SMB shows it.
pub(crate) fn shown(name: &[u8]) -> Vec<u16> {
    let mut units = Vec::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_reserved(character) || ('\u{f000}'..='\u{f0ff}').contains(&character) {
                units.extend(character.encode_utf8(&mut [0; 4]).bytes().map(shown_unit));
            } else {
                units.extend_from_slice(character.encode_utf16(&mut [0; 2]));
            }
        }
        units.extend(chunk.invalid().iter().copied().map(shown_unit));
    }
    if let (Some(last), Some(byte @ (b'.' | b' '))) = (units.last_mut(), name.last()) {
        *last = shown_unit(*byte);
    }
    units
}

/// Characters that no name of SMB has.
fn is_reserved(character: char) -> bool {
    matches!(character, '\0'..='\x1f' | '"' | '*' | '/' | ':' | '<' | '>' | '?' | '\\' | '|')
}

fn shown_unit(byte: u8) -> u16 {
    SHOWN | u16::from(byte)
}

fn shown_byte(character: char) -> Option<u8> {
    let low = u32::from(character).checked_sub(u32::from(SHOWN))?;
    u8::try_from(low).ok().filter(|byte| *byte != 0 && *byte != b'/')
}

fn folded(units: &[u16]) -> Vec<u16> {
    let fold = |unit: u16| u8::try_from(unit).map_or(unit, |byte| u16::from(byte.to_ascii_uppercase()));
    units.iter().copied().map(fold).collect()
}

const SEPARATOR: u16 = b'\\' as u16;
const COLON: u16 = b':' as u16;
const DOT: u16 = b'.' as u16;
const SHOWN: u16 = 0xf000;
const NAME_UNITS_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn units(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    fn path(text: &str) -> Result<Vec<Name>, Status> {
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        components(Utf16::from_bytes(&bytes).unwrap()).map(|path| path.names)
    }

    fn stream(text: &str) -> Result<Option<Stream>, Status> {
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        components(Utf16::from_bytes(&bytes).unwrap()).map(|path| path.stream)
    }

    #[test]
    fn streams_are_told_from_names() {
        let named = |name: &str| Ok(Some(Stream::Named(name.try_into().unwrap())));
        assert_eq!(stream("a"), Ok(None));
        assert_eq!(stream(r"a\b::$data"), Ok(Some(Stream::Data)));
        assert_eq!(stream("a:b"), named("b"));
        assert_eq!(stream(":b:$DaTa"), named("b"), "of the root");
        assert_eq!(stream("a:?* \x05\n"), named("?* \x05\n"));
        for wrong in ["a:", "a::", "a:b:", "a:b:$FOO", "a:b:$DATA:", "a::$FOO", r"a:b\c", "a:b/c", "a:b\0", r"a:b\c:d"]
        {
            assert_eq!(stream(wrong), Err(Status::OBJECT_NAME_INVALID), "{wrong}");
        }
    }

    #[test]
    fn paths_are_split_and_wrong_ones_refused() {
        let names = |names: &[&str]| -> Vec<Name> { names.iter().map(|name| (*name).try_into().unwrap()).collect() };
        assert_eq!(path(""), Ok(names(&[])));
        assert_eq!(path(r"a\ä b\C.txt"), Ok(names(&["a", "ä b", "C.txt"])));
        assert_eq!(path("a::$data"), Ok(names(&["a"])));
        assert_eq!(path(r"\a"), Err(Status::INVALID_PARAMETER));
        for wrong in [r"a\", r"a\\b", ".", "a/b", "a*", "what?", "a<", "a>", "\"", "a|b", "a\x01"] {
            assert_eq!(path(wrong), Err(Status::OBJECT_NAME_INVALID), "{wrong}");
        }
        assert_eq!(path(r"a\.."), Ok(names(&[])));
        assert_eq!(path(r"a\b\..\c"), Ok(names(&["a", "c"])));
        assert_eq!(path(r"a\..\..\b"), Err(Status::OBJECT_PATH_SYNTAX_BAD));
        assert_eq!(component(&[0xd800]), Err(Status::OBJECT_NAME_INVALID), "half a character");
        assert!(component(&[b'a'.into(); 255]).is_ok() && component(&[b'a'.into(); 256]).is_err());
    }

    #[test]
    fn what_nfs_made_is_shown_and_found_again() {
        assert_eq!(shown(b"a:b"), units("a\u{f03a}b"));
        assert_eq!(shown(b"end."), units("end\u{f02e}"));
        assert_eq!(shown(b"\xff"), units("\u{f0ff}"));
        assert_eq!(shown("\u{f03a}".as_bytes()), units("\u{f0ef}\u{f080}\u{f0ba}"), "nothing is ambiguous");
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in proptest::collection::vec(1_u8.., 1..80)) {
            let legal = Name::new(bytes::Bytes::from(name.clone()));
            if let Ok(legal) = legal {
                prop_assert_eq!(component(&shown(&name)), Ok(legal));
            }
        }
    }
}
