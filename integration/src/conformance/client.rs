//! What a client can ask of a server, and what it lets its user see of the answer.

use bytes::Bytes;
use nfs_wire::nfs3::{
    AccessArgs, CommitArgs, CreateArgs, Fattr3, FileHandle, FsinfoArgs, FsinfoOk, FsstatArgs, FsstatOk, GetattrArgs,
    LinkArgs, LookupArgs, MkdirArgs, MknodArgs, Nfsstat3, PathconfArgs, PathconfOk, PostOpAttr, ReadArgs, ReaddirArgs,
    ReaddirplusArgs, ReadlinkArgs, RemoveArgs, RenameArgs, RmdirArgs, SetattrArgs, StableHow, SymlinkArgs, Verifier,
    WccData, WriteArgs,
};

/// A part of a reply; `None` when the client keeps it to itself, so that nothing can be checked.
pub type Told<T> = Option<T>;

/// What a call brought.
pub type Answer<T> = Result<T, Stop>;

/// Why a call brought no result.
#[derive(Debug)]
pub enum Stop {
    /// The client has no words for this call; it was not sent.
    Cannot(&'static str),
    /// The server refused.
    Refused(Refusal),
    /// Anything else: a lost connection, an answer that cannot be decoded, a check that failed.
    Broken(String),
}

/// A refusal of the server.
#[derive(Debug)]
pub struct Refusal {
    /// Its status; the numbers of `mountstat3` are a part of those of `nfsstat3`.
    pub status: Nfsstat3,
    /// The attributes after the call that the body of the refusal tells, in its order.
    pub attributes: Told<Vec<PostOpAttr>>,
}

/// LOOKUP.
#[derive(Debug)]
pub struct Found {
    /// The handle.
    pub object: FileHandle,
    /// Its attributes.
    pub attributes: PostOpAttr,
    /// Those of the directory.
    pub directory: Told<PostOpAttr>,
}

/// ACCESS.
#[derive(Debug)]
pub struct Granted {
    /// The bits that are allowed.
    pub rights: u32,
    /// Attributes of the object.
    pub attributes: Told<PostOpAttr>,
}

/// READLINK.
#[derive(Debug)]
pub struct LinkText {
    /// The text of the link.
    pub text: Bytes,
    /// Its attributes.
    pub attributes: Told<PostOpAttr>,
}

/// READ.
#[derive(Debug)]
pub struct Content {
    /// The bytes.
    pub data: Bytes,
    /// How many the reply says there are.
    pub count: Told<u32>,
    /// Whether they reach the end of the file.
    pub eof: Told<bool>,
    /// Attributes of the file.
    pub attributes: Told<PostOpAttr>,
}

/// WRITE.
#[derive(Debug)]
pub struct Written {
    /// Bytes written.
    pub count: u32,
    /// How stable they are.
    pub committed: StableHow,
    /// Of this life of the server.
    pub verifier: Verifier,
    /// Around the change.
    pub wcc: Told<WccData>,
}

/// COMMIT.
#[derive(Debug)]
pub struct Committed {
    /// Of this life of the server.
    pub verifier: Verifier,
    /// Around the call.
    pub wcc: Told<WccData>,
}

/// CREATE, MKDIR, SYMLINK and MKNOD.
#[derive(Debug)]
pub struct Made {
    /// Handle of the new object.
    pub object: Option<FileHandle>,
    /// Its attributes.
    pub attributes: PostOpAttr,
    /// Of the directory, around the change.
    pub directory: Told<WccData>,
}

/// RENAME.
#[derive(Debug)]
pub struct Renamed {
    /// Of the old directory, around the change.
    pub from: Told<WccData>,
    /// Of the new one.
    pub to: Told<WccData>,
}

/// LINK.
#[derive(Debug)]
pub struct Linked {
    /// Of the file.
    pub attributes: PostOpAttr,
    /// Of the directory, around the change.
    pub directory: Told<WccData>,
}

/// READDIR and READDIRPLUS.
#[derive(Debug)]
pub struct Listing {
    /// In the server's order; some clients leave out `.` and `..`.
    pub entries: Vec<Entry>,
    /// Where to go on.
    pub next: Told<(u64, Verifier)>,
    /// Whether nothing follows.
    pub eof: bool,
    /// Attributes of the directory.
    pub directory: Told<PostOpAttr>,
}

/// One entry of a [`Listing`].
#[derive(Debug)]
pub struct Entry {
    /// Its name.
    pub name: Bytes,
    /// Number of the object.
    pub fileid: u64,
    /// To go on behind it.
    pub cookie: Told<u64>,
    /// Attributes, with READDIRPLUS.
    pub attributes: PostOpAttr,
    /// Handle, with READDIRPLUS.
    pub handle: Option<FileHandle>,
}

/// MNT.
#[derive(Debug)]
pub struct Mounted {
    /// Handle of the root.
    pub root: FileHandle,
    /// The flavors that the export accepts.
    pub flavors: Told<Vec<u32>>,
}

/// One line of DUMP.
#[derive(Debug, PartialEq, Eq)]
pub struct MountedBy {
    /// Who.
    pub host: Bytes,
    /// What.
    pub path: Bytes,
}

/// One line of EXPORT.
#[derive(Debug, PartialEq, Eq)]
pub struct Exported {
    /// The path.
    pub path: Bytes,
    /// Who may mount it; nobody named is everyone.
    pub groups: Vec<Bytes>,
}

/// A client implementation as one user, with a connection of its own: one method for each procedure of NFSv3 and
/// MOUNT 3.
///
/// Every method fails with [`Stop::Cannot`] where the client has no words for the call, with [`Stop::Refused`] for
/// every status but OK, and with [`Stop::Broken`] for everything else.
pub trait ProtocolClient {
    /// NULL (RFC 1813 3.3.0).
    fn null(&mut self) -> Answer<()>;
    /// GETATTR (RFC 1813 3.3.1).
    fn getattr(&mut self, args: &GetattrArgs) -> Answer<Fattr3>;
    /// SETATTR (RFC 1813 3.3.2).
    fn setattr(&mut self, args: &SetattrArgs) -> Answer<Told<WccData>>;
    /// LOOKUP (RFC 1813 3.3.3).
    fn lookup(&mut self, args: &LookupArgs) -> Answer<Found>;
    /// ACCESS (RFC 1813 3.3.4).
    fn access(&mut self, args: &AccessArgs) -> Answer<Granted>;
    /// READLINK (RFC 1813 3.3.5).
    fn readlink(&mut self, args: &ReadlinkArgs) -> Answer<LinkText>;
    /// READ (RFC 1813 3.3.6).
    fn read(&mut self, args: &ReadArgs) -> Answer<Content>;
    /// WRITE (RFC 1813 3.3.7).
    fn write(&mut self, args: &WriteArgs) -> Answer<Written>;
    /// CREATE (RFC 1813 3.3.8).
    fn create(&mut self, args: &CreateArgs) -> Answer<Made>;
    /// MKDIR (RFC 1813 3.3.9).
    fn mkdir(&mut self, args: &MkdirArgs) -> Answer<Made>;
    /// SYMLINK (RFC 1813 3.3.10).
    fn symlink(&mut self, args: &SymlinkArgs) -> Answer<Made>;
    /// MKNOD (RFC 1813 3.3.11).
    fn mknod(&mut self, args: &MknodArgs) -> Answer<Made>;
    /// REMOVE (RFC 1813 3.3.12).
    fn remove(&mut self, args: &RemoveArgs) -> Answer<Told<WccData>>;
    /// RMDIR (RFC 1813 3.3.13).
    fn rmdir(&mut self, args: &RmdirArgs) -> Answer<Told<WccData>>;
    /// RENAME (RFC 1813 3.3.14).
    fn rename(&mut self, args: &RenameArgs) -> Answer<Renamed>;
    /// LINK (RFC 1813 3.3.15).
    fn link(&mut self, args: &LinkArgs) -> Answer<Linked>;
    /// READDIR (RFC 1813 3.3.16).
    fn readdir(&mut self, args: &ReaddirArgs) -> Answer<Listing>;
    /// READDIRPLUS (RFC 1813 3.3.17).
    fn readdirplus(&mut self, args: &ReaddirplusArgs) -> Answer<Listing>;
    /// FSSTAT (RFC 1813 3.3.18).
    fn fsstat(&mut self, args: &FsstatArgs) -> Answer<FsstatOk>;
    /// FSINFO (RFC 1813 3.3.19).
    fn fsinfo(&mut self, args: &FsinfoArgs) -> Answer<FsinfoOk>;
    /// PATHCONF (RFC 1813 3.3.20).
    fn pathconf(&mut self, args: &PathconfArgs) -> Answer<PathconfOk>;
    /// COMMIT (RFC 1813 3.3.21).
    fn commit(&mut self, args: &CommitArgs) -> Answer<Committed>;
    /// NULL of MOUNT (RFC 1813 5.2.0).
    fn mount_null(&mut self) -> Answer<()>;
    /// MNT (RFC 1813 5.2.1).
    fn mnt(&mut self, path: &str) -> Answer<Mounted>;
    /// DUMP (RFC 1813 5.2.2).
    fn dump(&mut self) -> Answer<Vec<MountedBy>>;
    /// UMNT (RFC 1813 5.2.3).
    fn umnt(&mut self, path: &str) -> Answer<()>;
    /// UMNTALL (RFC 1813 5.2.4).
    fn umntall(&mut self) -> Answer<()>;
    /// EXPORT (RFC 1813 5.2.5).
    fn export(&mut self) -> Answer<Vec<Exported>>;
}

/// A user as AUTH_SYS tells it, without further groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl User {
    /// The superuser.
    pub const ROOT: Self = Self { uid: 0, gid: 0 };
    /// Somebody.
    pub const ALICE: Self = Self { uid: 1000, gid: 1000 };
}

impl Stop {
    /// A failure with its reason.
    pub fn broken(reason: impl std::fmt::Display) -> Self {
        Self::Broken(reason.to_string())
    }
}

impl std::fmt::Display for Stop {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cannot(why) => write!(formatter, "the client cannot: {why}"),
            Self::Refused(refusal) => write!(formatter, "refused with {}", refusal.status.name()),
            Self::Broken(reason) => formatter.write_str(reason),
        }
    }
}
