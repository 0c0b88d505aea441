//! WRITE (RFC 1813 3.3.7): every write lands in the write-back buffer; what is asked to be stable is journaled or flushed
//! at once.

use bytes::Bytes;
use meta::records::InodeRecord;
use pages::BLOCK_SIZE;
use smallvec::SmallVec;
use std::sync::Arc;
use vfs::limits::{FILE_SIZE_MAX, IO_BYTES_MAX};
use vfs::{Attributes, Change, Failure, FsError, InodeId, OpContext, Stability, Via, WriteReply, WriteRequest};

use super::buffer::{Bases, Ticket, blocks_of, checksums_of};
use super::dirty::DirtyRoom;
use super::span::Unknown;
use super::state::FileData;
use super::{BLOCK_BYTES, FileState, Pending};
use crate::Filesystem;
use crate::access::WRITE;
use crate::attributes::{effective, without_set_id};
use crate::cache::{Miss, RegionKey, Seen};
use crate::quota::{Growth, Reserving};
use crate::snapshot::require_present;
use crate::turn::Scratch;

/// What has been found and taken for a write so far.
#[derive(Debug, Default)]
struct Prepared<'d> {
    seen: Seen,
    room: Option<DirtyRoom<'d>>,
    bases: Bases,
    checksums: Option<Arc<[u32]>>,
    /// Quotas that count blocks look at what is there: everything was flushed before.
    looks_closely: bool,
}

/// What came of an attempt to write.
enum Attempt {
    /// It is in the buffer.
    Done(Box<Change>),
    /// The inode's record has to be loaded.
    Record,
    /// Room for so many blocks has to be taken.
    Room(u64),
    /// What quotas look at has to be loaded.
    Above(Miss),
    /// A region of the file has to be loaded.
    Region(RegionKey),
    /// The file is that of the origin of a clone.
    Adopt,
    /// What is buffered of the file is older than a snapshot.
    Past,
    /// A quota forbids it, unless what is dirty takes less than it may.
    Over,
    /// These blocks have to be read, of the file as its record is now.
    Bases(Arc<InodeRecord>, SmallVec<[(u64, Ticket); 2]>),
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_write(&self, ctx: &OpContext, mut request: WriteRequest) -> Result<WriteReply, Failure> {
        require_present(request.inode)?;
        if request.data.len() > IO_BYTES_MAX {
            request.data = request.data.slice(0, IO_BYTES_MAX);
        }
        let file = self.files.state(request.inode);
        // Before the file's data is taken, so that others do not wait for it.
        let checksums = checksums_of(request.offset, &request.data);
        let mut prepared = Prepared { checksums, ..Prepared::default() };
        // Taken before the data is: if it is dropped later, the verifier has changed.
        let verifier = self.verifier();
        let buffered = self.buffer(ctx, (&request, &file), &mut prepared).await;
        if buffered.is_err() {
            self.settle(prepared.seen.0).await?;
        }
        let change = buffered?;
        let count = u32::try_from(request.data.len()).unwrap_or(u32::MAX);
        let stability = match request.stability {
            Stability::Unstable => {
                self.settle(prepared.seen.0).await?;
                Stability::Unstable
            }
            Stability::Data | Stability::File => {
                self.make_stable(request.inode, &mut prepared.seen).await?;
                if self.verifier() != verifier {
                    // It may have been dropped before it was flushed.
                    return Err(FsError::Io.into());
                }
                Stability::File
            }
        };
        self.notice_data(request.inode).await;
        if request.via == Via::Anonymous {
            self.break_home_of(request.inode).await;
        }
        Ok(WriteReply { count, change, verifier, stability })
    }

