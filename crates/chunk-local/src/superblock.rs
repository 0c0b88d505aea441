//! The superblock file: which store this is, and which segment ids were given.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use chunk::SegmentId;

use crate::layout::{SEGMENT_IDS_END, SuperblockRecord};
use crate::settings::{OpenError, Settings};

/// Gives segment ids, none of them twice, not even after a restart.
#[derive(Debug)]
pub(crate) struct Superblock {
    directory: PathBuf,
    record: SuperblockRecord,
    next: u64,
}

impl Superblock {
    /// Reads the superblock, or makes one in a store without segments.
    pub(crate) fn open(settings: &Settings, has_segments: bool) -> Result<Self, OpenError> {
        let directory = settings.directory.clone();
        let refused = |why: &str| OpenError::Superblock { directory: directory.clone(), why: why.to_owned() };
        let failed = |error| OpenError::Io { directory: directory.clone(), error };
        let record = match fs::read(directory.join(FILE_NAME)) {
            Ok(bytes) => SuperblockRecord::decode(&bytes).map_err(refused)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !has_segments => {
                let record = SuperblockRecord { store_id: settings.store_id, ids_reserved: 0 };
                write(&directory, record).map_err(failed)?;
                record
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(refused("missing")),
            Err(error) => return Err(failed(error)),
        };
        if record.store_id != settings.store_id {
            let (found, expected) = (record.store_id, settings.store_id);
            return Err(OpenError::OtherStore { directory, found, expected });
        }
        Ok(Self { directory, record, next: record.ids_reserved })
    }

    /// The next id; every [`IDS_PER_WRITE`]th time this writes and syncs the superblock.
    pub(crate) fn next_id(&mut self) -> io::Result<SegmentId> {
        let id = self.next;
        if id >= SEGMENT_IDS_END {
            return Err(io::Error::other("segment ids are used up"));
        }
        if id >= self.record.ids_reserved {
            let record = SuperblockRecord { ids_reserved: id + IDS_PER_WRITE, ..self.record };
            write(&self.directory, record)?;
            self.record = record;
        }
        self.next = id + 1;
        Ok(SegmentId(id))
    }

    /// Ids from now on lie at or above `least`.
    pub(crate) fn raise_to(&mut self, least: u64) {
        self.next = self.next.max(least);
    }
}

/// Puts a new superblock in the place of the old one; after a crash there is the one or the other.
fn write(directory: &Path, record: SuperblockRecord) -> io::Result<()> {
    let fresh = directory.join(FRESH_NAME);
    let mut file = File::create(&fresh)?;
    file.write_all(&record.encode())?;
    file.sync_all()?;
    fs::rename(&fresh, directory.join(FILE_NAME))?;
    File::open(directory)?.sync_all()
}

const FILE_NAME: &str = "superblock";
const FRESH_NAME: &str = "superblock.new";
const IDS_PER_WRITE: u64 = 1024;
