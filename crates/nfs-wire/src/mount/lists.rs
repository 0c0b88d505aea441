//! Paths, names and lists that all versions of MOUNT share (RFC 1813 5.1, RFC 1094 A.4).

use crate::xdr::{LinkedList, Opaque, xdr_struct};

/// `MNTPATHLEN`: longest path the specification allows, in bytes; for the server to check.
pub const MNTPATHLEN: usize = 1024;
/// `MNTNAMLEN`: longest host or group name, in bytes.
pub const MNTNAMLEN: usize = 255;
/// Longest path accepted when decoding, so that the server can answer MNT3ERR_NAMETOOLONG.
const DIRPATH_ACCEPTED_BYTES: usize = 4096;
/// Most entries of a DUMP.
pub const MOUNTS_MAX: usize = 65_536;
/// Most entries of an EXPORT.
pub const EXPORTS_MAX: usize = 16_384;
/// Most groups of one export.
pub const GROUPS_MAX: usize = 4_096;

/// `dirpath`.
pub type DirPath = Opaque<DIRPATH_ACCEPTED_BYTES>;
/// `name`: a host or group.
pub type HostName = Opaque<MNTNAMLEN>;
/// `mountlist`.
pub type MountList = LinkedList<MountEntry, MOUNTS_MAX>;
/// `groups`.
pub type Groups = LinkedList<Group, GROUPS_MAX>;
/// `exports`, `exportlist`.
pub type Exports = LinkedList<Export, EXPORTS_MAX>;

xdr_struct! {
    /// `mountbody`, `mountlist`: one mount, as the server remembers it.
    pub struct MountEntry {
        /// `ml_hostname`.
        pub hostname: HostName,
        /// `ml_directory`.
        pub directory: DirPath,
    }
}

xdr_struct! {
    /// `groupnode`: one host, network or netgroup that may mount.
    pub struct Group {
        /// `gr_name`.
        pub name: HostName,
    }
}

xdr_struct! {
    /// `exportnode`: one exported directory.
    pub struct Export {
        /// `ex_dir`.
        pub dir: DirPath,
        /// `ex_groups`; none means everyone.
        pub groups: Groups,
    }
}
