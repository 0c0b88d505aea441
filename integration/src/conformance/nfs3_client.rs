//! The crate `nfs3_client`: a typed client of every procedure. What it decodes is carried over field by field.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use ::nfs3_client::nfs3_types::mount::dirpath;
use ::nfs3_client::nfs3_types::nfs3::{self as theirs, Nfs3Option, Nfs3Result};
use ::nfs3_client::nfs3_types::rpc::{auth_unix, opaque_auth};
use ::nfs3_client::nfs3_types::xdr_codec::{Opaque, Void};
use ::nfs3_client::tokio::TokioIo;
use ::nfs3_client::{MountClient, MountError, Nfs3Client, RpcError};
use bytes::Bytes;
use nfs_wire::nfs3::{
    AccessArgs, CommitArgs, CreateArgs, CreateHow, DirOpArgs, Fattr3, FileHandle, FsinfoArgs, FsinfoOk, FsstatArgs,
    FsstatOk, Ftype3, GetattrArgs, LinkArgs, LookupArgs, MkdirArgs, MknodArgs, MknodData, Nfsstat3, Nfstime3,
    PathconfArgs, PathconfOk, PostOpAttr, ReadArgs, ReaddirArgs, ReaddirplusArgs, ReadlinkArgs, RemoveArgs, RenameArgs,
    RmdirArgs, Sattr3, SetTime, SetattrArgs, Specdata3, StableHow, SymlinkArgs, WccAttr, WccData, WriteArgs,
};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

use super::client::{
    Answer, Committed, Content, Entry, Exported, Found, Granted, LinkText, Linked, Listing, Made, Mounted, MountedBy,
    ProtocolClient, Refusal, Renamed, Stop, Told, User, Written,
};

/// A connection for NFS and one for MOUNT.
pub struct Nfs3ClientCrate {
    runtime: Runtime,
    nfs: Nfs3Client<TokioIo<TcpStream>>,
    mount: MountClient<TokioIo<TcpStream>>,
}

impl std::fmt::Debug for Nfs3ClientCrate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Nfs3ClientCrate").finish_non_exhaustive()
    }
}

impl Nfs3ClientCrate {
    /// Connects as a user.
    pub fn connect(address: SocketAddr, user: User) -> Answer<Self> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Stop::broken)?;
        let connect = || runtime.block_on(TcpStream::connect(address)).map_err(Stop::broken);
        let machinename = Opaque::borrowed(b"nfs3_client");
        let sys = auth_unix { stamp: 0, machinename, uid: user.uid, gid: user.gid, gids: Vec::new() };
        let credential = || opaque_auth::auth_unix(&sys);
        let nfs = Nfs3Client::new_with_auth(TokioIo::new(connect()?), credential(), opaque_auth::default());
        let mount = MountClient::new_with_auth(TokioIo::new(connect()?), credential(), opaque_auth::default());
        Ok(Self { runtime, nfs, mount })
    }
}

/// Waits for an answer, at most for [`ANSWER_LIMIT`].
fn wait<T, E: std::fmt::Display>(runtime: &Runtime, call: impl Future<Output = Result<T, E>>) -> Answer<T> {
    match runtime.block_on(async { tokio::time::timeout(ANSWER_LIMIT, call).await }) {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Stop::broken(error)),
        Err(_) => Err(Stop::Broken("no answer".to_owned())),
    }
}

/// Waits for an answer and takes a refusal out of it.
fn ask<T, E: FailureBody>(
    runtime: &Runtime,
    call: impl Future<Output = Result<Nfs3Result<T, E>, RpcError>>,
) -> Answer<T> {
    match wait(runtime, call)? {
        Nfs3Result::Ok(body) => Ok(body),
        Nfs3Result::Err((code, body)) => {
            let attributes = Some(body.into_attributes()?);
            Err(Stop::Refused(Refusal { status: status(code as u32)?, attributes }))
        }
    }
}

impl ProtocolClient for Nfs3ClientCrate {
    fn null(&mut self) -> Answer<()> {
        wait(&self.runtime, self.nfs.null())
    }

    fn getattr(&mut self, args: &GetattrArgs) -> Answer<Fattr3> {
        let args = theirs::GETATTR3args { object: handle(&args.object) };
        fattr(&ask(&self.runtime, self.nfs.getattr(&args))?.obj_attributes)
    }

