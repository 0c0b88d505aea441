//! The crate `nfs-rs`: a client of the level of a file system. It hides most of what a reply tells around the result.

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;

use ::nfs_rs::{Attr, DirectoryCookie, Mount, NfsError, ObjRes, Time, WriteCommitted};
use bytes::Bytes;
use futures_util::TryStreamExt;
use nfs_wire::nfs3::{
    AccessArgs, CommitArgs, CreateArgs, CreateHow, Fattr3, FileHandle, Filename, FsinfoArgs, FsinfoOk, FsstatArgs,
    FsstatOk, Ftype3, GetattrArgs, LinkArgs, LookupArgs, MkdirArgs, MknodArgs, Nfsstat3, Nfstime3, PathconfArgs,
    PathconfOk, PostOpAttr, ReadArgs, ReaddirArgs, ReaddirplusArgs, ReadlinkArgs, RemoveArgs, RenameArgs, RmdirArgs,
    Sattr3, SetTime, SetattrArgs, Specdata3, StableHow, SymlinkArgs, WccData, WriteArgs,
};
use tokio::runtime::{Builder, Runtime};

use super::client::{
    Answer, Committed, Content, Entry, Exported, Found, Granted, LinkText, Linked, Listing, Made, Mounted, MountedBy,
    ProtocolClient, Refusal, Renamed, Stop, Told, User, Written,
};

/// Its mounts: the one that calls go through, and those that the suite asked for, by the handle of their root.
pub struct NfsRsCrate {
    runtime: Runtime,
    address: SocketAddr,
    user: User,
    main: Box<dyn Mount>,
    others: HashMap<FileHandle, Box<dyn Mount>>,
}

impl std::fmt::Debug for NfsRsCrate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("NfsRsCrate").field("user", &self.user).finish_non_exhaustive()
    }
}

impl NfsRsCrate {
    /// Connects as a user and mounts `path`, without which this client says nothing.
    pub fn connect(address: SocketAddr, user: User, path: &str) -> Answer<Self> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Stop::broken)?;
        let url = url(address, user, path);
        let main = runtime.block_on(::nfs_rs::parse_url_and_mount(&url)).map_err(refused)?;
        Ok(Self { runtime, address, user, main, others: HashMap::new() })
    }

    fn ask<T>(&self, call: impl Future<Output = ::nfs_rs::Result<T>>) -> Answer<T> {
        self.runtime.block_on(call).map_err(refused)
    }

    /// The mount whose root this is: FSINFO and FSSTAT are asked of no other handle.
    fn mount_of(&self, root: &FileHandle) -> Answer<&dyn Mount> {
        self.others.get(root).map(AsRef::as_ref).ok_or(Stop::Cannot("FSINFO and FSSTAT of the root of a mount only"))
    }

    /// A mount that asks for so many bytes of a directory.
    fn listing_mount(&self, dircount: u32, maxcount: u32) -> Answer<Box<dyn Mount>> {
        let url = format!("{}&readdir-buffer={dircount},{maxcount}", url(self.address, self.user, LISTING_PATH));
        self.ask(::nfs_rs::parse_url_and_mount(&url))
    }
}

/// Path of the mounts through which directories are listed; any will do, since calls carry their own handles.
const LISTING_PATH: &str = "/projects";

fn url(address: SocketAddr, user: User, path: &str) -> String {
    let (host, port, User { uid, gid }) = (address.ip(), address.port(), user);
    format!("nfs://{host}{path}?version=3&nfsport={port}&mountport={port}&uid={uid}&gid={gid}&noresvport=true")
}

impl ProtocolClient for NfsRsCrate {
    fn null(&mut self) -> Answer<()> {
        self.ask(self.main.null())
    }

    fn getattr(&mut self, args: &GetattrArgs) -> Answer<Fattr3> {
        fattr(&self.ask(self.main.getattr(fh(&args.object)))?)
    }

