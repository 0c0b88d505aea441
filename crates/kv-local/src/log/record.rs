//! One batch in the log.

use kv::{Batch, JOURNAL_HEAD_BYTES};

use super::buffer::AlignedBuffer;
use super::checksum;
use super::field::{read_u16, read_u32, read_u64, read_u128};

/// Bytes before the changes.
pub(crate) const HEADER_BYTES: usize = 80;
/// Records start at multiples of this.
pub(crate) const RECORD_ALIGNMENT: usize = 8;

/// What places a record in the chain of its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(crate) store_id: u128,
    pub(crate) epoch: u64,
    pub(crate) group: u64,
    pub(crate) position: u64,
    pub(crate) write_position: u64,
    pub(crate) previous_group: u64,
}

/// One change of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change<'a> {
    /// Remove the key.
    Delete(&'a [u8]),
    /// Set the key to the value.
    Put(&'a [u8], &'a [u8]),
}

/// Changes of a batch in the order they are applied: deletes, puts, the token.
pub(crate) fn changes(batch: &Batch) -> impl Iterator<Item = Change<'_>> {
    let deletes = batch.deletes.iter().map(|key| Change::Delete(key));
    let puts = batch.puts.iter().map(|(key, value)| Change::Put(key, value));
    deletes.chain(puts).chain(batch.token.iter().map(|token| Change::Put(&token.key, &token.value)))
}

/// An entry of the journal within the bytes of its record, or of its write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryPlace {
    pub(crate) sequence: u64,
    /// First byte.
    pub(crate) at: usize,
    pub(crate) length: usize,
    /// CRC-32C of its bytes.
    pub(crate) crc: u32,
}

/// What a record holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content<'a> {
    pub(crate) changes: Vec<Change<'a>>,
    /// Places within the record.
    pub(crate) entries: Vec<EntryPlace>,
}

/// Where the entries of a batch stand in its record.
pub(crate) fn entries(batch: &Batch) -> impl Iterator<Item = EntryPlace> {
    let mut at = encoded_len(batch) - batch.journal_bytes();
    batch.journal.iter().map(move |entry| {
        let length = entry.bytes.len();
        at += JOURNAL_HEAD_BYTES + length;
        EntryPlace { sequence: entry.sequence, at: at - length, length, crc: checksum(&entry.bytes) }
    })
}

/// Bytes of the record of a batch, without the padding behind it.
pub(crate) fn encoded_len(batch: &Batch) -> usize {
    let puts = batch.puts.len() + usize::from(batch.token.is_some());
    HEADER_BYTES + batch.size_bytes() + 2 * batch.deletes.len() + 6 * puts
}

/// Appends the record of a batch with everything but its place; `seal` follows. `None` when it does not fit.
pub(crate) fn encode(batch: &Batch, into: &mut AlignedBuffer) -> Option<()> {
    into.pad(RECORD_ALIGNMENT);
    let length = u32::try_from(encoded_len(batch)).ok()?;
    let deletes = u32::try_from(batch.deletes.len()).ok()?;
    let puts = u32::try_from(batch.puts.len() + usize::from(batch.token.is_some())).ok()?;
    let mut header = [0; HEADER_BYTES];
    put_field(&mut header, 0, &MAGIC.to_le_bytes());
    put_field(&mut header, 8, &length.to_le_bytes());
    put_field(&mut header, 12, &u32::try_from(batch.journal.len()).ok()?.to_le_bytes());
    put_field(&mut header, 72, &deletes.to_le_bytes());
    put_field(&mut header, 76, &puts.to_le_bytes());
    let mut fits = into.push(&header);
    for change in changes(batch) {
        fits &= match change {
            Change::Delete(key) => into.push(&u16::try_from(key.len()).ok()?.to_le_bytes()) && into.push(key),
            Change::Put(key, value) => {
                let key_length = u16::try_from(key.len()).ok()?.to_le_bytes();
                let value_length = u32::try_from(value.len()).ok()?.to_le_bytes();
                into.push(&key_length) && into.push(&value_length) && into.push(key) && into.push(value)
            }
        };
    }
    for entry in &batch.journal {
        let length = u32::try_from(entry.bytes.len()).ok()?.to_le_bytes();
        fits &= into.push(&entry.sequence.to_le_bytes()) && into.push(&length) && into.push(&entry.bytes);
    }
    fits.then_some(())
}

