//! A bounded pool of blocks in a few sizes.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::BLOCK_SIZE;
use crate::block::{Block, PageBuf, Slab};
use crate::mapping::{HUGE_PAGE_SIZE, Mapping};

/// How much memory a pool may hold, and of which kind.
#[derive(Clone, Copy, Debug)]
pub struct PoolSettings {
    /// Most bytes the pool takes from the system, blocks in use and blocks kept for later together.
    pub bytes_max: usize,
    /// Ask the kernel for huge pages; best effort, costs at most one slab of unused room per size class.
    pub huge_pages: bool,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self { bytes_max: 256 << 20, huge_pages: true }
    }
}

/// Bytes a pool holds at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolUsage {
    /// Taken from the system; never above [`PoolSettings::bytes_max`].
    pub held_bytes: usize,
    /// Of it handed out, as whole blocks.
    pub used_bytes: usize,
}

/// The sizes blocks come in; the largest takes a record of 1 MiB payload with its headers. Whatever is larger is
/// mapped for itself and goes back to the system when it is dropped.
pub const SIZE_CLASSES: [usize; 6] = [BLOCK_SIZE, 16 << 10, 64 << 10, 256 << 10, 512 << 10, (1 << 20) + (8 << 10)];

/// The memory that a buffer of `length` bytes takes: its size class, or whole blocks above the largest.
#[must_use]
pub fn held_bytes(length: usize) -> usize {
    let class = SIZE_CLASSES.iter().copied().find(|size| length <= *size);
    class.unwrap_or_else(|| length.next_multiple_of(BLOCK_SIZE))
}

/// A bounded source of aligned memory. Clones are the same pool; any thread may use it.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

impl Pool {
    /// A pool that holds nothing yet.
    #[must_use]
    pub fn new(settings: PoolSettings) -> Self {
        let free = SIZE_CLASSES.map(|_| Mutex::default());
        let [held, used, returns, look_at] = [0; 4].map(AtomicUsize::new);
        Self(Arc::new(Shared { settings, free, held, used, returns, look_at }))
    }

    /// A buffer of `length` bytes at a multiple of [`BLOCK_SIZE`]. Its contents are whatever its last user left
    /// (see [`PageBuf`]).
    ///
    /// # Errors
    /// [`Exhausted`] when the pool's bound, or the system's memory, is reached.
    pub fn allocate(&self, length: usize) -> Result<PageBuf, Exhausted> {
        let class = SIZE_CLASSES.iter().position(|size| length <= *size);
        let block = match class {
            Some(class) => self.0.take(class),
            None => self.0.map_single(length),
        };
        let block = block.ok_or(Exhausted { asked_bytes: length })?;
        self.0.used.fetch_add(block.capacity, Ordering::Relaxed);
        Ok(PageBuf::pooled(block, length, Home { pool: Arc::clone(&self.0), class }))
    }

    /// As [`Pool::allocate`], with every byte zero.
    ///
    /// # Errors
    /// [`Exhausted`] when the pool's bound, or the system's memory, is reached.
    pub fn allocate_zeroed(&self, length: usize) -> Result<PageBuf, Exhausted> {
        let mut buffer = self.allocate(length)?;
        buffer.fill(0);
        Ok(buffer)
    }

    /// As [`Pool::allocate`], or memory outside the pool when it is exhausted: for work that must go on so that the
    /// pool empties again. The caller bounds how much of such work there is.
    #[must_use]
    pub fn allocate_or_map(&self, length: usize) -> PageBuf {
        self.allocate(length).unwrap_or_else(|_| PageBuf::unpooled(length))
    }

    /// What the pool holds now.
    #[must_use]
    pub fn usage(&self) -> PoolUsage {
        PoolUsage { held_bytes: self.0.held.load(Ordering::Relaxed), used_bytes: self.0.used.load(Ordering::Relaxed) }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pool").field("settings", &self.0.settings).field("usage", &self.usage()).finish()
    }
}

