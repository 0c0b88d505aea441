//! What happens to the data of a file that has lost its last name.

use meta::records::{InodeRecord, Intent, REGION_BLOCKS};
use vfs::{Cookie, InodeId};

use super::cut::take_out;
use crate::turn::{REGIONS_PER_CHANGE_MAX, Step, Turn};

/// Removes a file within a turn; the caller holds its flush turn and has taken its charge back. A file of few regions
/// goes at once; of a larger one an orphan stays that an intent works off. One that is open stays whole until its last
/// open is closed.
pub(crate) fn remove_in_turn<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    inode: InodeId,
    record: &InodeRecord,
) -> Step<()> {
    let mut record = record.clone();
    if turn.house.opens.holds(inode) {
        become_orphan(turn, &mut record);
        turn.put_inode(inode, record);
        turn.remove_when_closed(inode);
        return Ok(());
    }
    let list = regions(turn, inode, &record)?;
    if list.len() > REGIONS_PER_CHANGE_MAX {
        become_orphan(turn, &mut record);
        turn.put_inode(inode, record);
        turn.add_intent(Intent::Remove { inode });
    } else {
        let mut held_bytes = 0;
        for index in list {
            held_bytes += take_out(turn, (inode, &mut record), *index)?;
        }
        turn.charge_held(held_bytes.cast_signed())?;
        turn.drop_inode(inode)?;
    }
    turn.forget_file(inode);
    Ok(())
}

/// The regions of a file. The record says how many blocks they name, and none names nothing: an empty file has no region,
/// and one whose first region names all of them has no other. Only what is left has to be listed in the store.
fn regions<'a, K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'a, K, C>,
    inode: InodeId,
    record: &InodeRecord,
) -> Step<&'a [u64]> {
    if record.allocated_blocks == 0 {
        return Ok(&[]);
    }
    if record.allocated_blocks <= u64::from(REGION_BLOCKS) {
        let first = turn.region((inode, 0))?;
        if first.is_some_and(|first| u64::from(first.blocks()) == record.allocated_blocks) {
            return Ok(&[0]);
        }
    }
    turn.region_list(inode, 0)
}

fn become_orphan<K: kv::Engine, C: chunk::Store>(turn: &Turn<'_, K, C>, record: &mut InodeRecord) {
    record.links = 0;
    record.home_cookie = Cookie::START;
    record.changed = turn.now;
    record.change = turn.stamp();
}
