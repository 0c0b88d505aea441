//! NFS version 3 (RFC 1813): one file per procedure, shared types apart.
//!
//! Every result is a [`Reply3`]: the procedure's `resok` body, or a status with its `resfail` body.

mod access;
mod attributes;
mod commit;
mod create;
mod fsinfo;
mod fsstat;
mod getattr;
mod handle;
mod link;
mod lookup;
mod mkdir;
mod mknod;
mod pathconf;
mod procedures;
mod read;
mod readdir;
mod readdirplus;
mod readlink;
mod remove;
mod rename;
mod reply;
mod rmdir;
mod setattr;
mod status;
mod symlink;
mod write;

pub use access::{AccessArgs, AccessOk, AccessResult, access_rights};
pub use attributes::{Fattr3, Ftype3, Nfstime3, PostOpAttr, PreOpAttr, Sattr3, SetTime, Specdata3, WccAttr, WccData};
pub use commit::{CommitArgs, CommitOk, CommitResult};
pub use create::{CreateArgs, CreateHow, CreateResult, NewObjectOk};
pub use fsinfo::{FsinfoArgs, FsinfoOk, FsinfoResult, fsinfo_properties};
pub use fsstat::{FsstatArgs, FsstatOk, FsstatResult};
pub use getattr::{GetattrArgs, GetattrOk, GetattrResult};
pub use handle::{
    DirOpArgs, FILE_HANDLE_MAX_BYTES, FILENAME_MAX_BYTES, FileHandle, Filename, NfsPath, PATH_MAX_BYTES, PostOpFh,
    VERIFIER_BYTES, Verifier,
};
pub use link::{LinkArgs, LinkBody, LinkResult};
pub use lookup::{LookupArgs, LookupOk, LookupResult};
pub use mkdir::{MkdirArgs, MkdirResult};
pub use mknod::{DeviceData, MknodArgs, MknodData, MknodResult};
pub use pathconf::{PathconfArgs, PathconfOk, PathconfResult};
pub use procedures::*;
pub use read::{ReadArgs, ReadHead, ReadOk, ReadResult};
pub use readdir::{DIRECTORY_ENTRIES_MAX, Entry3, ReaddirArgs, ReaddirOk, ReaddirResult};
pub use readdirplus::{EntryPlus3, ReaddirplusArgs, ReaddirplusOk, ReaddirplusResult};
pub use readlink::{ReadlinkArgs, ReadlinkOk, ReadlinkResult};
pub use remove::{RemoveArgs, RemoveResult};
pub use rename::{RenameArgs, RenameBody, RenameResult};
pub use reply::{NFS3_OK, Reply3};
pub use rmdir::{RmdirArgs, RmdirResult};
pub use setattr::{SetattrArgs, SetattrResult};
pub use status::Nfsstat3;
pub use symlink::{SymlinkArgs, SymlinkData, SymlinkResult};
pub use write::{StableHow, WriteArgs, WriteOk, WriteResult, data_place};
