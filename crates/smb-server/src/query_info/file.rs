//! Classes of files (MS-FSCC 2.4).

use std::sync::atomic::Ordering;

use bytes::BytesMut;
use smb_wire::Status;
use smb_wire::codec::{Encode, Utf16, encode};
use smb_wire::dtyp::AccessMask as WireMask;
use smb_wire::info::{
    EntryWriter, FileAll, FileAttributeTag, FileBasic, FileCompression, FileIdInformation, FileInformationClass,
    FileName, FileNetworkOpen, FileStandard, FileStream, Number32, Number64,
};
use smb_wire::negotiate::Dialect;
use vfs::acl::AccessMask;
use vfs::{Attributes, InodeId, LookupName, LookupRequest, OpContext, OpenState, StreamListRequest, Vfs, Via};

use super::Told;
use crate::attributes::{allocation_size, end_of_file, file_attributes, network_open, reparse_tag, times};
use crate::create::{shown, stream_units};
use crate::dispatch::Call;
use crate::open_table::Open;
use crate::status;
use crate::tree::Tree;

/// Tells a class.
pub(super) async fn tell<V: Vfs>(
    call: &Call<'_, V>,
    (ctx, tree, open): (&OpContext, &Tree, &Open),
    class: FileInformationClass,
) -> Result<Told, Status> {
    if needs_attributes(class) && !open.granted.contains(AccessMask::READ_ATTRIBUTES) {
        return Err(Status::ACCESS_DENIED);
    }
    let attributes = call.door.vfs.getattr(ctx, open.inode).await.map_err(status::of)?.attributes;
    let state = call.door.vfs.open_state(ctx, open.id).map_err(status::of_error)?;
    let told = Facts { attributes: &attributes, state: &state, open };
    Ok(match class {
        FileInformationClass::BASIC => fixed(&told.basic()),
        FileInformationClass::STANDARD => fixed(&told.standard()),
        FileInformationClass::INTERNAL => fixed(&Number64 { value: attributes.file().number.0 }),
        FileInformationClass::EA => fixed(&Number32 { value: attributes.xattr_bytes }),
        FileInformationClass::MODE | FileInformationClass::ALIGNMENT => fixed(&Number32 { value: 0 }),
        FileInformationClass::ACCESS => fixed(&Number32 { value: open.granted.0 }),
        FileInformationClass::POSITION => fixed(&Number64 { value: open.position.load(Ordering::Relaxed) }),
        FileInformationClass::NETWORK_OPEN => fixed(&FileNetworkOpen { file: network_open(&attributes) }),
        FileInformationClass::ATTRIBUTE_TAG => {
            fixed(&FileAttributeTag { attributes: file_attributes(&attributes), reparse_tag: reparse_tag(&attributes) })
        }
        FileInformationClass::ID => fixed(&told.id()),
        FileInformationClass::STREAM => streams(call, ctx, open).await?,
        FileInformationClass::NORMALIZED_NAME if call.terms.dialect != Dialect::SMB_3_1_1 => {
            return Err(Status::NOT_SUPPORTED);
        }
        FileInformationClass::NAME | FileInformationClass::NORMALIZED_NAME => {
            let mut name = path(call, (ctx, tree), &state).await?;
            if class == FileInformationClass::NORMALIZED_NAME {
                // MS-FSCC 2.4.36: from the root of the share, without a separator before it.
                name.drain(..SEPARATOR_BYTES.min(name.len()));
            }
            Told { bytes: encoded(&FileName { name: text(&name) }), fixed: NAME_FIXED_BYTES }
        }
        FileInformationClass::ALL => {
            let name = path(call, (ctx, tree), &state).await?;
            Told { bytes: encoded(&told.all(text(&name))), fixed: ALL_FIXED_BYTES }
        }
        FileInformationClass::COMPRESSION => {
            fixed(&FileCompression { compressed_size: allocation_size(&attributes), ..FileCompression::default() })
        }
        FileInformationClass::ALTERNATE_NAME => {
            let name = short_name(&state).ok_or(Status::OBJECT_NAME_NOT_FOUND)?;
            Told { bytes: encoded(&FileName { name: text(&name) }), fixed: ALTERNATE_NAME_FIXED_BYTES }
        }
        _ => return Err(Status::INVALID_INFO_CLASS),
    })
}

