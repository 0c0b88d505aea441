//! Who watches which directory, and what they are told: `observe` finds within the turn what a change means for them, and
//! once it is submitted they are told.

mod observe;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vfs::acl::AccessMask;
use vfs::limits::WATCHES_MAX;
use vfs::{
    Failure, FileType, FsError, InodeId, Notice, Notices, OpContext, OpenId, ShardId, WatchFilter, WatchRequest,
};

use crate::Filesystem;
use crate::cache::Seen;
use crate::turn::{Scratch, Turn};

/// All watches. While there are none a change costs one look at a number.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    count: AtomicUsize,
    table: Mutex<HashMap<InodeId, Vec<Watcher>>>,
}

#[derive(Debug)]
struct Watcher {
    open: OpenId,
    recursive: bool,
    filter: WatchFilter,
    notices: Arc<Notices>,
}

/// A change as one directory sees it.
#[derive(Debug)]
pub(crate) struct Observed {
    /// The directory.
    at: InodeId,
    /// It lies deeper: only those hear of it who watch everything below.
    is_deep: bool,
    filter: WatchFilter,
    notice: Notice,
}

impl Watches {
    /// Whether anybody watches anything.
    pub(crate) fn is_any(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    fn add(&self, directory: InodeId, watcher: Watcher) -> Result<(), FsError> {
        let mut table = self.table();
        if self.count.load(Ordering::Relaxed) >= WATCHES_MAX {
            return Err(FsError::TooManyLocks);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        table.entry(directory).or_default().push(watcher);
        Ok(())
    }

    /// The watches of an open go with it.
    pub(crate) fn close(&self, directory: InodeId, open: OpenId) {
        if !self.is_any() {
            return;
        }
        let mut table = self.table();
        let Some(watchers) = table.get_mut(&directory) else { return };
        let before = watchers.len();
        watchers.retain(|watcher| watcher.open != open);
        self.count.fetch_sub(before - watchers.len(), Ordering::Relaxed);
        if watchers.is_empty() {
            table.remove(&directory);
        }
    }

    /// A directory goes, or is marked for it.
    pub(crate) fn end(&self, directory: InodeId) {
        if self.is_any() {
            self.table().get(&directory).into_iter().flatten().for_each(|watcher| watcher.notices.end());
        }
    }

    /// Something of a shard was missed.
    fn overflow(&self, shard: ShardId) {
        let table = self.table();
        let there = table.iter().filter(|(directory, _)| directory.shard == shard);
        there.flat_map(|(_, watchers)| watchers).for_each(|watcher| watcher.notices.overflow());
    }

    /// Whether a directory is watched, and whether everything below it is.
    fn is_watched(&self, directory: InodeId) -> (bool, bool) {
        let table = self.table();
        let watchers = table.get(&directory).map(Vec::as_slice).unwrap_or_default();
        (!watchers.is_empty(), watchers.iter().any(|watcher| watcher.recursive))
    }

    /// Tells everybody what was observed, each all of one change at once.
    pub(crate) fn publish(&self, observed: &[Observed]) {
        if observed.is_empty() {
            return;
        }
        let table = self.table();
        let mut directories: Vec<InodeId> = observed.iter().map(|one| one.at).collect();
        directories.sort_unstable();
        directories.dedup();
        for directory in directories {
            for watcher in table.get(&directory).into_iter().flatten() {
                let is_heard = |one: &&Observed| {
                    one.at == directory && (watcher.recursive || !one.is_deep) && one.filter.meets(watcher.filter)
                };
                let notices: Vec<_> = observed.iter().filter(is_heard).map(|one| one.notice.clone()).collect();
                watcher.notices.put(&notices);
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<InodeId, Vec<Watcher>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_watch(&self, ctx: &OpContext, request: WatchRequest) -> Result<(), Failure> {
        let open = self.opens.find(ctx.session, request.open).ok_or(FsError::BadOpen)?;
        if self.live(open.inode, &mut Seen::default()).await?.file_type != FileType::Directory {
            return Err(FsError::NotDirectory.into());
        }
        if !open.granted().contains(AccessMask::READ_DATA) {
            return Err(FsError::AccessDenied.into());
        }
        let WatchRequest { open: id, recursive, filter, notices } = request;
        self.watches.add(open.inode, Watcher { open: id, recursive, filter, notices })?;
        if self.opens.find(ctx.session, id).is_none() {
            // Closed meanwhile: nobody else takes the watch away.
            self.watches.close(open.inode, id);
            return Err(FsError::BadOpen.into());
        }
        Ok(())
    }

    /// Tells who watches that the data of a file changed, which takes no turn itself.
    pub(crate) async fn notice_data(&self, inode: InodeId) {
        if !self.watches.is_any() {
            return;
        }
        let mut observe = |turn: &mut Turn<'_, K, C>| turn.observe_data(inode);
        let observed = self.mutate_once(inode.shard, &mut Scratch::default(), &mut observe).await;
        if observed.is_err() {
            self.watches.overflow(inode.shard);
        }
    }
}