/// The pool has no memory left within its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// What was asked for.
    pub asked_bytes: usize,
}

impl fmt::Display for Exhausted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the memory pool has no {} bytes left", self.asked_bytes)
    }
}

impl Error for Exhausted {}

/// Where a block goes when its buffer is dropped.
pub(crate) struct Home {
    pool: Arc<Shared>,
    class: Option<usize>,
}

impl Home {
    pub(crate) fn give_back(self, block: Block) {
        self.pool.used.fetch_sub(block.capacity, Ordering::Relaxed);
        self.pool.returns.fetch_add(1, Ordering::Relaxed);
        match self.class.and_then(|class| self.pool.free.get(class)) {
            Some(free) => lock(free).push(block),
            None => self.pool.unmap(block),
        }
    }
}

/// Where a block that was cut up goes when none of its parts is left; the pool holds the parts, so they must not hold it.
pub(crate) struct Origin {
    pool: Weak<Shared>,
    class: usize,
}

impl Origin {
    pub(crate) fn take_back(self, block: Block) {
        let Some(pool) = self.pool.upgrade() else { return };
        if let Some(free) = pool.free.get(self.class) {
            lock(free).push(block);
        }
    }
}

struct Shared {
    settings: PoolSettings,
    free: [Mutex<Vec<Block>>; SIZE_CLASSES.len()],
    held: AtomicUsize,
    used: AtomicUsize,
    /// Blocks that came back so far.
    returns: AtomicUsize,
    /// From so many on it is worth looking for slabs without a block in use again.
    look_at: AtomicUsize,
}

impl Shared {
    fn take(self: &Arc<Self>, class: usize) -> Option<Block> {
        let free = self.free.get(class)?;
        if let Some(block) = lock(free).pop() {
            return Some(block);
        }
        let size = *SIZE_CLASSES.get(class)?;
        let slab = self.map_slab(slab_bytes(size, self.settings.huge_pages)).or_else(|| self.map_slab(size));
        let slab = slab.or_else(|| self.cut_larger(class)).or_else(|| {
            self.release_unused(class);
            self.map_slab(size).or_else(|| self.cut_larger(class))
        });
        let Some(slab) = slab else { return lock(free).pop() };
        let mut blocks = Block::cut(&Arc::new(slab), size);
        let first = blocks.pop();
        lock(free).append(&mut blocks);
        first
    }

    /// A free block of a larger class, to be cut up: a cache that held large pieces makes room for small ones so.
    fn cut_larger(self: &Arc<Self>, class: usize) -> Option<Slab> {
        let size = *SIZE_CLASSES.get(class)?;
        let larger = (class + 1..SIZE_CLASSES.len()).filter(|larger| SIZE_CLASSES.get(*larger) <= Some(&CUT_BYTES_MAX));
        let found = larger.filter_map(|larger| {
            let block = lock(self.free.get(larger)?).pop()?;
            Some((block, Origin { pool: Arc::downgrade(self), class: larger }))
        });
        let mut fitting = found.filter(|(block, _)| block.capacity > size);
        fitting.next().map(|(block, origin)| Slab::part(block, origin))
    }

    fn map_single(&self, length: usize) -> Option<Block> {
        let length = length.checked_next_multiple_of(BLOCK_SIZE)?;
        let slab = self.map_slab(length).or_else(|| {
            self.release_unused(SIZE_CLASSES.len());
            self.map_slab(length)
        })?;
        Block::cut(&Arc::new(slab), length).pop()
    }

