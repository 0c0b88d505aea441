//! What happens to the data of a file that has lost its last name.

use meta::records::{InodeRecord, Intent};
use vfs::{Cookie, InodeId};

use super::cut::{held, take_out};
use crate::turn::{REGIONS_PER_CHANGE_MAX, Step, Turn};

/// Removes a file within a turn; the caller holds its flush turn and has taken its charge back. A file of few regions
/// goes at once; of a larger one an orphan stays that an intent works off.
pub(crate) fn remove_in_turn<K: kv::Engine, C: chunk::Store>(
    turn: &mut Turn<'_, K, C>,
    inode: InodeId,
    record: &InodeRecord,
) -> Step<()> {
    let list = turn.region_list(inode, 0)?;
    let mut record = record.clone();
    if list.len() > REGIONS_PER_CHANGE_MAX {
        record.links = 0;
        record.home_cookie = Cookie::START;
        record.changed = turn.now;
        record.change = turn.stamp();
        turn.put_inode(inode, record);
        turn.add_intent(Intent::Remove { inode });
    } else {
        let mut held_bytes = 0;
        for index in list {
            held_bytes += take_out(turn, (inode, &mut record), *index)?;
        }
        turn.charge(inode.sibling(record.home_parent), held(held_bytes))?;
        turn.drop_inode(inode);
    }
    turn.forget_file(inode);
    Ok(())
}
