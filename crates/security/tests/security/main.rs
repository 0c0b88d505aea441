//! The crate from outside: what it allocates.

#[cfg(test)]
mod allocations;
