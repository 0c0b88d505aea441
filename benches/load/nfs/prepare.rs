//! What operations stand on: a mount, a folder of this run, files in it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::{Context, Result, bail};
use load::{Connection, Operation, Phase, Slots, Stream, Window};
use nfs_wire::mount::{DirPath, v3 as mount3};
use nfs_wire::nfs3::{
    Create, CreateArgs, CreateHow, DirOpArgs, FileHandle, Filename, Lookup, LookupArgs, Mkdir, MkdirArgs, Reply3,
    Sattr3,
};
use nfs_wire::rpc::Procedure;

use crate::arguments::{Arguments, OperationKind};
use crate::operations::{CreateNames, FileFill, Names};
use crate::protocol::Nfs;
use crate::rpc::{Call, Reply};

/// What operations stand on.
#[derive(Debug)]
pub(crate) struct Ground {
    /// A folder of this run.
    pub(crate) folder: FileHandle,
    /// A file in it.
    pub(crate) file: FileHandle,
    /// Its size.
    pub(crate) file_bytes: u64,
    /// Where the next call in order goes.
    pub(crate) next_place: AtomicU64,
    /// Files that exist, a few.
    pub(crate) some_names: Vec<Filename>,
    /// Files that exist, all.
    pub(crate) old_names: Arc<Names>,
    /// Names that do not exist.
    pub(crate) new_names: Arc<Names>,
    /// Operations that may still begin, if they are limited.
    pub(crate) left: Option<Arc<AtomicU64>>,
}

/// Mounts and makes what the operation needs, or finds it.
pub(crate) async fn prepare(arguments: &Arguments) -> Result<Ground> {
    let root = mount(arguments).await.context("MOUNT")?;
    let mut plain = Plain::connect(arguments, arguments.pace.server).await?;
    let is_there = arguments.pace.phase == Phase::Measure;
    let folder = plain.folder(is_there, &root, &arguments.folder()).await?;
    let file = if is_there { plain.lookup(&folder, "file").await? } else { plain.create(&folder, "file").await? };
    let mut folders = vec![folder.clone()];
    if arguments.directories > 1 {
        folders.clear();
        for number in 0..arguments.directories {
            folders.push(plain.folder(is_there, &folder, &format!("d-{number}")).await?);
        }
    }
    let ground = Arc::new(Ground {
        file,
        file_bytes: arguments.pace.file_bytes,
        next_place: AtomicU64::new(0),
        some_names: (0..NAMES_LOOKED_UP).filter_map(|number| Filename::new(format!("old-{number}")).ok()).collect(),
        old_names: Names::new(&folders, "old-", arguments.pace.entries),
        // A second life on the same folder makes names of its own.
        new_names: Names::new(&folders, &format!("new-{}-", std::process::id()), u64::MAX),
        left: arguments.pace.limit.map(|limit| Arc::new(AtomicU64::new(limit))),
        folder,
    });
    if !is_there {
        fill(arguments, &ground, &folders).await?;
    }
    Arc::into_inner(ground).context("the ground is still used")
}

async fn fill(arguments: &Arguments, ground: &Arc<Ground>, folders: &[FileHandle]) -> Result<()> {
    let slots = || 0..PREPARE_DEPTH;
    let names = Names::new(folders, "old-", files_needed(arguments));
    run(
        arguments,
        slots().map(|_| Box::new(CreateNames(Arc::clone(&names))) as Box<dyn Operation<Call, Reply>>).collect(),
    )
    .await?;
    if needs_data(arguments.operation) {
        let next = Arc::new(AtomicU64::new(0));
        run(
            arguments,
            slots().map(|_| Box::new(FileFill::new(ground, &next)) as Box<dyn Operation<Call, Reply>>).collect(),
        )
        .await?;
    }
    Ok(())
}