/// Classes that tell what the right to read attributes is for (MS-FSA 2.1.5.12).
fn needs_attributes(class: FileInformationClass) -> bool {
    matches!(
        class,
        FileInformationClass::BASIC
            | FileInformationClass::ALL
            | FileInformationClass::NETWORK_OPEN
            | FileInformationClass::ATTRIBUTE_TAG
    )
}

/// What classes are made from.
struct Facts<'a> {
    attributes: &'a Attributes,
    state: &'a OpenState,
    open: &'a Open,
}

impl Facts<'_> {
    fn basic(&self) -> FileBasic {
        FileBasic { times: times(self.attributes), attributes: file_attributes(self.attributes) }
    }

    fn standard(&self) -> FileStandard {
        let is_directory = self.attributes.is_directory();
        FileStandard {
            allocation_size: allocation_size(self.attributes),
            end_of_file: end_of_file(self.attributes),
            // A name that is about to go counts no more (MS-FSA 2.1.5.12.27).
            number_of_links: if is_directory { 1 } else { self.attributes.links }
                .saturating_sub(u32::from(self.state.delete_pending)),
            delete_pending: self.state.delete_pending,
            directory: is_directory,
        }
    }

    fn id(&self) -> FileIdInformation {
        let number = u128::from(self.attributes.file().number.0);
        FileIdInformation { volume_serial_number: self.attributes.fsid, file_id: number.to_le_bytes() }
    }

    fn all<'a>(&self, name: Utf16<'a>) -> FileAll<'a> {
        FileAll {
            basic: self.basic(),
            standard: self.standard(),
            index_number: self.attributes.file().number.0,
            ea_size: self.attributes.xattr_bytes,
            access: WireMask::from_bits_retain(self.open.granted.0),
            position: self.open.position.load(Ordering::Relaxed),
            mode: 0,
            alignment: 0,
            name,
        }
    }
}

fn fixed(structure: &impl Encode) -> Told {
    Told::fixed(encoded(structure))
}

fn encoded(structure: &impl Encode) -> BytesMut {
    let mut bytes = BytesMut::new();
    encode(structure, &mut bytes);
    bytes
}

fn text(bytes: &[u8]) -> Utf16<'_> {
    Utf16::from_bytes(bytes).unwrap_or_default()
}

/// The data of a file, which a directory has not, and the streams beside it.
async fn streams<V: Vfs>(call: &Call<'_, V>, ctx: &OpContext, open: &Open) -> Result<Told, Status> {
    let attributes = call.door.vfs.getattr(ctx, open.file).await.map_err(status::of)?.attributes;
    let request = StreamListRequest { inode: open.file, via: Via::Open(open.id) };
    let beside = call.door.vfs.stream_list(ctx, request).await.map_err(status::of)?.entries;
    let mut bytes = BytesMut::new();
    // There is no limit: what does not fit is cut off behind.
    let mut writer = EntryWriter::new(&mut bytes, usize::MAX);
    let mut tell = |name: &[u16], (size, allocation_size): (u64, u64)| {
        let name = utf16(&[&[COLON], name, &DATA].concat());
        let _fits = writer.push(&FileStream { size, allocation_size, name: text(&name) });
    };
    if !attributes.is_directory() {
        tell(&[], (attributes.size, allocation_size(&attributes)));
    }
    for stream in beside {
        tell(&stream_units(&stream.name), (stream.size, stream.allocated_bytes.max(stream.size)));
    }
    Ok(Told { bytes, fixed: STREAM_FIXED_BYTES })
}

