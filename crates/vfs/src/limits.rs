//! Limits that protocols show or depend on.

/// Longest name that is stored, in bytes: 255 UTF-16 units take up to 765 bytes. NFS allows [`NFS_NAME_BYTES_MAX`].
pub const NAME_BYTES_MAX: usize = 765;
/// Longest name over NFS, in bytes.
pub const NFS_NAME_BYTES_MAX: usize = 255;
/// Longest target of a symbolic link, in bytes.
pub const SYMLINK_BYTES_MAX: usize = 4095;
/// Largest file, in bytes.
pub const FILE_SIZE_MAX: u64 = i64::MAX as u64;
/// Most hard links of one file: each change of one reads the list of all.
pub const LINKS_MAX: u32 = 65_000;
/// Most links of a directory: its sub-directories and two.
pub const DIRECTORY_LINKS_MAX: u32 = 1_000_000_000;
/// Deepest directory below the root of its shard.
pub const DEPTH_MAX: u32 = 512;
/// Most bytes moved by one read or write of the contract.
pub const IO_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most entries in one reply of a listing.
pub const READDIR_ENTRIES_MAX: usize = 4096;
/// Most supplementary groups kept in credentials.
pub const GROUPS_MAX: usize = 65_536;
/// Most events waiting in a mailbox.
pub const MAILBOX_EVENTS_MAX: usize = 1024;
/// Most when the next one says that a lease is broken: more than a session can have opens.
pub const MAILBOX_BREAKS_MAX: usize = 1 << 17;
/// Most bytes that a door notes of an open that survives a restart.
pub const OPEN_NOTE_BYTES_MAX: usize = 4096;
/// Most components in one walk.
pub const WALK_COMPONENTS_MAX: usize = 512;
/// Most changes that wait for who watches.
pub const WATCH_NOTICES_MAX: usize = 2048;
/// Most bytes of their names.
pub const WATCH_BYTES_MAX: usize = 64 << 10;
/// Most watches at once.
pub const WATCHES_MAX: usize = 65_536;
/// Most entries of a descriptor that is set: what is inherited has up to twice as many, and still fits into its record.
pub const DESCRIPTOR_ENTRIES_MAX: usize = 400;
/// Longest name of an extended attribute, in bytes.
pub const XATTR_NAME_BYTES_MAX: usize = 255;
/// Most bytes of all extended attributes of an inode as one list, and so of one value, which fits into a record.
pub const XATTRS_BYTES_MAX: usize = 64 * 1024 - 64;
/// Most extended attributes of an inode: they may all change at once.
pub const XATTRS_MAX: usize = 512;
/// Most streams of an inode beside its data: they all go with it in one change.
pub const STREAMS_MAX: usize = 256;
