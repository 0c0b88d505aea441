//! Attributes as NFSv3 shows them, and as it sets them (RFC 1813 2.5, 2.6).

use nfs_wire::nfs3::{
    Fattr3, Ftype3, LinkBody, Nfsstat3, Nfstime3, PostOpAttr, RenameBody, Sattr3, SetTime as WireTime, Specdata3,
    WccAttr, WccData,
};
use vfs::{Attributes, Change, DeviceNumber, FileType, PreAttributes, Principal, SetAttributes, SetTime, Timestamp};
use zones::{NOBODY, NOGROUP};

use super::call::{Object, Refused};

/// `fattr3`. An owner without a Unix id is shown as nobody.
pub(super) fn fattr3(attributes: &Attributes) -> Fattr3 {
    Fattr3 {
        file_type: ftype3(attributes.file_type),
        mode: attributes.mode & MODE_BITS,
        nlink: attributes.links,
        uid: attributes.owner.unix().unwrap_or(NOBODY),
        gid: attributes.group.unix().unwrap_or(NOGROUP),
        size: attributes.size,
        used: attributes.allocated_bytes,
        rdev: Specdata3 { specdata1: attributes.device.major, specdata2: attributes.device.minor },
        fsid: attributes.fsid,
        fileid: attributes.inode.number.0,
        atime: nfstime3(attributes.accessed),
        mtime: nfstime3(attributes.modified),
        ctime: nfstime3(attributes.changed),
    }
}

/// `post_op_attr`.
pub(super) fn post_op(attributes: &Attributes) -> PostOpAttr {
    Some(fattr3(attributes))
}

/// `wcc_data` of a change.
pub(super) fn wcc(change: &Change) -> WccData {
    WccData { before: Some(wcc_attr(&change.before)), after: post_op(&change.after) }
}

/// `sattr3` as a request of vfs.
///
/// Errors: INVAL for a time of more than 999,999,999 nanoseconds.
pub(super) fn set_attributes(wire: &Sattr3) -> Result<SetAttributes, Refused> {
    Ok(SetAttributes {
        mode: wire.mode.map(|mode| mode & MODE_BITS),
        owner: wire.uid.map(Principal::Unix),
        group: wire.gid.map(Principal::Unix),
        size: wire.size,
        accessed: set_time(wire.atime)?,
        modified: set_time(wire.mtime)?,
        created: None,
        dos: None,
        descriptor: None,
        overwrites: false,
        xattrs: Vec::new(),
    })
}

/// `sattr3` of a new object. Clients send owners along that the caller may not set, so they are heeded only for the
/// superuser, as other servers do; a new object belongs to its creator.
///
/// Errors: as [`set_attributes`].
pub(super) fn first_attributes(wire: &Sattr3, object: &Object) -> Result<SetAttributes, Refused> {
    let attributes = set_attributes(wire)?;
    if object.ctx.credentials.superuser {
        return Ok(attributes);
    }
    Ok(SetAttributes { owner: None, group: None, ..attributes })
}

/// A device number.
pub(super) fn device(wire: Specdata3) -> DeviceNumber {
    DeviceNumber { major: wire.specdata1, minor: wire.specdata2 }
}

/// A time from the wire.
///
/// Errors: INVAL for more than 999,999,999 nanoseconds.
pub(super) fn timestamp(wire: Nfstime3) -> Result<Timestamp, Refused> {
    if wire.nanoseconds >= NANOSECONDS_PER_SECOND {
        return Err(Nfsstat3::Inval.into());
    }
    Ok(Timestamp { seconds: i64::from(wire.seconds), nanoseconds: wire.nanoseconds })
}

fn set_time(wire: WireTime) -> Result<Option<SetTime>, Refused> {
    Ok(match wire {
        WireTime::DontChange => None,
        WireTime::ServerTime => Some(SetTime::Now),
        WireTime::ClientTime(time) => Some(SetTime::To(timestamp(time)?)),
    })
}

/// Times before 1970 and after 2106 do not exist on this wire: the nearest is shown.
fn nfstime3(time: Timestamp) -> Nfstime3 {
    match u32::try_from(time.seconds) {
        Ok(seconds) => Nfstime3 { seconds, nanoseconds: time.nanoseconds },
        Err(_) if time.seconds < 0 => Nfstime3::default(),
        Err(_) => Nfstime3 { seconds: u32::MAX, nanoseconds: NANOSECONDS_PER_SECOND - 1 },
    }
}

fn wcc_attr(pre: &PreAttributes) -> WccAttr {
    WccAttr { size: pre.size, mtime: nfstime3(pre.modified), ctime: nfstime3(pre.changed) }
}

fn ftype3(file_type: FileType) -> Ftype3 {
    match file_type {
        FileType::Regular => Ftype3::Regular,
        FileType::Directory => Ftype3::Directory,
        FileType::Symlink => Ftype3::SymbolicLink,
        FileType::Block => Ftype3::BlockDevice,
        FileType::Character => Ftype3::CharacterDevice,
        FileType::Fifo => Ftype3::Fifo,
        FileType::Socket => Ftype3::Socket,
    }
}

/// The attributes of something that a refused call left as it was: before and after are one.
fn unchanged(attributes: Option<&Attributes>) -> WccData {
    let before = attributes.map(|attributes| wcc_attr(&attributes.pre()));
    WccData { before, after: attributes.and_then(post_op) }
}

impl From<Refused> for () {
    fn from(_: Refused) {}
}

impl From<Refused> for PostOpAttr {
    fn from(refused: Refused) -> Self {
        refused.attributes.as_deref().and_then(post_op)
    }
}

impl From<Refused> for WccData {
    fn from(refused: Refused) -> Self {
        unchanged(refused.attributes.as_deref())
    }
}

impl From<Refused> for LinkBody {
    fn from(refused: Refused) -> Self {
        let file_attributes = refused.attributes.as_deref().and_then(post_op);
        Self { file_attributes, linkdir_wcc: unchanged(refused.target.as_deref()) }
    }
}

impl From<Refused> for RenameBody {
    fn from(refused: Refused) -> Self {
        let fromdir_wcc = unchanged(refused.attributes.as_deref());
        Self { fromdir_wcc, todir_wcc: unchanged(refused.target.as_deref()) }
    }
}

/// Permission, set-id and sticky bits.
const MODE_BITS: u32 = 0o7777;
const NANOSECONDS_PER_SECOND: u32 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_outside_of_the_wire_are_shown_as_the_nearest() {
        let time = |seconds| nfstime3(Timestamp { seconds, nanoseconds: 7 });
        assert_eq!(time(-1), Nfstime3 { seconds: 0, nanoseconds: 0 });
        assert_eq!(time(5), Nfstime3 { seconds: 5, nanoseconds: 7 });
        assert_eq!(time(i64::from(u32::MAX)), Nfstime3 { seconds: u32::MAX, nanoseconds: 7 });
        assert_eq!(time(1 << 32), Nfstime3 { seconds: u32::MAX, nanoseconds: 999_999_999 });
    }
}