/// The short name of an open: names of 8.3 are not made, but one that has that form is its own (MS-FSCC 2.1.5.2.1).
fn short_name(state: &OpenState) -> Option<Vec<u8>> {
    let (_, name) = state.name.as_ref()?;
    let is_part = |part: &[u8], longest: usize| (1..=longest).contains(&part.len());
    let is_legal = |byte: &u8| byte.is_ascii_alphanumeric() || b"$%'-_@~`!(){}^#&".contains(byte);
    let mut parts = name.as_bytes().split(|byte| *byte == b'.');
    let is_short = parts.next().is_some_and(|base| is_part(base, 8) && base.iter().all(is_legal))
        && parts.next().is_none_or(|extension| is_part(extension, 3) && extension.iter().all(is_legal))
        && parts.next().is_none();
    is_short.then(|| utf16(&shown(name.as_bytes())))
}

/// The path of an open from the root of the share, as it is now: `\directory\name`.
async fn path<V: Vfs>(
    call: &Call<'_, V>,
    (ctx, tree): (&OpContext, &Tree),
    state: &OpenState,
) -> Result<Vec<u8>, Status> {
    let root = tree.root().unwrap_or(state.inode);
    let stream = state.stream.as_ref().map(|stream| [&[COLON], &stream_units(stream)[..]].concat()).unwrap_or_default();
    let Some((parent, name)) = &state.name else { return Ok(utf16(&[&[SEPARATOR], &stream[..]].concat())) };
    let mut units = shown(name.as_bytes());
    units.extend(stream);
    let mut at = *parent;
    for _ in 0..vfs::limits::WALK_COMPONENTS_MAX {
        units.insert(0, SEPARATOR);
        if at == root {
            break;
        }
        let Some((above, name)) = above(call, ctx, at).await? else { break };
        units.splice(0..0, name);
        at = above;
    }
    Ok(utf16(&units))
}

/// The directory above, and the name of this one in it. A listing finds it: directories do not know their names.
async fn above<V: Vfs>(
    call: &Call<'_, V>,
    ctx: &OpContext,
    directory: InodeId,
) -> Result<Option<(InodeId, Vec<u16>)>, Status> {
    let request = LookupRequest { parent: directory, name: LookupName::Parent, case: vfs::Case::Sensitive };
    let above = call.door.vfs.lookup(ctx, request).await.map_err(status::of)?.attributes.inode;
    let mut after = vfs::Cookie::START;
    for _ in 0..PAGES_MAX {
        let entries_max = vfs::limits::READDIR_ENTRIES_MAX;
        let request =
            vfs::ReaddirRequest { directory: above, after, entries_max, attributes: vfs::ListedAttributes::None };
        let page = call.door.vfs.readdir(ctx, request).await.map_err(status::of)?;
        let is_it =
            |entry: &&vfs::DirectoryEntry| entry.inode == directory && entry.cookie >= vfs::Cookie::FIRST_STORED;
        if let Some(entry) = page.entries.iter().find(is_it) {
            return Ok(Some((above, shown(&entry.name))));
        }
        match page.entries.last() {
            Some(last) if !page.end => after = last.cookie,
            _ => break,
        }
    }
    Ok(None)
}

fn utf16(units: &[u16]) -> Vec<u8> {
    units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
}

const SEPARATOR_BYTES: usize = 2;
const COLON: u16 = b':' as u16;
/// `:$DATA`, the type of all streams.
const DATA: [u16; 6] = [COLON, b'$' as u16, b'D' as u16, b'A' as u16, b'T' as u16, b'A' as u16];
const SEPARATOR: u16 = b'\\' as u16;
const NAME_FIXED_BYTES: usize = 4;
/// These have the size of their structures in C, padded at the end.
const ALL_FIXED_BYTES: usize = 104;
const ALTERNATE_NAME_FIXED_BYTES: usize = 8;
const STREAM_FIXED_BYTES: usize = 32;
/// Pages of a listing that are looked through for one name.
const PAGES_MAX: usize = 64;
