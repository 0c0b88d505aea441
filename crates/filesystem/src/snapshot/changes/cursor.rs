//! Where a page ended, as it is handed out: how far candidates were looked at, and how far what one of them brought.

use bytes::Bytes;
use vfs::{ChangesCursor, Cookie, FsError, InodeNumber};

use super::candidates::{Position, Source};
use super::span::Span;
use super::walk::{Walk, Way};

/// How far a list has come.
#[derive(Clone, Debug)]
pub(super) struct At {
    /// Where to go on behind the candidate that was told last.
    pub(super) position: Position,
    /// Where what that brought or took along is looked for, as long as it is.
    pub(super) walk: Option<Walk>,
}

pub(super) fn encode(at: &At, span: &Span) -> ChangesCursor {
    let way = match at.walk.map(|walk| walk.way) {
        None => 0,
        Some(Way::New) => 1,
        Some(Way::In) => 2,
        Some(Way::Out) => 3,
    };
    let source = match at.position.source {
        Source::Ended => 0,
        Source::Own => 1,
        Source::Gone => 2,
    };
    let Walk { of, directory, after, .. } = at.walk.unwrap_or_else(|| Walk::of(InodeNumber::default(), Way::New));
    let mut bytes = vec![FORMAT, source, way];
    let words = [trees(span), span.top.0, of.0, directory.0, after.0];
    words.iter().for_each(|word| bytes.extend(word.to_be_bytes()));
    bytes.extend(&at.position.start);
    ChangesCursor(Bytes::from(bytes))
}

/// Errors: `BadCookie`.
pub(super) fn parse(cursor: &ChangesCursor, span: &Span) -> Result<At, FsError> {
    let (&[format, source, way], rest) = cursor.0.split_first_chunk().ok_or(FsError::BadCookie)?;
    let (words, start) = rest.split_at_checked(WORDS * size_of::<u64>()).ok_or(FsError::BadCookie)?;
    let words: Vec<u64> = words.as_chunks().0.iter().map(|word| u64::from_be_bytes(*word)).collect();
    let &[of_trees, top, of, directory, after] = words.as_slice() else { return Err(FsError::BadCookie) };
    let way = match way {
        0 => None,
        1 => Some(Way::New),
        2 => Some(Way::In),
        3 => Some(Way::Out),
        _ => return Err(FsError::BadCookie),
    };
    let source = match source {
        0 => Source::Ended,
        1 => Source::Own,
        2 => Source::Gone,
        _ => return Err(FsError::BadCookie),
    };
    let is_meant = format == FORMAT && (of_trees, top) == (trees(span), span.top.0);
    if !is_meant || start.len() > START_BYTES_MAX || i64::try_from(after).is_err() {
        return Err(FsError::BadCookie);
    }
    let (of, directory, after) = (InodeNumber(of), InodeNumber(directory), Cookie(after));
    let walk = way.map(|way| Walk { of, directory, after, way });
    Ok(At { position: Position { source, start: Bytes::copy_from_slice(start) }, walk })
}

/// Both trees in one word.
fn trees(span: &Span) -> u64 {
    u64::from(span.from.0) << 32 | u64::from(span.to.0)
}

const FORMAT: u8 = 1;
const WORDS: usize = 5;
/// A key, and one byte that makes it the next.
const START_BYTES_MAX: usize = kv::limits::KEY_BYTES_MAX + 1;
