//! Setting the size of a file.
//!
//! What a block stores beyond the end of the file is always zero, on stable storage too: a cut within a block stores
//! that block again. Few regions go with the cut; of more, a mask makes them read as holes and an intent removes
//! them.

use bytes::Bytes;
use meta::records::{INODE_MASKS_MAX, InodeRecord, Intent, Mask};
use vfs::{Change, Failure, FsError, InodeId, OpContext, SetattrReply, SetattrRequest};

use super::buffer::{DirtyRun, within, zero_from};
use super::cut::{Ending, account, blocks_up_to, let_go, take_out};
use super::fold::{extent, raise_floor};
use super::journal::Hold;
use super::place::{Placed, RegionWrite, by_region};
use super::state::FileData;
use super::{BLOCK_BYTES, FileState, Pending, REGION_BLOCKS, REGION_BYTES};
use crate::Filesystem;
use crate::attributes::{apply, effective, mode_of, set_descriptor, without_set_id};
use crate::cache::Seen;
use crate::replay::Kind;
use crate::turn::{REGIONS_PER_CHANGE_MAX, Step, Turn};

/// A cut as it was prepared.
struct Cut<'c> {
    ctx: &'c OpContext,
    kind: Kind,
    request: &'c SetattrRequest,
    size: u64,
    /// The last block, with zeros behind the new end.
    boundary: Option<RegionWrite>,
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Sets the size together with the other attributes of a request, as part of this kind of operation.
    ///
    /// Errors: as SETATTR.
    pub(crate) async fn set_with_size(
        &self,
        (ctx, kind): (&OpContext, Kind),
        request: &SetattrRequest,
        size: u64,
    ) -> Result<SetattrReply, Failure> {
        let mut seen = Seen::default();
        let record = self.live(request.inode, &mut seen).await?;
        let before = self.attributes(request.inode, &record);
        if let Err(error) = self.check_set(ctx, request, &before) {
            self.settle(seen.0).await?;
            return Err(Failure::with(error, before));
        }
        let file = self.files.state(request.inode);
        let flush_turn = file.flush_turn.lock().await;
        let hold = self.void_before_cut((request.inode, &file), size).await?;
        let cuts = file.data().cuts;
        self.make_room_for_mask((request.inode, &file)).await?;
        let mut placed = self.prepare_boundary((request.inode, &file), size).await?;
        let boundary = placed.as_ref().and_then(|placed| by_region(placed.blocks()).pop());
        let cut = Cut { ctx, kind, request, size, boundary };
        let (reply, version) = self
            .change_file(
                (request.inode, &file),
                |turn, data| {
                    data.check_cuts(cuts)?;
                    set_size(turn, data, &cut)
                },
                |data, _| self.publish_cut(request.inode, data, size),
            )
            .await?;
        if let Some(placed) = &mut placed {
            placed.named_before(u64::MAX);
        }
        drop(hold);
        drop(flush_turn);
        self.settle(version).await?;
        self.notice_data(request.inode).await;
        Ok(reply)
    }

    /// Entries of the journal know nothing of cuts: what they hold is flushed before, and none is made until the cut is
    /// done. One that leaves nothing makes them void itself.
    async fn void_before_cut<'f>(
        &self,
        (inode, file): (InodeId, &'f FileState),
        size: u64,
    ) -> Result<Option<Hold<'f>>, Failure> {
        if size == 0 {
            return Ok(None);
        }
        let hold = Hold::new(file);
        let is_live = file.data().journal.is_live();
        if is_live {
            self.flush_in_turn(inode, file).await?;
        }
        Ok(Some(hold))
    }

    fn publish_cut(&self, inode: InodeId, data: &mut FileData, size: u64) {
        data.pending = Pending::default();
        data.cuts += 1;
        self.data.dirty.give_back(inode.shard, data.buffer.cut(size));
        let last = data.journal.last_live();
        self.void_entries(data, last);
        self.settle_reserved(inode, data);
    }

    /// Stores the block again that a cut goes through, with zeros behind the cut; nothing when it holds no others.
    async fn prepare_boundary(
        &self,
        (inode, file): (InodeId, &FileState),
        size: u64,
    ) -> Result<Option<Placed<'_, C>>, Failure> {
        let record = self.live(inode, &mut Seen::default()).await?;
        let from = within(size);
        if from == 0 || size >= record.size {
            return Ok(None);
        }
        let block = size / BLOCK_BYTES;
        let Some(stored) = self.stored_block((inode, &record), block).await? else { return Ok(None) };
        if is_zero_from(&stored, from) {
            return Ok(None);
        }
        let newest = file.data().buffer.get(block).unwrap_or(stored);
        let bytes = zero_from(Bytes::copy_from_slice(&newest), from);
        self.place(inode.shard, &[DirtyRun::clean(block, bytes)]).await.map(Some)
    }

    /// An inode has room for few masks: works the oldest cut off when there is none left.
    async fn make_room_for_mask(&self, (inode, file): (InodeId, &FileState)) -> Result<(), Failure> {
        loop {
            let record = self.live(inode, &mut Seen::default()).await?;
            if record.masks.len() < INODE_MASKS_MAX {
                return Ok(());
            }
            if !self.work_off_one_mask(inode, file).await? {
                return Err(FsError::Delay.into());
            }
        }
    }
}

