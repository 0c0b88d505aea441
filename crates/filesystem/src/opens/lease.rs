//! Leases: granted with opens, broken by what others do, through whatever door.

use std::sync::Arc;

use locking::{Beside, Intrusion, NewLease, Open};
use vfs::acl::AccessMask;
use vfs::{
    AcknowledgementRefusal, Awaited, BreakAcknowledgement, FsError, InodeId, LeaseGrant, LeaseKey, LeaseOwner,
    LeaseRequest, LeaseState, Mailbox, OpContext,
};

use crate::Filesystem;
use crate::cache::Seen;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    /// Breaks what others than `own` cache and would be made wrong by this. Where nobody has a lease it costs one look at a
    /// counter.
    ///
    /// Errors: `Breaking`, where it has to wait for that.
    pub(crate) fn intrude(&self, inode: InodeId, own: Option<&Open>, intrusion: Intrusion) -> Result<(), FsError> {
        let own = own.and_then(Open::lease_owner);
        let must_wait = self.leases.intrude(inode, (own, intrusion), || self.clock.monotonic());
        if must_wait { Err(FsError::Breaking(inode)) } else { Ok(()) }
    }

    /// What is in the way of an operation that a share mode forbids: an open that its client may have closed already, but
    /// for its lease, or one that it has.
    pub(crate) fn refuse_shared(&self, inode: InodeId, own: Option<&Open>) -> FsError {
        let intrusion = Intrusion::Open { overwrites: false, is_refused: true };
        self.intrude(inode, own, intrusion).err().unwrap_or(FsError::ShareConflict)
    }

    /// Breaks what an open must, and grants it what it asked for, as far as there is room. Within the turn, so that nobody
    /// opens the file in between.
    ///
    /// Errors: `Breaking`.
    pub(super) fn take_lease(
        &self,
        open: &Open,
        (overwrites, is_directory): (bool, bool),
        mailbox: &Arc<Mailbox>,
    ) -> Result<LeaseGrant, FsError> {
        match looks(open) {
            Looks::Attributes => {}
            Looks::Descriptor => self.intrude(open.inode, Some(open), Intrusion::Look)?,
            Looks::Further => {
                self.intrude(open.inode, Some(open), Intrusion::Open { overwrites, is_refused: false })?
            }
        }
        if open.delete_on_close {
            self.intrude(open.inode, Some(open), Intrusion::Remove)?;
        }
        self.grant_lease(open, is_directory, mailbox)
    }

    /// Grants an open what it asked for, as far as there is room.
    ///
    /// Errors: `InvalidArgument`.
    pub(super) fn grant_lease(
        &self,
        open: &Open,
        is_directory: bool,
        mailbox: &Arc<Mailbox>,
    ) -> Result<LeaseGrant, FsError> {
        let Some((wanted, owner)) = asked(open, is_directory) else { return Ok(LeaseGrant::default()) };
        let is_beside = |other: &Open| {
            let is_own = other.id == open.id || other.lease_owner() == Some(owner);
            let is_seen = match looks(other) {
                Looks::Attributes => false,
                Looks::Descriptor => matches!(owner, LeaseOwner::Open(_)),
                Looks::Further => true,
            };
            !is_own && is_seen
        };
        let opens = self.opens.holds_any(open.inode, is_beside);
        let beside = Beside { opens, locks: self.locks.table.is_locked(open.inode) };
        let first_epoch = wanted.epoch.map(|epoch| epoch.wrapping_add(1));
        let new = NewLease {
            owner,
            open: open.id,
            is_directory,
            wanted: wanted.wanted,
            beside,
            first_epoch,
            mailbox: Arc::clone(mailbox),
        };
        self.leases.grant(open.inode, new).ok_or(FsError::InvalidArgument)
    }

    /// Refuses a key that is that of another file.
    ///
    /// Errors: `InvalidArgument`.
    pub(super) fn require_own_key(&self, inode: InodeId, lease: Option<&LeaseRequest>) -> Result<(), FsError> {
        let key = lease.and_then(|lease| lease.key);
        let is_elsewhere = key.is_some_and(|key| self.leases.is_elsewhere(LeaseOwner::Key(key), inode));
        if is_elsewhere { Err(FsError::InvalidArgument) } else { Ok(()) }
    }

    /// Something in these directories has changed: who caches one of them learns of it. Nobody waits for that.
    pub(crate) fn break_directories(&self, directories: &[InodeId], own: Option<LeaseKey>) {
        for directory in directories {
            let own = own.map(LeaseOwner::Key);
            let must_wait = self.leases.intrude(*directory, (own, Intrusion::Write), || self.clock.monotonic());
            debug_assert!(!must_wait, "nobody caches writes of a directory");
        }
    }

    /// The data of a file was changed through an open that is being closed.
    pub(super) fn break_directory_of(&self, open: &Open) {
        if !self.leases.is_any_of_directories() || !open.has_written() {
            return;
        }
        let link = if open.stream_of.is_some() { self.opens.file_link(open).0 } else { self.opens.link(open).0 };
        if let Some(link) = link {
            self.break_directories(&[link.parent], open.lease.and_then(|lease| lease.parent));
        }
    }

    /// The data of a file was changed without an open.
    pub(crate) async fn break_home_of(&self, inode: InodeId) {
        if self.leases.is_any_of_directories()
            && let Ok(Some(record)) = self.inode(inode, &mut Seen::default()).await
        {
            self.break_directories(&[self.above(inode, record.home_parent)], None);
        }
    }

    /// What stands in the way of renaming a directory: opens below it, which their clients may have closed already but for
    /// their leases.
    pub(crate) fn refuse_open_below(&self, directory: InodeId) -> FsError {
        let below = self.opens.below(directory);
        let refusals = below.into_iter().filter_map(|inode| self.intrude(inode, None, Intrusion::Remove).err());
        refusals.last().unwrap_or(FsError::AccessDenied)
    }

    pub(crate) fn do_acknowledge_break(
        &self,
        ctx: &OpContext,
        acknowledgement: BreakAcknowledgement,
    ) -> Result<LeaseState, AcknowledgementRefusal> {
        let inode = match acknowledgement.owner {
            LeaseOwner::Open(open) => {
                let open = self.opens.find(ctx.session, open);
                open.map(|open| open.inode).ok_or(AcknowledgementRefusal::Unknown)?
            }
            LeaseOwner::Key(_) => InodeId::default(),
        };
        self.leases.acknowledge(acknowledgement, (inode, self.clock.monotonic()))
    }

    pub(crate) fn do_await_break(&self, inode: InodeId, mailbox: &Arc<Mailbox>) -> Result<Awaited, FsError> {
        self.leases.await_break(inode, mailbox).ok_or(FsError::TooManyLocks)
    }
}

/// What an open may do, as far as it matters to what others cache.
enum Looks {
    /// Look at attributes, and set them.
    Attributes,
    /// Look at its descriptor too.
    Descriptor,
    /// More than that.
    Further,
}

fn looks(open: &Open) -> Looks {
    match open.granted().0 & !LOOKING.0 {
        0 => Looks::Attributes,
        more if more == AccessMask::READ_CONTROL.0 => Looks::Descriptor,
        _ => Looks::Further,
    }
}

/// What an open can be granted at all.
fn asked(open: &Open, is_directory: bool) -> Option<(LeaseRequest, LeaseOwner)> {
    let (lease, owner) = open.lease.zip(open.lease_owner())?;
    let can_be = !is_directory || lease.key.is_some();
    let of_directory =
        LeaseState { write: false, ..if lease.epoch.is_some() { lease.wanted } else { LeaseState::NONE } };
    let wanted = if is_directory { of_directory } else { lease.wanted };
    can_be.then_some((LeaseRequest { wanted, ..lease }, owner))
}

const LOOKING: AccessMask =
    AccessMask(AccessMask::READ_ATTRIBUTES.0 | AccessMask::WRITE_ATTRIBUTES.0 | AccessMask::SYNCHRONIZE.0);
