//! Sharing a range of a file with another place: its blocks get one name more, and no byte moves.
//!
//! Both files' flush turns are held from the flush of what is dirty of the source on, so the range is taken as it was
//! then. A large range goes in changes of its own; who reads the target meanwhile, and what a crash leaves, is as with a
//! large WRITE.

use std::cmp::{max, min};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use meta::Version;
use meta::records::{Coding, Extent, InodeRecord, Run};
use vfs::limits::FILE_SIZE_MAX;
use vfs::{
    Attributes, Change, CloneRangeRequest, Failure, FsError, InodeId, OpContext, ReadRequest, Stability, Via,
    WriteRequest,
};

use super::cut::{Ending, account, let_go};
use super::fold::begin_region;
use super::journal::Hold;
use super::state::FileData;
use super::{BLOCK_BYTES, FileState, REGION_BLOCKS};
use crate::Filesystem;
use crate::access::{READ, WRITE};
use crate::attributes::{effective, mode_of, without_set_id};
use crate::cache::Seen;
use crate::snapshot::require_present;
use crate::turn::{REGION_LIST_MAX, Step, Stop, Turn};

/// Blocks that are to be shared.
struct Clone<'r> {
    ctx: &'r OpContext,
    source: InodeId,
    target: InodeId,
    /// The first in the source.
    from: u64,
    /// The first in the target.
    to: u64,
    count: u64,
    /// Where the range ends in the target, in bytes.
    end: u64,
    /// Whether it is tried again when a quota refuses it.
    is_first_try: bool,
}

/// What one change of a clone did.
struct Cloned {
    change: Change,
    /// The region of the target to go on with.
    next: Option<u64>,
}

/// A range that was looked at: what is left of it to be copied, because it is a part of a block in which the target has
/// something else.
struct Rest {
    after: Attributes,
    bytes: u64,
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_clone_range(&self, ctx: &OpContext, request: CloneRangeRequest) -> Result<Change, Failure> {
        let length = request.length;
        let cloned = self.clone_checked(ctx, request).await;
        match &cloned {
            Ok(_) => self.data.shared_bytes.fetch_add(length, Ordering::Relaxed),
            Err(_) => self.data.unshared.fetch_add(1, Ordering::Relaxed),
        };
        cloned
    }

    async fn clone_checked(&self, ctx: &OpContext, request: CloneRangeRequest) -> Result<Change, Failure> {
        require_present(request.target)?;
        let mut seen = Seen::default();
        let checked = self.check_clone(ctx, &request, &mut seen).await;
        self.settle(seen.0).await?;
        let before = checked?;
        if request.length == 0 {
            return Ok(Change::none(before));
        }
        let mut shared = self.share_range(ctx, &request, true).await;
        if shared.as_ref().is_err_and(|failure| failure.error == FsError::QuotaExceeded) {
            // What is dirty may take less than it may: then it fits.
            self.flush_reserved(request.target.shard).await?;
            shared = self.share_range(ctx, &request, false).await;
        }
        let Rest { mut after, bytes } = shared?;
        if bytes > 0 {
            after = self.copy_rest(ctx, &request, bytes).await?;
        }
        self.notice_data(request.target).await;
        if request.target_via == Via::Anonymous {
            self.break_home_of(request.target).await;
        }
        Ok(Change { before: before.pre(), after })
    }

