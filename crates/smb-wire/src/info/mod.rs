//! What files and file systems tell of themselves (MS-FSCC 2.4 and 2.5).

mod attributes;
mod classes;
mod directory;
mod ea;
mod entries;
mod file;
mod filesystem;
mod notify;
mod quota;

pub use attributes::{FileAttributes, FileTimes, NetworkOpen};
pub use classes::{FileInformationClass, FsInformationClass};
pub use directory::{DirectoryEntry, InClass};
pub use ea::{EaFlags, FullEa, GetEa};
pub use entries::{Entries, Entry, EntryWriter};
pub use file::{
    DispositionFlags, FileAll, FileAttributeTag, FileBasic, FileCompression, FileDisposition, FileIdInformation,
    FileName, FileNetworkOpen, FilePipe, FilePipeLocal, FileStandard, FileStream, Number32, Number64, RenameFlags,
    RenameTo,
};
pub use filesystem::{
    DeviceCharacteristics, DeviceType, FsAttribute, FsAttributes, FsControl, FsDevice, FsFullSize, FsObjectId,
    FsSectorSize, FsSize, FsVolume,
};
pub use notify::{FileNotify, NotifyAction};
pub use quota::{FileQuota, GetQuota, QueryQuota};
