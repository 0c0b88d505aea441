//! The crate from outside: recorded exchanges, mutated tokens, memory.

#[cfg(test)]
mod allocations;
#[cfg(test)]
mod exchanges;
#[cfg(test)]
mod fuzz_smoke;
#[cfg(test)]
mod hex;
#[cfg(test)]
mod mutation;
#[cfg(test)]
mod targets;
