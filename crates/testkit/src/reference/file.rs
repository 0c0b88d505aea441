//! The bytes of files.

use pages::{BLOCK_SIZE, Payload};
use vfs::acl::AccessMask;
use vfs::limits::{FILE_SIZE_MAX, IO_BYTES_MAX};
use vfs::{
    Change, CloneRangeRequest, CommitReply, CommitRequest, Failure, FileType, FsError, InodeId, RangeRequest,
    ReadReply, ReadRequest, SeekKind, SeekReply, SeekRequest, ShareMode, Stability, Via, WriteReply, WriteRequest,
};

use super::inode::Body;
use super::leases::Intrusion;
use super::permission::{self, READ, WRITE};
use super::turn::Turn;

impl Turn<'_> {
    pub(super) fn read(&self, request: &ReadRequest) -> Result<ReadReply, Failure> {
        let ReadRequest { inode: id, via, offset, length } = *request;
        self.require_bytes(id, via, READ)?;
        self.require_shared(id, via, ShareMode { read: true, ..ShareMode::default() })?;
        self.require_unlocked(id, via, (offset, u64::from(length).min(IO_BYTES_MAX as u64), false))?;
        self.intrude_reading(id, via)?;
        let inode = self.inode(id)?;
        let wanted = u64::from(length).min(IO_BYTES_MAX as u64);
        let left = inode.attributes.size.saturating_sub(offset);
        let count = usize::try_from(wanted.min(left)).unwrap_or(IO_BYTES_MAX);
        let data = match &inode.body {
            Body::File(content) => Payload::from(content.read(offset, count)),
            _ => Payload::new(),
        };
        Ok(ReadReply { data, end_of_file: wanted >= left, attributes: inode.attributes.clone() })
    }

    pub(super) fn write(&mut self, request: &WriteRequest) -> Result<WriteReply, Failure> {
        let WriteRequest { inode: id, via, offset, data, stability } = request;
        self.require_bytes(*id, *via, WRITE)?;
        self.require_shared(*id, *via, ShareMode { write: true, ..ShareMode::default() })?;
        let data = data.slice(0, IO_BYTES_MAX);
        let length = data.len() as u64;
        self.require_unlocked(*id, *via, (*offset, length, true))?;
        self.intrude(*id, *via, Intrusion::Write)?;
        let end = offset.checked_add(length).filter(|end| *end <= FILE_SIZE_MAX);
        let end = end.ok_or_else(|| self.refuse(*id, FsError::FileTooLarge))?;
        let missing = match &self.inode(*id)?.body {
            Body::File(content) => content.missing_bytes(*offset, length),
            _ => 0,
        };
        self.ensure(missing <= self.state.free_bytes(), *id, FsError::NoSpace)?;
        let change = match length {
            0 => Change::none(self.attributes(*id)?.clone()),
            _ => self.put(request, &data, end)?,
        };
        let count = u32::try_from(length).unwrap_or(u32::MAX);
        let stability = if *stability == Stability::Unstable { Stability::Unstable } else { Stability::File };
        Ok(WriteReply { count, change, verifier: self.state.verifier(), stability })
    }

    pub(super) fn deallocate(&mut self, request: &RangeRequest) -> Result<Change, Failure> {
        let RangeRequest { inode: id, via, offset, length } = *request;
        self.require_bytes(id, via, WRITE)?;
        self.require_shared(id, via, ShareMode { write: true, ..ShareMode::default() })?;
        self.require_unlocked(id, via, (offset, length, true))?;
        self.intrude(id, via, Intrusion::Write)?;
        let end = offset.checked_add(length).filter(|end| *end <= FILE_SIZE_MAX);
        let end = end.ok_or_else(|| self.refuse(id, FsError::FileTooLarge))?;
        let size = self.attributes(id)?.size;
        if offset >= end.min(size) {
            return Ok(Change::none(self.attributes(id)?.clone()));
        }
        // What lies behind the end is zeros: the last block goes with its end.
        let end = if end >= size { size.next_multiple_of(BLOCK_SIZE as u64) } else { end };
        let (now, ctx) = (self.now, self.ctx);
        self.change(id, |inode| {
            let Body::File(content) = &mut inode.body else { return };
            content.make_stable();
            content.punch(offset, end);
            inode.attributes.allocated_bytes = content.allocated_bytes();
            inode.attributes.modified = now;
            permission::clear_set_id(&ctx.credentials, &mut inode.attributes);
        })
    }

    pub(super) fn clone_range(&mut self, request: &CloneRangeRequest) -> Result<Change, Failure> {
        let CloneRangeRequest { source, source_offset, target, target_offset, length, .. } = *request;
        let locked = |offset| if request.heeds_locks { (offset, length) } else { (0, 0) };
        self.require_range(source, request.source_via, (READ, locked(source_offset)))?;
        self.intrude_reading(source, request.source_via)?;
        self.require_range(target, request.target_via, (WRITE, locked(target_offset)))?;
        self.intrude(target, request.target_via, Intrusion::Write)?;
        self.ensure(source.shard == target.shard, target, FsError::CrossDevice)?;
        let end_in = |offset: u64| offset.checked_add(length).filter(|end| *end <= FILE_SIZE_MAX);
        let ends = end_in(source_offset).zip(end_in(target_offset));
        let (source_end, target_end) = ends.ok_or_else(|| self.refuse(target, FsError::FileTooLarge))?;
        let block = BLOCK_SIZE as u64;
        let size = self.attributes(source)?.size;
        let is_aligned = source_offset.is_multiple_of(block) && target_offset.is_multiple_of(block);
        let overlaps = source == target && source_offset < target_end && target_offset < source_end;
        self.ensure(is_aligned && source_end <= size && !overlaps, target, FsError::InvalidArgument)?;
        if length == 0 {
            return Ok(Change::none(self.attributes(target)?.clone()));
        }
        let pieces = match self.state.inodes.get_mut(&source).map(|inode| &mut inode.body) {
            Some(Body::File(content)) => {
                content.make_stable();
                content.blocks_of(source_offset, source_end)
            }
            _ => Vec::new(),
        };
        let (now, ctx) = (self.now, self.ctx);
        self.change(target, |inode| {
            let Body::File(content) = &mut inode.body else { return };
            content.make_stable();
            content.punch(target_offset, target_end);
            for (offset, bytes) in pieces {
                content.write(target_offset + offset, &Payload::from(bytes));
            }
            let attributes = &mut inode.attributes;
            attributes.size = attributes.size.max(target_end);
            attributes.allocated_bytes = content.allocated_bytes();
            attributes.modified = now;
            permission::clear_set_id(&ctx.credentials, attributes);
        })
    }

    /// Errors, in order: as `require_bytes`, `ShareConflict`, `LockConflict`.
    fn require_range(&self, id: InodeId, via: Via, (bits, (offset, length)): (u32, (u64, u64))) -> Result<(), Failure> {
        self.require_bytes(id, via, bits)?;
        let uses = ShareMode { read: bits == READ, write: bits == WRITE, ..ShareMode::default() };
        self.require_shared(id, via, uses)?;
        self.require_unlocked(id, via, (offset, length, bits == WRITE))
    }

    pub(super) fn seek(&self, request: &SeekRequest) -> Result<SeekReply, Failure> {
        let SeekRequest { inode: id, via, offset, kind } = *request;
        self.require_bytes(id, via, READ)?;
        self.require_shared(id, via, ShareMode { read: true, ..ShareMode::default() })?;
        self.require_unlocked(id, via, (offset, 0, false))?;
        self.intrude_reading(id, via)?;
        let inode = self.inode(id)?;
        let size = inode.attributes.size;
        let found = match &inode.body {
            Body::File(content) if offset < size => content.seek(offset, kind == SeekKind::Data),
            _ => None,
        };
        let offset = match kind {
            SeekKind::Data => found.filter(|found| *found < size),
            SeekKind::Hole => found.map(|found| found.min(size)),
        };
        Ok(SeekReply { offset, attributes: inode.attributes.clone() })
    }

    pub(super) fn commit(&mut self, request: &CommitRequest) -> Result<CommitReply, Failure> {
        let id = request.inode;
        self.require_bytes(id, request.via, WRITE)?;
        if let Some(Body::File(content)) = self.state.inodes.get_mut(&id).map(|inode| &mut inode.body) {
            content.make_stable();
        }
        let change = Change::none(self.attributes(id)?.clone());
        Ok(CommitReply { change, verifier: self.state.verifier() })
    }

    /// An open that reads broke what others cached of writes when it was granted.
    fn intrude_reading(&self, id: InodeId, via: Via) -> Result<(), Failure> {
        if via == Via::Anonymous { self.intrude(id, via, Intrusion::Read) } else { Ok(()) }
    }

    fn put(&mut self, request: &WriteRequest, data: &Payload, end: u64) -> Result<Change, Failure> {
        let (now, ctx) = (self.now, self.ctx);
        self.change(request.inode, |inode| {
            let Body::File(content) = &mut inode.body else { return };
            let attributes = &mut inode.attributes;
            if request.stability == Stability::Unstable {
                content.begin_unstable(attributes.size, attributes.modified);
            } else {
                content.make_stable();
            }
            content.write(request.offset, data);
            attributes.size = attributes.size.max(end);
            attributes.allocated_bytes = content.allocated_bytes();
            attributes.modified = now;
            permission::clear_set_id(&ctx.credentials, attributes);
        })
    }

    /// Errors, in order: `StaleHandle`, `BadOpen`, `IsDirectory`, `InvalidArgument`, `AccessDenied`.
    fn require_bytes(&self, id: InodeId, via: Via, bits: u32) -> Result<(), Failure> {
        let attributes = self.attributes(id)?;
        let open = self.through(id, via)?;
        self.ensure(!attributes.is_directory(), id, FsError::IsDirectory)?;
        self.ensure(attributes.file_type == FileType::Regular, id, FsError::InvalidArgument)?;
        let is_permitted = match open {
            None => permission::permits_bytes(&self.ctx.credentials, attributes, bits),
            Some(open) if bits == READ => open.has_any(&[AccessMask::READ_DATA, AccessMask::EXECUTE]),
            Some(open) => open.has_any(&[AccessMask::WRITE_DATA, AccessMask::APPEND_DATA]),
        };
        self.ensure(is_permitted, id, FsError::AccessDenied)
    }
}
