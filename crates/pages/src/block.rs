//! One owned, aligned piece of memory, from a pool or by itself.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::slice;
use std::sync::Arc;

use bytes::Bytes;

use crate::mapping::Mapping;
use crate::pool::{Home, Origin};

/// Owned, mutable memory that starts at a multiple of [`crate::BLOCK_SIZE`]. Goes back to its pool when dropped.
///
/// The bytes are always initialised, but a block that was used before still shows what was in it, and that may belong
/// to another tenant: whoever takes one must overwrite what it lets others see, or take
/// [`crate::Pool::allocate_zeroed`].
pub struct PageBuf {
    block: Option<Block>,
    length: usize,
    home: Option<Home>,
}

impl PageBuf {
    /// Zeroed memory of `length` bytes outside any pool; the system has it back when it is dropped.
    ///
    /// Aborts like any allocation when the system has no memory.
    #[must_use]
    pub fn unpooled(length: usize) -> Self {
        let Some(mapping) = Mapping::new(length, false) else {
            std::alloc::handle_alloc_error(std::alloc::Layout::new::<[u8; crate::BLOCK_SIZE]>())
        };
        let capacity = mapping.length();
        let block = Block::whole(Arc::new(Slab::new(mapping)), capacity);
        Self { block: Some(block), length, home: None }
    }

    pub(crate) fn pooled(block: Block, length: usize, home: Home) -> Self {
        debug_assert!(length <= block.capacity, "a block holds what was asked for");
        Self { block: Some(block), length, home: Some(home) }
    }

    /// Bytes there is room for without another allocation: the size class, at least what was asked for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.block.as_ref().map_or(0, |block| block.capacity)
    }

    /// Changes the length to `length`, at most [`PageBuf::capacity`] (more is cut to it). Bytes that appear hold
    /// whatever was there before.
    pub fn resize(&mut self, length: usize) {
        self.length = length.min(self.capacity());
    }

    /// Makes the bytes shareable; the memory goes back to its pool when the last [`Bytes`] of it drops.
    #[must_use]
    pub fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }

    fn address(&self) -> NonNull<u8> {
        self.block.as_ref().map_or(NonNull::dangling(), |block| block.start)
    }
}

impl Drop for PageBuf {
    fn drop(&mut self) {
        if let (Some(block), Some(home)) = (self.block.take(), self.home.take()) {
            home.give_back(block);
        }
    }
}

impl Deref for PageBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the block owns `capacity >= length` initialised bytes from its start, and nobody else writes them.
        unsafe { slice::from_raw_parts(self.address().as_ptr(), self.length) }
    }
}

impl DerefMut for PageBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `deref`; `&mut self` makes the access exclusive.
        unsafe { slice::from_raw_parts_mut(self.address().as_ptr(), self.length) }
    }
}

impl AsRef<[u8]> for PageBuf {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for PageBuf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PageBuf")
            .field("length", &self.length)
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

/// Memory that is cut into blocks of one size; lives as long as one of them.
pub(crate) struct Slab {
    memory: Memory,
}

enum Memory {
    Mapped(Mapping),
    /// A block of a larger size, which goes back to its pool; `None` only while that happens.
    Part(Option<(Block, Origin)>),
}

impl Slab {
    pub(crate) fn new(mapping: Mapping) -> Self {
        Self { memory: Memory::Mapped(mapping) }
    }

    /// Of a block that nobody else has.
    pub(crate) fn part(block: Block, origin: Origin) -> Self {
        Self { memory: Memory::Part(Some((block, origin))) }
    }

    pub(crate) fn bytes(&self) -> usize {
        match &self.memory {
            Memory::Mapped(mapping) => mapping.length(),
            Memory::Part(part) => part.as_ref().map_or(0, |(block, _)| block.capacity),
        }
    }

    /// What the system gets back when it is dropped.
    pub(crate) fn mapped_bytes(&self) -> usize {
        match &self.memory {
            Memory::Mapped(mapping) => mapping.length(),
            Memory::Part(_) => 0,
        }
    }

    fn start(&self) -> NonNull<u8> {
        match &self.memory {
            Memory::Mapped(mapping) => mapping.start(),
            Memory::Part(part) => part.as_ref().map_or(NonNull::dangling(), |(block, _)| block.start),
        }
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        if let Memory::Part(part) = &mut self.memory
            && let Some((block, origin)) = part.take()
        {
            origin.take_back(block);
        }
    }
}

/// A part of a slab with one owner at a time: a free list or a [`PageBuf`].
pub(crate) struct Block {
    start: NonNull<u8>,
    pub(crate) capacity: usize,
    pub(crate) slab: Arc<Slab>,
}

impl Block {
    /// Cuts a fresh slab into blocks of `size` bytes; what is left over at the end is not used.
    pub(crate) fn cut(slab: &Arc<Slab>, size: usize) -> Vec<Self> {
        let count = slab.bytes() / size;
        (0..count).map(|index| Self::at(slab, index * size, size)).collect()
    }

    fn whole(slab: Arc<Slab>, capacity: usize) -> Self {
        Self { start: slab.start(), capacity, slab }
    }

    fn at(slab: &Arc<Slab>, offset: usize, capacity: usize) -> Self {
        assert!(offset + capacity <= slab.bytes(), "a block lies in its slab");
        // SAFETY: offset and capacity were just checked to lie in the slab.
        let start = unsafe { slab.start().add(offset) };
        Self { start, capacity, slab: Arc::clone(slab) }
    }
}

// SAFETY: a block is the only owner of its part of the slab, which is plain memory without thread affinity.
unsafe impl Send for Block {}
// SAFETY: a shared block only allows shared reads.
unsafe impl Sync for Block {}