    fn map_slab(&self, length: usize) -> Option<Slab> {
        let within = |held: usize| held.checked_add(length).filter(|sum| *sum <= self.settings.bytes_max);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within).ok()?;
        let mapping = Mapping::new(length, self.settings.huge_pages);
        if mapping.is_none() {
            self.held.fetch_sub(length, Ordering::Relaxed);
        }
        mapping.map(Slab::new)
    }

    fn unmap(&self, block: Block) {
        let bytes = block.slab.bytes();
        drop(block);
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Gives slabs of which no block is in use back to the system, or the larger class they were cut from, except those
    /// of one class. Looks through all that is free; after a look that found nothing, not before many came back.
    fn release_unused(&self, except: usize) {
        let returns = self.returns.load(Ordering::Relaxed);
        if returns < self.look_at.load(Ordering::Relaxed) {
            return;
        }
        let (mut looked, mut found) = (0, 0);
        for (class, free) in self.free.iter().enumerate().filter(|(class, _)| *class != except) {
            let size = SIZE_CLASSES.get(class).copied().unwrap_or(BLOCK_SIZE);
            let gone = take_unused(&mut lock(free), size, &mut looked);
            found += gone.len();
            let slabs: HashMap<_, _> =
                gone.iter().map(|block| (Arc::as_ptr(&block.slab), block.slab.mapped_bytes())).collect();
            drop(gone);
            self.held.fetch_sub(slabs.values().sum(), Ordering::Relaxed);
        }
        let pause = if found == 0 { looked / 4 } else { 0 };
        self.look_at.store(returns + pause, Ordering::Relaxed);
    }
}

/// Takes the blocks out of a free list whose slabs have no block in use.
fn take_unused(free: &mut Vec<Block>, size: usize, looked: &mut usize) -> Vec<Block> {
    *looked += free.len();
    let mut unused: HashMap<*const Slab, usize> = HashMap::new();
    for block in free.iter() {
        *unused.entry(Arc::as_ptr(&block.slab)).or_default() += 1;
    }
    let whole = |block: &Block| unused.get(&Arc::as_ptr(&block.slab)) == Some(&(block.slab.bytes() / size));
    let (gone, kept) = free.drain(..).partition::<Vec<_>, _>(whole);
    *free = kept;
    gone
}

