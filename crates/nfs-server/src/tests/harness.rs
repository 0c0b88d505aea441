//! A house of memory with two zones, and clients that call it without sockets.

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use nfs_wire::mount::{DirPath, v3};
use nfs_wire::nfs3::{self, DirOpArgs, Fattr3, FileHandle, Filename, Nfsstat3, Sattr3};
use nfs_wire::rpc::{AuthSys, CallHeader, OpaqueAuth, Procedure, ReplyHeader};
use nfs_wire::xdr::{Decode, Decoder, Encode, Encoder, Opaque};
use pages::{Pool, PoolSettings};
use testkit::{ManualClock, ReferenceFilesystem, block_on};
use vfs::{
    Admin, FsError, InodeId, MkdirRequest, Namespace, OpContext, SetAttributes, ShardId, ZoneId, ZoneRootRequest,
};
use zones::{Registry, ZoneDefinition};

use crate::caller::{Caller, Role};
use crate::dispatch::handle;
use crate::door::Door;
use crate::handle::HandleKeys;
use crate::reply::{Outcome, Reply};
use crate::settings::Settings;
use admission::{Connections, Place};

pub(crate) const CONTOSO: &str = "127.0.0.1";
pub(crate) const FABRIKAM: &str = "127.0.0.2";

/// A zone file with more keys for its one export.
pub(crate) fn zone(name: &str, address: &str, export: &str) -> String {
    format!(
        "name = \"{name}\"\nbase = \"/tenants/{name}\"\naddresses = [\"{address}\"]\n[[export]]\n\
         paths = [\"/projects\"]\nmap_root = \"off\"\n{export}\n"
    )
}

fn place(door: &Door<ReferenceFilesystem>) -> Place {
    let connections = Arc::new(Connections::new(
        door.settings.bytes_in_flight_max,
        Pool::new(PoolSettings::default()),
        Arc::default(),
    ));
    Connections::beside(&connections, (ZoneId(1), [192, 0, 2, 1].into()))
}

pub(crate) struct House {
    pub(crate) vfs: Arc<ReferenceFilesystem>,
    pub(crate) door: Arc<Door<ReferenceFilesystem>>,
    pub(crate) clock: Arc<ManualClock>,
    /// Of a connection that counts for nobody.
    pub(crate) place: Place,
}

impl House {
    /// Zones contoso and fabrikam with one export each that everyone may write to.
    pub(crate) fn new() -> Self {
        Self::with(&[&zone("contoso", CONTOSO, ""), &zone("fabrikam", FABRIKAM, "")])
    }

    pub(crate) fn with(zones: &[&str]) -> Self {
        Self::with_settings(zones, Settings::default())
    }

    pub(crate) fn with_settings(zones: &[&str], settings: Settings) -> Self {
        let clock = Arc::new(ManualClock::ticking(Duration::from_nanos(1)));
        let vfs = Arc::new(ReferenceFilesystem::new(clock.clone()));
        let keys = HandleKeys::new(&[(1, [7; 32])]).unwrap();
        let registry = Arc::new(Registry::new());
        let door = Arc::new(Door::new(vfs.clone(), registry, (keys, clock.clone()), settings));
        let house = Self { vfs, place: place(&door), door, clock };
        house.reload(zones);
        house
    }

    /// The same store behind a new door, as after a restart.
    pub(crate) fn restarted(&self, keys: &[(u16, [u8; 32])]) -> Self {
        let (registry, clock) = (Arc::clone(&self.door.registry), Arc::clone(&self.door.clock));
        let keys = (HandleKeys::new(keys).unwrap(), clock);
        let door = Arc::new(Door::new(Arc::clone(&self.vfs), registry, keys, self.door.settings.clone()));
        Self { vfs: Arc::clone(&self.vfs), place: place(&door), door, clock: Arc::clone(&self.clock) }
    }

    /// Serves these zones, with the directories of their exports, mode 1777.
    pub(crate) fn reload(&self, zones: &[&str]) {
        self.reload_beside(zones, &[]);
    }

    /// As [`House::reload`], with files that the zone files name.
    pub(crate) fn reload_beside(&self, zones: &[&str], files: &[(&str, &str)]) {
        let parsed = zones.iter().map(|text| self.parse(text, files));
        self.door.registry.install(parsed.collect());
    }

