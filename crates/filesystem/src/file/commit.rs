//! COMMIT (RFC 1813 3.3.21), and the verifier.

use std::sync::atomic::Ordering;

use vfs::{Attributes, Change, CommitReply, CommitRequest, Failure, InodeId, OpContext, WriteVerifier};

use super::check::FLUSH;
use crate::Filesystem;
use crate::cache::Seen;
use crate::snapshot::require_present;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) async fn do_commit(&self, ctx: &OpContext, request: CommitRequest) -> Result<CommitReply, Failure> {
        require_present(request.inode)?;
        let mut seen = Seen::default();
        let record = self.live(request.inode, &mut seen).await?;
        self.check_bytes(ctx, request.via, (&self.attributes(request.inode, &record), FLUSH, (0, 0)))?;
        let attributes = self.make_stable(request.inode, &mut seen).await?;
        // Taken after the flush: data that was dropped before or while it ran is not vouched for.
        Ok(CommitReply { change: Change::none(attributes), verifier: self.verifier() })
    }

    /// Journals or flushes what is dirty of a file now, and waits until all that was written of it is durable.
    ///
    /// Errors: `StaleHandle`, `NoSpace`, `Io`.
    pub(super) async fn make_stable(&self, inode: InodeId, seen: &mut Seen) -> Result<Attributes, Failure> {
        self.meta.room().await.map_err(|error| self.refuse(&error))?;
        if self.opens.count() != 0 {
            let record = self.live(inode, seen).await?;
            if record.links == 0 {
                // Nobody finds it again after a crash.
                return Ok(self.attributes(inode, &record));
            }
        }
        seen.note(match self.journal_dirty(inode)? {
            Some(version) => version,
            None => self.flush(inode).await?,
        });
        // What others have flushed meanwhile is covered by the version of the inode's record.
        let record = self.live(inode, seen).await?;
        let attributes = self.attributes(inode, &record);
        self.settle(seen.0).await?;
        Ok(attributes)
    }

    /// Changes with every start, reload and take-over, and when unstable data had to be dropped.
    pub(crate) fn verifier(&self) -> WriteVerifier {
        let epoch = self.meta.fencing_epoch().0;
        let drops = self.data.drops.load(Ordering::Acquire);
        WriteVerifier((epoch << DROP_BITS | drops & DROPS_MAX).to_be_bytes())
    }

    /// Drops all that is dirty, after the verifier has changed: for a reload after a failure of the store.
    pub(crate) fn drop_unstable(&self) {
        self.data.drops.fetch_add(1, Ordering::AcqRel);
        // Nobody journals until it is known again what is there. First: what is forgotten now is void for no change, and
        // must not be given back.
        self.data.journal.reset(0);
        for (inode, file) in self.files.all() {
            self.forget_dirty(inode, &mut file.data());
        }
        self.data.intents.clear();
        self.reverts.clear();
        self.data.releases.keep_durable(self.meta.watermark());
    }
}

/// Fencing epochs stay below 2^23.
const DROP_BITS: u32 = 40;
const DROPS_MAX: u64 = (1 << DROP_BITS) - 1;
