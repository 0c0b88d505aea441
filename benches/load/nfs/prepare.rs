//! What operations stand on: a mount, a folder of this run, files in it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nfs_wire::mount::{DirPath, v3 as mount3};
use nfs_wire::nfs3::{
    Create, CreateArgs, CreateHow, DirOpArgs, FileHandle, Filename, Mkdir, MkdirArgs, Reply3, Sattr3,
};
use nfs_wire::rpc::Procedure;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::arguments::{Arguments, OperationKind};
use crate::connection::Connection;
use crate::operations::{CreateNames, FileFill, Names, Operation};
use crate::rpc::{Call, Reply};
use crate::window::Window;

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
}

/// Mounts and makes what the operation needs.
pub(crate) async fn prepare(arguments: &Arguments) -> Result<Ground> {
    let root = mount(arguments).await.context("MOUNT")?;
    let mut plain = Plain::connect(arguments.server).await?;
    let folder = plain.mkdir(&root, &format!("nfs-load-{}", std::process::id())).await?;
    let file = plain.create(&folder, "file").await?;
    let ground = Arc::new(Ground {
        file,
        file_bytes: arguments.file_bytes,
        next_place: AtomicU64::new(0),
        some_names: (0..NAMES_LOOKED_UP).filter_map(|number| Filename::new(format!("old-{number}")).ok()).collect(),
        old_names: Names::new(&folder, "old-", arguments.entries),
        new_names: Names::new(&folder, "new-", u64::MAX),
        folder,
    });
    let slots = || 0..PREPARE_DEPTH;
    let files = files_needed(arguments);
    let names = Names::new(&ground.folder, "old-", files);
    run(arguments, slots().map(|_| Box::new(CreateNames(Arc::clone(&names))) as Box<dyn Operation>).collect()).await?;
    if needs_data(arguments.operation) {
        let next = Arc::new(AtomicU64::new(0));
        run(arguments, slots().map(|_| Box::new(FileFill::new(&ground, &next)) as Box<dyn Operation>).collect())
            .await?;
    }
    Arc::into_inner(ground).context("the ground is still used")
}

async fn run(arguments: &Arguments, operations: Vec<Box<dyn Operation>>) -> Result<()> {
    let endless = Window::new(Duration::ZERO, PREPARE_LIMIT);
    let tally = Connection::with(arguments, operations).await?.run(&endless).await?;
    match tally.first_error {
        Some(error) => bail!("{} calls failed, first: {error}", tally.errors),
        None => Ok(()),
    }
}

fn files_needed(arguments: &Arguments) -> u64 {
    let slots = arguments.connections * arguments.depth;
    match arguments.operation {
        OperationKind::Lookup => NAMES_LOOKED_UP,
        OperationKind::Rename => slots as u64,
        OperationKind::Remove | OperationKind::Readdirplus => arguments.entries,
        _ => 0,
    }
}

fn needs_data(operation: OperationKind) -> bool {
    matches!(
        operation,
        OperationKind::Read4k | OperationKind::Read1m | OperationKind::Write1m | OperationKind::Write4kSync
    )
}

async fn mount(arguments: &Arguments) -> Result<FileHandle> {
    let mut plain = Plain::connect(arguments.mount_address()).await?;
    let path = DirPath::new(arguments.export.clone())?;
    match plain.call::<mount3::Mnt>(&path).await? {
        mount3::MountResult::Ok(body) => Ok(body.fhandle),
        mount3::MountResult::Failed(status) => bail!("{status:?}"),
    }
}

/// One call at a time.
struct Plain(TcpStream);

impl Plain {
    async fn connect(address: std::net::SocketAddr) -> Result<Self> {
        Ok(Self(TcpStream::connect(address).await.with_context(|| format!("at {address}"))?))
    }

    async fn call<P: Procedure>(&mut self, args: &P::Args) -> Result<P::Result> {
        self.0.write_all(&Call::new::<P>(args).head).await?;
        let length = self.0.read_u32().await? & !(1 << 31);
        let mut record = vec![0; usize::try_from(length)?];
        self.0.read_exact(&mut record).await?;
        Reply::parse(&record)?.decode()
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
const PREPARE_LIMIT: Duration = Duration::from_secs(3600);
