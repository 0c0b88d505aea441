//! One event, as a door knows it. What costs time (paths, names of users) is found out by who writes it.

use std::net::IpAddr;

use vfs::{InodeId, Timestamp};

use super::event::AuditEvent;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// When it ended.
    pub time: Timestamp,
    /// `nfs` or `smb`.
    pub door: &'static str,
    /// Where its client is.
    pub client: IpAddr,
    /// The connection or session, as the list of sessions has it; 0 where there is none yet.
    pub session: u64,
    /// What its client calls the request: `xid` or message id.
    pub request: u64,
    /// Who wanted it.
    pub user: AuditUser,
    /// What it is.
    pub event: AuditEvent,
    /// The procedure or command.
    pub operation: &'static str,
    /// What was answered, as the protocol calls it.
    pub status: &'static str,
    /// Whether it was done.
    pub is_success: bool,
    /// What it is about.
    pub object: AuditObject,
    /// The new name of a rename or link.
    pub to: AuditObject,
}

/// Who wanted something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditUser {
    /// The name that was proved, or claimed by who was refused.
    pub name: Option<Box<str>>,
    /// Who the request ran as.
    pub uid: Option<u32>,
    /// Who its client said it is, where that is somebody else.
    pub claimed: Option<u32>,
}

/// What something is about. Names are copies: a slice would keep what they came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AuditObject {
    /// Nothing, or what is not known.
    #[default]
    None,
    /// An inode.
    Inode(InodeId),
    /// A name in a directory, there or not.
    Child(InodeId, Box<[u8]>),
    /// A path below a directory, with `/` between its names.
    Below(InodeId, Box<[u8]>),
    /// What a client asked for, as it did.
    Asked(Box<[u8]>),
}

impl AuditObject {
    /// At most so many bytes of what a client sent are kept.
    #[must_use]
    pub fn bounded(bytes: &[u8]) -> Box<[u8]> {
        bytes.get(..BYTES_MAX).unwrap_or(bytes).into()
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::None | Self::Inode(_) => 0,
            Self::Child(_, bytes) | Self::Below(_, bytes) | Self::Asked(bytes) => bytes.len(),
        }
    }
}

/// Bytes of a name or path that are kept.
const BYTES_MAX: usize = 4096;
