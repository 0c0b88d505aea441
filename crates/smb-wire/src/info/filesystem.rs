//! Classes of file systems (MS-FSCC 2.5).

use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, Utf16, codes, flags, layout};
use crate::dtyp::{FileTime, Guid};

/// `FileFsVolumeInformation` (MS-FSCC 2.5.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FsVolume<'a> {
    /// `VolumeCreationTime`.
    pub creation_time: FileTime,
    /// `VolumeSerialNumber`.
    pub serial_number: u32,
    /// `SupportsObjects`.
    pub supports_objects: bool,
    /// `VolumeLabel`.
    pub label: Utf16<'a>,
}

impl<'a> Decode<'a> for FsVolume<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let creation_time = decoder.read("VolumeCreationTime")?;
        let serial_number = decoder.read("VolumeSerialNumber")?;
        let length = decoder.read("VolumeLabelLength")?;
        let supports_objects = decoder.read("SupportsObjects")?;
        decoder.skip(1)?;
        let label = decoder.take_text(length, "VolumeLabel")?;
        Ok(Self { creation_time, serial_number, supports_objects, label })
    }
}

impl Encode for FsVolume<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.creation_time);
        encoder.put(self.serial_number);
        encoder.put_count_32(self.label.len());
        encoder.put(self.supports_objects);
        encoder.put_zeros(1);
        self.label.encode(encoder);
    }
}

layout! {
    /// `FileFsSizeInformation` (MS-FSCC 2.5.8).
    pub struct FsSize {
        pub total_units: u64 = "TotalAllocationUnits",
        pub available_units: u64 = "AvailableAllocationUnits",
        pub sectors_per_unit: u32 = "SectorsPerAllocationUnit",
        pub bytes_per_sector: u32 = "BytesPerSector",
    }
}

layout! {
    /// `FileFsFullSizeInformation` (MS-FSCC 2.5.4).
    pub struct FsFullSize {
        pub total_units: u64 = "TotalAllocationUnits",
        /// What the user may take, quotas considered.
        pub caller_available_units: u64 = "CallerAvailableAllocationUnits",
        pub actual_available_units: u64 = "ActualAvailableAllocationUnits",
        pub sectors_per_unit: u32 = "SectorsPerAllocationUnit",
        pub bytes_per_sector: u32 = "BytesPerSector",
    }
}

codes! {
    /// `DeviceType` (MS-FSCC 2.5.10).
    pub struct DeviceType(u32) {
        DISK = 7 "FILE_DEVICE_DISK",
        NAMED_PIPE = 0x11 "FILE_DEVICE_NAMED_PIPE",
    }
}

flags! {
    /// `Characteristics` (MS-FSCC 2.5.10).
    pub struct DeviceCharacteristics(u32) {
        READ_ONLY = 0x02 "FILE_READ_ONLY_DEVICE",
        REMOTE = 0x10 "FILE_REMOTE_DEVICE",
        IS_MOUNTED = 0x20 "FILE_DEVICE_IS_MOUNTED",
    }
}

layout! {
    /// `FileFsDeviceInformation` (MS-FSCC 2.5.10).
    pub struct FsDevice {
        pub device_type: DeviceType = "DeviceType",
        pub characteristics: DeviceCharacteristics = "Characteristics",
    }
}

