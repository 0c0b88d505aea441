//! A faulty store.

use chunk::{
    Capacity, ChunkError, LiveSegment, MemoryStore, Owner, Placed, Placement, SegmentId, SegmentSummary, Store,
    StoreFigures,
};
use pages::Payload;

use super::{Fault, FaultPoint, Faults};

/// A store that fails as planned.
#[derive(Clone, Debug)]
pub struct FaultyStore<S> {
    inner: S,
    faults: Faults,
}

impl FaultyStore<MemoryStore> {
    /// Wraps a store in memory: a failed sync and a power cut lose what was not synced.
    #[must_use]
    pub fn over_memory(inner: MemoryStore, faults: Faults) -> Self {
        let store = inner.clone();
        faults.on_loss(move || store.power_cut());
        Self::new(inner, faults)
    }
}

impl<S> FaultyStore<S> {
    /// Wraps a store; what was not synced is lost only as far as the store itself loses it.
    #[must_use]
    pub fn new(inner: S, faults: Faults) -> Self {
        Self { inner, faults }
    }

    /// The store within, which does not fail.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    async fn pass(&self, point: FaultPoint) -> Result<(), ChunkError> {
        match self.faults.before(point).await {
            None => Ok(()),
            Some(Fault::NoSpace) if point == FaultPoint::Place => Err(ChunkError::NoSpace),
            Some(_) => Err(planned("fault")),
        }
    }

    async fn answer<T>(&self, result: Result<T, ChunkError>) -> Result<T, ChunkError> {
        if self.faults.after().await { result } else { Err(planned("power cut")) }
    }
}

impl<S: Store> Store for FaultyStore<S> {
    async fn place(&self, owner: Owner, blocks: Payload) -> Result<Vec<Placed>, ChunkError> {
        self.pass(FaultPoint::Place).await?;
        self.answer(self.inner.place(owner, blocks).await).await
    }

    async fn read(&self, placement: Placement, blocks: u32) -> Result<Payload, ChunkError> {
        self.pass(FaultPoint::Read).await?;
        self.answer(self.inner.read(placement, blocks).await).await
    }

    async fn free(&self, placement: Placement, blocks: u32) -> Result<(), ChunkError> {
        self.pass(FaultPoint::Free).await?;
        self.answer(self.inner.free(placement, blocks).await).await
    }

    async fn give_back_kept(&self) -> Result<(), ChunkError> {
        self.answer(self.inner.give_back_kept().await).await
    }

    async fn relieve(&self) -> Result<bool, ChunkError> {
        self.answer(self.inner.relieve().await).await
    }

    fn has_plenty(&self) -> bool {
        self.inner.has_plenty()
    }

    async fn sync(&self) -> Result<(), ChunkError> {
        if let Err(error) = self.pass(FaultPoint::Sync).await {
            self.faults.lose();
            return Err(error);
        }
        self.answer(self.inner.sync().await).await
    }

    async fn list(&self, after: Option<SegmentId>, limit: usize) -> Result<Vec<SegmentSummary>, ChunkError> {
        self.pass(FaultPoint::List).await?;
        self.answer(self.inner.list(after, limit).await).await
    }

    async fn recover(&self, live: Vec<LiveSegment>, next_segment: SegmentId) -> Result<(), ChunkError> {
        self.pass(FaultPoint::Recover).await?;
        self.answer(self.inner.recover(live, next_segment).await).await
    }

    fn taken_bytes(&self) -> Option<u64> {
        self.inner.taken_bytes()
    }

    fn figures(&self) -> StoreFigures {
        self.inner.figures()
    }

    fn capacity(&self) -> Result<Capacity, ChunkError> {
        self.inner.capacity()
    }
}

fn planned(why: &str) -> ChunkError {
    ChunkError::Io(format!("planned: {why}"))
}
