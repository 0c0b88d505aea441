//! What stands in a directory: a store, one that was not finished, or nothing yet.

use std::path::{Path, PathBuf};

use kv::KvError;

use crate::directory::{Directory, sync_entries};
use crate::engine::Disk;
use crate::log::DATA_START;
use crate::log::slot::Slot;
use crate::settings::{LogPlace, Settings};
use crate::store::OpenStore;
use crate::superblock::{Superblock, SuperblockFile};

/// The superblock of the store in a directory, which is made when it is empty.
///
/// Errors: `Io` (the log is to lie elsewhere than it does; the file system), `Damaged`.
pub(crate) fn load_or_create(
    directory: Directory,
    settings: &Settings,
    disk: &dyn Disk,
) -> Result<SuperblockFile, KvError> {
    let superblock = match Superblock::read(&directory)? {
        Some(superblock) if superblock.ready => {
            let superblock = with_journal(&directory, superblock)?;
            refuse_unmoved(&superblock, settings)?;
            return Ok(SuperblockFile::new(directory, superblock));
        }
        Some(unfinished) => unfinished.again(log_directory(settings)),
        None => Superblock::new(settings.log_bytes, log_directory(settings))?,
    };
    create(directory, settings, superblock, disk)
}

/// The parts of a store that is there.
///
/// Errors: `Io`, `Damaged`.
pub(crate) fn open_store<'a>(
    file: &'a SuperblockFile,
    settings: &Settings,
    disk: &dyn Disk,
) -> Result<OpenStore<'a>, KvError> {
    let superblock = file.with(Superblock::clone);
    let log_path = file.directory().log(superblock.log_directory(&settings.log_place).as_deref(), superblock.store_id);
    let device =
        disk.open(&log_path, superblock.log_bytes).map_err(|error| tell_place(error, &superblock, &log_path))?;
    Ok(OpenStore {
        settings: settings.clone(),
        superblock: file,
        store_id: superblock.store_id,
        log_path,
        tree_path: file.directory().tree(),
        device,
    })
}

/// Notes that the log may hold entries of a journal, before the first one is written.
fn with_journal(directory: &Directory, superblock: Superblock) -> Result<Superblock, KvError> {
    if superblock.has_journal {
        return Ok(superblock);
    }
    let superblock = Superblock { has_journal: true, ..superblock };
    superblock.write(directory)?;
    Ok(superblock)
}

/// A log without a number cannot be told from an old one, so it is taken from the store's own directory only.
fn refuse_unmoved(superblock: &Superblock, settings: &Settings) -> Result<(), KvError> {
    match &settings.log_place {
        LogPlace::Apart(folder) if superblock.numbered.is_none() => Err(KvError::Io(format!(
            "the log lies in the folder of the store, but the settings want it in {}: move it with `berth store move-log`, \
             or take the setting back",
            folder.display()
        ))),
        _ => Ok(()),
    }
}

/// Makes log and tree between two writes of the superblock, so that a creation cut short is begun anew.
fn create(
    directory: Directory,
    settings: &Settings,
    superblock: Superblock,
    disk: &dyn Disk,
) -> Result<SuperblockFile, KvError> {
    superblock.write(&directory)?;
    let log_directory = superblock.log_directory(&settings.log_place);
    let log_path = directory.log(log_directory.as_deref(), superblock.store_id);
    directory.clear(&log_path)?;
    disk.create(&log_path, superblock.log_bytes)?;
    let slot = Slot {
        store_id: superblock.store_id,
        generation: 1,
        epoch: 0,
        start: 0,
        previous_group: 0,
        log_bytes: superblock.log_bytes,
        prepared_bytes: DATA_START,
        log_number: superblock.numbered.as_ref().map_or(0, |log| log.number),
    };
    let file = SuperblockFile::new(directory, superblock);
    let parts = open_store(&file, settings, disk)?;
    parts.create_tree()?;
    slot.write(&*parts.device, &log_path)?;
    drop(parts);
    if let Some(folder) = log_directory {
        sync_entries(&folder)?;
    }
    file.directory().sync()?;
    file.finish()?;
    Ok(file)
}

fn log_directory(settings: &Settings) -> Option<PathBuf> {
    match &settings.log_place {
        LogPlace::Apart(folder) => Some(folder.clone()),
        LogPlace::Beside | LogPlace::AsLast => None,
    }
}

/// A log that is not there may be on a file system that is not mounted.
fn tell_place(error: KvError, superblock: &Superblock, log_path: &Path) -> KvError {
    match (error, &superblock.numbered) {
        (KvError::Io(text), Some(log)) if !log_path.exists() => KvError::Io(format!(
            "{text}; the log of this store was last in {}: mount what holds it, name its folder, or move it with `berth \
             store move-log`",
            log.place()
        )),
        (error, _) => error,
    }
}
