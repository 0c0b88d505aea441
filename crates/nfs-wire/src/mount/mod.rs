//! The MOUNT protocol: from a path to the first handle.

mod lists;
pub mod v1;
pub mod v3;

pub use lists::{
    DirPath, EXPORTS_MAX, Export, Exports, GROUPS_MAX, Group, Groups, HostName, MNTNAMLEN, MNTPATHLEN, MOUNTS_MAX,
    MountEntry, MountList,
};