    fn setattr(&mut self, args: &SetattrArgs) -> Answer<Told<WccData>> {
        let guard = args.guard.map(time).map_or(Nfs3Option::None, Nfs3Option::Some);
        let (object, new_attributes) = (handle(&args.object), sattr(&args.new_attributes));
        let args = theirs::SETATTR3args { object, new_attributes, guard };
        wcc(&ask(&self.runtime, self.nfs.setattr(&args))?.obj_wcc).map(Some)
    }

    fn lookup(&mut self, args: &LookupArgs) -> Answer<Found> {
        let args = theirs::LOOKUP3args { what: place(&args.what) };
        let body = ask(&self.runtime, self.nfs.lookup(&args))?;
        Ok(Found {
            object: our_handle(&body.object)?,
            attributes: post_op(&body.obj_attributes)?,
            directory: Some(post_op(&body.dir_attributes)?),
        })
    }

    fn access(&mut self, args: &AccessArgs) -> Answer<Granted> {
        let args = theirs::ACCESS3args { object: handle(&args.object), access: args.access };
        let body = ask(&self.runtime, self.nfs.access(&args))?;
        Ok(Granted { rights: body.access, attributes: Some(post_op(&body.obj_attributes)?) })
    }

    fn readlink(&mut self, args: &ReadlinkArgs) -> Answer<LinkText> {
        let args = theirs::READLINK3args { symlink: handle(&args.symlink) };
        let body = ask(&self.runtime, self.nfs.readlink(&args))?;
        let attributes = Some(post_op(&body.symlink_attributes)?);
        Ok(LinkText { text: Bytes::copy_from_slice(body.data.as_ref()), attributes })
    }

    fn read(&mut self, args: &ReadArgs) -> Answer<Content> {
        let args = theirs::READ3args { file: handle(&args.file), offset: args.offset, count: args.count };
        let body = ask(&self.runtime, self.nfs.read(&args))?;
        Ok(Content {
            data: Bytes::from(body.data.into_owned()),
            count: Some(body.count),
            eof: Some(body.eof),
            attributes: Some(post_op(&body.file_attributes)?),
        })
    }

    fn write(&mut self, args: &WriteArgs) -> Answer<Written> {
        let stable = match args.stable {
            StableHow::Unstable => theirs::stable_how::UNSTABLE,
            StableHow::DataSync => theirs::stable_how::DATA_SYNC,
            StableHow::FileSync => theirs::stable_how::FILE_SYNC,
        };
        let (file, data) = (handle(&args.file), Opaque::borrowed(&args.data));
        let args = theirs::WRITE3args { file, offset: args.offset, count: args.count, stable, data };
        let body = ask(&self.runtime, self.nfs.write(&args))?;
        let committed = match body.committed {
            theirs::stable_how::UNSTABLE => StableHow::Unstable,
            theirs::stable_how::DATA_SYNC => StableHow::DataSync,
            theirs::stable_how::FILE_SYNC => StableHow::FileSync,
        };
        Ok(Written { count: body.count, committed, verifier: body.verf.0, wcc: Some(wcc(&body.file_wcc)?) })
    }

    fn create(&mut self, args: &CreateArgs) -> Answer<Made> {
        let how = match &args.how {
            CreateHow::Unchecked(attributes) => theirs::createhow3::UNCHECKED(sattr(attributes)),
            CreateHow::Guarded(attributes) => theirs::createhow3::GUARDED(sattr(attributes)),
            CreateHow::Exclusive(verifier) => theirs::createhow3::EXCLUSIVE(theirs::createverf3(*verifier)),
        };
        let args = theirs::CREATE3args { where_: place(&args.place), how };
        let body = ask(&self.runtime, self.nfs.create(&args))?;
        made(&body.obj, &body.obj_attributes, &body.dir_wcc)
    }

    fn mkdir(&mut self, args: &MkdirArgs) -> Answer<Made> {
        let args = theirs::MKDIR3args { where_: place(&args.place), attributes: sattr(&args.attributes) };
        let body = ask(&self.runtime, self.nfs.mkdir(&args))?;
        made(&body.obj, &body.obj_attributes, &body.dir_wcc)
    }

