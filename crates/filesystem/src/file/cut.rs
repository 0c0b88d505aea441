//! Taking blocks out of a file within a turn.

use meta::records::{Charge, InodeRecord, RegionRecord, Released, Run};
use smallvec::SmallVec;
use vfs::{Epoch, InodeId};

use super::BLOCK_BYTES;
use crate::turn::{Step, Turn};

/// Gives up blocks that a live record names no more: those that neither a version nor another place names are free once
/// the change is durable. They were named until now, or until they were cut off. Returns the bytes of those that versions
/// hold.
pub(super) fn let_go<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    released: impl IntoIterator<Item = Released>,
    cut_at: Option<Epoch>,
) -> Step<u64> {
    let died = cut_at.unwrap_or(turn.clock().current);
    let mut held_bytes = 0;
    let mut given_up: SmallVec<[Run; 4]> = SmallVec::new();
    for gone in released {
        if turn.present().is_kept(gone.birth) && turn.shard.past.is_seen(gone.birth, died) {
            held_bytes += gone.stored_bytes;
        } else {
            given_up.push(Run { placement: gone.placement, blocks: gone.blocks });
        }
    }
    turn.give_up(&given_up)?;
    Ok(held_bytes)
}

/// Removes a region with all it names, and takes it from what the inode is said to hold. Returns the bytes that
/// versions hold of it.
pub(crate) fn take_out<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    (inode, record): (InodeId, &mut InodeRecord),
    index: u64,
) -> Step<u64> {
    let Some(region) = turn.region((inode, index))? else { return Ok(0) };
    account(record, Some(&region), None);
    let held_bytes = let_go(turn, region.named(), record.cut_at(index, region.generation))?;
    turn.put_region((inode, index), None);
    Ok(held_bytes)
}

/// Counts a region in place of another one.
pub(super) fn account(record: &mut InodeRecord, old: Option<&RegionRecord>, new: Option<&RegionRecord>) {
    let blocks = |region: Option<&RegionRecord>| region.map_or(0, |region| u64::from(region.blocks()));
    let bytes = |region: Option<&RegionRecord>| region.map_or(0, RegionRecord::stored_bytes);
    record.allocated_blocks = (record.allocated_blocks + blocks(new)).saturating_sub(blocks(old));
    record.stored_bytes = (record.stored_bytes + bytes(new)).saturating_sub(bytes(old));
}

/// A charge for bytes that only versions name.
pub(super) fn held(bytes: u64) -> Charge {
    Charge { held_bytes: bytes.cast_signed(), ..Charge::default() }
}

/// Blocks that a number of bytes takes.
pub(super) fn blocks_up_to(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK_BYTES)
}
