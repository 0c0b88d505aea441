//! Workers: each changes its own folder through its own connection until the server is gone.

use std::net::SocketAddr;
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow, ensure};
use bytes::Bytes;
use nfs_wire::nfs3::{FileHandle, Nfsstat3, Sattr3, StableHow, Verifier, WriteArgs};

use super::change::Change;
use super::expected::Expected;
use super::observed::Observed;
use super::random::Random;
use crate::client::{Answer, CallFailure, Client};

/// How the server ends under a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Its process dies: connections break, and nothing before that may fail.
    Killed,
    /// Its disk dies first: NFS3ERR_IO and its like are honest answers then, and leave the change undecided.
    DiskFails,
}

/// Several workers at once.
#[derive(Debug)]
pub struct Load {
    workers: Vec<JoinHandle<Result<Worker>>>,
}

/// One worker and its journal.
#[derive(Debug)]
pub struct Worker {
    folder: String,
    random: Random,
    changes: u64,
    /// Number of the next change, part of new names: an unanswered one may have been done, so it counts too.
    next: u64,
    expected: Expected,
    unanswered: Option<Change>,
    /// The write verifier of the server's present life.
    verifier: Option<Verifier>,
}

impl Worker {
    /// A worker whose folder does not exist yet.
    #[must_use]
    pub fn new(number: u64, seed: u64) -> Self {
        Self {
            folder: format!("worker-{number}"),
            random: Random::new(seed.wrapping_add(number.wrapping_mul(7919))),
            changes: 0,
            next: 0,
            expected: Expected::default(),
            unanswered: None,
            verifier: None,
        }
    }

    /// Makes the worker's folder below the export.
    pub fn prepare(&self, address: SocketAddr) -> Result<()> {
        let (mut client, root) = attach(address)?;
        client.mkdir(&root, &self.folder, 0o755).map(drop).context("the worker's folder")
    }

