//! What directories list, in the order of the cookies: runs of entries as they were scanned, true for one state of their
//! directory. Every change of an entry changes the directory's change number, so nothing has to be taken out.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use meta::Version;
use vfs::{CacheFigures, Cookie, FileType, InodeId};

use super::hash::Seeded;

/// A bounded cache of listed entries.
pub(crate) struct ListingCache {
    bytes_max: usize,
    state: Mutex<State>,
}

/// Which state of a directory a listing shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DirectoryState {
    /// The directory's change number.
    pub(crate) change: u64,
    /// The generation of the metadata store: a reload may take a change number back.
    pub(crate) generation: u64,
}

/// All entries of a directory behind one cookie up to another.
#[derive(Debug)]
pub(crate) struct ListedRun {
    after: Cookie,
    entries: Vec<Listed>,
    /// Whether nothing follows.
    pub(crate) is_end: bool,
    /// What whoever reveals it waits for.
    pub(crate) version: Version,
    bytes: usize,
    is_referenced: AtomicBool,
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) cookie: Cookie,
    pub(crate) inode: InodeId,
    pub(crate) file_type: FileType,
    pub(crate) name: Bytes,
}

#[derive(Default)]
struct State {
    listings: HashMap<InodeId, Listing, Seeded>,
    /// Every run once, and some that are gone.
    order: VecDeque<(InodeId, Cookie)>,
    entries: usize,
    bytes: usize,
    hits: u64,
    misses: u64,
}

struct Listing {
    state: DirectoryState,
    /// By the cookie before their first entry.
    runs: BTreeMap<Cookie, Arc<ListedRun>>,
}

impl ListedRun {
    /// The entries that a scan behind a cookie found, in order. Names are copied together: those of a scan may keep
    /// whatever they were read from.
    pub(crate) fn new(after: Cookie, mut entries: Vec<Listed>, (is_end, version): (bool, Version)) -> Self {
        let names: Vec<u8> = entries.iter().flat_map(|entry| entry.name.iter().copied()).collect();
        let names = Bytes::from(names);
        let mut at = 0;
        for entry in &mut entries {
            let end = at + entry.name.len();
            entry.name = names.slice(at..end);
            at = end;
        }
        let bytes = RUN_BYTES + entries.len() * size_of::<Listed>() + names.len();
        Self { after, entries, is_end, version, bytes, is_referenced: AtomicBool::new(false) }
    }

    /// The entries behind a cookie.
    pub(crate) fn behind(&self, after: Cookie) -> &[Listed] {
        let start = self.entries.partition_point(|entry| entry.cookie <= after);
        self.entries.get(start..).unwrap_or_default()
    }

    /// The last cookie that it tells of.
    pub(crate) fn until(&self) -> Cookie {
        self.entries.last().map_or(self.after, |entry| entry.cookie)
    }
}

impl ListingCache {
    /// A cache of so many bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, state: Mutex::default() }
    }

    /// The run that goes on behind a cookie.
    pub(crate) fn find(&self, directory: InodeId, state: DirectoryState, after: Cookie) -> Option<Arc<ListedRun>> {
        let mut cache = self.state();
        let run = cache.find(directory, state, after);
        match run {
            Some(_) => cache.hits += 1,
            None => cache.misses += 1,
        }
        run
    }

    /// Keeps a run that was scanned while the directory was in this state.
    pub(crate) fn put(&self, directory: InodeId, state: DirectoryState, run: &Arc<ListedRun>) {
        if run.bytes <= self.bytes_max {
            let mut cache = self.state();
            cache.put(directory, state, run);
            cache.evict(self.bytes_max);
        }
    }

    /// Forgets everything: for a reload.
    pub(crate) fn clear(&self) {
        let mut cache = self.state();
        let (hits, misses) = (cache.hits, cache.misses);
        *cache = State { hits, misses, ..State::default() };
    }

    /// How it is doing.
    pub(crate) fn figures(&self) -> CacheFigures {
        let cache = self.state();
        CacheFigures {
            name: "listing",
            entries: cache.entries as u64,
            bytes: cache.bytes as u64,
            bytes_max: self.bytes_max as u64,
            hits: cache.hits,
            misses: cache.misses,
            ..CacheFigures::default()
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn find(&mut self, directory: InodeId, state: DirectoryState, after: Cookie) -> Option<Arc<ListedRun>> {
        let listing = self.listings.get(&directory)?;
        if listing.state != state {
            self.forget(directory);
            return None;
        }
        let (_, run) = listing.runs.range(..=after).next_back()?;
        let goes_on = run.until() > after || run.is_end;
        goes_on.then(|| {
            run.is_referenced.store(true, Ordering::Relaxed);
            Arc::clone(run)
        })
    }

    fn put(&mut self, directory: InodeId, state: DirectoryState, run: &Arc<ListedRun>) {
        if self.listings.get(&directory).is_some_and(|listing| listing.state != state) {
            self.forget(directory);
        }
        let listing = self.listings.entry(directory).or_insert_with(|| Listing { state, runs: BTreeMap::new() });
        self.bytes += run.bytes;
        self.entries += run.entries.len();
        match listing.runs.insert(run.after, Arc::clone(run)) {
            Some(before) => self.gone(&before),
            None => self.order.push_back((directory, run.after)),
        }
    }

    fn forget(&mut self, directory: InodeId) {
        let Some(listing) = self.listings.remove(&directory) else { return };
        listing.runs.values().for_each(|run| self.gone(run));
        self.order.retain(|(other, _)| *other != directory);
    }

    fn gone(&mut self, run: &ListedRun) {
        self.bytes -= run.bytes;
        self.entries -= run.entries.len();
    }

    /// Second chance, run by run.
    fn evict(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max {
            let Some((directory, after)) = self.order.pop_front() else { return };
            let Some(listing) = self.listings.get_mut(&directory) else { continue };
            let is_used = |run: &Arc<ListedRun>| run.is_referenced.swap(false, Ordering::Relaxed);
            if listing.runs.get(&after).is_some_and(is_used) {
                self.order.push_back((directory, after));
                continue;
            }
            let run = listing.runs.remove(&after);
            if listing.runs.is_empty() {
                self.listings.remove(&directory);
            }
            run.iter().for_each(|run| self.gone(run));
        }
    }
}

impl fmt::Debug for ListingCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ListingCache").field("bytes_max", &self.bytes_max).finish_non_exhaustive()
    }
}

