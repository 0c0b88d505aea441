//! Reference file system in memory, manual clock, faulty engine wrappers, seeds.
