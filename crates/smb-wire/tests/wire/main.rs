//! The wire types from outside: fixtures, mutated fixtures, memory.

#[cfg(test)]
mod allocations;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod fuzz_smoke;
#[cfg(test)]
mod hex;
#[cfg(test)]
mod mutation;
#[cfg(test)]
mod targets;
