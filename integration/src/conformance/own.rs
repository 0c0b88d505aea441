//! Our own client: it can say everything and hides nothing.

use bytes::Bytes;
use nfs_wire::mount::{DirPath, v3 as mount3};
use nfs_wire::nfs3::{
    Access, AccessArgs, Commit, CommitArgs, Create, CreateArgs, Entry3, EntryPlus3, Fattr3, Fsinfo, FsinfoArgs,
    FsinfoOk, Fsstat, FsstatArgs, FsstatOk, Getattr, GetattrArgs, Link, LinkArgs, LinkBody, Lookup, LookupArgs, Mkdir,
    MkdirArgs, Mknod, MknodArgs, NewObjectOk, Nfsstat3, Null, Pathconf, PathconfArgs, PathconfOk, PostOpAttr, Read,
    ReadArgs, Readdir, ReaddirArgs, Readdirplus, ReaddirplusArgs, Readlink, ReadlinkArgs, Remove, RemoveArgs, Rename,
    RenameArgs, RenameBody, Reply3, Rmdir, RmdirArgs, Setattr, SetattrArgs, Symlink, SymlinkArgs, WccData, Write,
    WriteArgs,
};
use nfs_wire::rpc::Procedure;

use super::client::{
    Answer, Committed, Content, Entry, Exported, Found, Granted, LinkText, Linked, Listing, Made, Mounted, MountedBy,
    ProtocolClient, Refusal, Renamed, Stop, Told, Written,
};
use crate::client::Client;

/// [`Client`] as one of the clients of the suite.
#[derive(Debug)]
pub struct Own {
    client: Client,
}

impl Own {
    /// Takes a connection.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    fn raw<P: Procedure>(&mut self, args: &P::Args) -> Answer<P::Result> {
        self.client.call::<P>(args).map_err(Stop::broken)
    }

    fn ask<P, Resok, Resfail>(&mut self, args: &P::Args) -> Answer<Resok>
    where
        P: Procedure<Result = Reply3<Resok, Resfail>>,
        Resfail: FailureBody,
    {
        match self.raw::<P>(args)? {
            Reply3::Ok(body) => Ok(body),
            Reply3::Failed(status, body) => {
                Err(Stop::Refused(Refusal { status, attributes: Some(body.into_attributes()) }))
            }
        }
    }
}

/// What a refusal says besides its status.
trait FailureBody {
    fn into_attributes(self) -> Vec<PostOpAttr>;
}

impl FailureBody for () {
    fn into_attributes(self) -> Vec<PostOpAttr> {
        Vec::new()
    }
}

impl FailureBody for PostOpAttr {
    fn into_attributes(self) -> Vec<PostOpAttr> {
        vec![self]
    }
}

impl FailureBody for WccData {
    fn into_attributes(self) -> Vec<PostOpAttr> {
        vec![self.after]
    }
}

impl FailureBody for RenameBody {
    fn into_attributes(self) -> Vec<PostOpAttr> {
        vec![self.fromdir_wcc.after, self.todir_wcc.after]
    }
}

impl FailureBody for LinkBody {
    fn into_attributes(self) -> Vec<PostOpAttr> {
        vec![self.file_attributes, self.linkdir_wcc.after]
    }
}

impl ProtocolClient for Own {
    fn null(&mut self) -> Answer<()> {
        self.raw::<Null>(&())
    }

    fn getattr(&mut self, args: &GetattrArgs) -> Answer<Fattr3> {
        Ok(self.ask::<Getattr, _, _>(args)?.obj_attributes)
    }

    fn setattr(&mut self, args: &SetattrArgs) -> Answer<Told<WccData>> {
        self.ask::<Setattr, _, _>(args).map(Some)
    }

    fn lookup(&mut self, args: &LookupArgs) -> Answer<Found> {
        let body = self.ask::<Lookup, _, _>(args)?;
        Ok(Found { object: body.object, attributes: body.obj_attributes, directory: Some(body.dir_attributes) })
    }

    fn access(&mut self, args: &AccessArgs) -> Answer<Granted> {
        let body = self.ask::<Access, _, _>(args)?;
        Ok(Granted { rights: body.access, attributes: Some(body.obj_attributes) })
    }

    fn readlink(&mut self, args: &ReadlinkArgs) -> Answer<LinkText> {
        let body = self.ask::<Readlink, _, _>(args)?;
        Ok(LinkText { text: body.data.into_bytes(), attributes: Some(body.symlink_attributes) })
    }

    fn read(&mut self, args: &ReadArgs) -> Answer<Content> {
        let body = self.ask::<Read, _, _>(args)?;
        let (count, eof) = (Some(body.count), Some(body.eof));
        Ok(Content { data: body.data, count, eof, attributes: Some(body.file_attributes) })
    }

    fn write(&mut self, args: &WriteArgs) -> Answer<Written> {
        let body = self.ask::<Write, _, _>(args)?;
        let (count, committed, verifier) = (body.count, body.committed, body.verf);
        Ok(Written { count, committed, verifier, wcc: Some(body.file_wcc) })
    }

    fn create(&mut self, args: &CreateArgs) -> Answer<Made> {
        self.ask::<Create, _, _>(args).map(made)
    }

    fn mkdir(&mut self, args: &MkdirArgs) -> Answer<Made> {
        self.ask::<Mkdir, _, _>(args).map(made)
    }

    fn symlink(&mut self, args: &SymlinkArgs) -> Answer<Made> {
        self.ask::<Symlink, _, _>(args).map(made)
    }

