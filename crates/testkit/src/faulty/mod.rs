//! Engines and stores that fail on purpose: wrappers around any, which share one plan of faults.
//!
//! A test keeps a clone of [`Faults`] and plans with it while the house above runs: delays and failures by chance
//! (seeded), the n-th call of a kind, or a power cut.

mod engine;
mod faults;
mod store;

pub use engine::{FaultyEngine, FaultyView};
pub use faults::{Fault, FaultPoint, FaultRates, Faults};
pub use store::FaultyStore;

#[cfg(test)]
mod tests;
