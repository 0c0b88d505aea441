//! QUERY_DIRECTORY (MS-SMB2 3.3.5.18).

use std::sync::{MutexGuard, PoisonError};

use bytes::BytesMut;
use smb_wire::codec::{Utf16, decode_body};
use smb_wire::info::{DirectoryEntry, EntryWriter, FileInformationClass};
use smb_wire::query_directory::{QueryDirectoryFlags, QueryDirectoryRequest};
use smb_wire::{OutputInPlace, Status};
use vfs::acl::AccessMask;
use vfs::{Attributes, Cookie, ListedAttributes, ReaddirRequest, Vfs};

use crate::answer::Answer;
use crate::attributes::{allocation_size, end_of_file, file_attributes, reparse_tag, times};
use crate::create::shown;
use crate::dispatch::Call;
use crate::open_table::Open;
use crate::pattern::Pattern;
use crate::settings::LIST_BYTES_MAX;
use crate::status;
use crate::tree::{Target, Tree};

/// How far an open has listed its directory. One listing of an open at a time: a second one begins where the first found
/// the open, as nothing says where it should.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    /// The pattern of the first call.
    pattern: Option<Pattern>,
    after: Cookie,
    /// Something was told since the start.
    has_told: bool,
}

/// Lists entries from where the open has come to. The pattern is that of the first call, until REOPEN.
///
/// Errors, in order: INVALID_PARAMETER, FILE_CLOSED, NOT_SUPPORTED (`FileIndex`), INVALID_INFO_CLASS, ACCESS_DENIED,
/// OBJECT_NAME_INVALID, those of the house, INFO_LENGTH_MISMATCH (not even one entry fits), NO_SUCH_FILE (nothing matches),
/// NO_MORE_FILES.
pub(crate) async fn query_directory<V: Vfs>(call: &Call<'_, V>, tree: &Tree) -> Result<Answer, Status> {
    let request: QueryDirectoryRequest<'_> = decode_body(&call.request.body).map_err(status::unreadable)?;
    let limit = request.output_length;
    if limit > call.terms.transact_bytes_max || !call.is_paid(limit) {
        return Err(Status::INVALID_PARAMETER);
    }
    let open = call.open(request.file_id, tree)?;
    if !open.is_directory {
        return Err(Status::INVALID_PARAMETER);
    }
    if !open.granted.contains(AccessMask::READ_DATA) {
        return Err(Status::ACCESS_DENIED);
    }
    let mut listing = begin(&open, &request)?;
    let mut page = Page::new(&request, usize::try_from(limit).unwrap_or(0).min(LIST_BYTES_MAX))?;
    let hides = matches!(&tree.target, Target::Disk(disk) if disk.share.hides_unreadable());
    let ctx = call.context(tree.root().unwrap_or(open.inode));
    let which = if hides { ListedAttributes::OfReadable } else { ListedAttributes::All };
    let is_over = loop {
        let reading = ReaddirRequest {
            directory: open.inode,
            after: listing.after,
            entries_max: page.entries_wanted(),
            attributes: which,
        };
        let found = call.door.vfs.readdir(&ctx, reading).await.map_err(status::of)?;
        let is_full = page.take(&found.entries, &mut listing);
        if is_full || found.end {
            break found.end && !is_full;
        }
    };
    let has_told = std::mem::replace(&mut listing.has_told, true);
    if page.told == 0 && is_over {
        *lock(&open) = listing;
        return Err(if has_told { Status::NO_MORE_FILES } else { Status::NO_SUCH_FILE });
    }
    if page.told == 0 {
        return Err(Status::INFO_LENGTH_MISMATCH);
    }
    *lock(&open) = listing;
    Ok(page.answer())
}

fn begin(open: &Open, request: &QueryDirectoryRequest<'_>) -> Result<Listing, Status> {
    if request.flags.contains(QueryDirectoryFlags::INDEX_SPECIFIED) && request.file_index != 0 {
        return Err(Status::NOT_SUPPORTED);
    }
    let mut listing = lock(open).clone();
    let starts_anew = QueryDirectoryFlags::RESTART_SCANS | QueryDirectoryFlags::REOPEN;
    if request.flags.intersects(starts_anew) {
        let pattern = listing.pattern.take().filter(|_| !request.flags.contains(QueryDirectoryFlags::REOPEN));
        listing = Listing { pattern, ..Listing::default() };
    }
    if listing.pattern.is_none() {
        listing.pattern = Some(Pattern::parse(request.pattern).ok_or(Status::OBJECT_NAME_INVALID)?);
    }
    Ok(listing)
}