flags! {
    /// `FileSystemAttributes` (MS-FSCC 2.5.1).
    pub struct FsAttributes(u32) {
        CASE_SENSITIVE_SEARCH = 0x0000_0001 "FILE_CASE_SENSITIVE_SEARCH",
        CASE_PRESERVED_NAMES = 0x0000_0002 "FILE_CASE_PRESERVED_NAMES",
        UNICODE_ON_DISK = 0x0000_0004 "FILE_UNICODE_ON_DISK",
        PERSISTENT_ACLS = 0x0000_0008 "FILE_PERSISTENT_ACLS",
        FILE_COMPRESSION = 0x0000_0010 "FILE_FILE_COMPRESSION",
        VOLUME_QUOTAS = 0x0000_0020 "FILE_VOLUME_QUOTAS",
        SUPPORTS_SPARSE_FILES = 0x0000_0040 "FILE_SUPPORTS_SPARSE_FILES",
        SUPPORTS_REPARSE_POINTS = 0x0000_0080 "FILE_SUPPORTS_REPARSE_POINTS",
        SUPPORTS_OBJECT_IDS = 0x0001_0000 "FILE_SUPPORTS_OBJECT_IDS",
        SUPPORTS_ENCRYPTION = 0x0002_0000 "FILE_SUPPORTS_ENCRYPTION",
        NAMED_STREAMS = 0x0004_0000 "FILE_NAMED_STREAMS",
        READ_ONLY_VOLUME = 0x0008_0000 "FILE_READ_ONLY_VOLUME",
        SUPPORTS_HARD_LINKS = 0x0040_0000 "FILE_SUPPORTS_HARD_LINKS",
        SUPPORTS_EXTENDED_ATTRIBUTES = 0x0080_0000 "FILE_SUPPORTS_EXTENDED_ATTRIBUTES",
        SUPPORTS_OPEN_BY_FILE_ID = 0x0100_0000 "FILE_SUPPORTS_OPEN_BY_FILE_ID",
        SUPPORTS_INTEGRITY_STREAMS = 0x0400_0000 "FILE_SUPPORT_INTEGRITY_STREAMS",
        SUPPORTS_BLOCK_REFCOUNTING = 0x0800_0000 "FILE_SUPPORTS_BLOCK_REFCOUNTING",
        SUPPORTS_SPARSE_VDL = 0x1000_0000 "FILE_SUPPORTS_SPARSE_VDL",
        SUPPORTS_POSIX_UNLINK_RENAME = 0x0000_0400 "FILE_SUPPORTS_POSIX_UNLINK_RENAME",
    }
}

/// `FileFsAttributeInformation` (MS-FSCC 2.5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FsAttribute<'a> {
    /// `FileSystemAttributes`.
    pub attributes: FsAttributes,
    /// `MaximumComponentNameLength` in characters.
    pub maximum_component_length: u32,
    /// `FileSystemName`.
    pub name: Utf16<'a>,
}

impl<'a> Decode<'a> for FsAttribute<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let attributes = decoder.read("FileSystemAttributes")?;
        let maximum_component_length = decoder.read("MaximumComponentNameLength")?;
        let length = decoder.read("FileSystemNameLength")?;
        let name = decoder.take_text(length, "FileSystemName")?;
        Ok(Self { attributes, maximum_component_length, name })
    }
}

impl Encode for FsAttribute<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.attributes);
        encoder.put(self.maximum_component_length);
        encoder.put_count_32(self.name.len());
        self.name.encode(encoder);
    }
}

layout! {
    /// `FileFsControlInformation` (MS-FSCC 2.5.2).
    pub struct FsControl {
        pub free_space_start_filtering: u64 = "FreeSpaceStartFiltering",
        pub free_space_threshold: u64 = "FreeSpaceThreshold",
        pub free_space_stop_filtering: u64 = "FreeSpaceStopFiltering",
        /// In bytes; all ones: none.
        pub default_quota_threshold: u64 = "DefaultQuotaThreshold",
        /// In bytes; all ones: none.
        pub default_quota_limit: u64 = "DefaultQuotaLimit",
        pub flags: u32 = "FileSystemControlFlags",
        [reserved 4]
    }
}

layout! {
    /// `FileFsObjectIdInformation` (MS-FSCC 2.5.6).
    pub struct FsObjectId {
        pub object_id: Guid = "ObjectId",
        [reserved 48]
    }
}

layout! {
    /// `FileFsSectorSizeInformation` (MS-FSCC 2.5.7), in bytes.
    pub struct FsSectorSize {
        pub logical: u32 = "LogicalBytesPerSector",
        pub physical_for_atomicity: u32 = "PhysicalBytesPerSectorForAtomicity",
        pub physical_for_performance: u32 = "PhysicalBytesPerSectorForPerformance",
        pub effective_physical_for_atomicity: u32 = "FileSystemEffectivePhysicalBytesPerSectorForAtomicity",
        pub flags: u32 = "Flags",
        pub sector_alignment: u32 = "ByteOffsetForSectorAlignment",
        pub partition_alignment: u32 = "ByteOffsetForPartitionAlignment",
    }
}
