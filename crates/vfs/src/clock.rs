//! Time, handed in.

use std::fmt::Debug;
use std::time::Duration;

use crate::Timestamp;

/// Tells the time. Only the roof has the machine's; tests turn their own.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The time of day.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment; never goes back.
    fn monotonic(&self) -> Duration;
}
