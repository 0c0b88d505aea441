//! One change of a flush: region records name the new blocks, and the inode takes over what is pending.

use std::cmp::max;

use meta::Version;
use meta::records::{Extent, InodeRecord, RegionRecord, Released, Run};
use vfs::{Epoch, FsError, InodeId};

use super::Pending;
use super::cut::{Ending, account, let_go};
use super::place::{PlacedRun, RegionWrite};
use crate::attributes::{mode_of, without_set_id};
use crate::turn::{Step, Turn};

/// A part of a flush: as much as one change takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'p> {
    /// The file.
    pub(super) inode: InodeId,
    /// Its regions, in order.
    pub(super) writes: &'p [RegionWrite],
    /// What the size is at least after this part: never more than the data that it brings.
    pub(super) size: u64,
    /// What the journal keeps up to this version is void after this part.
    pub(super) floor: Option<Version>,
    /// When it was written.
    pub(super) epoch: Epoch,
}

/// Writes a part of a flush into the records. Returns the size that is submitted now; `None` when the file is gone.
pub(super) fn fold<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    part: Part<'_>,
    pending: Pending,
) -> Step<Option<u64>> {
    turn.write_as_of(part.inode.tree, part.epoch);
    let Some(old) = turn.inode(part.inode)?.filter(|record| turn.is_there(part.inode, record)) else {
        return Ok(None);
    };
    let mut record = (*old).clone();
    let mut held_bytes = 0;
    for write in part.writes {
        held_bytes += write_region(turn, (part.inode, &mut record), write)?;
    }
    record.size = max(record.size, part.size);
    fold_pending(&mut record, pending);
    if let Some(floor) = part.floor {
        raise_floor(&mut record, floor);
    }
    // It was reserved before it was promised.
    turn.quota.promise();
    turn.charge_change(part.inode, (&old, &record), held_bytes)?;
    let size = record.size;
    turn.put_inode(part.inode, record);
    Ok(Some(size))
}

/// Takes over everything but the size.
pub(super) fn fold_pending(record: &mut InodeRecord, pending: Pending) {
    if pending.clear_set_id {
        record.mode = mode_of(without_set_id(u32::from(record.mode)));
    }
    record.modified = pending.modified.unwrap_or(record.modified);
    if pending.change > record.change {
        record.changed = pending.changed;
        record.change = pending.change;
    }
}

/// What the journal keeps up to this version is void.
pub(super) fn raise_floor(record: &mut InodeRecord, floor: Version) {
    record.journal_floor = record.journal_floor.max(floor.0);
    if record.attributes_floor <= record.journal_floor {
        record.attributes_floor = 0;
    }
}

fn write_region<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    (inode, record): (InodeId, &mut InodeRecord),
    write: &RegionWrite,
) -> Step<u64> {
    let old = turn.region((inode, write.index))?;
    let (mut new, mut released) = begin_region(turn, record, (write.index, old.as_deref()));
    for run in &write.runs {
        released.extend(new.replace(extent(turn, run)?, &run.crcs));
    }
    account(record, old.as_deref(), Some(&new));
    turn.put_region((inode, write.index), Some(new));
    let_go(turn, released, Ending::of(inode, record, (write.index, old.as_deref())))
}

/// A region as it is before a change writes it, and what it names no more: what was cut off is overwritten, so the intent
/// will not find it any more.
pub(super) fn begin_region<K: kv::Engine, C: chunk::Store>(
    turn: &Turn<'_, K, C>,
    record: &InodeRecord,
    (index, old): (u64, Option<&RegionRecord>),
) -> (RegionRecord, Vec<Released>) {
    let generation = record.mask_generation;
    match old {
        Some(old) if !record.is_masked(index, old.generation) => {
            (RegionRecord { generation, ..old.clone() }, Vec::new())
        }
        masked => {
            let released = masked.iter().flat_map(|old| old.named()).collect();
            (RegionRecord::empty(turn.clock().current, generation), released)
        }
    }
}

/// The extent of a run, which is named from now on.
pub(super) fn extent<K: kv::Engine, C: chunk::Store>(turn: &mut Turn<'_, K, C>, run: &PlacedRun) -> Step<Extent> {
    let blocks = u8::try_from(run.crcs.len()).map_err(|_| FsError::Io)?;
    let placement = run.placement.to_raw();
    turn.name_blocks(Run { placement, blocks: u32::from(blocks) });
    Ok(Extent::plain(run.first_block, blocks, turn.clock().current, placement))
}