fn set_size<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    data: &FileData,
    cut: &Cut<'_>,
) -> Step<SetattrReply> {
    let (inode, set, credentials) = (cut.request.inode, &cut.request.attributes, &cut.ctx.credentials);
    let old = turn.live(inode)?;
    let before = effective(inode, &old, data.shown());
    turn.house.check_set(cut.ctx, cut.request, &before).map_err(|error| Failure::with(error, before.clone()))?;
    let mut record = (*old).clone();
    record.mode = mode_of(before.mode);
    record.modified = turn.now;
    apply(&mut record, credentials, set, turn.now);
    set_descriptor(turn, inode.tree, (&old, &mut record), set)?;
    turn.set_xattrs(inode, &mut record, set)?;
    if set.overwrites {
        turn.lose_streams(inode, &mut record)?;
    }
    if !credentials.superuser {
        record.mode = mode_of(without_set_id(u32::from(record.mode)));
    }
    let held_bytes = if cut.size < old.size { cut_regions(turn, (inode, &mut record), cut)? } else { 0 };
    if let Some(last) = data.journal.last_live() {
        raise_floor(&mut record, last);
    }
    record.size = cut.size;
    record.changed = turn.now;
    record.change = turn.stamp();
    turn.charge_change(inode, (&old, &record), held_bytes)?;
    let record = turn.put_inode(inode, record);
    let left = data.buffer.range(0, blocks_up_to(cut.size));
    let dirty_bytes = left.iter().map(|(_, bytes)| bytes.len() as u64).sum();
    let after = effective(inode, &record, Pending { dirty_blocks: blocks_up_to(dirty_bytes), ..Pending::default() });
    turn.remember(cut.ctx, cut.kind, inode);
    Ok(SetattrReply { change: Change { before: before.pre(), after } })
}

/// Takes out what lies behind the new end. Returns the bytes that versions hold of it.
fn cut_regions<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    (inode, record): (InodeId, &mut InodeRecord),
    cut: &Cut<'_>,
) -> Step<u64> {
    let blocks = blocks_up_to(cut.size);
    let first = blocks.div_ceil(REGION_BLOCKS);
    let mut held_bytes = 0;
    if !blocks.is_multiple_of(REGION_BLOCKS) || cut.boundary.is_some() {
        held_bytes += cut_last_region(turn, (inode, record), (blocks, cut.boundary.as_ref()))?;
    }
    let list = turn.region_list(inode, first)?;
    if list.len() > REGIONS_PER_CHANGE_MAX {
        mask(turn, (inode, record), first);
        return Ok(held_bytes);
    }
    for index in list {
        held_bytes += take_out(turn, (inode, record), *index)?;
    }
    Ok(held_bytes)
}

/// Keeps of the region that holds the last block only what lies before the new end.
fn cut_last_region<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    (inode, record): (InodeId, &mut InodeRecord),
    (blocks, boundary): (u64, Option<&RegionWrite>),
) -> Step<u64> {
    let index = blocks.saturating_sub(1) / REGION_BLOCKS;
    let Some(old) = turn.region((inode, index))? else { return Ok(0) };
    if record.is_masked(index, old.generation) {
        return Ok(0);
    }
    let mut new = (*old).clone();
    let kept = u8::try_from(blocks - index * REGION_BLOCKS).unwrap_or(meta::records::REGION_BLOCKS);
    let mut released = new.cut_from(kept).into_vec();
    for run in boundary.iter().flat_map(|write| &write.runs) {
        released.extend(new.replace(extent(turn, run)?, &run.crcs));
    }
    account(record, Some(&old), Some(&new));
    turn.put_region((inode, index), (!new.is_empty()).then_some(new));
    let_go(turn, released, Ending::of(inode, record, (index, Some(&old))))
}

/// Makes all regions from `first` on read as holes; an intent removes them.
fn mask<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    (inode, record): (InodeId, &mut InodeRecord),
    first: u64,
) {
    record.mask_generation += 1;
    // What an older mask covers this one covers too; the older intent finds its mask gone.
    record.masks.retain(|mask| mask.first_region < first);
    let mask = Mask {
        first_region: first,
        end_region: REGIONS_END,
        generation: record.mask_generation,
        epoch: turn.clock().current,
    };
    record.masks.push(mask);
    let (first_region, end_region, generation) = (mask.first_region, mask.end_region, mask.generation);
    turn.add_intent(Intent::Truncate { inode, first_region, end_region, generation });
}

fn is_zero_from(bytes: &Bytes, from: usize) -> bool {
    bytes.get(from..).is_none_or(|tail| tail.iter().all(|byte| *byte == 0))
}

/// Behind the last region that a file can have.
const REGIONS_END: u64 = vfs::limits::FILE_SIZE_MAX / REGION_BYTES + 1;
