//! Which quotas have refused something, for whoever tells people of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use vfs::{InodeId, QuotaDomain, QuotaRefused};

/// The quota that refuses: its directory, and what it limits there.
pub(crate) type Refuser = (InodeId, QuotaDomain);

/// Refusals by quota, since they were last taken. However many there are, a quota is one entry.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    /// Nothing is kept before somebody asks.
    is_heard: AtomicBool,
    times: Mutex<HashMap<Refuser, u64>>,
}

impl Refusals {
    /// A client was refused.
    pub(crate) fn note(&self, refuser: impl FnOnce() -> Refuser) {
        if !self.is_heard.load(Ordering::Relaxed) {
            return;
        }
        let (mut times, refuser) = (self.times(), refuser());
        if times.len() < QUOTAS_MAX || times.contains_key(&refuser) {
            let count = times.entry(refuser).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// What was refused since the last time; what is refused from now on is kept.
    pub(crate) fn take(&self) -> Vec<QuotaRefused> {
        self.is_heard.store(true, Ordering::Relaxed);
        let taken = std::mem::take(&mut *self.times());
        taken.into_iter().map(|((directory, domain), times)| QuotaRefused { directory, domain, times }).collect()
    }

    fn times(&self) -> MutexGuard<'_, HashMap<Refuser, u64>> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Quotas of one shard that are kept between two looks; what more of them refuse meanwhile is not told.
const QUOTAS_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use vfs::InodeNumber;

    use super::*;

    #[test]
    fn a_flood_is_one_entry_for_each_quota_and_many_quotas_are_bounded() {
        let refusals = Refusals::default();
        let refuser = |number| (InodeId { number: InodeNumber(number), ..InodeId::default() }, QuotaDomain::Directory);
        refusals.note(|| unreachable!());
        assert!(refusals.take().is_empty());
        (0..100_000).for_each(|_| refusals.note(|| refuser(1)));
        let taken = refusals.take();
        assert_eq!((taken.len(), taken[0].times), (1, 100_000));
        (0..10_000).for_each(|number| refusals.note(|| refuser(number)));
        assert_eq!(refusals.take().len(), QUOTAS_MAX);
        assert!(refusals.take().is_empty());
    }
}
