//! Names between SMB and the house (MS-FSCC 2.1.5).
//!
//! What a name of the house has and none of SMB may have (made over NFS: characters that Windows reserves, bytes that are
//! no UTF-8, a dot or blank at the end) is shown as U+F000 and the byte, as Linux and macOS do it, and taken back the
//! same way. A name that has such characters itself is shown byte by byte: nothing is ambiguous.

use bytes::{BufMut, BytesMut};
use smb_wire::Status;
use smb_wire::codec::Utf16;
use vfs::Name;

/// The components of a path below the root of a share; none is the root.
///
/// Errors, in order: INVALID_PARAMETER (begins with a separator), OBJECT_NAME_INVALID.
pub(crate) fn components(path: Utf16<'_>) -> Result<Vec<Name>, Status> {
    let mut path: &[u16] = &path.units().collect::<Vec<_>>();
    if path.first() == Some(&SEPARATOR) {
        return Err(Status::INVALID_PARAMETER);
    }
    // `file::$DATA` is the file itself (MS-FSCC 2.1.5.1).
    let data: Vec<u16> = "::$DATA".encode_utf16().collect();
    if let Some(at) = path.len().checked_sub(data.len())
        && path.get(at..).is_some_and(|end| folded(end) == folded(&data))
    {
        path = path.get(..at).unwrap_or_default();
    }
    if path.is_empty() {
        return Ok(Vec::new());
    }
    path.split(|unit| *unit == SEPARATOR).map(component).collect()
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
        components(Utf16::from_bytes(&bytes).unwrap())
    }

    #[test]
    fn paths_are_split_and_wrong_ones_refused() {
        let names = |names: &[&str]| -> Vec<Name> { names.iter().map(|name| (*name).try_into().unwrap()).collect() };
        assert_eq!(path(""), Ok(names(&[])));
        assert_eq!(path(r"a\ä b\C.txt"), Ok(names(&["a", "ä b", "C.txt"])));
        assert_eq!(path("a::$data"), Ok(names(&["a"])));
        assert_eq!(path(r"\a"), Err(Status::INVALID_PARAMETER));
        for wrong in [r"a\", r"a\\b", ".", "a/b", "a*", "what?", "a:b", "a<", "a>", "\"", "a|b", "a\x01"] {
            assert_eq!(path(wrong), Err(Status::OBJECT_NAME_INVALID), "{wrong}");
        }
        assert_eq!(path(r"a\.."), Err(Status::OBJECT_PATH_SYNTAX_BAD));
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