/// Gives the record at this offset of the buffer its place and checksum.
pub(crate) fn seal(buffer: &mut AlignedBuffer, at: usize, chain: &Chain) -> Option<()> {
    let mut fields = [0; 56];
    put_field(&mut fields, 0, &chain.store_id.to_le_bytes());
    put_field(&mut fields, 16, &chain.epoch.to_le_bytes());
    put_field(&mut fields, 24, &chain.group.to_le_bytes());
    put_field(&mut fields, 32, &chain.position.to_le_bytes());
    put_field(&mut fields, 40, &chain.write_position.to_le_bytes());
    put_field(&mut fields, 48, &chain.previous_group.to_le_bytes());
    let length = usize::try_from(read_u32(buffer.bytes(), at + 8)?).ok()?;
    buffer.patch(at + 16, &fields).then_some(())?;
    let crc = checksum(buffer.bytes().get(at + 8..at + length)?);
    buffer.patch(at + 4, &crc.to_le_bytes()).then_some(())
}

/// A whole record with a right checksum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    /// Its place.
    pub(crate) chain: Chain,
    bytes: &'a [u8],
}

impl<'a> Record<'a> {
    /// The record at the start of the bytes, if a whole one is there.
    pub(crate) fn decode(bytes: &'a [u8]) -> Option<Self> {
        let length = usize::try_from(read_u32(bytes, 8)?).ok()?;
        if read_u32(bytes, 0)? != MAGIC || length < HEADER_BYTES {
            return None;
        }
        let bytes = bytes.get(..length)?;
        if read_u32(bytes, 4)? != checksum(bytes.get(8..)?) {
            return None;
        }
        Some(Self { chain: peek_chain(bytes)?, bytes })
    }

    /// Where the next record of the same write would start.
    pub(crate) fn end(&self) -> u64 {
        let length = u64::try_from(self.bytes.len().next_multiple_of(RECORD_ALIGNMENT)).unwrap_or(u64::MAX);
        self.chain.position.saturating_add(length)
    }

    /// What it holds; `None` if that contradicts the header, which a right checksum does not excuse.
    pub(crate) fn content(&self) -> Option<Content<'a>> {
        let mut rest = self.bytes.get(HEADER_BYTES..)?;
        let changes = self.take_changes(&mut rest)?;
        let mut entries = Vec::new();
        for _ in 0..read_u32(self.bytes, 12)? {
            let head = rest.split_off(..JOURNAL_HEAD_BYTES)?;
            let at = self.bytes.len() - rest.len();
            let bytes = rest.split_off(..usize::try_from(read_u32(head, 8)?).ok()?)?;
            let (sequence, length) = (read_u64(head, 0)?, bytes.len());
            entries.push(EntryPlace { sequence, at, length, crc: checksum(bytes) });
        }
        rest.is_empty().then_some(Content { changes, entries })
    }

    fn take_changes(&self, rest: &mut &'a [u8]) -> Option<Vec<Change<'a>>> {
        let deletes = read_u32(self.bytes, 72)?;
        let puts = read_u32(self.bytes, 76)?;
        let mut changes = Vec::new();
        for _ in 0..deletes {
            let length = usize::from(take_u16(rest)?);
            changes.push(Change::Delete(rest.split_off(..length)?));
        }
        for _ in 0..puts {
            let key_length = usize::from(take_u16(rest)?);
            let value_length = usize::try_from(read_u32(rest.split_off(..4)?, 0)?).ok()?;
            changes.push(Change::Put(rest.split_off(..key_length)?, rest.split_off(..value_length)?));
        }
        Some(changes)
    }
}

/// The place that a record claims, unchecked; `None` when this is no record at all.
pub(crate) fn peek(bytes: &[u8]) -> Option<Chain> {
    (read_u32(bytes, 0)? == MAGIC).then(|| peek_chain(bytes))?
}