    fn symlink(&mut self, args: &SymlinkArgs) -> Answer<Made> {
        let symlink = theirs::symlinkdata3 {
            symlink_attributes: sattr(&args.symlink.symlink_attributes),
            symlink_data: theirs::nfspath3(Opaque::borrowed(&args.symlink.symlink_data)),
        };
        let args = theirs::SYMLINK3args { where_: place(&args.place), symlink };
        let body = ask(&self.runtime, self.nfs.symlink(&args))?;
        made(&body.obj, &body.obj_attributes, &body.dir_wcc)
    }

    fn mknod(&mut self, args: &MknodArgs) -> Answer<Made> {
        let what = node(&args.what)?;
        let args = theirs::MKNOD3args { where_: place(&args.place), what };
        let body = ask(&self.runtime, self.nfs.mknod(&args))?;
        made(&body.obj, &body.obj_attributes, &body.dir_wcc)
    }

    fn remove(&mut self, args: &RemoveArgs) -> Answer<Told<WccData>> {
        let args = theirs::REMOVE3args { object: place(&args.object) };
        wcc(&ask(&self.runtime, self.nfs.remove(&args))?.dir_wcc).map(Some)
    }

    fn rmdir(&mut self, args: &RmdirArgs) -> Answer<Told<WccData>> {
        let args = theirs::RMDIR3args { object: place(&args.object) };
        wcc(&ask(&self.runtime, self.nfs.rmdir(&args))?.dir_wcc).map(Some)
    }

    fn rename(&mut self, args: &RenameArgs) -> Answer<Renamed> {
        let args = theirs::RENAME3args { from: place(&args.from), to: place(&args.to) };
        let body = ask(&self.runtime, self.nfs.rename(&args))?;
        Ok(Renamed { from: Some(wcc(&body.fromdir_wcc)?), to: Some(wcc(&body.todir_wcc)?) })
    }

    fn link(&mut self, args: &LinkArgs) -> Answer<Linked> {
        let args = theirs::LINK3args { file: handle(&args.file), link: place(&args.link) };
        let body = ask(&self.runtime, self.nfs.link(&args))?;
        Ok(Linked { attributes: post_op(&body.file_attributes)?, directory: Some(wcc(&body.linkdir_wcc)?) })
    }

    fn readdir(&mut self, args: &ReaddirArgs) -> Answer<Listing> {
        let (dir, cookie) = (handle(&args.dir), args.cookie);
        let args =
            theirs::READDIR3args { dir, cookie, cookieverf: theirs::cookieverf3(args.cookieverf), count: args.count };
        let body = ask(&self.runtime, self.nfs.readdir(&args))?;
        let entries: Vec<_> = body.reply.entries.into_inner().iter().map(entry).collect();
        let last = entries.last().and_then(|entry| entry.cookie).unwrap_or(cookie);
        let directory = Some(post_op(&body.dir_attributes)?);
        Ok(Listing { entries, next: Some((last, body.cookieverf.0)), eof: body.reply.eof, directory })
    }

    fn readdirplus(&mut self, args: &ReaddirplusArgs) -> Answer<Listing> {
        let (dir, cookie) = (handle(&args.dir), args.cookie);
        let cookieverf = theirs::cookieverf3(args.cookieverf);
        let (dircount, maxcount) = (args.dircount, args.maxcount);
        let args = theirs::READDIRPLUS3args { dir, cookie, cookieverf, dircount, maxcount };
        let body = ask(&self.runtime, self.nfs.readdirplus(&args))?;
        let entries = body.reply.entries.into_inner().iter().map(entry_plus).collect::<Answer<Vec<_>>>()?;
        let last = entries.last().and_then(|entry| entry.cookie).unwrap_or(cookie);
        let directory = Some(post_op(&body.dir_attributes)?);
        Ok(Listing { entries, next: Some((last, body.cookieverf.0)), eof: body.reply.eof, directory })
    }

