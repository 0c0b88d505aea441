//! Operations that make, rename and remove names. Names are numbered; all slots share the numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use nfs_wire::nfs3::{
    Commit, CommitArgs, Create, CreateArgs, CreateHow, DirOpArgs, FileHandle, Filename, Mkdir, MkdirArgs, Remove,
    RemoveArgs, Rename, RenameArgs, Reply3, Sattr3, StableHow, Write, WriteArgs,
};
use nfs_wire::rpc::Procedure;

use load::{Next, Operation, Random};

use super::{check, done};
use crate::prepare::Ground;
use crate::rpc::{Call, Reply};

/// Numbered names, spread over some folders, given out once each.
#[derive(Debug)]
pub(crate) struct Names {
    folders: Vec<FileHandle>,
    prefix: String,
    next: AtomicU64,
    end: u64,
}

impl Names {
    pub(crate) fn new(folders: &[FileHandle], prefix: &str, end: u64) -> Arc<Self> {
        Arc::new(Self { folders: folders.to_vec(), prefix: prefix.to_owned(), next: AtomicU64::new(0), end })
    }

    /// The place of any name at random.
    pub(crate) fn any(&self, random: &mut Random) -> Option<DirOpArgs> {
        self.place(random.below(self.end))
    }

    fn next(&self) -> Option<DirOpArgs> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number < self.end { self.place(number) } else { None }
    }

    pub(crate) fn place(&self, number: u64) -> Option<DirOpArgs> {
        let name = Filename::new(format!("{}{number}", self.prefix)).ok()?;
        let folder = usize::try_from(number).ok()?.checked_rem(self.folders.len())?;
        Some(DirOpArgs { dir: self.folders.get(folder)?.clone(), name })
    }
}

/// CREATE, GUARDED, of one name after the other.
pub(crate) struct CreateNames(pub(crate) Arc<Names>);

/// CREATE, WRITE of 4 KiB, COMMIT.
pub(crate) struct SmallFiles {
    names: Arc<Names>,
    file: Option<FileHandle>,
    step: Step,
}

#[derive(Clone, Copy)]
enum Step {
    Create,
    Write,
    Commit,
}

/// REMOVE of what was made before.
pub(crate) struct Removes(Arc<Names>);

/// RENAME of a file of its own, to and fro.
pub(crate) struct Renames {
    here: DirOpArgs,
    there: DirOpArgs,
}

/// MKDIR of one name after the other.
pub(crate) struct Mkdirs(Arc<Names>);

impl CreateNames {
    pub(crate) fn endless(ground: &Ground) -> Self {
        Self(Arc::clone(&ground.new_names))
    }
}

impl Operation<Call, Reply> for CreateNames {
    fn begin(&mut self) -> Option<Call> {
        self.0.next().map(create)
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        done(reply, 0)
    }
}

impl SmallFiles {
    pub(crate) fn new(ground: &Ground) -> Self {
        Self { names: Arc::clone(&ground.new_names), file: None, step: Step::Create }
    }
}

impl Operation<Call, Reply> for SmallFiles {
    fn begin(&mut self) -> Option<Call> {
        self.step = Step::Create;
        self.names.next().map(create)
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        check(reply)?;
        let call = match self.step {
            Step::Create => {
                let file = created(reply)?;
                let data = Bytes::from_static(&SMALL);
                let args = WriteArgs { file: file.clone(), offset: 0, count: 4096, stable: StableHow::Unstable, data };
                (self.step, self.file) = (Step::Write, Some(file));
                Call::new::<Write>(&args)
            }
            Step::Write => {
                self.step = Step::Commit;
                let file = self.file.take().context("a WRITE without a file")?;
                Call::new::<Commit>(&CommitArgs { file, offset: 0, count: 0 })
            }
            Step::Commit => return Ok(Next::Done { operations: 1, bytes: 4096 }),
        };
        Ok(Next::Call(call))
    }
}

impl Removes {
    pub(crate) fn new(ground: &Ground) -> Self {
        Self(Arc::clone(&ground.old_names))
    }
}

impl Operation<Call, Reply> for Removes {
    fn begin(&mut self) -> Option<Call> {
        self.0.next().map(|object| Call::new::<Remove>(&RemoveArgs { object }))
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        done(reply, 0)
    }
}

impl Renames {
    pub(crate) fn new(ground: &Ground, number: usize) -> Self {
        let at = |names: &Names| names.place(number as u64);
        let nowhere = || DirOpArgs { dir: ground.folder.clone(), name: Filename::default() };
        let here = at(&ground.old_names).unwrap_or_else(nowhere);
        let there = at(&ground.new_names).unwrap_or_else(nowhere);
        Self { here, there }
    }
}

impl Operation<Call, Reply> for Renames {
    fn begin(&mut self) -> Option<Call> {
        let args = RenameArgs { from: self.here.clone(), to: self.there.clone() };
        std::mem::swap(&mut self.here, &mut self.there);
        Some(Call::new::<Rename>(&args))
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        done(reply, 0)
    }
}

impl Mkdirs {
    pub(crate) fn new(ground: &Ground) -> Self {
        Self(Arc::clone(&ground.new_names))
    }
}

impl Operation<Call, Reply> for Mkdirs {
    fn begin(&mut self) -> Option<Call> {
        let attributes = Sattr3 { mode: Some(0o755), ..Sattr3::default() };
        self.0.next().map(|place| Call::new::<Mkdir>(&MkdirArgs { place, attributes }))
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        done(reply, 0)
    }
}

fn create(place: DirOpArgs) -> Call {
    let how = CreateHow::Guarded(Sattr3 { mode: Some(0o644), ..Sattr3::default() });
    Call::new::<Create>(&CreateArgs { place, how })
}

pub(crate) fn created(reply: &Reply) -> Result<FileHandle> {
    match reply.decode::<<Create as Procedure>::Result>()? {
        Reply3::Ok(made) => made.obj.context("a CREATE without a handle"),
        Reply3::Failed(status, _) => bail!("{status:?}"),
    }
}

static SMALL: [u8; 4096] = [0x5a; 4096];
