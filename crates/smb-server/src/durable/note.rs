//! What the house keeps of a persistent open for the door: whose it is. Little-endian numbers, counted texts.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use smb_wire::dtyp::Guid;
use vfs::ZoneId;

use super::{Durable, Owner};

impl Durable {
    /// As a note of the house.
    pub(crate) fn note(&self, writes_through: bool) -> Bytes {
        let mut note = BytesMut::new();
        note.put_u8(FORMAT);
        note.put_slice(&self.create_guid.unwrap_or_default().0);
        note.put_u32_le(u32::try_from(self.timeout.as_millis()).unwrap_or(u32::MAX));
        note.put_u8(u8::from(writes_through));
        note.put_u32_le(self.owner.zone.0);
        note.put_slice(&self.owner.client.0);
        for text in [&self.owner.share, &self.owner.user] {
            note.put_u16_le(u16::try_from(text.len()).unwrap_or(u16::MAX));
            note.put_slice(text.as_bytes());
        }
        note.freeze()
    }

    /// From a note of the house, and whether writes are stable before their answer; `None` when it is none.
    pub(crate) fn noted(note: &[u8]) -> Option<(Self, bool)> {
        let mut rest = note;
        let mut take = |length| rest.split_off(..length);
        (take(1)? == [FORMAT]).then_some(())?;
        let create_guid = Guid(take(16)?.try_into().ok()?);
        let timeout = Duration::from_millis(number(take(4)?).into());
        let writes_through = take(1)? != [0];
        let zone = ZoneId(number(take(4)?));
        let client = Guid(take(16)?.try_into().ok()?);
        let mut text = || {
            let length = usize::try_from(number(take(2)?)).ok()?;
            Some(str::from_utf8(take(length)?).ok()?.to_owned())
        };
        let owner = Owner { zone, share: text()?, user: text()?, client };
        let durable = Self { create_guid: Some(create_guid), timeout, is_persistent: true, owner };
        rest.is_empty().then_some((durable, writes_through))
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

const FORMAT: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_what_was_noted_and_others_are_none() {
        let owner =
            Owner { zone: ZoneId(7), share: "Pläne".to_owned(), user: "alice".to_owned(), client: Guid([2; 16]) };
        let durable =
            Durable { create_guid: Some(Guid([1; 16])), timeout: Duration::from_secs(120), is_persistent: true, owner };
        let note = durable.note(true);
        assert_eq!(Durable::noted(&note), Some((durable, true)));
        for length in 0..note.len() {
            assert_eq!(Durable::noted(&note[..length]), None);
        }
        assert_eq!(Durable::noted(&[&note[..], b"x"].concat()), None);
        assert_eq!(Durable::noted(&[&[2], &note[1..]].concat()), None);
    }
}
