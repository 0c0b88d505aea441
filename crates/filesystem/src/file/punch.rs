//! Making a range of a file a hole: whole blocks are named no more, parts of blocks are written with zeros.
//!
//! A part of a range that is large goes in changes of its own; who reads meanwhile sees some of it gone and some of it there, as with a
//! large WRITE. What a crash leaves is the same.

use std::cmp::{max, min};

use meta::Version;
use meta::records::InodeRecord;
use pages::Payload;
use vfs::limits::FILE_SIZE_MAX;
use vfs::{Attributes, Change, Failure, FsError, OpContext, RangeRequest, Stability, WriteRequest};

use super::cut::{Ending, account, let_go, take_out};
use super::journal::Hold;
use super::state::FileData;
use super::{BLOCK_BYTES, FileState, REGION_BLOCKS};
use crate::Filesystem;
use crate::access::WRITE;
use crate::attributes::{effective, mode_of, without_set_id};
use crate::cache::Seen;
use crate::snapshot::require_present;
use crate::turn::{REGIONS_PER_CHANGE_MAX, Step, Stop, Turn};

/// A range that is to be a hole.
struct Punch<'r> {
    ctx: &'r OpContext,
    request: &'r RangeRequest,
    /// Behind the last byte.
    end: u64,
}

/// What one change of a punch did.
struct Punched {
    change: Change,
    /// The region to go on with.
    next: Option<u64>,
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_deallocate(&self, ctx: &OpContext, request: RangeRequest) -> Result<Change, Failure> {
        require_present(request.inode)?;
        let inode = request.inode;
        let mut seen = Seen::default();
        let before = self.check_punch(ctx, &request, &mut seen).await;
        if before.is_err() {
            self.settle(seen.0).await?;
        }
        let (before, end) = before?;
        if request.offset >= min(end, before.size) {
            self.settle(seen.0).await?;
            return Ok(Change::none(before));
        }
        let punch = Punch { ctx, request: &request, end };
        self.clear_edges(&punch, before.size).await?;
        let file = self.files.state(inode);
        let flush_turn = file.flush_turn.lock().await;
        // Entries of the journal know nothing of holes: what they hold is flushed before, and none is made meanwhile.
        let hold = Hold::new(&file);
        let (after, version) = self.punch_all(&punch, &file).await?;
        drop(hold);
        drop(flush_turn);
        self.settle(max(seen.0, version)).await?;
        Ok(Change { before: before.pre(), after })
    }

    /// Errors: as WRITE.
    async fn check_punch(
        &self,
        ctx: &OpContext,
        request: &RangeRequest,
        seen: &mut Seen,
    ) -> Result<(Attributes, u64), Failure> {
        let record = self.live(request.inode, seen).await?;
        let before = self.attributes(request.inode, &record);
        self.check_bytes(ctx, request.via, (&before, WRITE, (request.offset, request.length)))?;
        let end = request.offset.checked_add(request.length).filter(|end| *end <= FILE_SIZE_MAX);
        let end = end.ok_or_else(|| Failure::with(FsError::FileTooLarge, before.clone()))?;
        Ok((before, end))
    }

    /// Writes zeros over the parts of blocks at both ends.
    async fn clear_edges(&self, punch: &Punch<'_>, size: u64) -> Result<(), Failure> {
        let (offset, end) = (punch.request.offset, punch.end);
        let first_end = offset.next_multiple_of(BLOCK_BYTES);
        let last = end / BLOCK_BYTES * BLOCK_BYTES;
        self.clear(punch, (offset, min(first_end, min(end, size)))).await?;
        let is_last_kept = end < size && last >= first_end;
        if is_last_kept { self.clear(punch, (last, end)).await } else { Ok(()) }
    }

    /// Writes zeros over bytes of one block, unless it is a hole.
    async fn clear(&self, punch: &Punch<'_>, (from, to): (u64, u64)) -> Result<(), Failure> {
        let (inode, block) = (punch.request.inode, from / BLOCK_BYTES);
        if from >= to {
            return Ok(());
        }
        let is_dirty = self.files.peek(inode).is_some_and(|file| file.data().buffer.get(block).is_some());
        if !is_dirty {
            let record = self.live(inode, &mut Seen::default()).await?;
            if self.stored_block((inode, &record), block).await?.is_none() {
                return Ok(());
            }
        }
        let zeros = vec![0; usize::try_from(to - from).unwrap_or(0)];
        let (via, data, stability) = (punch.request.via, Payload::from(zeros), Stability::Unstable);
        let request = WriteRequest { inode, via, offset: from, data, stability };
        self.do_write(punch.ctx, request).await.map(drop)
    }