    fn setattr(&mut self, args: &SetattrArgs) -> Answer<Told<WccData>> {
        let Sattr3 { mode, uid, gid, size, atime, mtime } = args.new_attributes;
        let (atime, mtime, guard) = (client_time(atime)?, client_time(mtime)?, args.guard.map(time));
        self.ask(self.main.setattr(fh(&args.object), guard, mode, uid, gid, size, atime, mtime))?;
        Ok(None)
    }

    fn lookup(&mut self, args: &LookupArgs) -> Answer<Found> {
        let found = self.ask(self.main.lookup(fh(&args.what.dir), name(&args.what.name)?))?;
        let attributes = post_op(found.attr.as_ref())?;
        Ok(Found { object: FileHandle::new(found.fh).map_err(Stop::broken)?, attributes, directory: None })
    }

    fn access(&mut self, args: &AccessArgs) -> Answer<Granted> {
        let rights = self.ask(self.main.access(fh(&args.object), args.access))?;
        Ok(Granted { rights, attributes: None })
    }

    fn readlink(&mut self, args: &ReadlinkArgs) -> Answer<LinkText> {
        let text = self.ask(self.main.readlink(fh(&args.symlink)))?;
        Ok(LinkText { text: text.into(), attributes: None })
    }

    fn read(&mut self, args: &ReadArgs) -> Answer<Content> {
        if args.count == 0 || args.count > self.main.get_max_read_size() {
            return Err(Stop::Cannot("READ of 1 to rtmax bytes only"));
        }
        let data = self.ask(self.main.read(fh(&args.file), args.offset, args.count))?;
        Ok(Content { data, count: None, eof: None, attributes: None })
    }

    fn write(&mut self, args: &WriteArgs) -> Answer<Written> {
        let is_whole = usize::try_from(args.count).is_ok_and(|count| count == args.data.len());
        if args.stable != StableHow::Unstable || !is_whole {
            return Err(Stop::Cannot("WRITE of all of the data, UNSTABLE, only"));
        }
        let outcome = self.ask(self.main.write(fh(&args.file), args.offset, args.data.clone()))?;
        let committed = match outcome.committed {
            WriteCommitted::Unstable => StableHow::Unstable,
            WriteCommitted::DataSync => StableHow::DataSync,
            WriteCommitted::FileSync => StableHow::FileSync,
        };
        let verifier = outcome.verifier.ok_or_else(|| Stop::Broken("no verifier".to_owned()))?;
        Ok(Written { count: outcome.count, committed, verifier, wcc: None })
    }

    fn create(&mut self, args: &CreateArgs) -> Answer<Made> {
        let CreateHow::Unchecked(attributes) = args.how else { return Err(Stop::Cannot("CREATE UNCHECKED only")) };
        let mode = mode_alone(attributes)?;
        made(self.ask(self.main.create(fh(&args.place.dir), name(&args.place.name)?, mode))?)
    }

    fn mkdir(&mut self, args: &MkdirArgs) -> Answer<Made> {
        let mode = mode_alone(args.attributes)?.ok_or(Stop::Cannot("MKDIR with a mode only"))?;
        made(self.ask(self.main.mkdir(fh(&args.place.dir), name(&args.place.name)?, mode))?)
    }

    fn symlink(&mut self, args: &SymlinkArgs) -> Answer<Made> {
        if args.symlink.symlink_attributes != Sattr3::default() {
            return Err(Stop::Cannot("SYMLINK without attributes only"));
        }
        let text = std::str::from_utf8(&args.symlink.symlink_data).map_err(|_| Stop::Cannot("UTF-8 only"))?;
        made(self.ask(self.main.symlink(text, fh(&args.place.dir), name(&args.place.name)?))?)
    }

    fn mknod(&mut self, _args: &MknodArgs) -> Answer<Made> {
        Err(Stop::Cannot("no MKNOD"))
    }

    fn remove(&mut self, args: &RemoveArgs) -> Answer<Told<WccData>> {
        self.ask(self.main.remove(fh(&args.object.dir), name(&args.object.name)?))?;
        Ok(None)
    }