    fn fsstat(&mut self, args: &FsstatArgs) -> Answer<FsstatOk> {
        let args = theirs::FSSTAT3args { fsroot: handle(&args.fsroot) };
        let body = ask(&self.runtime, self.nfs.fsstat(&args))?;
        Ok(FsstatOk {
            obj_attributes: post_op(&body.obj_attributes)?,
            tbytes: body.tbytes,
            fbytes: body.fbytes,
            abytes: body.abytes,
            tfiles: body.tfiles,
            ffiles: body.ffiles,
            afiles: body.afiles,
            invarsec: body.invarsec,
        })
    }

    fn fsinfo(&mut self, args: &FsinfoArgs) -> Answer<FsinfoOk> {
        let args = theirs::FSINFO3args { fsroot: handle(&args.fsroot) };
        let body = ask(&self.runtime, self.nfs.fsinfo(&args))?;
        Ok(FsinfoOk {
            obj_attributes: post_op(&body.obj_attributes)?,
            rtmax: body.rtmax,
            rtpref: body.rtpref,
            rtmult: body.rtmult,
            wtmax: body.wtmax,
            wtpref: body.wtpref,
            wtmult: body.wtmult,
            dtpref: body.dtpref,
            maxfilesize: body.maxfilesize,
            time_delta: our_time(body.time_delta),
            properties: body.properties,
        })
    }

    fn pathconf(&mut self, args: &PathconfArgs) -> Answer<PathconfOk> {
        let args = theirs::PATHCONF3args { object: handle(&args.object) };
        let body = ask(&self.runtime, self.nfs.pathconf(&args))?;
        Ok(PathconfOk {
            obj_attributes: post_op(&body.obj_attributes)?,
            linkmax: body.linkmax,
            name_max: body.name_max,
            no_trunc: body.no_trunc,
            chown_restricted: body.chown_restricted,
            case_insensitive: body.case_insensitive,
            case_preserving: body.case_preserving,
        })
    }

    fn commit(&mut self, args: &CommitArgs) -> Answer<Committed> {
        let args = theirs::COMMIT3args { file: handle(&args.file), offset: args.offset, count: args.count };
        let body = ask(&self.runtime, self.nfs.commit(&args))?;
        Ok(Committed { verifier: body.verf.0, wcc: Some(wcc(&body.file_wcc)?) })
    }

    fn mount_null(&mut self) -> Answer<()> {
        wait(&self.runtime, self.mount.null())
    }

    fn mnt(&mut self, path: &str) -> Answer<Mounted> {
        let call = self.mount.mnt(dirpath(Opaque::borrowed(path.as_bytes())));
        let answer = self.runtime.block_on(async { tokio::time::timeout(ANSWER_LIMIT, call).await });
        match answer.map_err(Stop::broken)? {
            Ok(body) => {
                let root = FileHandle::new(body.fhandle.0.into_owned()).map_err(Stop::broken)?;
                Ok(Mounted { root, flavors: Some(body.auth_flavors) })
            }
            Err(MountError::Denied(code)) => {
                Err(Stop::Refused(Refusal { status: status(code as u32)?, attributes: None }))
            }
            Err(error) => Err(Stop::broken(error)),
        }
    }

    fn dump(&mut self) -> Answer<Vec<MountedBy>> {
        let lines = wait(&self.runtime, self.mount.dump())?.into_inner();
        let line = |body: &::nfs3_client::nfs3_types::mount::mountbody<'_, '_>| MountedBy {
            host: Bytes::copy_from_slice(body.ml_hostname.0.as_ref()),
            path: Bytes::copy_from_slice(body.ml_directory.0.as_ref()),
        };
        Ok(lines.iter().map(line).collect())
    }

    fn umnt(&mut self, path: &str) -> Answer<()> {
        wait(&self.runtime, self.mount.umnt(dirpath(Opaque::borrowed(path.as_bytes()))))
    }

    fn umntall(&mut self) -> Answer<()> {
        wait(&self.runtime, self.mount.umntall())
    }

    fn export(&mut self) -> Answer<Vec<Exported>> {
        let lines = wait(&self.runtime, self.mount.export())?.into_inner();
        let line = |node: ::nfs3_client::nfs3_types::mount::export_node<'_, '_>| Exported {
            path: Bytes::copy_from_slice(node.ex_dir.0.as_ref()),
            groups: node.ex_groups.into_inner().iter().map(|name| Bytes::copy_from_slice(name.0.as_ref())).collect(),
        };
        Ok(lines.into_iter().map(line).collect())
    }
}

