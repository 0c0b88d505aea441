//! Operations on names, one file each.

mod create;
mod link;
mod lookup;
mod prepare;
mod readdir;
mod remove;
mod rename;
mod zone_root;
