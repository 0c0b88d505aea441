//! As much of DER (X.690) as tokens need. Lengths that are longer than they must be are read too: some clients write them.

/// An element: its tag, what is in it, and all of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    pub(super) whole: &'a [u8],
}

/// Takes the first element off `bytes`; `None` where there is no whole one.
pub(super) fn take<'a>(bytes: &mut &'a [u8]) -> Option<Element<'a>> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match *first {
        short @ 0..=0x7f => (usize::from(short), rest),
        long @ 0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        // Of no fixed length, or longer than any token.
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    let (whole, _) = bytes.split_at_checked(bytes.len() - rest.len())?;
    *bytes = rest;
    Some(Element { tag: *tag, content, whole })
}

/// The content of the one element that `bytes` are, when it has this tag. What follows it is not looked at.
pub(super) fn only(mut bytes: &[u8], tag: u8) -> Option<&[u8]> {
    take(&mut bytes).filter(|element| element.tag == tag).map(|element| element.content)
}

/// An element around these parts.
pub(super) fn wrap(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut element = Vec::with_capacity(length + 6);
    element.push(tag);
    push_length(&mut element, length);
    parts.iter().for_each(|part| element.extend_from_slice(part));
    element
}

fn push_length(element: &mut Vec<u8>, length: usize) {
    let bytes = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    match bytes {
        [0, 0, 0, short @ 0..=0x7f] => element.push(short),
        [0, 0, 0, low] => element.extend_from_slice(&[0x81, low]),
        [0, 0, high, low] => element.extend_from_slice(&[0x82, high, low]),
        [0, a, b, c] => element.extend_from_slice(&[0x83, a, b, c]),
        [a, b, c, d] => element.extend_from_slice(&[0x84, a, b, c, d]),
    }
}

pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const GENERAL_STRING: u8 = 0x1b;
pub(super) const SEQUENCE: u8 = 0x30;
/// `[APPLICATION 0]`, constructed: a GSS-API token (RFC 2743 3.1).
pub(super) const APPLICATION_0: u8 = 0x60;

/// `[number]`, explicit.
pub(super) const fn context(number: u8) -> u8 {
    0xa0 | number
}