/// Bytes to map at once for blocks of `size` bytes: whole huge pages where they are wanted.
fn slab_bytes(size: usize, huge_pages: bool) -> usize {
    match (huge_pages, size < HUGE_PAGE_SIZE / 2) {
        (true, true) => HUGE_PAGE_SIZE,
        (true, false) => LARGE_SLAB_BYTES,
        (false, _) => size.max(SMALL_SLAB_BYTES),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Larger blocks are not cut up.
const CUT_BYTES_MAX: usize = 64 << 10;
/// 15 of the largest blocks, 5 % left over.
const LARGE_SLAB_BYTES: usize = 16 << 20;
const SMALL_SLAB_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(bytes_max: usize) -> Pool {
        Pool::new(PoolSettings { bytes_max, huge_pages: false })
    }

    #[test]
    fn blocks_are_aligned_zero_at_first_and_writable() {
        for huge_pages in [false, true] {
            let pool = Pool::new(PoolSettings { bytes_max: 64 << 20, huge_pages });
            let mut kept = Vec::new();
            for length in [0, 1, 4096, 5000, 65_536, 1 << 20, (1 << 20) + 8192, 5 << 20] {
                let mut buffer = pool.allocate(length).unwrap();
                assert_eq!((buffer.len(), buffer.as_ptr() as usize % BLOCK_SIZE), (length, 0));
                assert!(buffer.capacity() >= length && buffer.iter().all(|byte| *byte == 0));
                buffer.fill(7);
                kept.push(buffer);
            }
        }
    }

    #[test]
    fn blocks_do_not_overlap() {
        let pool = pool(4 << 20);
        let mut buffers: Vec<_> = (0..100_u8).map(|_| pool.allocate(4096).unwrap()).collect();
        buffers.iter_mut().zip(0_u8..).for_each(|(buffer, mark)| buffer.fill(mark));
        assert!(buffers.iter().zip(0_u8..).all(|(buffer, mark)| buffer.iter().all(|byte| *byte == mark)));
    }

    #[test]
    fn free_blocks_of_a_larger_class_are_cut_and_come_back_whole() {
        let pool = pool(1 << 20);
        let large: Vec<_> = (0..16).map(|_| pool.allocate(64 << 10).unwrap()).collect();
        assert!(pool.allocate(4096).is_err());
        drop(large);
        let small: Vec<_> = (0..256).map(|_| pool.allocate(4096).unwrap()).collect();
        assert_eq!(pool.usage(), PoolUsage { held_bytes: 1 << 20, used_bytes: 1 << 20 });
        assert!(pool.allocate(4096).is_err());
        drop(small);
        let again: Vec<_> = (0..16).map(|_| pool.allocate(64 << 10).unwrap()).collect();
        assert_eq!(pool.usage(), PoolUsage { held_bytes: 1 << 20, used_bytes: 1 << 20 });
        drop(again);
        assert_eq!(pool.usage().used_bytes, 0);
    }

    #[test]
    fn memory_is_bounded_and_comes_back_with_the_last_slice() {
        let pool = pool(64 << 10);
        let buffers: Vec<_> = (0..16).map(|_| pool.allocate(4096).unwrap().freeze()).collect();
        assert_eq!(pool.allocate(1).unwrap_err(), Exhausted { asked_bytes: 1 });
        let part = buffers[3].slice(100..200);
        drop(buffers);
        assert_eq!(pool.usage(), PoolUsage { held_bytes: 64 << 10, used_bytes: 4096 });
        drop(part);
        assert_eq!(pool.usage().used_bytes, 0);
    }

    #[test]
    fn an_idle_class_makes_room_for_another() {
        let pool = pool(64 << 10);
        drop(pool.allocate(4096).unwrap());
        let large = pool.allocate(64 << 10).unwrap();
        assert_eq!(large.len(), 64 << 10);
        assert!(pool.allocate(4096).is_err());
        assert!(pool.usage().held_bytes <= 64 << 10);
    }

    #[test]
    fn a_block_in_use_keeps_its_slab() {
        let pool = pool(64 << 10);
        let mut kept = pool.allocate(4096).unwrap();
        kept.fill(9);
        assert!(pool.allocate(64 << 10).is_err());
        assert!(kept.iter().all(|byte| *byte == 9));
        assert!(pool.allocate(4096).is_ok());
    }

    #[test]
    fn oversized_blocks_go_back_to_the_system() {
        let pool = pool(8 << 20);
        let large = pool.allocate(8 << 20).unwrap();
        assert!(pool.allocate(4096).is_err());
        drop(large);
        assert_eq!(pool.usage(), PoolUsage { held_bytes: 0, used_bytes: 0 });
        assert_eq!(pool.allocate_or_map(16 << 20).len(), 16 << 20);
    }

    #[test]
    fn recycled_blocks_are_zeroed_on_request() {
        let pool = pool(64 << 10);
        let mut all: Vec<_> = (0..16).map(|_| pool.allocate(4096).unwrap()).collect();
        all.iter_mut().for_each(|buffer| buffer.fill(0xee));
        drop(all);
        assert!(pool.allocate_zeroed(4096).unwrap().iter().all(|byte| *byte == 0));
    }

    #[test]
    fn resize_stays_within_the_class() {
        let mut buffer = PageBuf::unpooled(10);
        assert_eq!((buffer.len(), buffer.capacity()), (10, 4096));
        buffer.resize(9000);
        assert_eq!(buffer.len(), 4096);
    }

    #[test]
    fn threads_share_a_pool() {
        let pool = pool(1 << 20);
        let work = &|mark: u8| {
            for _ in 0..2000 {
                let mut buffer = pool.allocate(4096).unwrap();
                buffer.fill(mark);
                assert!(buffer.iter().all(|byte| *byte == mark));
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|mark| drop(scope.spawn(move || work(mark)))));
        assert_eq!(pool.usage().used_bytes, 0);
    }
}
