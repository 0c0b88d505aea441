//! Starting on a store, and again after a failure.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use kv::{Batch, KvError, View};
use vfs::{FencingEpoch, Timestamp};

use super::queue::Queue;
use super::{Inner, Meta};
use crate::keys::{self, Key};
use crate::records::{AllocatorRecord, FenceRecord, Record, Superblock};
use crate::{MetaError, upgrade};

impl<K: kv::Engine> Meta<K> {
    /// Opens the store of an engine, and makes one if the engine is empty: superblock, fence and the store's allocator,
    /// nothing else. Takes the store over: the fencing epoch is raised durably before this returns, and whoever had it
    /// before is fenced. `seed` must be random; it is used for a new store only.
    ///
    /// # Errors
    /// In order: `Engine`, `Damaged`, `Incompatible`, `Fenced` (another one opened it at the same moment).
    pub async fn open(engine: K, now: Timestamp, seed: [u8; 64]) -> Result<Self, MetaError> {
        let view = engine.view().await?;
        let stored = view.get(keys::superblock().as_bytes()).await?;
        let superblock = match &stored {
            Some(bytes) => Superblock::decode_at(&keys::superblock(), bytes)?,
            None => upgrade::new_superblock(now, &seed),
        };
        upgrade::check(&superblock)?;
        let superblock = upgrade::upgraded(&superblock);
        let old = fence_of(&view).await?;
        let mut batch = Batch::default();
        let encoded = superblock.encode();
        if stored.as_ref() != Some(&encoded) {
            batch.expect.push((keys::superblock().to_bytes(), stored.clone()));
            batch.puts.push((keys::superblock().to_bytes(), encoded));
        }
        if stored.is_none() {
            let allocator = AllocatorRecord::default();
            batch.puts.push((keys::allocator(keys::STORE).to_bytes(), allocator.encode()));
        }
        drop(view);
        let (epoch, fence, at) = raise(&engine, old.as_ref(), batch).await?;
        tracing::info!(store = format_args!("{:032x}", superblock.store_id), epoch = epoch.0, "store opened");
        let queue = Queue::new(epoch, fence, at);
        let (settled, queue) = (AtomicU64::new(queue.settled().0), Mutex::new(queue));
        let inner = Inner { engine, queue, settled };
        Ok(Self { inner: Arc::new(inner), superblock })
    }

    /// Starts again after a failure: recovers the engine, raises the fencing epoch and drops what was not durable.
    /// Everything loaded before is void: [`Meta::generation`] changes.
    ///
    /// # Errors
    /// In order: `Failed` (it is being reopened), `Engine`, `Damaged`, `Fenced` (another owner has the store; it is
    /// not taken back). The store stays failed then.
    pub async fn reopen(&self) -> Result<(), MetaError> {
        let in_flight = self.inner.queue().begin_reopen()?;
        let _claim = Claim { inner: &self.inner };
        if let Some(commit) = in_flight {
            commit.await;
            let mut queue = self.inner.queue();
            if queue.check().is_ok() {
                queue.fail(MetaError::Failed("the store is being reopened".to_owned()));
            }
        }
        self.inner.engine.reopen().await?;
        let view = self.inner.engine.view().await?;
        let old = fence_of(&view).await?;
        drop(view);
        let Some((found, _)) = old.as_ref().filter(|(found, _)| self.inner.queue().is_own(*found)) else {
            return Err(MetaError::Fenced);
        };
        self.inner.queue().try_after(*found);
        let (epoch, fence, at) = raise(&self.inner.engine, old.as_ref(), Batch::default()).await?;
        self.inner.queue().reopened(epoch, fence, at);
        Ok(())
    }

    /// Makes everything submitted durable, then closes the engine.
    ///
    /// # Errors
    /// In order: `Failed`, `Engine`.
    pub async fn close(&self) -> Result<(), MetaError> {
        self.durable(self.submitted()).await?;
        Ok(self.inner.engine.close().await?)
    }
}

/// The right to reopen, given back when it ends or is given up.
struct Claim<'a, K> {
    inner: &'a Inner<K>,
}

impl<K> Drop for Claim<'_, K> {
    fn drop(&mut self) {
        self.inner.queue().end_reopen();
    }
}

async fn fence_of(view: &impl View) -> Result<Option<(FencingEpoch, Bytes)>, MetaError> {
    let Some(bytes) = view.get(keys::fence().as_bytes()).await? else { return Ok(None) };
    let record = FenceRecord::decode_at(&keys::fence(), &bytes)?;
    Ok(Some((record.epoch, bytes)))
}

/// Raises the fencing epoch in one batch with what else must be written.
async fn raise<K: kv::Engine>(
    engine: &K,
    old: Option<&(FencingEpoch, Bytes)>,
    mut batch: Batch,
) -> Result<(FencingEpoch, Bytes, kv::Version), MetaError> {
    let epoch = FencingEpoch(old.map_or(1, |(epoch, _)| epoch.0 + 1));
    if epoch.0 > FENCING_EPOCH_MAX {
        return Err(MetaError::Incompatible("its fencing epochs are used up".to_owned()));
    }
    let fence = FenceRecord { epoch }.encode();
    let key: Key = keys::fence();
    batch.expect.push((key.to_bytes(), old.map(|(_, bytes)| bytes.clone())));
    batch.puts.push((key.to_bytes(), fence.clone()));
    match engine.commit(batch).await {
        Ok(at) => Ok((epoch, fence, at)),
        Err(KvError::Conflict(_) | KvError::Fenced) => Err(MetaError::Fenced),
        Err(error) => Err(error.into()),
    }
}

/// Versions and change counters carry the fencing epoch above 40 bits, and stay positive as signed numbers.
const FENCING_EPOCH_MAX: u64 = (1 << 23) - 1;