    /// Whether the range may be shared. Returns the target.
    async fn check_clone(
        &self,
        ctx: &OpContext,
        request: &CloneRangeRequest,
        seen: &mut Seen,
    ) -> Result<Attributes, Failure> {
        let CloneRangeRequest { source, source_offset, target, target_offset, length, .. } = *request;
        // An empty range meets no lock.
        let locked = |offset| if request.heeds_locks { (offset, length) } else { (0, 0) };
        let record = self.live(source, seen).await?;
        let from = self.attributes(source, &record);
        self.check_bytes(ctx, request.source_via, (&from, READ, locked(source_offset)))?;
        let record = self.live(target, seen).await?;
        let before = self.attributes(target, &record);
        self.check_bytes(ctx, request.target_via, (&before, WRITE, locked(target_offset)))?;
        let refuse = |error| Err(Failure::with(error, before.clone()));
        if source.shard != target.shard {
            return refuse(FsError::CrossDevice);
        }
        let end_in = |offset: u64| offset.checked_add(length).filter(|end| *end <= FILE_SIZE_MAX);
        let (Some(source_end), Some(target_end)) = (end_in(source_offset), end_in(target_offset)) else {
            return refuse(FsError::FileTooLarge);
        };
        let is_aligned = [source_offset, target_offset].iter().all(|offset| offset.is_multiple_of(BLOCK_BYTES));
        let overlaps = source == target && source_offset < target_end && target_offset < source_end;
        if !is_aligned || source_end > from.size || overlaps {
            return refuse(FsError::InvalidArgument);
        }
        Ok(before)
    }

    async fn share_range(
        &self,
        ctx: &OpContext,
        request: &CloneRangeRequest,
        is_first_try: bool,
    ) -> Result<Rest, Failure> {
        let (source, target) = (request.source, request.target);
        let [source_file, file] = [source, target].map(|inode| self.files.state(inode));
        // Two that share between the same files take them in the same order.
        let (first, second) = if source < target { (&source_file, &file) } else { (&file, &source_file) };
        let first_turn = first.flush_turn.lock().await;
        let second_turn = if source == target { None } else { Some(second.flush_turn.lock().await) };
        // Entries of the journal know nothing of shared blocks: what they hold is flushed before, and none is made
        // meanwhile.
        let hold = Hold::new(&file);
        self.flush_in_turn(source, &source_file).await?;
        let (count, rest) = self.whole_blocks(request).await?;
        let (from, to) = (request.source_offset / BLOCK_BYTES, request.target_offset / BLOCK_BYTES);
        let end = request.target_offset + request.length - rest;
        let clone = Clone { ctx, source, target, from, to, count, end, is_first_try };
        let (after, version) = self.clone_all(&clone, (&source_file, &file)).await?;
        drop((hold, second_turn, first_turn));
        self.settle(version).await?;
        Ok(Rest { after, bytes: rest })
    }

    /// How many blocks of a range are shared whole, and how many bytes behind them are not: the last block goes too if
    /// nothing follows it in either file.
    async fn whole_blocks(&self, request: &CloneRangeRequest) -> Result<(u64, u64), Failure> {
        let mut seen = Seen::default();
        let source_size = self.live(request.source, &mut seen).await?.size;
        let target = self.live(request.target, &mut seen).await?;
        let target_size = self.attributes(request.target, &target).size;
        let (source_end, target_end) = (request.source_offset + request.length, request.target_offset + request.length);
        let is_last = source_size <= source_end && target_size <= target_end;
        let rest = if is_last { 0 } else { request.length % BLOCK_BYTES };
        Ok(((request.length - rest).div_ceil(BLOCK_BYTES), rest))
    }

