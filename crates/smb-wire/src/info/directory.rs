//! Entries of listings, in the classes that QUERY_DIRECTORY knows.

use super::{Entry, EntryWriter, FileAttributes, FileInformationClass, FileTimes};
use crate::codec::{DecodeError, Decoder, Encode, Encoder, Fault, Utf16};

const SHORT_NAME_BYTES: usize = 24;

/// What a listing tells of a name. Each class tells a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DirectoryEntry<'a> {
    /// `FileIndex`; nothing where positions mean nothing.
    pub file_index: u32,
    /// `CreationTime` to `ChangeTime`.
    pub times: FileTimes,
    /// `EndOfFile` in bytes.
    pub end_of_file: u64,
    /// `AllocationSize` in bytes.
    pub allocation_size: u64,
    /// `FileAttributes`.
    pub attributes: FileAttributes,
    /// `EaSize` in bytes; of a reparse point its tag, but for the extended classes.
    pub ea_size: u32,
    /// `ReparsePointTag` of the extended classes.
    pub reparse_tag: u32,
    /// `FileId`; 64 bits of it but for the extended classes.
    pub file_id: u128,
    /// `ShortName`, of at most 12 units.
    pub short_name: Utf16<'a>,
    /// `FileName`.
    pub name: Utf16<'a>,
}

impl DirectoryEntry<'_> {
    /// Appends the entry in a class, and tells whether it fits; if not, nothing was written. `None`: no class of listings.
    #[must_use]
    pub fn push(&self, class: FileInformationClass, writer: &mut EntryWriter<'_>) -> Option<bool> {
        Some(match class {
            FileInformationClass::DIRECTORY => writer.push(&InClass::<1>(*self)),
            FileInformationClass::FULL_DIRECTORY => writer.push(&InClass::<2>(*self)),
            FileInformationClass::BOTH_DIRECTORY => writer.push(&InClass::<3>(*self)),
            FileInformationClass::NAMES => writer.push(&InClass::<12>(*self)),
            FileInformationClass::ID_BOTH_DIRECTORY => writer.push(&InClass::<37>(*self)),
            FileInformationClass::ID_FULL_DIRECTORY => writer.push(&InClass::<38>(*self)),
            FileInformationClass::ID_EXTD_DIRECTORY => writer.push(&InClass::<60>(*self)),
            FileInformationClass::ID_EXTD_BOTH_DIRECTORY => writer.push(&InClass::<63>(*self)),
            _ => return None,
        })
    }
}

/// An entry in the form of the class with this number (MS-FSCC 2.4.10, 2.4.14, 2.4.8, 2.4.33, 2.4.22, 2.4.23, 2.4.24
/// and 2.4.25).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InClass<'a, const CLASS: u8>(pub DirectoryEntry<'a>);

impl<const CLASS: u8> InClass<'_, CLASS> {
    const CLASS: FileInformationClass = FileInformationClass(CLASS);
    const NAMES_ONLY: bool = CLASS == FileInformationClass::NAMES.0;
    const HAS_EA_SIZE: bool = !Self::NAMES_ONLY && CLASS != FileInformationClass::DIRECTORY.0;
    const HAS_SHORT_NAME: bool = matches!(
        Self::CLASS,
        FileInformationClass::BOTH_DIRECTORY
            | FileInformationClass::ID_BOTH_DIRECTORY
            | FileInformationClass::ID_EXTD_BOTH_DIRECTORY
    );
    const IS_EXTENDED: bool =
        matches!(Self::CLASS, FileInformationClass::ID_EXTD_DIRECTORY | FileInformationClass::ID_EXTD_BOTH_DIRECTORY);
    /// Bytes between what stands before and a `FileId` of 64 bits, where there is one.
    const BEFORE_ID: Option<usize> = match Self::CLASS {
        FileInformationClass::ID_BOTH_DIRECTORY => Some(2),
        FileInformationClass::ID_FULL_DIRECTORY => Some(4),
        _ => None,
    };
}

impl<'a, const CLASS: u8> Entry<'a> for InClass<'a, CLASS> {
    const ALIGNMENT: usize = 8;

    fn decode_entry(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let mut entry = DirectoryEntry { file_index: decoder.read("FileIndex")?, ..DirectoryEntry::default() };
        if !Self::NAMES_ONLY {
            entry.times = decoder.read("CreationTime")?;
            entry.end_of_file = decoder.read("EndOfFile")?;
            entry.allocation_size = decoder.read("AllocationSize")?;
            entry.attributes = decoder.read("FileAttributes")?;
        }
        let name_length = decoder.read("FileNameLength")?;
        if Self::HAS_EA_SIZE {
            entry.ea_size = decoder.read("EaSize")?;
        }
        if Self::IS_EXTENDED {
            entry.reparse_tag = decoder.read("ReparsePointTag")?;
            entry.file_id = u128::from_le_bytes(decoder.array("FileId")?);
        }
        if Self::HAS_SHORT_NAME {
            let length: u8 = decoder.read("ShortNameLength")?;
            decoder.skip(1)?;
            let short_name = decoder.take(SHORT_NAME_BYTES, "ShortName")?.get(..length.into());
            let short_name = short_name.and_then(Utf16::from_bytes);
            entry.short_name = short_name.ok_or_else(|| DecodeError::new("ShortNameLength", Fault::Length))?;
        }
        if let Some(reserved) = Self::BEFORE_ID {
            decoder.skip(reserved)?;
            entry.file_id = decoder.read::<u64>("FileId")?.into();
        }
        entry.name = decoder.take_text(name_length, "FileName")?;
        Ok(Self(entry))
    }
}

impl<const CLASS: u8> Encode for InClass<'_, CLASS> {
    #[inline]
    fn encode(&self, encoder: &mut Encoder<'_>) {
        let entry = &self.0;
        encoder.put(entry.file_index);
        if !Self::NAMES_ONLY {
            encoder.put(entry.times);
            encoder.put(entry.end_of_file);
            encoder.put(entry.allocation_size);
            encoder.put(entry.attributes);
        }
        encoder.put_count_32(entry.name.len());
        if Self::HAS_EA_SIZE {
            encoder.put(entry.ea_size);
        }
        if Self::IS_EXTENDED {
            encoder.put(entry.reparse_tag);
            encoder.put(entry.file_id.to_le_bytes());
        }
        if Self::HAS_SHORT_NAME {
            let short_name = entry.short_name.as_bytes().get(..entry.short_name.len().min(SHORT_NAME_BYTES));
            let short_name = short_name.unwrap_or_default();
            encoder.put(u8::try_from(short_name.len()).unwrap_or(0));
            encoder.put_zeros(1);
            encoder.put_bytes(short_name);
            encoder.put_zeros(SHORT_NAME_BYTES - short_name.len());
        }
        if let Some(reserved) = Self::BEFORE_ID {
            encoder.put_zeros(reserved);
            encoder.put(u64::try_from(entry.file_id & u128::from(u64::MAX)).unwrap_or(0));
        }
        entry.name.encode(encoder);
    }
}
