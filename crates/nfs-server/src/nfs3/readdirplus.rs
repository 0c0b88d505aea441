//! READDIRPLUS (RFC 1813 3.3.17).

use nfs_wire::nfs3::{EntryPlus3, Fattr3, Filename, PostOpAttr, Readdirplus, ReaddirplusArgs, ReaddirplusOk};
use nfs_wire::xdr::UNIT;
use vfs::{Attributes, Cookie, DirectoryEntry, ListedAttributes, ReaddirRequest, Vfs};

use super::Answer;
use super::attributes::post_op;
use super::call::{Call, Object, Refused};
use super::readdir::{COOKIE_VERIFIER, NAME_BYTES_EXPECTED, Room, bytes_max, entries_max, file_id};
use crate::handle::HANDLE_BYTES;

impl<V: Vfs> Answer<V> for Readdirplus {
    type Resok = ReaddirplusOk;
    type Resfail = PostOpAttr;

    async fn answer(call: &Call<'_, V>, args: ReaddirplusArgs) -> Result<ReaddirplusOk, Refused> {
        let directory = call.open(&args.dir).await?;
        let limit = bytes_max(args.maxcount, call.door.settings.io_bytes_max);
        let request = ReaddirRequest {
            directory: directory.inode,
            after: Cookie(args.cookie),
            entries_max: entries_max(limit, ENTRY_BYTES_EXPECTED),
            attributes: ListedAttributes::All,
        };
        let reply = call.door.vfs.readdir(&directory.ctx, request).await?;
        let dir_attributes = post_op(&reply.directory);
        let mut room = Room::new(limit, ReaddirplusOk::base_size(&dir_attributes));
        // Some clients send 0, or less than one name takes: one entry goes out all the same, as with other servers.
        let mut names = Room::new(bytes_max(args.dircount, u32::MAX), 0);
        let entries = reply.entries.into_iter().filter_map(|entry| plus(call, &directory, (entry, &reply.directory)));
        let (mut is_first, mut is_cut) = (true, false);
        let fits = |entry: &EntryPlus3| {
            let has_names_room = names.take(entry.directory_size()) || is_first;
            is_first = false;
            is_cut = !(has_names_room && room.take(entry.entry_size()));
            !is_cut
        };
        let entries: Vec<_> = entries.take_while(fits).collect();
        room.check()?;
        let eof = reply.end && !is_cut;
        Ok(ReaddirplusOk { dir_attributes, cookieverf: COOKIE_VERIFIER, entries: entries.into_iter().collect(), eof })
    }
}

/// An entry with its attributes and handle. The parent is told by number only: at the root of an export it is not the
/// client's business, and elsewhere no client uses it. What lies in another shard is told by number only too.
fn plus<V: Vfs>(
    call: &Call<'_, V>,
    object: &Object,
    (entry, directory): (DirectoryEntry, &Attributes),
) -> Option<EntryPlus3> {
    let fileid = file_id(&entry, (directory, object.ctx.root));
    let is_told =
        |attributes: &&Attributes| &entry.name[..] != b".." && attributes.inode.shard == object.ctx.root.shard;
    let attributes = entry.attributes.as_ref().filter(is_told);
    let name_handle = attributes.and_then(|attributes| call.seal(object, attributes.inode));
    let name_attributes = attributes.and_then(post_op);
    let name = Filename::new(entry.name).ok()?;
    Some(EntryPlus3 { fileid, name, cookie: entry.cookie.0, name_attributes, name_handle })
}

/// Bytes of an entry as reckoned with: its fixed part, a short name, attributes and handle.
const ENTRY_BYTES_EXPECTED: usize =
    6 * UNIT + NAME_BYTES_EXPECTED + 2 * UNIT + Fattr3::ENCODED_BYTES + UNIT + HANDLE_BYTES;
