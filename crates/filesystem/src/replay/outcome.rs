//! What is stored of a request that was done: enough to answer it once more. The bytes stand in `docs/on-disk.md`.

use bytes::Bytes;
use vfs::InodeNumber;

/// What was done for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The operation.
    pub(crate) kind: Kind,
    /// When, in seconds since 1970: what is old is removed.
    pub(crate) seconds: i64,
    /// The inode that was made, taken, linked, removed, renamed or changed.
    pub(crate) inode: InodeNumber,
}

/// Operations whose outcome is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// CREATE, MKDIR, SYMLINK, MKNOD of something new.
    Created = 1,
    /// CREATE that took an existing file and set its size.
    Taken = 2,
    /// LINK.
    Linked = 3,
    /// REMOVE, RMDIR.
    Removed = 4,
    /// RENAME.
    Renamed = 5,
    /// SETATTR.
    Changed = 6,
}

impl Outcome {
    /// Its bytes.
    pub(crate) fn encode(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(OUTCOME_BYTES);
        bytes.extend_from_slice(&[VERSION, self.kind as u8]);
        bytes.extend_from_slice(&self.seconds.to_be_bytes());
        bytes.extend_from_slice(&self.inode.0.to_be_bytes());
        bytes.into()
    }

    /// `None` for bytes that this house does not know: the request is then done as if nothing was stored.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let ([VERSION, kind], rest) = bytes.split_first_chunk()? else { return None };
        let (seconds, rest) = rest.split_first_chunk()?;
        let (inode, []) = rest.split_first_chunk()? else { return None };
        Some(Self {
            kind: Kind::of(*kind)?,
            seconds: i64::from_be_bytes(*seconds),
            inode: InodeNumber(u64::from_be_bytes(*inode)),
        })
    }
}

impl Kind {
    /// Whether a request for `asked` may have come to this.
    pub(crate) fn answers(self, asked: Self) -> bool {
        self == asked || (self == Self::Taken && asked == Self::Created)
    }

    fn of(byte: u8) -> Option<Self> {
        let all = [Self::Created, Self::Taken, Self::Linked, Self::Removed, Self::Renamed, Self::Changed];
        all.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// Version of these bytes.
const VERSION: u8 = 1;
/// Version, kind, time, inode.
const OUTCOME_BYTES: usize = 18;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_bytes_are_as_documented() {
        let outcome = Outcome { kind: Kind::Renamed, seconds: -2, inode: InodeNumber(0x0102) };
        let bytes = [&[1, 5][..], &[255; 7], &[254], &[0; 6], &[1, 2]].concat();
        assert_eq!(outcome.encode(), bytes);
        assert_eq!(Outcome::decode(&bytes), Some(outcome));
    }

    #[test]
    fn unknown_bytes_are_no_outcome() {
        let good = Outcome { kind: Kind::Changed, seconds: 1, inode: InodeNumber(1) }.encode().to_vec();
        for length in 0..good.len() {
            assert_eq!(Outcome::decode(&good[..length]), None);
        }
        for (at, byte) in [(0, 0), (0, 2), (1, 0), (1, 7)] {
            let mut bytes = good.clone();
            bytes[at] = byte;
            assert_eq!(Outcome::decode(&bytes), None);
        }
        assert_eq!(Outcome::decode(&[&good[..], &[0]].concat()), None);
    }
}
