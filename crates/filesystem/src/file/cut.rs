//! Taking blocks out of a file within a turn.

use meta::records::{InodeRecord, RegionRecord, Released, Run};
use smallvec::SmallVec;
use vfs::{Epoch, InodeId};

use super::BLOCK_BYTES;
use crate::cache::RegionKey;
use crate::turn::{Step, Turn};

/// The state of a region that a change ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    key: RegionKey,
    born: Epoch,
    /// When it was cut off, if that was before.
    cut_at: Option<Epoch>,
}

impl Ending {
    /// Of a region of a file, if there is one.
    pub(super) fn of(inode: InodeId, record: &InodeRecord, (index, old): (u64, Option<&RegionRecord>)) -> Self {
        let born = old.map_or(Epoch(0), |old| old.born);
        let cut_at = old.and_then(|old| record.cut_at(index, old.generation));
        Self { key: (inode, index), born, cut_at }
    }

    /// Of a region that is not cut off.
    pub(super) fn own(key: RegionKey, born: Epoch) -> Self {
        Self { key, born, cut_at: None }
    }
}

/// Gives up blocks that a live record names no more: those that neither a version nor another place names are free once
/// the change is durable. Returns the bytes of those that versions hold.
pub(super) fn let_go<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    released: impl IntoIterator<Item = Released>,
    ending: Ending,
) -> Step<u64> {
    let mut held_bytes = 0;
    let mut given_up: SmallVec<[Run; 4]> = SmallVec::new();
    let tree = ending.key.0.tree;
    for gone in released {
        if turn.is_inherited(tree, gone.birth) {
            // It is the origin's, which has it still.
            continue;
        }
        if turn.present().is_kept(gone.birth) && is_held(turn, gone.birth, ending)? {
            held_bytes += gone.stored_bytes;
        } else {
            given_up.push(Run { placement: gone.placement, blocks: gone.blocks });
        }
    }
    turn.give_up(&given_up)?;
    Ok(held_bytes)
}

/// Whether a version names a block that was named from `birth` on, until the state that ends.
fn is_held<K: kv::Engine, C: chunk::Store>(turn: &Turn<'_, K, C>, birth: Epoch, ending: Ending) -> Step<bool> {
    let died = ending.cut_at.unwrap_or_else(|| turn.clock().current);
    let (past, tree) = (&turn.shard.past, ending.key.0.tree);
    if !past.is_seen(tree, birth, died) {
        return Ok(false);
    }
    if past.is_seen(tree, ending.born, died) || past.is_wanted(tree, birth, died) {
        return Ok(true);
    }
    // An older state of the region is seen only by what is being deleted, or perhaps by nobody: it may be dropped already.
    Ok(turn.last_ended(ending.key)?.is_some_and(|last| last > birth))
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
    let held_bytes = let_go(turn, region.named(), Ending::of(inode, record, (index, Some(&region))))?;
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

/// Blocks that a number of bytes takes.
pub(super) fn blocks_up_to(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK_BYTES)
}
