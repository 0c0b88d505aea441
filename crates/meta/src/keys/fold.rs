//! The folded form of a name: what names that differ in case only have in common.

use std::borrow::Cow;

use super::fold_table::RANGES;

/// Folds a name: each character of valid UTF-8 becomes its simple upper case by the frozen table [`FOLD_TABLE`], which
/// newer versions of Unicode do not change; other bytes stay as they are.
#[must_use]
pub fn fold(name: &[u8]) -> Cow<'_, [u8]> {
    let Ok(text) = std::str::from_utf8(name) else { return Cow::Borrowed(name) };
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_lowercase()) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(text.chars().map(upper).collect::<String>().into_bytes())
}

fn upper(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_uppercase();
    }
    let code = u32::from(character);
    let index = RANGES.partition_point(|range| range.last < code);
    let Some(range) = RANGES.get(index) else { return character };
    if code < range.first || (code - range.first) % range.step != 0 {
        return character;
    }
    code.checked_add_signed(range.delta).and_then(char::from_u32).unwrap_or(character)
}

/// Characters whose upper case lies equally far away.
#[derive(Debug)]
pub(super) struct Range {
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) step: u32,
    pub(super) delta: i32,
}

/// Number of the table in the superblock.
pub const FOLD_TABLE: u16 = 1;
