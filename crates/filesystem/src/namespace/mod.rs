//! Operations on names, one file each.

mod create;
mod link;
mod lookup;
mod prepare;
mod readdir;
mod remove;
mod rename;
mod zone_root;

pub(crate) use create::{NewInode, create_new};
pub(crate) use lookup::{check_length, require_directory};
pub(crate) use prepare::Prepared;
pub(crate) use remove::lose_name;
pub(crate) use rename::rename;