/// What a refusal says besides its status.
trait FailureBody {
    fn into_attributes(self) -> Answer<Vec<PostOpAttr>>;
}

impl FailureBody for Void {
    fn into_attributes(self) -> Answer<Vec<PostOpAttr>> {
        Ok(Vec::new())
    }
}

macro_rules! failure_bodies {
    ($($body:ident { $($field:ident),+ })*) => {
        $(impl FailureBody for theirs::$body {
            fn into_attributes(self) -> Answer<Vec<PostOpAttr>> {
                Ok(vec![$(self.$field.after()?),+])
            }
        })*
    };
}

failure_bodies! {
    ACCESS3resfail { obj_attributes }
    COMMIT3resfail { file_wcc }
    CREATE3resfail { dir_wcc }
    FSINFO3resfail { obj_attributes }
    FSSTAT3resfail { obj_attributes }
    LINK3resfail { file_attributes, linkdir_wcc }
    LOOKUP3resfail { dir_attributes }
    MKDIR3resfail { dir_wcc }
    MKNOD3resfail { dir_wcc }
    PATHCONF3resfail { obj_attributes }
    READ3resfail { file_attributes }
    READDIR3resfail { dir_attributes }
    READDIRPLUS3resfail { dir_attributes }
    READLINK3resfail { symlink_attributes }
    REMOVE3resfail { dir_wcc }
    RENAME3resfail { fromdir_wcc, todir_wcc }
    RMDIR3resfail { dir_wcc }
    SETATTR3resfail { obj_wcc }
    SYMLINK3resfail { dir_wcc }
    WRITE3resfail { file_wcc }
}

/// The attributes after a call.
trait After {
    fn after(&self) -> Answer<PostOpAttr>;
}

impl After for theirs::post_op_attr {
    fn after(&self) -> Answer<PostOpAttr> {
        post_op(self)
    }
}

impl After for theirs::wcc_data {
    fn after(&self) -> Answer<PostOpAttr> {
        post_op(&self.after)
    }
}

fn status(code: u32) -> Answer<Nfsstat3> {
    Nfsstat3::from_code(code).ok_or_else(|| Stop::Broken(format!("status {code} is none")))
}

fn handle(ours: &FileHandle) -> theirs::nfs_fh3 {
    theirs::nfs_fh3 { data: Opaque::owned(ours.to_vec()) }
}

fn our_handle(handle: &theirs::nfs_fh3) -> Answer<FileHandle> {
    FileHandle::new(handle.data.to_vec()).map_err(Stop::broken)
}

fn place(ours: &DirOpArgs) -> theirs::diropargs3<'_> {
    theirs::diropargs3 { dir: handle(&ours.dir), name: theirs::filename3::from(&ours.name[..]) }
}

fn time(ours: Nfstime3) -> theirs::nfstime3 {
    theirs::nfstime3 { seconds: ours.seconds, nseconds: ours.nanoseconds }
}

fn our_time(time: theirs::nfstime3) -> Nfstime3 {
    Nfstime3 { seconds: time.seconds, nanoseconds: time.nseconds }
}

fn option<T, U>(ours: Option<T>) -> Nfs3Option<U>
where
    U: From<T> + ::nfs3_client::nfs3_types::xdr_codec::Pack + ::nfs3_client::nfs3_types::xdr_codec::Unpack,
{
    ours.map_or(Nfs3Option::None, |value| Nfs3Option::Some(value.into()))
}

fn sattr(ours: &Sattr3) -> theirs::sattr3 {
    theirs::sattr3 {
        mode: option(ours.mode),
        uid: option(ours.uid),
        gid: option(ours.gid),
        size: option(ours.size),
        atime: match ours.atime {
            SetTime::DontChange => theirs::set_atime::DONT_CHANGE,
            SetTime::ServerTime => theirs::set_atime::SET_TO_SERVER_TIME,
            SetTime::ClientTime(to) => theirs::set_atime::SET_TO_CLIENT_TIME(time(to)),
        },
        mtime: match ours.mtime {
            SetTime::DontChange => theirs::set_mtime::DONT_CHANGE,
            SetTime::ServerTime => theirs::set_mtime::SET_TO_SERVER_TIME,
            SetTime::ClientTime(to) => theirs::set_mtime::SET_TO_CLIENT_TIME(time(to)),
        },
    }
}