fn lock(open: &Open) -> MutexGuard<'_, Listing> {
    open.listing.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Entries that are being gathered for one answer.
struct Page {
    class: FileInformationClass,
    is_single: bool,
    limit: usize,
    output: BytesMut,
    last: Option<usize>,
    told: usize,
}

impl Page {
    fn new(request: &QueryDirectoryRequest<'_>, limit: usize) -> Result<Self, Status> {
        let is_single = request.flags.contains(QueryDirectoryFlags::RETURN_SINGLE_ENTRY);
        let page = Self { class: request.class, is_single, limit, output: BytesMut::new(), last: None, told: 0 };
        let mut nothing = BytesMut::new();
        let is_listed = DirectoryEntry::default().push(page.class, &mut EntryWriter::new(&mut nothing, usize::MAX));
        is_listed.map(|_| page).ok_or(Status::INVALID_INFO_CLASS)
    }

    /// As many entries as may fit.
    fn entries_wanted(&self) -> usize {
        let left = self.limit.saturating_sub(self.output.len());
        if self.is_single { 16 } else { (left / ENTRY_BYTES_MIN).clamp(16, vfs::limits::READDIR_ENTRIES_MAX) }
    }

    /// Tells the entries that match; `true` when no more fit or are wanted.
    fn take(&mut self, entries: &[vfs::DirectoryEntry], listing: &mut Listing) -> bool {
        for entry in entries {
            let name = shown_entry(&entry.name);
            let matches = listing.pattern.as_ref().is_some_and(|pattern| pattern.matches(&name));
            // What went in the meantime, or is hidden, comes without attributes and is not told.
            let told = entry.attributes.as_ref().filter(|_| matches);
            if told.is_some_and(|attributes| !self.push(attributes, &name)) {
                return true;
            }
            listing.after = entry.cookie;
            if told.is_some() && self.is_single {
                return true;
            }
        }
        false
    }

    fn push(&mut self, attributes: &Attributes, name: &[u16]) -> bool {
        let name: Vec<u8> = name.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let tag = reparse_tag(attributes);
        let told = DirectoryEntry {
            times: times(attributes),
            end_of_file: end_of_file(attributes),
            allocation_size: allocation_size(attributes),
            attributes: file_attributes(attributes),
            file_id: attributes.inode.number.0.into(),
            // Of a reparse point the place of the length says what it is (MS-FSCC 2.4.8).
            ea_size: if tag == 0 { attributes.xattr_bytes } else { tag },
            name: Utf16::from_bytes(&name).unwrap_or_default(),
            ..DirectoryEntry::default()
        };
        let padded = self.output.len().next_multiple_of(8);
        let mut one = BytesMut::new();
        let room = self.limit.saturating_sub(padded);
        if told.push(self.class, &mut EntryWriter::new(&mut one, room)) != Some(true) {
            return false;
        }
        self.output.resize(padded, 0);
        if let Some(next) = self.last.and_then(|last| Some((last, self.output.get_mut(last..)?.first_chunk_mut()?))) {
            let (last, place) = next;
            *place = u32::try_from(padded - last).unwrap_or(u32::MAX).to_le_bytes();
        }
        self.last = Some(padded);
        self.output.extend_from_slice(&one);
        self.told += 1;
        true
    }

    fn answer(self) -> Answer {
        let mut body = BytesMut::with_capacity(self.output.len() + 8);
        let place = OutputInPlace::begin(&mut body);
        body.extend_from_slice(&self.output);
        place.finish(&mut body);
        Answer::of_body(Status::SUCCESS, body)
    }
}

/// `.` and `..` are told as they are.
fn shown_entry(name: &[u8]) -> Vec<u16> {
    if matches!(name, b"." | b"..") { name.iter().map(|byte| u16::from(*byte)).collect() } else { shown(name) }
}

/// The shortest entry of the classes that are asked for.
const ENTRY_BYTES_MIN: usize = 80;
