//! Streams: inodes that are at home in the one whose streams they are. Its record says how many there are, so one without
//! any is asked for none.

use std::sync::Arc;

use locking::Link;
use meta::keys::fold;
use meta::records::{ArchiveState, Charge, InodeRecord, StreamRecord};
use vfs::limits::STREAMS_MAX;
use vfs::{Attributes, Cookie, DeviceNumber, FileType, FsError, InodeId, Name, ShareMode};

use super::{Step, Stop, Turn, of_record};
use crate::attributes::of_stream;
use crate::cache::{Miss, StreamEntry, Streams};

impl<K: kv::Engine, C: chunk::Store> Turn<'_, K, C> {
    /// The streams of an inode.
    pub(crate) fn streams(&mut self, file: InodeId) -> Step<Streams> {
        if let Some(written) = self.writes.streams.find(&file) {
            return Ok(written.unwrap_or_default());
        }
        if self.inode(file)?.is_none_or(|record| record.streams == 0) {
            return Ok(Streams::default());
        }
        let slot = self.house.records.streams.get(&file).ok_or(Stop::Miss(Miss::Streams(file)))?;
        self.seen.note(slot.version);
        self.writes.streams.read(file, Some(Arc::clone(&slot.value)));
        Ok(slot.value)
    }

    /// A stream by its name, without regard to case: its inode, and the name that it has.
    pub(crate) fn find_stream(&mut self, file: InodeId, name: &Name) -> Step<Option<(InodeId, Name)>> {
        let wanted = fold(name.as_bytes());
        let streams = self.streams(file)?;
        let found = streams.iter().find(|(_, stream)| fold(stream.name.as_bytes()) == wanted);
        Ok(found.map(|(number, stream)| (file.sibling(*number), stream.name.clone())))
    }

    /// Makes an empty stream of an inode that has none of this name; its owner is the same.
    ///
    /// Errors: `TooManyLinks`.
    pub(crate) fn add_stream(&mut self, file: InodeId, name: &Name) -> Step<InodeId> {
        let born = self.clock().current;
        let mut streams = self.streams(file)?.to_vec();
        if streams.len() >= STREAMS_MAX {
            return Err(FsError::TooManyLinks.into());
        }
        let owner = self.live(file)?;
        let stream = file.sibling(self.new_number());
        let record = InodeRecord {
            file_type: FileType::Regular,
            mode: 0o600,
            descriptor: None,
            accessed: self.now,
            modified: self.now,
            changed: self.now,
            created: self.now,
            change: self.stamp(),
            size: 0,
            links: 1,
            ever_linked: false,
            home_parent: file.number,
            home_cookie: Cookie::START,
            device: DeviceNumber::default(),
            allocated_blocks: 0,
            stored_bytes: 0,
            mask_generation: 0,
            masks: Default::default(),
            archive: ArchiveState::default(),
            retained_until: None,
            holds: 0,
            create_verifier: None,
            xattr_bytes: 0,
            streams: 0,
            symlink: Default::default(),
            journal_floor: 0,
            attributes_floor: 0,
            ..(*owner).clone()
        };
        self.charge_inode(stream, &record, of_record(&record))?;
        self.put_inode(stream, record);
        streams.push((stream.number, StreamRecord { born, name: name.clone() }));
        self.put_streams(file, streams)?;
        Ok(stream)
    }

    /// Gives a stream another name.
    pub(crate) fn rename_stream(&mut self, (file, stream): (InodeId, InodeId), to: &Name) -> Step<()> {
        let born = self.clock().current;
        let mut streams = self.streams(file)?.to_vec();
        let Some((_, record)) = streams.iter_mut().find(|(number, _)| *number == stream.number) else {
            return Err(FsError::NotFound.into());
        };
        let from = std::mem::replace(record, StreamRecord { born, name: to.clone() }).name;
        let link = |name| Link { parent: file, name };
        self.follow_name(stream, link(from), Some(link(to.clone())));
        self.put_streams(file, streams)
    }

    /// Removes a stream; `false` when it is gone already.
    pub(crate) fn lose_stream(&mut self, file: InodeId, stream: InodeId) -> Step<bool> {
        let mut streams = self.streams(file)?.to_vec();
        let Some(at) = streams.iter().position(|(number, _)| *number == stream.number) else { return Ok(false) };
        let entry = streams.remove(at);
        self.let_stream_go(file, entry)?;
        self.put_streams(file, streams)?;
        Ok(true)
    }

    /// Removes all streams of an inode that goes or is overwritten.
    pub(crate) fn lose_streams(&mut self, file: InodeId, record: &mut InodeRecord) -> Step<()> {
        if record.streams == 0 {
            return Ok(());
        }
        for entry in self.streams(file)?.iter().cloned() {
            self.let_stream_go(file, entry)?;
        }
        record.streams = 0;
        self.writes.streams.put(file, Some(Streams::default()));
        Ok(())
    }

    /// What the streams of a file add to the counters of its directory. Those of a directory are in its own.
    pub(crate) fn charge_of_streams(&mut self, file: InodeId) -> Step<Charge> {
        let mut charge = Charge::default();
        for (number, _) in self.streams(file)?.iter() {
            let stream = file.sibling(*number);
            if let Some(record) = self.inode(stream)? {
                if self.is_inherited(stream.tree, record.born) {
                    // It counts from now on, so it is the clone's own.
                    self.adopt(stream)?;
                    self.put_inode(stream, (*record).clone());
                }
                charge = charge.plus(&of_record(&record));
            }
        }
        Ok(charge)
    }

    /// Gives the streams of a file the owner that it has now.
    pub(super) fn give_streams(&mut self, (file, chain): (InodeId, &[InodeId]), owner: &InodeRecord) -> Step<()> {
        if owner.streams == 0 {
            return Ok(());
        }
        for (number, _) in self.streams(file)?.iter() {
            let stream = file.sibling(*number);
            let Some(record) = self.inode(stream)? else { continue };
            let charge = of_record(&record);
            self.charge_owners((stream, chain), &record, charge.negated())?;
            self.charge_owners((stream, chain), owner, charge)?;
            let (owner, group) = (owner.owner.clone(), owner.group.clone());
            self.put_inode(stream, InodeRecord { owner, group, ..(*record).clone() });
        }
        Ok(())
    }

    /// Refuses to take or change a name of an inode of which a stream may not be deleted.
    ///
    /// Errors: `Breaking`, `ShareConflict`.
    pub(crate) fn require_streams_deletable(&mut self, file: InodeId) -> Step<()> {
        if !self.house.opens.holds_streams(file) {
            return Ok(());
        }
        for (number, _) in self.streams(file)?.iter() {
            let deletes = ShareMode { delete: true, ..ShareMode::default() };
            self.house.require_shared(file.sibling(*number), deletes, None)?;
        }
        Ok(())
    }

    /// The attributes of a stream with those of its file; of anything else as they are.
    pub(crate) fn whole(&mut self, attributes: Attributes) -> Step<Attributes> {
        let Some(file) = attributes.stream_of else { return Ok(attributes) };
        let Some(record) = self.inode(file)? else { return Ok(attributes) };
        Ok(of_stream(attributes, self.attributes(file, &record)))
    }

    /// Takes the name of a stream. Its bytes go in the background, once it is closed.
    fn let_stream_go(&mut self, file: InodeId, (number, entry): StreamEntry) -> Step<()> {
        let stream = file.sibling(number);
        let Some(record) = self.inode(stream)?.filter(|record| record.links > 0) else { return Ok(()) };
        self.follow_name(stream, Link { parent: file, name: entry.name }, None);
        self.charge_inode(stream, &record, of_record(&record).negated())?;
        let (changed, change) = (self.now, self.stamp());
        self.put_inode(stream, InodeRecord { links: 0, changed, change, ..(*record).clone() });
        self.remove_when_closed(stream);
        Ok(())
    }

    fn put_streams(&mut self, file: InodeId, streams: Vec<StreamEntry>) -> Step<()> {
        let mut record = (*self.live(file)?).clone();
        record.streams = u32::try_from(streams.len()).unwrap_or(u32::MAX);
        record.changed = self.now;
        record.change = self.stamp();
        self.put_inode(file, record);
        self.writes.streams.put(file, Some(Arc::new(streams)));
        Ok(())
    }
}
