//! A faulty engine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use kv::{Batch, Engine, EngineFigures, Entry, JournalEntry, KvError, Scan, Version, View};

use super::{Fault, FaultPoint, Faults};

/// An engine that fails as planned. After a commit that failed with `Io` or `Unknown`, or a power cut, nothing works
/// until `reopen`; views taken before stay readable.
#[derive(Clone, Debug)]
pub struct FaultyEngine<E> {
    inner: E,
    faults: Faults,
    is_broken: Arc<AtomicBool>,
}

/// A view of a [`FaultyEngine`].
#[derive(Debug)]
pub struct FaultyView<V> {
    inner: V,
    faults: Faults,
}

impl<E> FaultyEngine<E> {
    /// Wraps an engine.
    #[must_use]
    pub fn new(inner: E, faults: Faults) -> Self {
        Self { inner, faults, is_broken: Arc::default() }
    }

    /// The engine within, which does not fail.
    #[must_use]
    pub fn inner(&self) -> &E {
        &self.inner
    }

    fn check(&self) -> Result<(), KvError> {
        if self.is_broken.load(Ordering::Acquire) { Err(planned("needs reopen")) } else { Ok(()) }
    }

    fn break_with(&self, error: KvError) -> KvError {
        self.is_broken.store(true, Ordering::Release);
        error
    }
}

impl<E: Engine> Engine for FaultyEngine<E> {
    type View = FaultyView<E::View>;

    async fn view(&self) -> Result<Self::View, KvError> {
        pass(&self.faults, FaultPoint::View).await?;
        self.check()?;
        let inner = self.inner.view().await?;
        answer(&self.faults, Ok(FaultyView { inner, faults: self.faults.clone() })).await
    }

    async fn commit(&self, batch: Batch) -> Result<Version, KvError> {
        let fault = self.faults.before(FaultPoint::Commit).await;
        self.check()?;
        match fault {
            None => {}
            Some(Fault::NoSpace) => return Err(KvError::NoSpace),
            Some(Fault::Io) => return Err(self.break_with(planned("commit"))),
            Some(Fault::UnknownLost) => return Err(self.break_with(KvError::Unknown("planned, lost".to_owned()))),
            Some(Fault::UnknownApplied) => {
                self.inner.commit(batch).await?;
                return Err(self.break_with(KvError::Unknown("planned, applied".to_owned())));
            }
        }
        let result = self.inner.commit(batch).await;
        if self.faults.after().await { result } else { Err(self.break_with(planned("power cut"))) }
    }

    async fn reopen(&self) -> Result<(), KvError> {
        pass(&self.faults, FaultPoint::Reopen).await?;
        self.inner.reopen().await?;
        self.is_broken.store(false, Ordering::Release);
        answer(&self.faults, Ok(())).await
    }

    async fn journal(&self, after: u64, bytes_max: usize) -> Result<Vec<JournalEntry>, KvError> {
        pass(&self.faults, FaultPoint::Scan).await?;
        self.check()?;
        answer(&self.faults, self.inner.journal(after, bytes_max).await).await
    }

    fn release_journal(&self, before: u64) {
        self.inner.release_journal(before);
    }

    fn journal_bytes_max(&self) -> u64 {
        self.inner.journal_bytes_max()
    }

    fn reserve_bytes(&self) -> u64 {
        self.inner.reserve_bytes()
    }

    fn figures(&self) -> EngineFigures {
        self.inner.figures()
    }

    async fn close(&self) -> Result<(), KvError> {
        self.inner.close().await
    }
}

impl<V: View> View for FaultyView<V> {
    fn version(&self) -> Version {
        self.inner.version()
    }

    async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, KvError> {
        pass(&self.faults, FaultPoint::Get).await?;
        answer(&self.faults, self.inner.get(key).await).await
    }

    async fn get_many(&self, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>, KvError> {
        pass(&self.faults, FaultPoint::Get).await?;
        answer(&self.faults, self.inner.get_many(keys).await).await
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<Entry>, KvError> {
        pass(&self.faults, FaultPoint::Scan).await?;
        answer(&self.faults, self.inner.scan(scan).await).await
    }
}

async fn pass(faults: &Faults, point: FaultPoint) -> Result<(), KvError> {
    match faults.before(point).await {
        None => Ok(()),
        Some(_) => Err(planned("fault")),
    }
}

async fn answer<T>(faults: &Faults, result: Result<T, KvError>) -> Result<T, KvError> {
    if faults.after().await { result } else { Err(planned("power cut")) }
}

fn planned(why: &str) -> KvError {
    KvError::Io(format!("planned: {why}"))
}