async fn run(arguments: &Arguments, operations: Vec<Box<dyn Operation<Call, Reply>>>) -> Result<()> {
    let mut plain = Plain::connect(arguments, arguments.pace.server).await?;
    let tally = plain.0.run(Slots::new(operations, Window::to_prepare())?).await?;
    match tally.first_error {
        Some(error) => bail!("{} calls failed, first: {error}", tally.errors),
        None => Ok(()),
    }
}

fn files_needed(arguments: &Arguments) -> u64 {
    let slots = arguments.pace.connections * arguments.pace.depth;
    match arguments.operation {
        OperationKind::Lookup => NAMES_LOOKED_UP,
        OperationKind::Rename => slots as u64,
        OperationKind::Remove | OperationKind::Readdirplus | OperationKind::LookupAny => arguments.pace.entries,
        _ => 0,
    }
}

fn needs_data(operation: OperationKind) -> bool {
    matches!(
        operation,
        OperationKind::Read4k
            | OperationKind::Read1m
            | OperationKind::Write1m
            | OperationKind::Write4k
            | OperationKind::Write4kSync
    )
}

async fn mount(arguments: &Arguments) -> Result<FileHandle> {
    let mut plain = Plain::connect(arguments, arguments.mount_address()).await?;
    let path = DirPath::new(arguments.export.clone())?;
    match plain.call::<mount3::Mnt>(&path).await? {
        mount3::MountResult::Ok(body) => Ok(body.fhandle),
        mount3::MountResult::Failed(status) => bail!("{status:?}"),
    }
}

/// One call at a time.
struct Plain(Connection<Nfs>);

impl Plain {
    async fn connect(arguments: &Arguments, address: SocketAddr) -> Result<Self> {
        let stream = Stream::connect(address, arguments.pace.congestion.as_deref()).await?;
        Ok(Self(Connection::new(stream, Nfs::default())))
    }

    async fn call<P: Procedure>(&mut self, args: &P::Args) -> Result<P::Result> {
        self.0.ask(Call::new::<P>(args)).await?.decode()
    }

    /// A directory that is there, or a new one.
    async fn folder(&mut self, is_there: bool, parent: &FileHandle, name: &str) -> Result<FileHandle> {
        if is_there { self.lookup(parent, name).await } else { self.mkdir(parent, name).await }
    }

    async fn lookup(&mut self, parent: &FileHandle, name: &str) -> Result<FileHandle> {
        let what = DirOpArgs { dir: parent.clone(), name: Filename::new(name.to_owned())? };
        match self.call::<Lookup>(&LookupArgs { what }).await? {
            Reply3::Ok(found) => Ok(found.object),
            Reply3::Failed(status, _) => bail!("LOOKUP {name}: {status:?}"),
        }
    }

    async fn mkdir(&mut self, parent: &FileHandle, name: &str) -> Result<FileHandle> {
        let place = DirOpArgs { dir: parent.clone(), name: Filename::new(name.to_owned())? };
        let attributes = Sattr3 { mode: Some(0o755), ..Sattr3::default() };
        match self.call::<Mkdir>(&MkdirArgs { place, attributes }).await? {
            Reply3::Ok(made) => made.obj.context("a MKDIR without a handle"),
            Reply3::Failed(status, _) => bail!("MKDIR {name}: {status:?}"),
        }
    }

    async fn create(&mut self, folder: &FileHandle, name: &str) -> Result<FileHandle> {
        let place = DirOpArgs { dir: folder.clone(), name: Filename::new(name.to_owned())? };
        let how = CreateHow::Guarded(Sattr3 { mode: Some(0o644), ..Sattr3::default() });
        match self.call::<Create>(&CreateArgs { place, how }).await? {
            Reply3::Ok(made) => made.obj.context("a CREATE without a handle"),
            Reply3::Failed(status, _) => bail!("CREATE {name}: {status:?}"),
        }
    }
}

const NAMES_LOOKED_UP: u64 = 64;
const PREPARE_DEPTH: usize = 32;
