//! Operations that open, make and remove names. Names are numbered; all slots share the numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use bytes::Bytes;
use load::{Next, Operation};
use smb_wire::create::{CreateDisposition, CreateResponse};
use smb_wire::write::WriteFlags;
use smb_wire::{Command, FileId};

use super::done;
use crate::message::{Call, Reply};
use crate::open::Open;
use crate::prepare::{Ground, NAMES_OPENED};

/// Numbered names in a folder, given out once each.
#[derive(Debug)]
pub(crate) struct Names {
    prefix: String,
    next: AtomicU64,
    end: u64,
}

/// CREATE of a file that is there, and CLOSE.
pub(crate) struct Opens {
    calls: Vec<Call>,
    at: usize,
    step: Step,
}

/// CREATE of a new file, WRITE of 4 KiB, CLOSE.
pub(crate) struct SmallFiles {
    names: Arc<Names>,
    file_id: FileId,
    step: Step,
}

/// CREATE of a new file, and CLOSE.
pub(crate) struct Makes {
    names: Arc<Names>,
    step: Step,
}

/// CREATE of a file that is to go, and CLOSE.
pub(crate) struct Unlinks {
    names: Arc<Names>,
    step: Step,
}

/// Which reply is due.
#[derive(Clone, Copy)]
enum Step {
    Create,
    Write,
    Close,
}

impl Names {
    pub(crate) fn new(folder: &str, prefix: &str, end: u64) -> Arc<Self> {
        Arc::new(Self { prefix: format!(r"{folder}\{prefix}"), next: AtomicU64::new(0), end })
    }

    fn next(&self) -> Option<String> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number < self.end).then(|| self.path(number))
    }

    fn path(&self, number: u64) -> String {
        format!("{}{number}", self.prefix)
    }
}

impl Step {
    /// What follows a CREATE that is closed at once.
    fn opened_or_closed(&mut self, reply: &Reply) -> Result<Next<Call>> {
        match std::mem::replace(self, Self::Close) {
            Self::Create => Ok(Next::Call(Call::close(file_id(reply)?))),
            Self::Write | Self::Close => done(reply, 0),
        }
    }
}

impl Opens {
    pub(crate) fn new(ground: &Ground, number: usize) -> Self {
        let open = |number| Open::file(&ground.old_names.path(number), CreateDisposition::OPEN).call();
        Self { calls: (0..NAMES_OPENED).map(open).collect(), at: number, step: Step::Create }
    }
}

impl Operation<Call, Reply> for Opens {
    fn begin(&mut self) -> Option<Call> {
        (self.at, self.step) = (self.at + 1, Step::Create);
        self.calls.get(self.at % self.calls.len().max(1)).cloned()
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        self.step.opened_or_closed(reply)
    }
}

impl SmallFiles {
    pub(crate) fn new(ground: &Ground) -> Self {
        Self { names: Arc::clone(&ground.new_names), file_id: FileId::default(), step: Step::Create }
    }
}

impl Operation<Call, Reply> for SmallFiles {
    fn begin(&mut self) -> Option<Call> {
        self.step = Step::Create;
        self.names.next().map(|path| Open::file(&path, CreateDisposition::CREATE).call())
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        match self.step {
            Step::Create => {
                (self.step, self.file_id) = (Step::Write, file_id(reply)?);
                let place = (0, Bytes::from_static(&SMALL));
                Ok(Next::Call(Call::write(self.file_id, place, WriteFlags::empty())))
            }
            Step::Write => {
                reply.check().context("WRITE")?;
                self.step = Step::Close;
                Ok(Next::Call(Call::close(self.file_id)))
            }
            Step::Close => done(reply, SMALL.len() as u64),
        }
    }
}

impl Makes {
    pub(crate) fn new(names: &Arc<Names>) -> Self {
        Self { names: Arc::clone(names), step: Step::Create }
    }
}

impl Operation<Call, Reply> for Makes {
    fn begin(&mut self) -> Option<Call> {
        self.step = Step::Create;
        self.names.next().map(|path| Open::file(&path, CreateDisposition::CREATE).call())
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        self.step.opened_or_closed(reply)
    }
}

impl Unlinks {
    pub(crate) fn new(ground: &Ground) -> Self {
        Self { names: Arc::clone(&ground.old_names), step: Step::Create }
    }
}

impl Operation<Call, Reply> for Unlinks {
    fn begin(&mut self) -> Option<Call> {
        self.step = Step::Create;
        self.names.next().map(|path| Open::to_delete(&path).call())
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        self.step.opened_or_closed(reply)
    }
}

/// The open that a CREATE came to.
pub(super) fn file_id(reply: &Reply) -> Result<FileId> {
    let response: CreateResponse<'_> = reply.decode().with_context(|| format!("{:?}", Command::CREATE))?;
    Ok(response.file_id)
}

static SMALL: [u8; 4096] = [0x5a; 4096];
