//! A load that knows what it was promised: it can be cut off anywhere and then say whether the server kept its word.

mod change;
mod expected;
mod observed;
mod random;
mod worker;

pub use change::Change;
pub use expected::{Expected, ExpectedFile};
pub use observed::{Observed, ObservedFile};
pub use random::Random;
pub use worker::{Ending, Load, Worker};