    /// Brings a write into the buffer.
    async fn buffer<'d>(
        &'d self,
        ctx: &OpContext,
        (request, file): (&WriteRequest, &FileState),
        prepared: &mut Prepared<'d>,
    ) -> Result<Change, Failure> {
        for _ in 0..ATTEMPTS_MAX {
            match self.attempt(ctx, (request, file), prepared)? {
                Attempt::Done(change) => return Ok(*change),
                Attempt::Record => {
                    self.live(request.inode, &mut prepared.seen).await?;
                }
                Attempt::Room(blocks) => prepared.room = Some(self.admit_write(request.inode, blocks).await?),
                Attempt::Above(miss) => self.load(miss, &mut Scratch::default()).await?,
                Attempt::Region(key) => {
                    self.region(key, &mut prepared.seen).await?;
                }
                Attempt::Adopt => Box::pin(self.adopt(request.inode)).await?,
                Attempt::Past => drop(Box::pin(self.flush(request.inode)).await?),
                Attempt::Over => {
                    prepared.looks_closely = true;
                    self.flush_reserved(request.inode.shard).await?;
                }
                Attempt::Bases(record, wanted) => {
                    for (block, ticket) in wanted {
                        let base = self.stored_block((request.inode, &record), block).await?;
                        prepared.bases.insert(block, (ticket, base.unwrap_or_default()));
                    }
                }
            }
        }
        Err(FsError::Delay.into())
    }

    fn attempt(
        &self,
        ctx: &OpContext,
        (request, file): (&WriteRequest, &FileState),
        prepared: &mut Prepared<'_>,
    ) -> Result<Attempt, Failure> {
        let mut data = file.data();
        // Not before what is stable is back in the buffer.
        self.require_loaded()?;
        let Some(slot) = self.records.inodes.get(&request.inode) else { return Ok(Attempt::Record) };
        prepared.seen.note(slot.version);
        let record = slot.value.filter(|record| self.is_there(request.inode, record)).ok_or(FsError::StaleHandle)?;
        let before = effective(request.inode, &record, data.shown());
        self.check_bytes(ctx, request.via, (&before, WRITE, (request.offset, request.data.len() as u64)))?;
        let range = (request.offset, request.data.len());
        let end = request.offset.checked_add(range.1 as u64).filter(|end| *end <= FILE_SIZE_MAX);
        let end = end.ok_or_else(|| Failure::with(FsError::FileTooLarge, before.clone()))?;
        if range.1 == 0 {
            return Ok(Attempt::Done(Box::new(Change::none(before))));
        }
        if self.is_inherited(request.inode, record.born) {
            return Ok(Attempt::Adopt);
        }
        if !self.date(request.inode, &mut data)? {
            return Ok(Attempt::Past);
        }
        let Some(room) = &mut prepared.room else { return Ok(Attempt::Room(blocks_of(range.0, range.1))) };
        let missing = data.buffer.missing(range, before.size, &prepared.bases);
        if !missing.is_empty() {
            let wanted = missing.into_iter().map(|block| (block, data.buffer.ticket(block))).collect();
            return Ok(Attempt::Bases(record, wanted));
        }
        match self.reserve_for((request, end, prepared.looks_closely), (&record, &before), &data) {
            Ok(Reserving::Done(None)) => {}
            Ok(Reserving::Done(Some(advance))) => data.advance = Some(advance),
            Ok(Reserving::Missing(miss)) => return Ok(Attempt::Above(miss)),
            Ok(Reserving::Over(_)) if !prepared.looks_closely => return Ok(Attempt::Over),
            Ok(Reserving::Over(refuser)) => {
                self.note_refusal(request.inode.shard, refuser);
                return Err(Failure::with(FsError::QuotaExceeded, before));
            }
            Err(Unknown::Region(key)) => return Ok(Attempt::Region(key)),
            Err(Unknown::Foreign) => return Err(FsError::Io.into()),
        }
        room.keep(data.buffer.write(request.offset, &request.data, &prepared.bases));
        data.journal.note_write(request.offset / BLOCK_BYTES, end.div_ceil(BLOCK_BYTES));
        if let Some(checksums) = &prepared.checksums {
            data.buffer.note_checksums(request.offset / BLOCK_BYTES, checksums);
        }
        // What is reserved is exactly what is dirty now.
        self.note_write(ctx, &mut data, (&before, end));
        let after = effective(request.inode, &record, data.shown());
        Ok(Attempt::Done(Box::new(Change { before: before.pre(), after })))
    }

    /// Reserves what quotas count of a write.
    fn reserve_for(
        &self,
        (request, end, closely): (&WriteRequest, u64, bool),
        (record, before): (&InodeRecord, &Attributes),
        data: &FileData,
    ) -> Result<Reserving, Unknown> {
        if !self.has_quotas() {
            return Ok(Reserving::Done(None));
        }
        let (inode, blocks) = (request.inode, request.offset / BLOCK_BYTES..end.div_ceil(BLOCK_BYTES));
        let dirty_blocks = blocks.end - blocks.start - data.buffer.dirty_in(blocks.start, blocks.end);
        if dirty_blocks == 0 && end <= before.size {
            // All of it is reserved, or was counted when it was flushed and written again meanwhile.
            return Ok(Reserving::Done(None));
        }
        let mut growth = Growth { size: end.max(before.size), dirty_blocks, new_blocks: dirty_blocks };
        if !closely && data.advance.as_ref().is_some_and(|advance| advance.take(growth.from(before.size))) {
            return Ok(Reserving::Done(None));
        }
        if closely {
            let spans = self.spans_of((inode, record), blocks, &mut Seen::default())?;
            growth.new_blocks = spans.holes().filter(|block| !data.buffer.has(*block)).count() as u64;
        }
        Ok(self.reserve_write(inode, (record, data), growth))
    }

    /// What a write does to the attributes.
    fn note_write(&self, ctx: &OpContext, data: &mut FileData, (before, end): (&Attributes, u64)) {
        let now = self.clock.now();
        let loses_set_id = !ctx.credentials.superuser && without_set_id(before.mode) != before.mode;
        data.pending = Pending {
            size: if end > before.size { Some(end) } else { data.pending.size },
            modified: Some(now),
            changed: now,
            change: self.next_change(),
            clear_set_id: data.pending.clear_set_id || loses_set_id,
            dirty_blocks: 0,
        };
        if !std::mem::replace(&mut data.is_queued, true) {
            self.data.queue_file(before.inode, self.clock.monotonic());
        }
        if data.buffer.blocks() >= BLOCKS_LARGE && !std::mem::replace(&mut data.is_large, true) {
            self.data.queue_large(before.inode);
        }
    }

    /// What a block holds that is not dirty; `None` in a hole.
    ///
    /// Errors: `Io`.
    pub(super) async fn stored_block(
        &self,
        (inode, record): (InodeId, &InodeRecord),
        block: u64,
    ) -> Result<Option<Bytes>, Failure> {
        let _guard = self.data.gate.enter();
        for _ in 0..ATTEMPTS_MAX {
            match self.spans_of((inode, record), block..block + 1, &mut Seen::default()) {
                Ok(spans) if spans.has_hole() => return Ok(None),
                Ok(spans) => {
                    let spans = self.fetch(inode, spans).await?;
                    return Ok(Some(spans.into_payload(0, BLOCK_SIZE).to_bytes()));
                }
                Err(Unknown::Region(key)) => self.load(Miss::Region(key), &mut Scratch::default()).await?,
                Err(Unknown::Foreign) => return Err(FsError::Io.into()),
            }
        }
        Err(FsError::Delay.into())
    }
}

/// Times a write is tried again because others changed the blocks that it changes in part.
const ATTEMPTS_MAX: usize = 4096;
/// With so many dirty blocks (8 MiB) a file is written back without waiting for more, so that COMMIT finds little to do.
const BLOCKS_LARGE: u64 = 2048;