    fn rmdir(&mut self, args: &RmdirArgs) -> Answer<Told<WccData>> {
        self.ask(self.main.rmdir(fh(&args.object.dir), name(&args.object.name)?))?;
        Ok(None)
    }

    fn rename(&mut self, args: &RenameArgs) -> Answer<Renamed> {
        let (from, to) = (&args.from, &args.to);
        self.ask(self.main.rename(fh(&from.dir), name(&from.name)?, fh(&to.dir), name(&to.name)?))?;
        Ok(Renamed { from: None, to: None })
    }

    fn link(&mut self, args: &LinkArgs) -> Answer<Linked> {
        let attributes = self.ask(self.main.link(fh(&args.file), fh(&args.link.dir), name(&args.link.name)?))?;
        Ok(Linked { attributes: Some(fattr(&attributes)?), directory: None })
    }

    fn readdir(&mut self, args: &ReaddirArgs) -> Answer<Listing> {
        if args.cookie != 0 {
            return Err(Stop::Cannot("READDIR from the start to the end only"));
        }
        let mount = self.listing_mount(args.count, args.count)?;
        let entries = self.ask(async { mount.readdir(fh(&args.dir)).await.try_collect::<Vec<_>>().await })?;
        let entry = |entry: ::nfs_rs::ReaddirEntry| Entry {
            name: entry.file_name.into(),
            fileid: entry.fileid,
            cookie: None,
            attributes: None,
            handle: None,
        };
        let entries = entries.into_iter().map(entry).collect();
        Ok(Listing { entries, next: None, eof: true, directory: None })
    }

    fn readdirplus(&mut self, args: &ReaddirplusArgs) -> Answer<Listing> {
        let mount = self.listing_mount(args.dircount, args.maxcount)?;
        let position = DirectoryCookie { cookie: args.cookie, verifier: args.cookieverf };
        let page = self.ask(mount.readdirplus_page(fh(&args.dir), position))?;
        let entry = |entry: ::nfs_rs::ReaddirplusEntry| {
            let handle = (!entry.handle.is_empty()).then(|| FileHandle::new(entry.handle)).transpose();
            Ok(Entry {
                name: entry.file_name.into(),
                fileid: entry.fileid,
                cookie: None,
                attributes: post_op(entry.attr.as_ref())?,
                handle: handle.map_err(Stop::broken)?,
            })
        };
        let entries = page.entries.into_iter().map(entry).collect::<Answer<Vec<_>>>()?;
        let next = Some((page.next.cookie, page.next.verifier));
        Ok(Listing { entries, next, eof: page.eof, directory: None })
    }

