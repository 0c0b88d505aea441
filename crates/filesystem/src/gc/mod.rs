//! Work that is promised by a change and done behind it.

mod evacuate;
mod intents;
mod release;
mod space;

pub(crate) use evacuate::Evacuation;
pub(crate) use intents::{IntentKey, IntentQueue};
use locking::Link;
use meta::Version;
use meta::records::{Intent, IntentRecord, Run};
pub(crate) use release::ReleaseQueue;
use vfs::{InodeId, ShardId};

use crate::Filesystem;

/// What a submitted change leaves to do.
#[derive(Debug, Default)]
pub(crate) struct Aftermath {
    /// Blocks that nobody names once it is durable.
    pub(crate) released: Vec<Run>,
    /// Intents that it wrote, with their numbers.
    pub(crate) intents: Vec<(u64, Intent)>,
    /// Files that it removed.
    pub(crate) forgotten: Vec<InodeId>,
    /// Files without a name that it left for their last open, with the intents that remove them.
    pub(crate) orphaned: Vec<(InodeId, u64)>,
    /// Names that it changed of what is open.
    pub(crate) renamed: Vec<RenamedLink>,
}

/// A name of an inode that became another or went.
#[derive(Debug)]
pub(crate) struct RenamedLink {
    /// The inode.
    pub(crate) inode: InodeId,
    /// The old name.
    pub(crate) from: Link,
    /// The new one.
    pub(crate) to: Option<Link>,
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Takes over what a change left to do, once the caches show the change.
    pub(crate) fn take_over(&self, (shard, version): (ShardId, Version), left: Aftermath) {
        if !left.released.is_empty() {
            let turned = self.data.gate.turn();
            self.data.releases.push((version, turned), left.released);
        }
        for (number, intent) in left.intents {
            self.data.intents.add((shard, number), intent);
            self.queue_revert((shard, number), &IntentRecord { created: self.clock.now(), intent });
        }
        for RenamedLink { inode, from, to } in left.renamed {
            match to {
                Some(to) => self.opens.relink(inode, &from, &to),
                None => self.opens.unlink(inode, &from),
            }
            self.keep_names(inode);
        }
        for (inode, number) in left.orphaned {
            // Opens are granted within the turn, but closed without it.
            if !self.opens.hold_orphan(inode, number) {
                self.let_orphan_go(inode, number);
            }
        }
        for inode in left.forgotten {
            if let Some(file) = self.files.peek(inode) {
                self.forget_dirty(inode, &mut file.data());
            }
        }
    }
}