    /// A zone and its base.
    pub(crate) fn parse(&self, text: &str, files: &[(&str, &str)]) -> (ZoneDefinition, InodeId) {
        let read = |file: &Path, _| {
            let found = files.iter().find(|(name, _)| Path::new(name) == file);
            found.map(|(_, text)| text.as_bytes().to_vec()).ok_or_else(|| std::io::Error::other("no such file"))
        };
        let sources = zones::Sources { resolve: &zones::system_resolver, read: &read, read_secret: &read };
        let zone = zones::parse_with(Path::new("zone.toml"), text, sources).unwrap_or_else(|errors| panic!("{errors}"));
        let base = self.make_base(&zone);
        (zone, base)
    }

    pub(crate) fn client(&self, local: &str) -> Client<'_> {
        self.client_from(local, "192.0.2.10")
    }

    pub(crate) fn client_from(&self, local: &str, peer: &str) -> Client<'_> {
        let at = |host: &str, port| SocketAddr::new(host.parse().unwrap(), port);
        let caller = Caller::new(Role::Nfs, at(local, 2049), at(peer, 700), self.door.next_session());
        Client { house: self, caller, credential: sys(0, 0, &[]), xid: Cell::new(1) }
    }

    /// The base is a shard of its own; exports are plain directories in it.
    fn make_base(&self, zone: &ZoneDefinition) -> InodeId {
        let ctx = OpContext::internal(InodeId::root_of(ShardId::ROOT));
        let attributes = |mode| SetAttributes { mode: Some(mode), ..SetAttributes::default() };
        let request = ZoneRootRequest { base: zone.base().to_vec(), attributes: attributes(0o755) };
        let root = block_on(self.vfs.zone_root(&ctx, request)).unwrap().attributes.inode;
        for export in zone.exports() {
            let [name] = export.components() else { panic!("exports here are one level deep") };
            let request = MkdirRequest { parent: root, name: name.clone(), attributes: attributes(0o1777) };
            match block_on(self.vfs.mkdir(&ctx, request)) {
                Err(failure) if failure.error != FsError::Exists => panic!("{failure:?}"),
                _ => {}
            }
        }
        root
    }
}

/// One connection of one user.
pub(crate) struct Client<'a> {
    pub(crate) house: &'a House,
    pub(crate) caller: Caller,
    pub(crate) credential: OpaqueAuth,
    pub(crate) xid: Cell<u32>,
}

impl<'a> Client<'a> {
    pub(crate) fn user(self, uid: u32, gid: u32, groups: &[u32]) -> Self {
        Self { credential: sys(uid, gid, groups), ..self }
    }

    pub(crate) fn portmap(self) -> Self {
        let (local, peer) = (self.caller.local, SocketAddr::new(self.caller.client, 700));
        Self { caller: Caller::new(Role::Portmap, local, peer, self.caller.session), ..self }
    }

    /// The record of a call with the next xid.
    pub(crate) fn record<P: Procedure>(&self, args: &P::Args) -> Bytes {
        self.xid.set(self.xid.get() + 1);
        let header = CallHeader {
            xid: self.xid.get(),
            program: P::PROGRAM,
            version: P::VERSION,
            procedure: P::NUMBER,
            credential: self.credential.clone(),
            verifier: OpaqueAuth::none(),
        };
        record(&header, args)
    }

    pub(crate) fn send(&self, record: Bytes) -> Outcome {
        block_on(handle(&self.house.door, &self.caller, record))
    }

    pub(crate) fn call<P: Procedure>(&self, args: &P::Args) -> P::Result {
        let reply = self.send(self.record::<P>(args));
        let (header, mut rest) = open(reply);
        assert!(header.is_success(), "{}: {header:?}", P::NAME);
        let result = P::Result::decode(&mut rest).unwrap();
        rest.finish().unwrap();
        result
    }

    /// Mounts the export and returns its root.
    pub(crate) fn mount(&self) -> FileHandle {
        match self.call::<v3::Mnt>(&path("/projects")) {
            v3::MountResult::Ok(body) => body.fhandle,
            v3::MountResult::Failed(status) => panic!("{status:?}"),
        }
    }

    pub(crate) fn create(&self, dir: &FileHandle, name: &str) -> FileHandle {
        let how = nfs3::CreateHow::Guarded(mode(0o644));
        let place = at(dir, name);
        self.call::<nfs3::Create>(&nfs3::CreateArgs { place, how }).into_result().unwrap().obj.unwrap()
    }

