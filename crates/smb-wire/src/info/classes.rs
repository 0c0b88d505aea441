//! The numbers of information classes.

use crate::codec::codes;

codes! {
    /// `FileInformationClass` (MS-FSCC 2.4).
    pub struct FileInformationClass(u8) {
        DIRECTORY = 1 "FileDirectoryInformation",
        FULL_DIRECTORY = 2 "FileFullDirectoryInformation",
        BOTH_DIRECTORY = 3 "FileBothDirectoryInformation",
        BASIC = 4 "FileBasicInformation",
        STANDARD = 5 "FileStandardInformation",
        INTERNAL = 6 "FileInternalInformation",
        EA = 7 "FileEaInformation",
        ACCESS = 8 "FileAccessInformation",
        NAME = 9 "FileNameInformation",
        RENAME = 10 "FileRenameInformation",
        LINK = 11 "FileLinkInformation",
        NAMES = 12 "FileNamesInformation",
        DISPOSITION = 13 "FileDispositionInformation",
        POSITION = 14 "FilePositionInformation",
        FULL_EA = 15 "FileFullEaInformation",
        MODE = 16 "FileModeInformation",
        ALIGNMENT = 17 "FileAlignmentInformation",
        ALL = 18 "FileAllInformation",
        ALLOCATION = 19 "FileAllocationInformation",
        END_OF_FILE = 20 "FileEndOfFileInformation",
        ALTERNATE_NAME = 21 "FileAlternateNameInformation",
        STREAM = 22 "FileStreamInformation",
        PIPE = 23 "FilePipeInformation",
        PIPE_LOCAL = 24 "FilePipeLocalInformation",
        PIPE_REMOTE = 25 "FilePipeRemoteInformation",
        COMPRESSION = 28 "FileCompressionInformation",
        OBJECT_ID = 29 "FileObjectIdInformation",
        QUOTA = 32 "FileQuotaInformation",
        REPARSE_POINT = 33 "FileReparsePointInformation",
        NETWORK_OPEN = 34 "FileNetworkOpenInformation",
        ATTRIBUTE_TAG = 35 "FileAttributeTagInformation",
        ID_BOTH_DIRECTORY = 37 "FileIdBothDirectoryInformation",
        ID_FULL_DIRECTORY = 38 "FileIdFullDirectoryInformation",
        VALID_DATA_LENGTH = 39 "FileValidDataLengthInformation",
        SHORT_NAME = 40 "FileShortNameInformation",
        NORMALIZED_NAME = 48 "FileNormalizedNameInformation",
        STANDARD_LINK = 54 "FileStandardLinkInformation",
        ID = 59 "FileIdInformation",
        ID_EXTD_DIRECTORY = 60 "FileIdExtdDirectoryInformation",
        ID_EXTD_BOTH_DIRECTORY = 63 "FileIdExtdBothDirectoryInformation",
        DISPOSITION_EX = 64 "FileDispositionInformationEx",
        RENAME_EX = 65 "FileRenameInformationEx",
        LINK_EX = 72 "FileLinkInformationEx",
    }
}

codes! {
    /// `FsInformationClass` (MS-FSCC 2.5).
    pub struct FsInformationClass(u8) {
        VOLUME = 1 "FileFsVolumeInformation",
        LABEL = 2 "FileFsLabelInformation",
        SIZE = 3 "FileFsSizeInformation",
        DEVICE = 4 "FileFsDeviceInformation",
        ATTRIBUTE = 5 "FileFsAttributeInformation",
        CONTROL = 6 "FileFsControlInformation",
        FULL_SIZE = 7 "FileFsFullSizeInformation",
        OBJECT_ID = 8 "FileFsObjectIdInformation",
        SECTOR_SIZE = 11 "FileFsSectorSizeInformation",
    }
}
