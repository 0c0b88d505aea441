//! Work that is promised by a change and done behind it.

mod intents;
mod release;
mod space;

pub(crate) use intents::IntentQueue;
use meta::Version;
use meta::records::{Intent, Run};
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
        }
        for inode in left.forgotten {
            if let Some(file) = self.files.peek(inode) {
                self.forget_dirty(inode, &mut file.data());
            }
        }
    }
}
