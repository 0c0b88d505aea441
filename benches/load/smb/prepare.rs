//! What operations stand on: a tree connect, a folder of this run, files in it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::{Context, Result, bail};
use load::{Connection, Operation, Phase, Slots, Stream, Window};
use smb_wire::codec::Utf16;
use smb_wire::create::{CreateDisposition, CreateResponse};
use smb_wire::tree_connect::{TreeConnectFlags, TreeConnectRequest};
use smb_wire::{Command, FileId};

use crate::arguments::{Arguments, OperationKind};
use crate::log_on::log_on;
use crate::message::{Call, Reply};
use crate::open::{Open, utf16};
use crate::operations::{FileFill, Makes, Names};
use crate::protocol::Smb;

/// What operations stand on.
#[derive(Debug)]
pub(crate) struct Ground {
    /// The folder of this run, below the share.
    pub(crate) folder: String,
    /// Size of the file in it.
    pub(crate) file_bytes: u64,
    /// Where the next call in order goes.
    pub(crate) next_place: AtomicU64,
    /// Files that exist.
    pub(crate) old_names: Arc<Names>,
    /// Names that do not exist.
    pub(crate) new_names: Arc<Names>,
    /// Operations that may still begin, if they are limited.
    pub(crate) left: Option<Arc<AtomicU64>>,
}

/// Connects, logs on and connects to the share.
pub(crate) async fn connect(arguments: &Arguments) -> Result<Connection<Smb>> {
    let mut stream = Stream::connect(arguments.pace.server, arguments.pace.congestion.as_deref()).await?;
    let session = log_on(&mut stream, arguments).await?;
    let mut connection = Connection::new(stream, Smb::new(session, arguments.protection()));
    let path = utf16(&format!(r"\\{}\{}", arguments.pace.server.ip(), arguments.share));
    let path = Utf16::from_bytes(&path).context("half a unit")?;
    let request = TreeConnectRequest { flags: TreeConnectFlags::empty(), path };
    let reply = connection.ask(Call::new(Command::TREE_CONNECT, &request)).await?;
    reply.check().context("TREE_CONNECT")?;
    connection.protocol.tree_id = reply.tree_id;
    Ok(connection)
}

/// Opens the run's file.
pub(crate) async fn open_file(connection: &mut Connection<Smb>, ground: &Ground) -> Result<FileId> {
    opened(connection, &Open::file(&ground.file(), CreateDisposition::OPEN)).await
}

async fn opened(connection: &mut Connection<Smb>, open: &Open) -> Result<FileId> {
    let reply = connection.ask(open.call()).await?;
    let response: CreateResponse<'_> = reply.decode().with_context(|| format!("CREATE {}", open.path))?;
    Ok(response.file_id)
}

impl Ground {
    fn of(arguments: &Arguments) -> Self {
        let folder = arguments.folder();
        Self {
            file_bytes: arguments.pace.file_bytes,
            next_place: AtomicU64::new(0),
            old_names: Names::new(&folder, "old-", files_needed(arguments)),
            // A second life on the same folder makes names of its own.
            new_names: Names::new(&folder, &format!("new-{}-", std::process::id()), u64::MAX),
            left: arguments.pace.limit.map(|limit| Arc::new(AtomicU64::new(limit))),
            folder,
        }
    }

    fn file(&self) -> String {
        format!(r"{}\file", self.folder)
    }
}

/// Makes what the operation needs, or believes that it is there.
pub(crate) async fn prepare(arguments: &Arguments) -> Result<Arc<Ground>> {
    let ground = Arc::new(Ground::of(arguments));
    if arguments.pace.phase == Phase::Measure {
        return Ok(ground);
    }
    let mut connection = connect(arguments).await?;
    for open in
        [Open::folder(&ground.folder, CreateDisposition::CREATE), Open::file(&ground.file(), CreateDisposition::CREATE)]
    {
        let file_id = opened(&mut connection, &open).await?;
        close(&mut connection, file_id).await?;
    }
    let slots = || 0..PREPARE_DEPTH;
    let names = Names::new(&ground.folder, "old-", files_needed(arguments));
    run(&mut connection, slots().map(|_| Box::new(Makes::new(&names)) as Box<dyn Operation<Call, Reply>>).collect())
        .await?;
    if needs_data(arguments.operation) {
        let file_id = open_file(&mut connection, &ground).await?;
        let next = Arc::new(AtomicU64::new(0));
        let fill = |_| Box::new(FileFill::new(&ground, (file_id, &next))) as Box<dyn Operation<Call, Reply>>;
        run(&mut connection, slots().map(fill).collect()).await?;
        close(&mut connection, file_id).await?;
    }
    Ok(ground)
}

async fn close(connection: &mut Connection<Smb>, file_id: FileId) -> Result<()> {
    connection.ask(Call::close(file_id)).await?.check().context("CLOSE")
}

async fn run(connection: &mut Connection<Smb>, operations: Vec<Box<dyn Operation<Call, Reply>>>) -> Result<()> {
    let tally = connection.run(Slots::new(operations, Window::to_prepare())?).await?;
    match tally.first_error {
        Some(error) => bail!("{} calls failed, first: {error}", tally.errors),
        None => Ok(()),
    }
}

fn files_needed(arguments: &Arguments) -> u64 {
    match arguments.operation {
        OperationKind::OpenClose => NAMES_OPENED,
        OperationKind::Unlink | OperationKind::List => arguments.pace.entries,
        _ => 0,
    }
}

const fn needs_data(operation: OperationKind) -> bool {
    matches!(
        operation,
        OperationKind::Read4k
            | OperationKind::Read1m
            | OperationKind::Write1m
            | OperationKind::Write4k
            | OperationKind::Write4kThrough
    )
}

pub(crate) const NAMES_OPENED: u64 = 64;
const PREPARE_DEPTH: usize = 32;
