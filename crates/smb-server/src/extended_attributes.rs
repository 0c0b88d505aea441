//! Extended attributes between SMB and the house (MS-FSCC 2.4.16): lists of names and values.

use bytes::{Bytes, BytesMut};
use smb_wire::Status;
use smb_wire::info::{EaFlags, Entries, EntryWriter, FullEa, GetEa};
use vfs::XattrChange;

/// What a list of a client sets; an empty value removes. That programs must know one to use the file (`FILE_NEED_EA`) is
/// not kept.
///
/// Errors, in order: EA_LIST_INCONSISTENT, INVALID_EA_NAME.
pub(crate) fn given(list: &[u8]) -> Result<Vec<XattrChange>, Status> {
    let change = |entry: FullEa<'_>| {
        let value = (!entry.value.is_empty()).then(|| Bytes::copy_from_slice(entry.value));
        let change = XattrChange { name: Bytes::copy_from_slice(entry.name), value };
        if change.is_valid() && entry.name.iter().all(|byte| is_legal(*byte)) {
            Ok(change)
        } else {
            Err(Status::INVALID_EA_NAME)
        }
    };
    let entries: Result<Vec<_>, _> = Entries::<FullEa<'_>>::new(list).collect();
    entries.map_err(|_| Status::EA_LIST_INCONSISTENT)?.into_iter().map(change).collect()
}

/// What names may hold (MS-FSCC 2.4.16).
fn is_legal(byte: u8) -> bool {
    byte >= b' ' && !b"\\/:*?\"<>|,+=[];".contains(&byte)
}

/// As many entries of a file from a place in their list on as fit; how many that were.
pub(crate) fn told(stored: &[(Bytes, Bytes)], (from, limit, is_single): (usize, usize, bool)) -> (BytesMut, usize) {
    let mut bytes = BytesMut::new();
    let mut writer = EntryWriter::new(&mut bytes, limit);
    let wanted = stored.iter().skip(from).take(if is_single { 1 } else { usize::MAX });
    let count = wanted.take_while(|(name, value)| writer.push(&entry(name, value))).count();
    (bytes, count)
}

/// The entries that a client names: those that are not there without a value. `None` when they do not all fit.
///
/// Errors, in order: EA_LIST_INCONSISTENT, INVALID_EA_NAME.
pub(crate) fn named(stored: &[(Bytes, Bytes)], (list, limit): (&[u8], usize)) -> Result<Option<BytesMut>, Status> {
    let mut bytes = BytesMut::new();
    let mut writer = EntryWriter::new(&mut bytes, limit);
    for asked in Entries::<GetEa<'_>>::new(list) {
        let name = asked.map_err(|_| Status::EA_LIST_INCONSISTENT)?.name;
        if name.is_empty() || !name.iter().all(|byte| is_legal(*byte)) {
            return Err(Status::INVALID_EA_NAME);
        }
        let found = stored.iter().find(|(stored, _)| stored.eq_ignore_ascii_case(name));
        let told = found.map_or_else(|| entry(name, &[]), |(name, value)| entry(name, value));
        if !writer.push(&told) {
            return Ok(None);
        }
    }
    Ok(Some(bytes))
}

fn entry<'a>(name: &'a [u8], value: &'a [u8]) -> FullEa<'a> {
    FullEa { flags: EaFlags::empty(), name, value }
}
