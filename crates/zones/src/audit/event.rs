//! What of what clients do may be recorded.

/// Something that a client did, or wanted to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuditEvent {
    /// Somebody proved who it is, or did not.
    Logon,
    /// A session ended.
    Logoff,
    /// An export was mounted, a share connected to.
    Mount,
    /// A name was made: of a file, a directory, a link.
    Create,
    /// A file was read, once for each open or handle.
    Read,
    /// A file was written, once for each open or handle.
    Write,
    /// A name was removed, or marked to go with its last open.
    Delete,
    /// A name was changed.
    Rename,
    /// Mode, owner or access list were set.
    SetSecurity,
    /// Anything else was refused because its user may not.
    Denied,
}

impl AuditEvent {
    /// Every event.
    pub const ALL: [Self; 10] = [
        Self::Logon,
        Self::Logoff,
        Self::Mount,
        Self::Create,
        Self::Read,
        Self::Write,
        Self::Delete,
        Self::Rename,
        Self::SetSecurity,
        Self::Denied,
    ];

    /// As zone files and records call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logon => "logon",
            Self::Logoff => "logoff",
            Self::Mount => "mount",
            Self::Create => "create",
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::Rename => "rename",
            Self::SetSecurity => "set_security",
            Self::Denied => "denied",
        }
    }

    pub(super) const fn bit(self) -> u16 {
        1 << self as u16
    }
}
