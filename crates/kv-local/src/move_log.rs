//! Moving the log of a store that nobody has open to another folder.
//!
//! ```text
//! 1  copy the whole log to TARGET.new, with its next number          a crash: the old log counts, TARGET.new is rubbish
//!    sync, read it again and follow its records to the same end
//!    name it TARGET, sync the folder                                 a crash: the old log counts, TARGET is too new
//! 2  replace the superblock: next number, new folder                 from here on the new log counts
//! 3  remove the old log                                              a crash before: it is left over, and refused
//! ```

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use kv::KvError;

use crate::directory::{Directory, sync_entries};
use crate::engine::LocalEngine;
use crate::errors::from_io;
use crate::log::buffer::AlignedBuffer;
use crate::log::device::{FileDevice, LogDevice};
use crate::log::numbered::{NumberedLog, check_identity};
use crate::log::recovery::{LogEnd, LogFile, replay};
use crate::log::slot::Slot;
use crate::log::{BLOCK_BYTES, DATA_START};
use crate::settings::Settings;
use crate::superblock::Superblock;

/// What was done with a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogMoved {
    /// The file that it was in.
    pub from: PathBuf,
    /// The file that it is in now; the same when nothing was to be done.
    pub to: PathBuf,
}

impl LocalEngine {
    /// Moves the log of a store that is not open to where the settings want it. When it was cut short, the store opens
    /// with its log where that was, or is; moving it again goes on.
    ///
    /// Errors: `Io` (somebody has the store open; there is no store; the new folder is missing or has no room; something
    /// else stands there; the file system), `Damaged` (the log is not that of the store, or lacks something; nothing was
    /// changed).
    pub fn move_log(settings: &Settings) -> Result<LogMoved, KvError> {
        let Some(plan) = Plan::new(settings)? else {
            return Err(KvError::Io(format!("{} holds no finished store", settings.directory.display())));
        };
        if plan.is_done() {
            plan.remove_left_over();
            return Ok(LogMoved { from: plan.source.clone(), to: plan.source });
        }
        let copied = plan.copy()?;
        plan.switch(copied)?;
        plan.remove_old();
        Ok(LogMoved { from: plan.source, to: plan.target })
    }
}

/// From where to where.
#[derive(Debug)]
pub(crate) struct Plan {
    directory: Directory,
    superblock: Superblock,
    pub(crate) source: PathBuf,
    pub(crate) target: PathBuf,
    target_directory: Option<PathBuf>,
}

/// What the old log holds, and the new one has too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Copied {
    slot: Slot,
    end: LogEnd,
}

impl Plan {
    /// `None` when no finished store is there.
    pub(crate) fn new(settings: &Settings) -> Result<Option<Self>, KvError> {
        let directory = Directory::open(&settings.directory)?;
        let Some(superblock) = Superblock::read(&directory)?.filter(|superblock| superblock.ready) else {
            return Ok(None);
        };
        let last = superblock.numbered.clone().unwrap_or_else(|| NumberedLog { number: 0, ..NumberedLog::first(None) });
        let target_directory = settings.log_place.directory(&last);
        let path = |folder: Option<&Path>| directory.log(folder, superblock.store_id);
        let (source, target) = (path(last.directory.as_deref()), path(target_directory.as_deref()));
        Ok(Some(Self { directory, superblock, source, target, target_directory }))
    }

    fn is_done(&self) -> bool {
        let real = |path: &Path| fs::canonicalize(path).ok();
        self.source == self.target || real(&self.source).is_some_and(|source| real(&self.target) == Some(source))
    }