    fn mknod(&mut self, args: &MknodArgs) -> Answer<Made> {
        self.ask::<Mknod, _, _>(args).map(made)
    }

    fn remove(&mut self, args: &RemoveArgs) -> Answer<Told<WccData>> {
        self.ask::<Remove, _, _>(args).map(Some)
    }

    fn rmdir(&mut self, args: &RmdirArgs) -> Answer<Told<WccData>> {
        self.ask::<Rmdir, _, _>(args).map(Some)
    }

    fn rename(&mut self, args: &RenameArgs) -> Answer<Renamed> {
        let body = self.ask::<Rename, _, _>(args)?;
        Ok(Renamed { from: Some(body.fromdir_wcc), to: Some(body.todir_wcc) })
    }

    fn link(&mut self, args: &LinkArgs) -> Answer<Linked> {
        let body = self.ask::<Link, _, _>(args)?;
        Ok(Linked { attributes: body.file_attributes, directory: Some(body.linkdir_wcc) })
    }

    fn readdir(&mut self, args: &ReaddirArgs) -> Answer<Listing> {
        let body = self.ask::<Readdir, _, _>(args)?;
        let entries: Vec<_> = body.entries.into_vec().into_iter().map(entry).collect();
        let cookie = entries.last().and_then(|entry| entry.cookie).unwrap_or(args.cookie);
        let next = Some((cookie, body.cookieverf));
        Ok(Listing { entries, next, eof: body.eof, directory: Some(body.dir_attributes) })
    }

    fn readdirplus(&mut self, args: &ReaddirplusArgs) -> Answer<Listing> {
        let body = self.ask::<Readdirplus, _, _>(args)?;
        let entries: Vec<_> = body.entries.into_vec().into_iter().map(entry_plus).collect();
        let cookie = entries.last().and_then(|entry| entry.cookie).unwrap_or(args.cookie);
        let next = Some((cookie, body.cookieverf));
        Ok(Listing { entries, next, eof: body.eof, directory: Some(body.dir_attributes) })
    }

    fn fsstat(&mut self, args: &FsstatArgs) -> Answer<FsstatOk> {
        self.ask::<Fsstat, _, _>(args)
    }

    fn fsinfo(&mut self, args: &FsinfoArgs) -> Answer<FsinfoOk> {
        self.ask::<Fsinfo, _, _>(args)
    }

    fn pathconf(&mut self, args: &PathconfArgs) -> Answer<PathconfOk> {
        self.ask::<Pathconf, _, _>(args)
    }

    fn commit(&mut self, args: &CommitArgs) -> Answer<Committed> {
        let body = self.ask::<Commit, _, _>(args)?;
        Ok(Committed { verifier: body.verf, wcc: Some(body.file_wcc) })
    }

    fn mount_null(&mut self) -> Answer<()> {
        self.raw::<mount3::Null>(&())
    }

    fn mnt(&mut self, path: &str) -> Answer<Mounted> {
        match self.raw::<mount3::Mnt>(&dir_path(path)?)? {
            mount3::MountResult::Ok(body) => {
                let flavors = body.auth_flavors.iter().map(|flavor| flavor.0).collect();
                Ok(Mounted { root: body.fhandle, flavors: Some(flavors) })
            }
            mount3::MountResult::Failed(status) => {
                let status = Nfsstat3::from_code(status.code())
                    .ok_or_else(|| Stop::Broken(format!("{} is no nfsstat3", status.name())))?;
                Err(Stop::Refused(Refusal { status, attributes: None }))
            }
        }
    }

    fn dump(&mut self) -> Answer<Vec<MountedBy>> {
        let list = self.raw::<mount3::Dump>(&())?.into_vec();
        let line = |entry: nfs_wire::mount::MountEntry| MountedBy {
            host: entry.hostname.into_bytes(),
            path: entry.directory.into_bytes(),
        };
        Ok(list.into_iter().map(line).collect())
    }

    fn umnt(&mut self, path: &str) -> Answer<()> {
        self.raw::<mount3::Umnt>(&dir_path(path)?)
    }

    fn umntall(&mut self) -> Answer<()> {
        self.raw::<mount3::Umntall>(&())
    }

    fn export(&mut self) -> Answer<Vec<Exported>> {
        let list = self.raw::<mount3::Export>(&())?.into_vec();
        let line = |export: nfs_wire::mount::Export| Exported {
            path: export.dir.into_bytes(),
            groups: export.groups.into_vec().into_iter().map(|group| group.name.into_bytes()).collect(),
        };
        Ok(list.into_iter().map(line).collect())
    }
}

fn made(body: NewObjectOk) -> Made {
    Made { object: body.obj, attributes: body.obj_attributes, directory: Some(body.dir_wcc) }
}

fn entry(entry: Entry3) -> Entry {
    let (name, fileid, cookie) = (entry.name.into_bytes(), entry.fileid, Some(entry.cookie));
    Entry { name, fileid, cookie, attributes: None, handle: None }
}

fn entry_plus(entry: EntryPlus3) -> Entry {
    let (name, fileid, cookie) = (entry.name.into_bytes(), entry.fileid, Some(entry.cookie));
    Entry { name, fileid, cookie, attributes: entry.name_attributes, handle: entry.name_handle }
}

fn dir_path(path: &str) -> Answer<DirPath> {
    DirPath::new(Bytes::copy_from_slice(path.as_bytes())).map_err(Stop::broken)
}