    pub(crate) fn mkdir(&self, dir: &FileHandle, name: &str) -> FileHandle {
        let args = nfs3::MkdirArgs { place: at(dir, name), attributes: mode(0o755) };
        self.call::<nfs3::Mkdir>(&args).into_result().unwrap().obj.unwrap()
    }

    pub(crate) fn symlink(&self, dir: &FileHandle, name: &str, target: &str) -> FileHandle {
        let symlink_data = nfs3::NfsPath::new(target.as_bytes().to_vec()).unwrap();
        let symlink = nfs3::SymlinkData { symlink_attributes: Sattr3::default(), symlink_data };
        let args = nfs3::SymlinkArgs { place: at(dir, name), symlink };
        self.call::<nfs3::Symlink>(&args).into_result().unwrap().obj.unwrap()
    }

    pub(crate) fn lookup(&self, dir: &FileHandle, name: &str) -> Result<FileHandle, Nfsstat3> {
        let args = nfs3::LookupArgs { what: at(dir, name) };
        self.call::<nfs3::Lookup>(&args).into_result().map(|found| found.object)
    }

    pub(crate) fn getattr(&self, object: &FileHandle) -> Result<Fattr3, Nfsstat3> {
        let args = nfs3::GetattrArgs { object: object.clone() };
        self.call::<nfs3::Getattr>(&args).into_result().map(|found| found.obj_attributes)
    }

    pub(crate) fn setattr(&self, object: &FileHandle, new_attributes: Sattr3) -> nfs3::SetattrResult {
        self.call::<nfs3::Setattr>(&nfs3::SetattrArgs { object: object.clone(), new_attributes, guard: None })
    }

    pub(crate) fn write(&self, file: &FileHandle, offset: u64, data: &[u8]) -> nfs3::WriteResult {
        let stable = nfs3::StableHow::Unstable;
        let (count, data) = (u32::try_from(data.len()).unwrap(), Bytes::copy_from_slice(data));
        self.call::<nfs3::Write>(&nfs3::WriteArgs { file: file.clone(), offset, count, stable, data })
    }

    pub(crate) fn read(&self, file: &FileHandle, offset: u64, count: u32) -> Result<nfs3::ReadOk, Nfsstat3> {
        self.call::<nfs3::Read>(&nfs3::ReadArgs { file: file.clone(), offset, count }).into_result()
    }

    pub(crate) fn remove(&self, dir: &FileHandle, name: &str) -> nfs3::RemoveResult {
        self.call::<nfs3::Remove>(&nfs3::RemoveArgs { object: at(dir, name) })
    }
}

pub(crate) fn record(header: &CallHeader, args: &impl Encode) -> Bytes {
    let mut buffer = BytesMut::new();
    let mut encoder = Encoder::new(&mut buffer);
    header.encode(&mut encoder);
    args.encode(&mut encoder);
    buffer.freeze()
}

/// The reply header and what follows it.
pub(crate) fn open(outcome: Outcome) -> (ReplyHeader, Decoder) {
    let Outcome::Reply(reply) = outcome else { panic!("no reply: {outcome:?}") };
    let mut decoder = Decoder::new(flat(&reply).slice(4..));
    (ReplyHeader::decode(&mut decoder).unwrap(), decoder)
}

/// All bytes of a reply, checked against its record marker.
pub(crate) fn flat(reply: &Reply) -> Bytes {
    let bytes = reply.to_vec();
    let marker = u32::from_be_bytes(*bytes.first_chunk().unwrap());
    assert_eq!(marker, 0x8000_0000 | u32::try_from(bytes.len() - 4).unwrap(), "record marker");
    bytes.into()
}

pub(crate) fn sys(uid: u32, gid: u32, groups: &[u32]) -> OpaqueAuth {
    let gids = groups.iter().copied().collect();
    OpaqueAuth::sys(&AuthSys { stamp: 0, machine_name: Opaque::from_static("client"), uid, gid, gids })
}

pub(crate) fn at(dir: &FileHandle, name: impl AsRef<[u8]>) -> DirOpArgs {
    DirOpArgs { dir: dir.clone(), name: Filename::new(name.as_ref().to_vec()).unwrap() }
}

pub(crate) fn path(path: &str) -> DirPath {
    DirPath::new(path.as_bytes().to_vec()).unwrap()
}

pub(crate) fn mode(mode: u32) -> Sattr3 {
    Sattr3 { mode: Some(mode), ..Sattr3::default() }
}