    /// How many changes were acknowledged so far.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.changes
    }

    /// Compares the server's state with the journal, and goes on from there.
    /// `restarted` says that the server lost its memory since: its verifier must tell.
    pub fn verify(&mut self, address: SocketAddr, restarted: bool) -> Result<()> {
        let (mut client, root) = attach(address)?;
        let folder = client.lookup(&root, &self.folder).with_context(|| format!("{} is missing", self.folder))?;
        let observed = Observed::read(&mut client, &folder).context("reading back")?;
        let without = self.expected.accepts(&observed);
        let unanswered = self.unanswered.take();
        let with = unanswered.as_ref().map(|change| self.expected.with_unanswered(change).accepts(&observed));
        if let (Err(without), None | Some(Err(_))) = (&without, &with) {
            let with = with.and_then(Result::err).unwrap_or_default();
            let cut = unanswered.map(|change| short(&change));
            return Err(anyhow!("{}: {without}; if {cut:?} was done: {with}", self.folder));
        }
        self.expected = observed.into_expected();
        if restarted {
            self.check_new_verifier(&mut client, &folder)?;
        }
        Ok(())
    }

    /// Changes its folder until the connection breaks. Any refusal is an error: every change chosen is a legal one.
    fn run(mut self, address: SocketAddr, ending: Ending) -> Result<Self> {
        let (mut client, root) = attach(address)?;
        let folder = client.lookup(&root, &self.folder)?;
        // A life of its own: the gateway may have been stopped in good order since the last one.
        self.verifier = None;
        loop {
            let change = Change::choose(&self.expected, self.next, &mut self.random);
            self.next += 1;
            match self.perform(&mut client, &folder, &change) {
                Ok(()) => {
                    self.expected.apply(&change);
                    self.changes += 1;
                }
                Err(failure) if ending.explains(&failure) => {
                    self.unanswered = Some(change);
                    return Ok(self);
                }
                Err(failure) => return Err(anyhow!("{}: {}: {failure}", self.folder, short(&change))),
            }
        }
    }

    fn perform(&mut self, client: &mut Client, folder: &FileHandle, change: &Change) -> Answer<()> {
        match change {
            Change::Mkdir { path, mode } => client.mkdir(folder, path, *mode).map(drop),
            Change::Rmdir { path } => client.rmdir(folder, path),
            Change::Create { path, mode } => {
                let (parent, name) = parent(client, folder, path)?;
                client.create(&parent, name, *mode).map(drop)
            }
            Change::Remove { path } => {
                let (parent, name) = parent(client, folder, path)?;
                client.remove(&parent, name)
            }
            Change::Rename { from, to } => {
                let (old_parent, old_name) = parent(client, folder, from)?;
                let (new_parent, new_name) = parent(client, folder, to)?;
                client.rename((&old_parent, old_name), (&new_parent, new_name))
            }
            Change::Write { path, offset, data, stable } => {
                let file = client.walk(folder, path)?;
                let stable = if *stable { StableHow::FileSync } else { StableHow::Unstable };
                let offset = u64::try_from(*offset).unwrap_or(u64::MAX);
                let count = u32::try_from(data.len()).unwrap_or(u32::MAX);
                let args = WriteArgs { file, offset, count, stable, data: Bytes::copy_from_slice(data) };
                let verifier = client.write(&args)?;
                self.same_life(verifier)
            }
            Change::Commit { path } => {
                let file = client.walk(folder, path)?;
                let verifier = client.commit(&file)?;
                self.same_life(verifier)
            }
            Change::Truncate { path, size } => {
                let object = client.walk(folder, path)?;
                client.setattr(&object, Sattr3 { size: u64::try_from(*size).ok(), ..Sattr3::default() })
            }
            Change::Chmod { path, mode } => {
                let object = client.walk(folder, path)?;
                client.setattr(&object, Sattr3 { mode: Some(*mode), ..Sattr3::default() })
            }
        }
    }

    /// A verifier that changes while the server lives says that data was lost, which it must not be.
    fn same_life(&mut self, verifier: Verifier) -> Answer<()> {
        let known = *self.verifier.get_or_insert(verifier);
        if known == verifier {
            return Ok(());
        }
        Err(CallFailure::Nonsense(format!(
            "the write verifier went from {known:x?} to {verifier:x?} without a restart"
        )))
    }

    fn check_new_verifier(&mut self, client: &mut Client, folder: &FileHandle) -> Result<()> {
        let before = self.verifier.take();
        let Some(file) = self.expected.files.keys().next() else { return Ok(()) };
        let file = client.walk(folder, file)?;
        let now = *self.verifier.insert(client.commit(&file)?);
        ensure!(before != Some(now), "the write verifier {now:x?} survived a restart that lost unstable data");
        Ok(())
    }
}

impl Ending {
    fn explains(self, failure: &CallFailure) -> bool {
        match failure {
            CallFailure::Lost(_) => true,
            CallFailure::Refused(Nfsstat3::Io | Nfsstat3::Serverfault | Nfsstat3::Rofs) => self == Self::DiskFails,
            _ => false,
        }
    }
}

impl Load {
    /// Sets the workers to work.
    #[must_use]
    pub fn start(workers: Vec<Worker>, address: SocketAddr, ending: Ending) -> Self {
        let start = |worker: Worker| thread::spawn(move || worker.run(address, ending));
        Self { workers: workers.into_iter().map(start).collect() }
    }

    /// Waits until every worker has lost its server.
    pub fn finish(self) -> Result<Vec<Worker>> {
        let end = |thread: JoinHandle<Result<Worker>>| thread.join().map_err(|_| anyhow!("a worker panicked"))?;
        self.workers.into_iter().map(end).collect()
    }
}

fn attach(address: SocketAddr) -> Answer<(Client, FileHandle)> {
    let mut client = Client::connect(address)?;
    let root = client.mount("/projects")?;
    Ok((client, root))
}

fn parent<'a>(client: &mut Client, folder: &FileHandle, path: &'a str) -> Answer<(FileHandle, &'a str)> {
    match path.split_once('/') {
        Some((parent, name)) => Ok((client.lookup(folder, parent)?, name)),
        None => Ok((folder.clone(), path)),
    }
}

/// A change without its data.
fn short(change: &Change) -> String {
    match change {
        Change::Write { path, offset, data, stable } => {
            format!("write of {} bytes at {offset} to {path}, stable {stable}", data.len())
        }
        other => format!("{other:?}"),
    }
}