    fn fsstat(&mut self, args: &FsstatArgs) -> Answer<FsstatOk> {
        let body = self.ask(self.mount_of(&args.fsroot)?.fsstat())?;
        Ok(FsstatOk {
            obj_attributes: post_op(body.attr.as_ref())?,
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
        let body = self.ask(self.mount_of(&args.fsroot)?.fsinfo())?;
        Ok(FsinfoOk {
            obj_attributes: post_op(body.attr.as_ref())?,
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
        let body = self.ask(self.main.pathconf(fh(&args.object)))?;
        Ok(PathconfOk {
            obj_attributes: post_op(body.attr.as_ref())?,
            linkmax: body.linkmax,
            name_max: body.name_max,
            no_trunc: body.no_trunc,
            chown_restricted: body.chown_restricted,
            case_insensitive: body.case_insensitive,
            case_preserving: body.case_preserving,
        })
    }

    fn commit(&mut self, args: &CommitArgs) -> Answer<Committed> {
        let verifier = self.ask(self.main.commit_with_verifier(fh(&args.file), args.offset, args.count))?;
        let verifier = verifier.ok_or_else(|| Stop::Broken("no verifier".to_owned()))?;
        Ok(Committed { verifier, wcc: None })
    }

    fn mount_null(&mut self) -> Answer<()> {
        Err(Stop::Cannot("no NULL of MOUNT"))
    }

    fn mnt(&mut self, path: &str) -> Answer<Mounted> {
        if path.split('/').any(|part| part == "..") {
            return Err(Stop::Cannot("a URL has no `..`"));
        }
        let mount = self.ask(::nfs_rs::parse_url_and_mount(&url(self.address, self.user, path)))?;
        let root = FileHandle::new(self.runtime.block_on(mount.getfh())).map_err(Stop::broken)?;
        self.others.insert(root.clone(), mount);
        Ok(Mounted { root, flavors: None })
    }

    fn dump(&mut self) -> Answer<Vec<MountedBy>> {
        Err(Stop::Cannot("no DUMP"))
    }

    fn umnt(&mut self, path: &str) -> Answer<()> {
        let mount = self.ask(::nfs_rs::parse_url_and_mount(&url(self.address, self.user, path)))?;
        self.ask(mount.umount())
    }

    fn umntall(&mut self) -> Answer<()> {
        Err(Stop::Cannot("no UMNTALL"))
    }

    fn export(&mut self) -> Answer<Vec<Exported>> {
        let url = url(self.address, self.user, "/");
        let exports = self.ask(::nfs_rs::list_exports(&url))?;
        let line = |entry: ::nfs_rs::ExportEntry| Exported {
            path: entry.path.into(),
            groups: entry.groups.into_iter().map(Bytes::from).collect(),
        };
        Ok(exports.into_iter().map(line).collect())
    }
}

fn refused(error: NfsError) -> Stop {
    let code = match error {
        NfsError::Nfs3(code) => code as u32,
        NfsError::Mount(code) => code as u32,
        error => return Stop::Broken(format!("nfs-rs: {error:?}")),
    };
    match Nfsstat3::from_code(code) {
        Some(status) => Stop::Refused(Refusal { status, attributes: None }),
        None => Stop::Broken(format!("status {code} is none")),
    }
}

fn fh(handle: &FileHandle) -> Bytes {
    handle.as_bytes().clone()
}

fn name(name: &Filename) -> Answer<&str> {
    std::str::from_utf8(name).map_err(|_| Stop::Cannot("names in UTF-8 only"))
}

fn mode_alone(attributes: Sattr3) -> Answer<Option<u32>> {
    let rest = Sattr3 { mode: None, ..attributes };
    if rest == Sattr3::default() { Ok(attributes.mode) } else { Err(Stop::Cannot("a new object gets a mode only")) }
}

fn client_time(ours: SetTime) -> Answer<Option<Time>> {
    match ours {
        SetTime::DontChange => Ok(None),
        SetTime::ServerTime => Err(Stop::Cannot("SETATTR to times of the client only")),
        SetTime::ClientTime(to) => Ok(Some(time(to))),
    }
}

fn time(ours: Nfstime3) -> Time {
    Time { seconds: ours.seconds, nseconds: ours.nanoseconds }
}

fn our_time(time: Time) -> Nfstime3 {
    Nfstime3 { seconds: time.seconds, nanoseconds: time.nseconds }
}

fn fattr(attributes: &Attr) -> Answer<Fattr3> {
    let [specdata1, specdata2] = attributes.spec_data;
    Ok(Fattr3 {
        file_type: Ftype3::from_code(attributes.type_).ok_or_else(|| Stop::Broken("no such type".to_owned()))?,
        mode: attributes.file_mode,
        nlink: attributes.nlink,
        uid: attributes.uid,
        gid: attributes.gid,
        size: attributes.filesize,
        used: attributes.used,
        rdev: Specdata3 { specdata1, specdata2 },
        fsid: attributes.fsid,
        fileid: attributes.fileid,
        atime: our_time(attributes.atime),
        mtime: our_time(attributes.mtime),
        ctime: our_time(attributes.ctime),
    })
}

fn post_op(attributes: Option<&Attr>) -> Answer<PostOpAttr> {
    attributes.map(fattr).transpose()
}

fn made(object: ObjRes) -> Answer<Made> {
    let attributes = post_op(object.attr.as_ref())?;
    let object = Some(FileHandle::new(object.fh).map_err(Stop::broken)?);
    Ok(Made { object, attributes, directory: None })
}
