//! Tree connects: attachments of a session to a share.

mod connect;
mod path;

use std::sync::Arc;

use vfs::InodeId;
use vfs::acl::AccessMask;
use zones::Share;

use crate::metrics::ShareCounters;

pub(crate) use self::connect::{connect, disconnect};

/// An attachment of a session to a share.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) id: u32,
    /// Name of the share, as configured.
    pub(crate) name: String,
    pub(crate) target: Target,
    /// Where what is asked of it is counted.
    pub(crate) counters: Arc<ShareCounters>,
}

/// What a tree connect leads to.
#[derive(Debug)]
pub(crate) enum Target {
    /// Files.
    Disk(Disk),
    /// Named pipes (`IPC$`).
    Pipes,
}

/// Files of a share, as one user may reach them.
#[derive(Debug)]
pub(crate) struct Disk {
    pub(crate) share: Arc<Share>,
    /// The directory above which nothing is reached.
    pub(crate) root: InodeId,
    /// What the share lets this user do at most.
    pub(crate) rights: AccessMask,
}