    async fn clone_all(
        &self,
        clone: &Clone<'_>,
        (source_file, file): (&Arc<FileState>, &Arc<FileState>),
    ) -> Result<(Attributes, Version), Failure> {
        let (mut next, mut attempts) = (clone.to / REGION_BLOCKS, 0);
        let is_same = clone.source == clone.target;
        loop {
            self.flush_in_turn(clone.target, file).await?;
            let cuts = file.data().cuts;
            let source_cuts = source_file.data().cuts;
            let done = self
                .change_file(
                    (clone.target, file),
                    |turn, data| {
                        data.check_cuts(cuts)?;
                        if !is_same {
                            // Within the turn: nobody else who has the data of a file waits for that of another.
                            source_file.data().check_cuts(source_cuts)?;
                        }
                        turn.quota.try_first(clone.is_first_try);
                        clone_some(turn, data, (clone, next))
                    },
                    |data, cloned: &Cloned| {
                        data.cuts += 1;
                        publish(data, &cloned.change.after);
                        self.settle_reserved(clone.target, data);
                    },
                )
                .await;
            match done {
                Ok((Cloned { change, next: None }, version)) => return Ok((change.after, version)),
                Ok((Cloned { next: Some(region), .. }, _)) => {
                    next = region;
                    // A range may have thousands of parts, and nothing else may wait for them.
                    tokio::task::yield_now().await;
                }
                // Somebody wrote into the range meanwhile.
                Err(failure) if failure.error == FsError::Delay && attempts < ATTEMPTS_MAX => attempts += 1,
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Copies the last bytes of a range, less than a block.
    async fn copy_rest(&self, ctx: &OpContext, request: &CloneRangeRequest, bytes: u64) -> Result<Attributes, Failure> {
        let before = request.length - bytes;
        let length = u32::try_from(bytes).unwrap_or(0);
        let (inode, via, offset) = (request.source, request.source_via, request.source_offset + before);
        let data = self.do_read(ctx, ReadRequest { inode, via, offset, length }).await?.data;
        let (inode, via, offset) = (request.target, request.target_via, request.target_offset + before);
        let writing = WriteRequest { inode, via, offset, data, stability: Stability::File };
        Ok(self.do_write(ctx, writing).await?.change.after)
    }
}

/// Who changes a block in part looks at the records again, and what is pending is as new as the change.
fn publish(data: &mut FileData, after: &Attributes) {
    data.pending.size = data.pending.size.filter(|size| *size > after.size);
    if data.pending.change != 0 {
        data.pending.modified = Some(after.modified);
        (data.pending.changed, data.pending.change) = (after.changed, after.change);
    }
}

/// Names the blocks of a few regions. Nothing of the range may be dirty in the target: it would be in no order with this.
fn clone_some<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    data: &FileData,
    (clone, next): (&Clone<'_>, u64),
) -> Step<Cloned> {
    // What a snapshot shows is kept as long as it is shown, so its blocks are named when they are named again.
    turn.house.require_shown(clone.source)?;
    let source = turn.live(clone.source)?;
    let old = turn.live(clone.target)?;
    let before = effective(clone.target, &old, data.shown());
    if clone.count > 0 && !data.buffer.range(clone.to, clone.to + clone.count).is_empty() {
        return Err(Stop::Again);
    }
    let (regions, next) = regions_to_change(turn, clone, next)?;
    let mut record = (*old).clone();
    let mut held_bytes = 0;
    for index in regions {
        held_bytes += clone_region(turn, (clone, &source), (&mut record, index))?;
    }
    let mode = if clone.ctx.credentials.superuser { before.mode } else { without_set_id(before.mode) };
    record.mode = mode_of(mode);
    // No part sets a size beyond what it brings.
    let end = next.map_or(clone.end, |next| min(clone.end, next * REGION_BLOCKS * BLOCK_BYTES));
    record.size = max(record.size, end);
    (record.modified, record.changed) = (turn.now, turn.now);
    record.change = turn.stamp();
    turn.charge_change(clone.target, (&old, &record), held_bytes)?;
    let record = turn.put_inode(clone.target, record);
    let mut after = effective(clone.target, &record, data.shown());
    (after.modified, after.changed, after.change) = (record.modified, record.changed, record.change);
    after.size = max(before.size, record.size);
    Ok(Cloned { change: Change { before: before.pre(), after }, next })
}

/// The next regions of the target in which something changes, and the one to go on with behind them: those that it has,
/// and those that get something.
fn regions_to_change<K: kv::Engine, C: chunk::Store>(
    turn: &Turn<'_, K, C>,
    clone: &Clone<'_>,
    next: u64,
) -> Step<(Vec<u64>, Option<u64>)> {
    let end = (clone.to + clone.count).div_ceil(REGION_BLOCKS);
    let to_source = |block: u64| block.max(clone.to) - clone.to + clone.from;
    let first_source = to_source(next * REGION_BLOCKS) / REGION_BLOCKS;
    let (targets, sources) = (turn.region_list(clone.target, next)?, turn.region_list(clone.source, first_source)?);
    let mut regions: BTreeSet<u64> = targets.iter().copied().collect();
    let mut horizon = end;
    if let Some(last) = targets.get(REGION_LIST_MAX - 1) {
        horizon = min(horizon, *last);
    }
    for index in sources {
        // Where its first and its last block go: into one region, or into two.
        let blocks = [index * REGION_BLOCKS, (index + 1) * REGION_BLOCKS - 1];
        let [first, last] = blocks.map(|block| (block.max(clone.from) - clone.from + clone.to) / REGION_BLOCKS);
        regions.extend([first, last]);
        if sources.len() == REGION_LIST_MAX && Some(index) == sources.last() {
            horizon = min(horizon, first);
        }
    }
    regions.retain(|region| (next..horizon).contains(region));
    let behind = regions.iter().nth(REGIONS_PER_CLONE_MAX).copied();
    let beyond = (horizon < end).then_some(horizon);
    Ok((regions.into_iter().take(REGIONS_PER_CLONE_MAX).collect(), behind.or(beyond)))
}

/// Names the blocks of the source in a region of the target, in place of what it has there. Returns the bytes that
/// versions hold.
fn clone_region<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    (clone, source): (&Clone<'_>, &InodeRecord),
    (record, index): (&mut InodeRecord, u64),
) -> Step<u64> {
    let start = index * REGION_BLOCKS;
    let (first, end) = (max(clone.to, start), min(clone.to + clone.count, start + REGION_BLOCKS));
    if first >= end {
        return Ok(0);
    }
    let pieces = source_pieces(turn, (clone, source), (first, end))?;
    let old = turn.region((clone.target, index))?;
    let (mut new, mut released) = begin_region(turn, record, (index, old.as_deref()));
    let [within, count] = [first - start, end - first].map(|blocks| u8::try_from(blocks).unwrap_or(0));
    released.extend(new.punch(within, count));
    for (block, extent, crcs) in &pieces {
        // Before anything is given up: what both name is never free.
        turn.name_again(Run { placement: extent.placement, blocks: extent.blocks.into() })?;
        let first_block = u8::try_from(block - start).map_err(|_| FsError::Io)?;
        released.extend(new.replace(Extent { first_block, birth: turn.clock().current, ..*extent }, crcs));
    }
    account(record, old.as_deref(), Some(&new));
    turn.put_region((clone.target, index), (!new.is_empty()).then_some(new));
    let_go(turn, released, Ending::of(clone.target, record, (index, old.as_deref())))
}

/// What the source names for these blocks of the target: where each piece begins in the target, and its checksums.
fn source_pieces<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    (clone, source): (&Clone<'_>, &InodeRecord),
    (first, end): (u64, u64),
) -> Step<Vec<(u64, Extent, Vec<u32>)>> {
    let mut pieces = Vec::new();
    let (mut at, end) = (first - clone.to + clone.from, end - clone.to + clone.from);
    while at < end {
        let (index, behind) = (at / REGION_BLOCKS, min(end, (at / REGION_BLOCKS + 1) * REGION_BLOCKS));
        let region = turn.region((clone.source, index))?;
        if let Some(region) = region.filter(|region| !source.is_masked(index, region.generation)) {
            let start = index * REGION_BLOCKS;
            let [from, to] = [at - start, behind - start].map(|block| u8::try_from(block).unwrap_or(0));
            for (piece, crcs) in region.pieces(from, to) {
                if piece.coding != Coding::Plain || piece.pool != 0 {
                    return Err(FsError::NotSupported.into());
                }
                let block = start + u64::from(piece.first_block) - clone.from + clone.to;
                pieces.push((block, piece, crcs.to_vec()));
            }
        }
        at = behind;
    }
    Ok(pieces)
}

/// Regions that one change of a clone writes: each may touch 64 groups of shared blocks for what it gets, and 64 for what
/// it gives up.
const REGIONS_PER_CLONE_MAX: usize = 16;
/// Times that somebody may write into a range while it is shared.
const ATTEMPTS_MAX: usize = 64;
