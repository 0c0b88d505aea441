//! Anonymous memory from the kernel, the ground of every block.

use std::ptr::{self, NonNull};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

/// Private, zero-filled, page-aligned memory; unmapped when dropped.
pub(crate) struct Mapping {
    start: NonNull<u8>,
    length: usize,
    mapped: NonNull<u8>,
    mapped_length: usize,
}

/// Size and alignment of a huge page on the machines we know.
pub(crate) const HUGE_PAGE_SIZE: usize = 2 << 20;

impl Mapping {
    /// Maps `length` bytes (rounded up to whole blocks, at least one). `None` when the kernel refuses.
    pub(crate) fn new(length: usize, huge_pages: bool) -> Option<Self> {
        let length = length.max(1).checked_next_multiple_of(crate::BLOCK_SIZE)?;
        let huge = huge_pages && length >= HUGE_PAGE_SIZE;
        let mapped_length = if huge { length.checked_add(HUGE_PAGE_SIZE)? } else { length };
        // SAFETY: a new anonymous mapping at an address the kernel chooses overlaps nothing.
        let address = unsafe {
            mmap_anonymous(ptr::null_mut(), mapped_length, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
        };
        let mapped = NonNull::new(address.ok()?.cast::<u8>())?;
        let start = if huge { huge_part(mapped, length)? } else { mapped };
        Some(Self { start, length, mapped, mapped_length })
    }

    /// The first byte; all `length` bytes from here belong to the mapping.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Usable bytes.
    pub(crate) fn length(&self) -> usize {
        self.length
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by `new`, is unmapped once, and no block of it is alive (they hold the owner).
        let outcome = unsafe { munmap(self.mapped.as_ptr().cast(), self.mapped_length) };
        debug_assert!(outcome.is_ok(), "munmap of our own mapping failed");
    }
}

// SAFETY: the mapping is plain memory without thread affinity; access rules are kept by its users.
unsafe impl Send for Mapping {}
// SAFETY: a shared reference only tells address and length.
unsafe impl Sync for Mapping {}

/// The first huge-page-aligned byte of a mapping that has one huge page to spare; asks for huge pages, best effort.
fn huge_part(mapped: NonNull<u8>, length: usize) -> Option<NonNull<u8>> {
    let skip = mapped.as_ptr().align_offset(HUGE_PAGE_SIZE);
    // SAFETY: `skip` is below HUGE_PAGE_SIZE, by which the mapping is longer than `length`.
    let start = unsafe { mapped.as_ptr().add(skip) };
    // SAFETY: the range lies in our mapping, and this advice changes no contents. Refusal only costs speed.
    let _refused = unsafe { madvise(start.cast(), length, Advice::LinuxHugepage) };
    NonNull::new(start)
}
