//! Patterns of names with the wildcards of DOS (MS-FSCC 2.1.4.4, MS-FSA 2.1.4.4).

use smb_wire::codec::Utf16;

/// A pattern; letters are compared without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<char>);

impl Pattern {
    /// `None` for what can be no name. An empty one is `*`, as clients mean it.
    pub(crate) fn parse(text: Utf16<'_>) -> Option<Self> {
        let characters: Vec<char> = text.chars().collect::<Result<_, _>>().ok()?;
        let is_legal = |c: &char| !matches!(c, '\0'..='\x1f' | '\\' | '/' | ':' | '|');
        if characters.len() > CHARACTERS_MAX || !characters.iter().all(is_legal) {
            return None;
        }
        if characters.is_empty() || characters == ['*', '.', '*'] {
            // "*.*" has meant everything since DOS.
            return Some(Self(vec!['*']));
        }
        Some(Self(characters.into_iter().map(fold).collect()))
    }

    /// Whether a name matches. Linear in pattern times name, whatever they are.
    pub(crate) fn matches(&self, name: &[u16]) -> bool {
        if self.0 == ['*'] {
            return true;
        }
        let name: Vec<char> =
            char::decode_utf16(name.iter().copied()).map(|c| fold(c.unwrap_or(char::REPLACEMENT_CHARACTER))).collect();
        let last_dot = name.iter().rposition(|c| *c == '.');
        // Positions in the name that the pattern so far can have come to.
        let mut at = vec![false; name.len() + 1];
        if let Some(start) = at.first_mut() {
            *start = true;
        }
        for wildcard in &self.0 {
            at = step(*wildcard, (&name, last_dot), &at);
        }
        at.last().copied().unwrap_or(false)
    }
}

/// The positions that one more character of the pattern leads to.
fn step(wildcard: char, (name, last_dot): (&[char], Option<usize>), at: &[bool]) -> Vec<bool> {
    let was = |position: usize| at.get(position).copied().unwrap_or(false);
    let mut next = vec![false; at.len()];
    for position in 0..at.len() {
        let before = position.checked_sub(1);
        // The character that lies between the position before and this one.
        let passed = before.and_then(|before| name.get(before)).copied();
        let came_on = |next: &[bool]| before.and_then(|before| next.get(before)).copied().unwrap_or(false);
        let from_before = before.is_some_and(was);
        let is_here = match wildcard {
            '*' => was(position) || came_on(&next),
            '?' => from_before,
            // DOS_STAR: anything up to the last dot.
            '<' => was(position) || (came_on(&next) && before != last_dot) || (from_before && before != last_dot),
            // DOS_QM: one character, or none at a dot or at the end.
            '>' => {
                let skips = name.get(position).is_none_or(|c| *c == '.');
                (from_before && passed != Some('.')) || (was(position) && skips)
            }
            // DOS_DOT: a dot, or nothing at the end.
            '"' => (from_before && passed == Some('.')) || (was(position) && position == name.len()),
            character => from_before && passed == Some(character),
        };
        if let Some(place) = next.get_mut(position) {
            *place = is_here;
        }
    }
    next
}

fn fold(character: char) -> char {
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(one), None) => one,
        _ => character,
    }
}

const CHARACTERS_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        let bytes: Vec<u8> = pattern.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let pattern = Pattern::parse(Utf16::from_bytes(&bytes).unwrap()).unwrap();
        pattern.matches(&name.encode_utf16().collect::<Vec<_>>())
    }

    #[test]
    fn names_match_without_regard_to_case() {
        for (pattern, name) in [
            ("*", ".hidden"),
            ("*.*", "no dot"),
            ("", "anything"),
            ("ReadMe.TXT", "readme.txt"),
            ("Ä?", "äx"),
            ("*.txt", "a.b.txt"),
            ("a*c*e", "abcde"),
            ("<.txt", "a.b.txt"),
            ("<", "name"),
            ("a>>>", "ab"),
            ("a>>.c", "a.c"),
            ("name\"", "name"),
            ("name\"<", "name.txt"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("?", "ab"),
            ("?", ""),
            ("*.txt", "txt"),
            ("a", "ab"),
            ("a>", "abc"),
            ("name\"", "namex"),
            ("<.txt", "a.txt.b"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn a_long_pattern_takes_no_long_time() {
        assert!(!matches(&"*a".repeat(127), &"a".repeat(120)));
    }
}
