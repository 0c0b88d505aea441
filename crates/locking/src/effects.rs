//! What a change of one inode's locks means for the counters around it.

use vfs::{ClientId, InodeId, LockOwner};

/// What a change of one inode's locks did.
#[derive(Debug)]
pub(crate) struct Effects {
    /// The inode.
    pub(crate) inode: InodeId,
    /// Byte-range locks more.
    pub(crate) held: i64,
    /// Of them, those of opens more.
    pub(crate) mandatory: i64,
    /// Waiting requests more.
    pub(crate) waiting: i64,
    /// Shares more.
    pub(crate) shares: i64,
    /// Entries more, by client; a client may stand here several times.
    pub(crate) clients: Vec<(ClientId, i64)>,
    /// Owners of requests that no longer wait.
    pub(crate) ended: Vec<LockOwner>,
}

impl Effects {
    /// Nothing happened yet.
    pub(crate) fn new(inode: InodeId) -> Self {
        Self { inode, held: 0, mandatory: 0, waiting: 0, shares: 0, clients: Vec::new(), ended: Vec::new() }
    }

    /// This owner holds so many byte-range locks more.
    pub(crate) fn hold(&mut self, owner: &LockOwner, more: i64) {
        self.held += more;
        if matches!(owner, LockOwner::Open(_)) {
            self.mandatory += more;
        }
        self.count(owner, more);
    }

    /// This owner holds so many shares more.
    pub(crate) fn share(&mut self, owner: &LockOwner, more: i64) {
        self.shares += more;
        self.count(owner, more);
    }

    /// A request of this owner waits.
    pub(crate) fn wait(&mut self, owner: &LockOwner) {
        self.waiting += 1;
        self.count(owner, 1);
    }

    /// A request of this owner no longer waits.
    pub(crate) fn end_wait(&mut self, owner: &LockOwner) {
        self.waiting -= 1;
        self.count(owner, -1);
        self.ended.push(owner.clone());
    }

    fn count(&mut self, owner: &LockOwner, more: i64) {
        if let (Some(client), true) = (client_of(owner), more != 0) {
            self.clients.push((client, more));
        }
    }
}

/// The client of an owner, if it is one of the network lock manager.
pub(crate) fn client_of(owner: &LockOwner) -> Option<ClientId> {
    match owner {
        LockOwner::Nlm { client, .. } => Some(*client),
        LockOwner::Open(_) => None,
    }
}