    async fn punch_all(&self, punch: &Punch<'_>, file: &FileState) -> Result<(Attributes, Version), Failure> {
        let inode = punch.request.inode;
        let (mut next, mut attempts) = (punch.request.offset / BLOCK_BYTES / REGION_BLOCKS, 0);
        loop {
            self.flush_in_turn(inode, file).await?;
            let cuts = file.data().cuts;
            let done = self
                .change_file(
                    (inode, file),
                    |turn, data| {
                        data.check_cuts(cuts)?;
                        punch_some(turn, data, (punch, next))
                    },
                    |data, punched: &Punched| publish(data, &punched.change.after),
                )
                .await;
            match done {
                Ok((Punched { change, next: None }, version)) => return Ok((change.after, version)),
                Ok((Punched { next: Some(region), .. }, _)) => {
                    next = region;
                    tokio::task::yield_now().await;
                }
                // Somebody wrote into the range meanwhile.
                Err(failure) if failure.error == FsError::Delay && attempts < ATTEMPTS_MAX => attempts += 1,
                Err(failure) => return Err(failure),
            }
        }
    }
}

/// Who changes a block in part looks at the records again, and what is pending is as new as the change.
fn publish(data: &mut FileData, after: &Attributes) {
    data.cuts += 1;
    if data.pending.change != 0 {
        data.pending.modified = Some(after.modified);
        (data.pending.changed, data.pending.change) = (after.changed, after.change);
    }
}

/// Takes the blocks of a few regions out. Nothing of the range may be dirty: it would be in no order with this.
fn punch_some<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    data: &FileData,
    (punch, next): (&Punch<'_>, u64),
) -> Step<Punched> {
    let inode = punch.request.inode;
    let old = turn.live(inode)?;
    let before = effective(inode, &old, data.shown());
    let first = punch.request.offset.div_ceil(BLOCK_BYTES);
    // What lies behind the end is zeros already.
    let end = if punch.end >= before.size { before.size.div_ceil(BLOCK_BYTES) } else { punch.end / BLOCK_BYTES };
    if first < end && !data.buffer.range(first, end).is_empty() {
        return Err(Stop::Again);
    }
    let list: Vec<u64> =
        turn.region_list(inode, next)?.iter().copied().filter(|index| index * REGION_BLOCKS < end).collect();
    let mut record = (*old).clone();
    let mut held_bytes = 0;
    for index in list.iter().copied().take(REGIONS_PER_CHANGE_MAX) {
        let start = index * REGION_BLOCKS;
        let within = (max(first, start) - start, min(end, start + REGION_BLOCKS).saturating_sub(start));
        held_bytes += punch_region(turn, (inode, &mut record), (index, within))?;
    }
    let mode = if punch.ctx.credentials.superuser { before.mode } else { without_set_id(before.mode) };
    record.mode = mode_of(mode);
    (record.modified, record.changed) = (turn.now, turn.now);
    record.change = turn.stamp();
    turn.charge_change(inode, (&old, &record), held_bytes)?;
    let record = turn.put_inode(inode, record);
    let mut after = effective(inode, &record, data.shown());
    (after.modified, after.changed, after.change) = (record.modified, record.changed, record.change);
    let next = list.get(REGIONS_PER_CHANGE_MAX).copied();
    Ok(Punched { change: Change { before: before.pre(), after }, next })
}

/// Names these blocks of a region no more. Returns the bytes that versions hold of them.
fn punch_region<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    (inode, record): (vfs::InodeId, &mut InodeRecord),
    (index, (from, to)): (u64, (u64, u64)),
) -> Step<u64> {
    if (from, to) == (0, REGION_BLOCKS) {
        return take_out(turn, (inode, record), index);
    }
    let Some(old) = turn.region((inode, index))? else { return Ok(0) };
    if from >= to || record.is_masked(index, old.generation) {
        return Ok(0);
    }
    let [from, count] = [from, to - from].map(|blocks| u8::try_from(blocks).unwrap_or(meta::records::REGION_BLOCKS));
    let mut new = (*old).clone();
    let released = new.punch(from, count).into_vec();
    account(record, Some(&old), Some(&new));
    turn.put_region((inode, index), (!new.is_empty()).then_some(new));
    let_go(turn, released, Ending::of(inode, record, (index, Some(&old))))
}

/// Times that somebody may write into a range while it becomes a hole.
const ATTEMPTS_MAX: usize = 64;