fn peek_chain(bytes: &[u8]) -> Option<Chain> {
    Some(Chain {
        store_id: read_u128(bytes, 16)?,
        epoch: read_u64(bytes, 32)?,
        group: read_u64(bytes, 40)?,
        position: read_u64(bytes, 48)?,
        write_position: read_u64(bytes, 56)?,
        previous_group: read_u64(bytes, 64)?,
    })
}

fn take_u16(rest: &mut &[u8]) -> Option<u16> {
    read_u16(rest.split_off(..2)?, 0)
}

fn put_field(bytes: &mut [u8], at: usize, field: &[u8]) {
    if let Some(target) = bytes.get_mut(at..at + field.len()) {
        target.copy_from_slice(field);
    }
}

/// "BLR1" in little-endian.
const MAGIC: u32 = u32::from_le_bytes(*b"BLR1");

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kv::{JournalEntry, Token};

    use super::*;

    const GOLDEN: &str = "424c5231f785e4398900000002000000090000000000000000000000000000000200000000000000\
        0b00000000000000001000000000000000100000000000000a000000000000000100000003000000\
        0400676f6e65010001000000613101000000000062010001000000747805000000000000000400000066697665060000000000000000000000";

    fn batch() -> Batch {
        Batch {
            expect: vec![],
            puts: vec![(Bytes::from("a"), Bytes::from("1")), (Bytes::from("b"), Bytes::new())],
            deletes: vec![Bytes::from("gone")],
            journal: vec![
                JournalEntry { sequence: 5, bytes: Bytes::from("five") },
                JournalEntry { sequence: 6, bytes: Bytes::new() },
            ],
            token: Some(Token { key: Bytes::from("t"), value: Bytes::from("x") }),
        }
    }

    fn sealed() -> (AlignedBuffer, Chain) {
        let batch = batch();
        let chain =
            Chain { store_id: 9, epoch: 2, group: 11, position: 4096, write_position: 4096, previous_group: 10 };
        let mut buffer = AlignedBuffer::new(4096);
        encode(&batch, &mut buffer).unwrap();
        assert_eq!(buffer.len(), encoded_len(&batch));
        seal(&mut buffer, 0, &chain).unwrap();
        (buffer, chain)
    }

    #[test]
    fn decode_undoes_encode() {
        let (buffer, chain) = sealed();
        let record = Record::decode(buffer.bytes()).unwrap();
        assert_eq!(record.chain, chain);
        assert_eq!(record.end(), 4096 + u64::try_from(buffer.len().next_multiple_of(8)).unwrap());
        let expected =
            [Change::Delete(b"gone"), Change::Put(b"a", b"1"), Change::Put(b"b", b""), Change::Put(b"t", b"x")];
        let content = record.content().unwrap();
        assert_eq!(content.changes, expected);
        let batch = batch();
        assert_eq!(content.entries, entries(&batch).collect::<Vec<_>>());
        for (place, entry) in content.entries.iter().zip(&batch.journal) {
            assert_eq!((place.sequence, place.crc), (entry.sequence, checksum(&entry.bytes)));
            assert_eq!(&buffer.bytes()[place.at..place.at + place.length], &entry.bytes[..]);
        }
    }

    /// The bytes of a record as they stand on disks: what is written once is read for ever.
    #[test]
    fn a_record_has_these_bytes() {
        let (buffer, _) = sealed();
        let hex: String = buffer.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, GOLDEN);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let (buffer, _) = sealed();
        for bit in 0..buffer.len() * 8 {
            let mut bytes = buffer.bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Record::decode(&bytes).is_none(), "bit {bit}");
        }
        assert!(Record::decode(&buffer.bytes()[..buffer.len() - 1]).is_none());
    }

    #[test]
    fn counts_that_do_not_fit_are_refused() {
        let (mut buffer, chain) = sealed();
        for field in [12, 72, 76] {
            let right = read_u32(buffer.bytes(), field).unwrap();
            for wrong in [right - 1, right + 1, u32::MAX] {
                assert!(buffer.patch(field, &wrong.to_le_bytes()));
                seal(&mut buffer, 0, &chain).unwrap();
                assert!(Record::decode(buffer.bytes()).unwrap().content().is_none(), "{wrong} at {field}");
            }
            assert!(buffer.patch(field, &right.to_le_bytes()));
        }
    }
}
