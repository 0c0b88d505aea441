//! The opens of a session, by the `FileId` that its client knows them by (MS-SMB2 3.3.1.10).

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smb_wire::FileId;
use smb_wire::create::CreateAction;
use vfs::acl::AccessMask;
use vfs::{InodeId, LeaseKey, OpenId, RestoredOpen};

use crate::app_instance::Instance;
use crate::audit::CREATE_TOLD;
use crate::change_notify::Watch;
use crate::channel_sequence::ChannelSequence;
use crate::durable::{Claim, Durable};
use crate::lock_sequence::LockSequence;
use crate::query_directory::Listing;

/// Something that a client opened.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) file_id: FileId,
    pub(crate) id: OpenId,
    /// The tree connect that it was opened through.
    pub(crate) tree: u32,
    pub(crate) inode: InodeId,
    /// The file: what it has open, or that whose stream it is.
    pub(crate) file: InodeId,
    pub(crate) is_directory: bool,
    /// What it may be used for: as granted by the file, and no more than the share allows.
    pub(crate) granted: AccessMask,
    /// What it could have been granted.
    pub(crate) maximal: AccessMask,
    /// What was done to open it.
    pub(crate) action: CreateAction,
    /// The key of its lease; `None` for oplocks and for nothing at all.
    pub(crate) lease: Option<LeaseKey>,
    /// It outlives its connection.
    pub(crate) durable: Option<Durable>,
    /// The name of the request that made it.
    pub(crate) claim: Option<Arc<Claim>>,
    /// The application that it belongs to.
    pub(crate) instance: Option<Arc<Instance>>,
    /// Room that its client asked for when the file was made; it is told of as much again.
    pub(crate) allocation: u64,
    /// Every write is stable before its answer.
    pub(crate) writes_through: bool,
    /// How many of its extended attributes were told.
    pub(crate) attributes_told: AtomicUsize,
    /// Whether the caller was told what it may use.
    pub(crate) quota_told: AtomicBool,
    /// Where its client says that it stands (MS-FSCC 2.4.40); means nothing here, as every request says where.
    pub(crate) position: AtomicU64,
    /// How far its directory was listed.
    pub(crate) listing: Mutex<Listing>,
    /// What it hears of changes below.
    pub(crate) watch: Watch,
    /// Which LOCKs were done.
    pub(crate) locks: LockSequence,
    /// Which requests are late.
    pub(crate) sequence: ChannelSequence,
    /// Whether its client was told of it: not before that is it told of breaks.
    pub(crate) is_told: AtomicBool,
    /// Whether its client has used it since: it knows of it.
    pub(crate) is_used: AtomicBool,
    /// What of it was recorded, so that it is not again.
    pub(crate) told_events: AtomicU8,
}

impl Open {
    /// One that was there before the house restarted.
    pub(crate) fn restored(
        restored: &RestoredOpen,
        (durable, writes_through): (&Durable, bool),
        claim: Option<Arc<Claim>>,
    ) -> Self {
        Self {
            file_id: file_id_of(restored.open),
            id: restored.open,
            tree: 0,
            inode: restored.inode,
            file: restored.file,
            is_directory: restored.is_directory,
            granted: restored.granted,
            maximal: restored.granted,
            action: CreateAction::OPENED,
            lease: restored.lease,
            durable: Some(durable.clone()),
            claim,
            instance: None,
            allocation: 0,
            writes_through,
            attributes_told: AtomicUsize::new(0),
            quota_told: AtomicBool::new(false),
            position: AtomicU64::new(0),
            listing: Mutex::default(),
            watch: Watch::default(),
            locks: LockSequence::default(),
            sequence: ChannelSequence::starting_at(0),
            is_told: AtomicBool::new(false),
            is_used: AtomicBool::new(false),
            told_events: AtomicU8::new(CREATE_TOLD),
        }
    }

    /// The same open, of another tree connect, which lets its client do this at most: it came back, and begins with this number.
    pub(crate) fn taken_up(&self, (tree, rights): (u32, AccessMask), number: u16) -> Self {
        Self {
            file_id: self.file_id,
            id: self.id,
            tree,
            inode: self.inode,
            file: self.file,
            is_directory: self.is_directory,
            granted: self.granted.intersection(rights),
            maximal: self.maximal.intersection(rights),
            action: self.action,
            lease: self.lease,
            durable: self.durable.clone(),
            claim: self.claim.clone(),
            instance: self.instance.clone(),
            allocation: self.allocation,
            writes_through: self.writes_through,
            attributes_told: AtomicUsize::new(0),
            quota_told: AtomicBool::new(false),
            position: AtomicU64::new(self.position.load(Ordering::Relaxed)),
            listing: Mutex::default(),
            watch: Watch::default(),
            locks: self.locks.taken_up(),
            sequence: ChannelSequence::starting_at(number),
            is_told: AtomicBool::new(false),
            is_used: AtomicBool::new(false),
            told_events: AtomicU8::new(self.told_events.load(Ordering::Relaxed) | CREATE_TOLD),
        }
    }
}

/// The number of an open on the wire.
fn file_id_of(id: OpenId) -> FileId {
    FileId { persistent: id.0, volatile: id.0 }
}

/// The opens of one session.
#[derive(Debug, Default)]
pub(crate) struct Opens {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    open: HashMap<u64, Arc<Open>>,
}

impl Opens {
    /// Gives an open its number on the wire. `make` gets it.
    pub(crate) fn enter(&self, id: OpenId, make: impl FnOnce(FileId) -> Open) -> Arc<Open> {
        let open = Arc::new(make(file_id_of(id)));
        self.table().open.insert(id.0, Arc::clone(&open));
        open
    }

    /// Puts an open in that has a number.
    pub(crate) fn put(&self, open: Arc<Open>) {
        self.table().open.insert(open.file_id.volatile, open);
    }

    /// An open of this tree connect.
    pub(crate) fn find(&self, file_id: FileId, tree: u32) -> Option<Arc<Open>> {
        let table = self.table();
        let found = table.open.get(&file_id.volatile);
        found.filter(|open| open.file_id == file_id && open.tree == tree).map(Arc::clone)
    }

    /// An open of any tree connect, by its number in the house.
    pub(crate) fn get(&self, id: OpenId) -> Option<Arc<Open>> {
        self.table().open.get(&id.0).map(Arc::clone)
    }

    /// An open of any tree connect, as copies name their source.
    pub(crate) fn find_of_any_tree(&self, file_id: FileId) -> Option<Arc<Open>> {
        self.table().open.get(&file_id.volatile).filter(|open| open.file_id == file_id).map(Arc::clone)
    }

    /// Takes an open out, once.
    pub(crate) fn take(&self, open: &Open) -> bool {
        self.table().open.remove(&open.file_id.volatile).is_some()
    }

    /// Takes out everything that was opened through a tree connect.
    pub(crate) fn take_tree(&self, tree: u32) -> Vec<Arc<Open>> {
        self.table().open.extract_if(|_, open| open.tree == tree).map(|(_, open)| open).collect()
    }

    /// Takes out what outlives its connection.
    pub(crate) fn take_durable(&self) -> Vec<(Arc<Open>, Durable)> {
        let durable = |open: Arc<Open>| open.durable.clone().map(|durable| (open, durable));
        let mut table = self.table();
        table.open.extract_if(|_, open| open.durable.is_some()).filter_map(|(_, open)| durable(open)).collect()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.table().open.len()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
