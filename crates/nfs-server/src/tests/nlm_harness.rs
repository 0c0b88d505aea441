//! Lock calls of clients.

use std::sync::atomic::{AtomicU32, Ordering};

use nfs_wire::nfs3::FileHandle;
use nfs_wire::nlm4::{
    self, CallerName, CancelArgs, LockArgs, Netobj, Nlm4Lock, Nlm4Stats, NotifyArgs, TestArgs, TestReply, UnlockArgs,
};
use nfs_wire::xdr::Opaque;

use super::harness::Client;

/// Lock calls of one process.
pub(crate) struct Locker<'a> {
    pub(crate) client: Client<'a>,
    pub(crate) name: &'static str,
    pub(crate) svid: u32,
}

static CONNECTIONS: AtomicU32 = AtomicU32::new(1);

/// First byte and length.
pub(crate) type Range = (u64, u64);

pub(crate) const ALL: Range = (0, 0);
pub(crate) const EXCLUSIVE: bool = true;
pub(crate) const SHARED: bool = false;

impl<'a> Locker<'a> {
    pub(crate) fn new(client: Client<'a>, name: &'static str, svid: u32) -> Self {
        // Connections of one client do not repeat each other's numbers: such a call would be a copy.
        client.xid.set(CONNECTIONS.fetch_add(1, Ordering::Relaxed) << 16);
        Self { client, name, svid }
    }

    pub(crate) fn lock(&self, file: &FileHandle, exclusive: bool, range: Range) -> Nlm4Stats {
        self.ask(&LockArgs { exclusive, ..self.lock_args(file, range) })
    }

    /// LOCK that waits.
    pub(crate) fn wait(&self, file: &FileHandle, exclusive: bool, range: Range) -> Nlm4Stats {
        self.ask(&LockArgs { exclusive, block: true, ..self.lock_args(file, range) })
    }

    pub(crate) fn reclaim(&self, file: &FileHandle, range: Range) -> Nlm4Stats {
        self.ask(&LockArgs { reclaim: true, ..self.lock_args(file, range) })
    }

    pub(crate) fn ask(&self, args: &LockArgs) -> Nlm4Stats {
        let answer = self.client.call::<nlm4::Lock>(args);
        assert_eq!(answer.cookie, args.cookie);
        answer.status
    }

    pub(crate) fn unlock(&self, file: &FileHandle, range: Range) -> Nlm4Stats {
        let args = UnlockArgs { cookie: cookie(), lock: self.range(file, range) };
        self.client.call::<nlm4::Unlock>(&args).status
    }

    pub(crate) fn cancel(&self, file: &FileHandle, exclusive: bool, range: Range) -> Nlm4Stats {
        let args = CancelArgs { cookie: cookie(), block: true, exclusive, lock: self.range(file, range) };
        self.client.call::<nlm4::Cancel>(&args).status
    }

    pub(crate) fn test(&self, file: &FileHandle, exclusive: bool, range: Range) -> TestReply {
        let args = TestArgs { cookie: cookie(), exclusive, lock: self.range(file, range) };
        let answer = self.client.call::<nlm4::Test>(&args);
        assert_eq!(answer.cookie, args.cookie);
        answer.reply
    }

    pub(crate) fn free_all(&self, name: &'static str) {
        self.client.call::<nlm4::FreeAll>(&NotifyArgs { name: Opaque::from_static(name), state: 0 });
    }

    /// A write lock, not to wait, with state number 7.
    pub(crate) fn lock_args(&self, file: &FileHandle, range: Range) -> LockArgs {
        let lock = self.range(file, range);
        LockArgs { cookie: cookie(), block: false, exclusive: true, lock, reclaim: false, state: 7 }
    }

    pub(crate) fn range(&self, file: &FileHandle, (offset, len): Range) -> Nlm4Lock {
        Nlm4Lock {
            caller_name: CallerName::from_static(self.name),
            fh: netobj(file),
            oh: Netobj::from_static("owner"),
            svid: self.svid,
            offset,
            len,
        }
    }
}

pub(crate) fn netobj(bytes: &[u8]) -> Netobj {
    Netobj::new(bytes.to_vec()).unwrap()
}

pub(crate) fn cookie() -> Netobj {
    Netobj::from_static("cookie")
}