/// What a run takes beside its entries, roughly.
const RUN_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use vfs::InodeNumber;

    use super::*;

    fn inode(number: u64) -> InodeId {
        InodeId { number: InodeNumber(number), ..InodeId::default() }
    }

    fn run(after: u64, cookies: &[u64], is_end: bool) -> Arc<ListedRun> {
        let listed = |cookie: &u64| Listed {
            cookie: Cookie(*cookie),
            inode: inode(*cookie),
            file_type: FileType::Regular,
            name: Bytes::from(format!("name-{cookie}")),
        };
        let entries = cookies.iter().map(listed).collect();
        Arc::new(ListedRun::new(Cookie(after), entries, (is_end, Version(0))))
    }

    fn state(change: u64) -> DirectoryState {
        DirectoryState { change, generation: 0 }
    }

    fn behind(cache: &ListingCache, after: u64) -> Option<Vec<u64>> {
        let run = cache.find(inode(1), state(1), Cookie(after))?;
        Some(run.behind(Cookie(after)).iter().map(|entry| entry.cookie.0).collect())
    }

    #[test]
    fn a_listing_goes_on_from_any_cookie() {
        let cache = ListingCache::new(1 << 20);
        cache.put(inode(1), state(1), &run(15, &[20, 30, 40], false));
        cache.put(inode(1), state(1), &run(40, &[50], true));
        assert_eq!(behind(&cache, 15), Some(vec![20, 30, 40]));
        assert_eq!(behind(&cache, 25), Some(vec![30, 40]), "of an entry that is gone");
        assert_eq!(behind(&cache, 40), Some(vec![50]));
        assert_eq!(behind(&cache, 60), Some(vec![]), "the end is known");
        assert_eq!(behind(&cache, 14), None);
        let run = cache.find(inode(1), state(1), Cookie(15)).unwrap();
        assert_eq!(run.behind(Cookie(20))[0].name, "name-30");
    }

    #[test]
    fn another_state_of_the_directory_knows_nothing() {
        let cache = ListingCache::new(1 << 20);
        for other in [state(2), DirectoryState { change: 1, generation: 1 }] {
            cache.put(inode(1), state(1), &run(15, &[20], true));
            assert!(cache.find(inode(1), other, Cookie(15)).is_none());
            assert_eq!((cache.figures().entries, cache.figures().bytes), (0, 0));
        }
    }

    #[test]
    fn is_bounded_by_bytes() {
        let cache = ListingCache::new(20_000);
        let cookies: Vec<u64> = (20..50).collect();
        for number in 0..1_000 {
            cache.put(inode(number), state(1), &run(15, &cookies, true));
            cache.put(inode(number), state(1), &run(15, &cookies, true));
            assert!(cache.figures().bytes <= 20_000);
            assert!(cache.find(inode(0), state(1), Cookie(15)).is_some(), "what is used stays");
        }
        let entries = cache.figures().entries;
        assert!(entries >= 60 && cache.state().order.len() * 30 == usize::try_from(entries).unwrap());
        cache.put(inode(1), state(1), &run(15, &(20..9_000).collect::<Vec<_>>(), true));
        assert!(cache.figures().bytes <= 20_000 && cache.figures().entries > 0, "one that is too large is not kept");
        cache.clear();
        assert_eq!((cache.figures().entries, cache.figures().bytes), (0, 0));
    }
}
