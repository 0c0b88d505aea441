//! Classes of the file system (MS-FSCC 2.5), the same whatever file of the share is asked about.

use bytes::BytesMut;
use smb_wire::Status;
use smb_wire::codec::{Encode, Utf16, encode};
use smb_wire::dtyp::{FileTime, Guid};
use smb_wire::info::{
    DeviceCharacteristics, DeviceType, FsAttribute, FsAttributes, FsControl, FsDevice, FsFullSize, FsInformationClass,
    FsObjectId, FsSectorSize, FsSize, FsVolume,
};
use vfs::{FileSystemStatistics, OpContext, Vfs};

use super::{Told, quota};
use crate::dispatch::Call;
use crate::open_table::Open;
use crate::status;
use crate::tree::{Target, Tree};

/// Tells a class.
pub(super) async fn tell<V: Vfs>(
    call: &Call<'_, V>,
    (ctx, tree, open): (&OpContext, &Tree, &Open),
    class: FsInformationClass,
) -> Result<Told, Status> {
    let reply = call.door.vfs.stat_fs(ctx, open.inode).await.map_err(status::of)?;
    let (mut statistics, fsid) = (reply.statistics, reply.attributes.fsid);
    // What the caller's own quotas leave is what is there for it (MS-FSCC 2.5.4, 2.5.8).
    let asks_for_room = [FsInformationClass::SIZE, FsInformationClass::FULL_SIZE, FsInformationClass::CONTROL];
    let quotas = match asks_for_room.contains(&class) {
        true => quota::of_user(call, (ctx, open), ctx.credentials.uid).await?,
        false => Vec::new(),
    };
    let left = quota::left(&quotas, call.door.facts.clock.now());
    statistics.available_bytes = statistics.available_bytes.min(left.unwrap_or(u64::MAX));
    let has_streams = matches!(&tree.target, Target::Disk(disk) if disk.share.has_streams());
    let streams = if has_streams { FsAttributes::NAMED_STREAMS } else { FsAttributes::empty() };
    let label: Vec<u8> = tree.name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let kind: Vec<u8> = "NTFS".encode_utf16().flat_map(u16::to_le_bytes).collect();
    Ok(match class {
        FsInformationClass::VOLUME => variable(
            &FsVolume {
                creation_time: FileTime(0),
                serial_number: u32::try_from(fsid & 0xffff_ffff).unwrap_or(0),
                supports_objects: false,
                label: Utf16::from_bytes(&label).unwrap_or_default(),
            },
            VOLUME_FIXED_BYTES,
        ),
        FsInformationClass::SIZE => fixed(&size(&statistics)),
        FsInformationClass::FULL_SIZE => fixed(&full_size(&statistics)),
        FsInformationClass::DEVICE => {
            fixed(&FsDevice { device_type: DeviceType::DISK, characteristics: DeviceCharacteristics::IS_MOUNTED })
        }
        // Programs look for this name before they believe in long names.
        FsInformationClass::ATTRIBUTE => variable(
            &FsAttribute {
                attributes: streams
                    | FsAttributes::SUPPORTS_EXTENDED_ATTRIBUTES
                    | FsAttributes::CASE_SENSITIVE_SEARCH
                    | FsAttributes::CASE_PRESERVED_NAMES
                    | FsAttributes::UNICODE_ON_DISK
                    | FsAttributes::PERSISTENT_ACLS
                    | FsAttributes::SUPPORTS_SPARSE_FILES
                    | FsAttributes::SUPPORTS_OBJECT_IDS
                    | FsAttributes::SUPPORTS_BLOCK_REFCOUNTING
                    | FsAttributes::SUPPORTS_HARD_LINKS,
                maximum_component_length: 255,
                name: Utf16::from_bytes(&kind).unwrap_or_default(),
            },
            ATTRIBUTE_FIXED_BYTES,
        ),
        FsInformationClass::SECTOR_SIZE => fixed(&FsSectorSize {
            logical: BYTES_PER_SECTOR,
            physical_for_atomicity: UNIT_BYTES,
            physical_for_performance: UNIT_BYTES,
            effective_physical_for_atomicity: UNIT_BYTES,
            // Aligned to sectors and partitions.
            flags: 3,
            sector_alignment: 0,
            partition_alignment: 0,
        }),
        // Nobody is filtered; what others may use who come is not told.
        FsInformationClass::CONTROL => fixed(&FsControl {
            free_space_start_filtering: 0,
            free_space_threshold: 0,
            free_space_stop_filtering: 0,
            default_quota_threshold: u64::MAX,
            default_quota_limit: u64::MAX,
            flags: if left.is_some() { QUOTAS_BIND } else { 0 },
        }),
        FsInformationClass::OBJECT_ID => fixed(&FsObjectId { object_id: Guid(u128::from(fsid).to_le_bytes()) }),
        _ => return Err(Status::INVALID_INFO_CLASS),
    })
}

fn size(statistics: &FileSystemStatistics) -> FsSize {
    FsSize {
        total_units: units(statistics.total_bytes),
        available_units: units(statistics.available_bytes),
        sectors_per_unit: UNIT_BYTES / BYTES_PER_SECTOR,
        bytes_per_sector: BYTES_PER_SECTOR,
    }
}

fn full_size(statistics: &FileSystemStatistics) -> FsFullSize {
    FsFullSize {
        total_units: units(statistics.total_bytes),
        caller_available_units: units(statistics.available_bytes),
        actual_available_units: units(statistics.free_bytes),
        sectors_per_unit: UNIT_BYTES / BYTES_PER_SECTOR,
        bytes_per_sector: BYTES_PER_SECTOR,
    }
}

fn units(bytes: u64) -> u64 {
    bytes / u64::from(UNIT_BYTES)
}

fn fixed(structure: &impl Encode) -> Told {
    let mut bytes = BytesMut::new();
    encode(structure, &mut bytes);
    Told::fixed(bytes)
}

fn variable(structure: &impl Encode, fixed: usize) -> Told {
    let mut bytes = BytesMut::new();
    encode(structure, &mut bytes);
    Told { bytes, fixed }
}

/// Of what has a text at its end: with its first letter, and padded, as Windows asks for room.
const VOLUME_FIXED_BYTES: usize = 24;
const ATTRIBUTE_FIXED_BYTES: usize = 16;
const BYTES_PER_SECTOR: u32 = 512;
/// FILE_VC_QUOTA_TRACK and FILE_VC_QUOTA_ENFORCE (MS-FSCC 2.5.2).
const QUOTAS_BIND: u32 = 0x0000_0003;
/// A block of the house.
const UNIT_BYTES: u32 = 4096;