fn node(ours: &MknodData) -> Answer<theirs::mknoddata3> {
    let device = |data: &nfs_wire::nfs3::DeviceData| theirs::devicedata3 {
        dev_attributes: sattr(&data.dev_attributes),
        spec: theirs::specdata3 { specdata1: data.spec.specdata1, specdata2: data.spec.specdata2 },
    };
    Ok(match ours {
        MknodData::CharacterDevice(data) => theirs::mknoddata3::NF3CHR(device(data)),
        MknodData::BlockDevice(data) => theirs::mknoddata3::NF3BLK(device(data)),
        MknodData::Socket(attributes) => theirs::mknoddata3::NF3SOCK(sattr(attributes)),
        MknodData::Fifo(attributes) => theirs::mknoddata3::NF3FIFO(sattr(attributes)),
        MknodData::Regular | MknodData::Directory | MknodData::SymbolicLink => {
            return Err(Stop::Cannot("MKNOD of devices, sockets and fifos only"));
        }
    })
}

fn fattr(attributes: &theirs::fattr3) -> Answer<Fattr3> {
    let file_type = match attributes.type_ {
        theirs::ftype3::NF3REG => Ftype3::Regular,
        theirs::ftype3::NF3DIR => Ftype3::Directory,
        theirs::ftype3::NF3BLK => Ftype3::BlockDevice,
        theirs::ftype3::NF3CHR => Ftype3::CharacterDevice,
        theirs::ftype3::NF3LNK => Ftype3::SymbolicLink,
        theirs::ftype3::NF3SOCK => Ftype3::Socket,
        theirs::ftype3::NF3FIFO => Ftype3::Fifo,
    };
    Ok(Fattr3 {
        file_type,
        mode: attributes.mode,
        nlink: attributes.nlink,
        uid: attributes.uid,
        gid: attributes.gid,
        size: attributes.size,
        used: attributes.used,
        rdev: Specdata3 { specdata1: attributes.rdev.specdata1, specdata2: attributes.rdev.specdata2 },
        fsid: attributes.fsid,
        fileid: attributes.fileid,
        atime: our_time(attributes.atime),
        mtime: our_time(attributes.mtime),
        ctime: our_time(attributes.ctime),
    })
}

fn post_op(attributes: &theirs::post_op_attr) -> Answer<PostOpAttr> {
    match attributes {
        Nfs3Option::Some(attributes) => fattr(attributes).map(Some),
        Nfs3Option::None => Ok(None),
    }
}

fn wcc(data: &theirs::wcc_data) -> Answer<WccData> {
    let before = match data.before {
        Nfs3Option::Some(before) => {
            Some(WccAttr { size: before.size, mtime: our_time(before.mtime), ctime: our_time(before.ctime) })
        }
        Nfs3Option::None => None,
    };
    Ok(WccData { before, after: post_op(&data.after)? })
}

fn made(object: &theirs::post_op_fh3, attributes: &theirs::post_op_attr, wcc_data: &theirs::wcc_data) -> Answer<Made> {
    let object = match object {
        Nfs3Option::Some(object) => Some(our_handle(object)?),
        Nfs3Option::None => None,
    };
    Ok(Made { object, attributes: post_op(attributes)?, directory: Some(wcc(wcc_data)?) })
}

fn entry(entry: &theirs::entry3<'_>) -> Entry {
    let (name, cookie) = (Bytes::copy_from_slice(entry.name.as_ref()), Some(entry.cookie));
    Entry { name, fileid: entry.fileid, cookie, attributes: None, handle: None }
}

fn entry_plus(entry: &theirs::entryplus3<'_>) -> Answer<Entry> {
    let handle = match &entry.name_handle {
        Nfs3Option::Some(handle) => Some(our_handle(handle)?),
        Nfs3Option::None => None,
    };
    Ok(Entry {
        name: Bytes::copy_from_slice(entry.name.as_ref()),
        fileid: entry.fileid,
        cookie: Some(entry.cookie),
        attributes: post_op(&entry.name_attributes)?,
        handle,
    })
}

const ANSWER_LIMIT: Duration = Duration::from_secs(60);