    /// Step 1.
    pub(crate) fn copy(&self) -> Result<Copied, KvError> {
        let log_bytes = self.superblock.log_bytes;
        let source = FileDevice::open(&self.source, log_bytes)?;
        let slot = Slot::read(&source, &self.source, self.superblock.store_id)?;
        check_identity(self.superblock.numbered.as_ref(), &slot, &self.source)?;
        let end = end_of(&source, &self.source, &slot)?;
        if let Some(numbered) = &self.superblock.numbered {
            numbered.check_end(&end, 0, &self.source)?;
        }
        self.refuse_what_stands_there(&slot)?;
        let copied = Copied { slot: Slot { log_number: slot.log_number + 1, ..slot }, end };
        let unfinished = with_suffix(&self.target, ".new");
        FileDevice::create(&unfinished, log_bytes)?;
        let target = FileDevice::open(&unfinished, log_bytes)?;
        copy_area(&source, &target, log_bytes)
            .map_err(|error| from_io("cannot copy the log to", &self.target, &error))?;
        for generation in [slot.generation + 1, slot.generation + 2] {
            Slot { generation, ..copied.slot }.write(&target, &unfinished)?;
        }
        self.refuse_another_end(&target, &copied)?;
        drop(target);
        fs::rename(&unfinished, &self.target).map_err(|error| from_io("cannot name", &self.target, &error))?;
        sync_entries(parent(&self.target))?;
        Ok(copied)
    }

    /// Step 2.
    pub(crate) fn switch(&self, copied: Copied) -> Result<(), KvError> {
        let known = self.superblock.numbered.as_ref().map_or(0, |numbered| numbered.group);
        let numbered = NumberedLog {
            number: copied.slot.log_number,
            epoch: copied.slot.epoch,
            group: known.max(copied.end.group),
            is_begun: false,
            directory: self.target_directory.clone(),
        };
        Superblock { numbered: Some(numbered), ..self.superblock.clone() }.write(&self.directory)
    }

    /// Step 3.
    pub(crate) fn remove_old(&self) {
        remove(&self.source);
    }

    /// Step 3 of a move that was cut short: what was left in the folder of the store.
    fn remove_left_over(&self) {
        let beside = self.directory.log(None, self.superblock.store_id);
        if self.target_directory.is_some() && beside.exists() {
            remove(&beside);
        }
    }

    /// Only what an earlier move left behind may be written over.
    fn refuse_what_stands_there(&self, slot: &Slot) -> Result<(), KvError> {
        if !self.target.exists() {
            return Ok(());
        }
        let is_left_over = FileDevice::open(&self.target, self.superblock.log_bytes)
            .and_then(|device| Slot::read(&device, &self.target, slot.store_id))
            .is_ok_and(|found| found.epoch <= slot.epoch);
        if is_left_over {
            return Ok(());
        }
        let target = self.target.display();
        Err(KvError::Io(format!("{target} is there already, and no old log of this store: move it out of the way")))
    }

    /// The device may have taken the copy and hold something else.
    fn refuse_another_end(&self, target: &FileDevice, copied: &Copied) -> Result<(), KvError> {
        let slot = Slot::read(target, &self.target, copied.slot.store_id)?;
        let end = end_of(target, &self.target, &slot)?;
        if end == copied.end {
            return Ok(());
        }
        let (target, found, wanted) = (self.target.display(), end.group, copied.end.group);
        Err(KvError::Io(format!(
            "{target} ends with group {found} after the copy, not with {wanted}: look at its device"
        )))
    }
}

/// Follows the records, which checks each of them.
fn end_of(device: &dyn LogDevice, path: &Path, slot: &Slot) -> Result<LogEnd, KvError> {
    replay(LogFile { device, path }, slot, |_| Ok(()))
}

/// Copies all but the slots.
fn copy_area(source: &FileDevice, target: &FileDevice, log_bytes: u64) -> std::io::Result<()> {
    let mut part = AlignedBuffer::new(PART_BYTES);
    let mut offset = DATA_START;
    while offset < log_bytes {
        let left = usize::try_from(log_bytes - offset).unwrap_or(PART_BYTES);
        part.set_len(left.min(PART_BYTES));
        source.read_at(part.bytes_mut(), offset)?;
        target.write_at_durable(part.bytes(), offset)?;
        offset += u64::try_from(part.bytes().len()).unwrap_or(BLOCK_BYTES);
    }
    Ok(())
}

/// An old log that stays does no harm but take room.
fn remove(path: &Path) {
    let removed = fs::remove_file(path).map_err(|error| from_io("cannot remove", path, &error));
    if let Err(error) = removed.and_then(|()| sync_entries(parent(path))) {
        tracing::warn!(%error, "an old log is left over");
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// Bytes copied at a time.
const PART_BYTES: usize = 1024 * 1024;
