//! An operation that all slots together do so often and no more.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;

use crate::operation::{Next, Operation};

/// Takes one of what is left for each operation that it begins.
pub struct Limited<Call, Reply> {
    operation: Box<dyn Operation<Call, Reply>>,
    left: Arc<AtomicU64>,
}

impl<Call, Reply> Limited<Call, Reply> {
    /// The operation, as often as `left` says.
    #[must_use]
    pub fn new(operation: Box<dyn Operation<Call, Reply>>, left: &Arc<AtomicU64>) -> Self {
        Self { operation, left: Arc::clone(left) }
    }
}

impl<Call, Reply> Operation<Call, Reply> for Limited<Call, Reply> {
    fn begin(&mut self) -> Option<Call> {
        let one_less = |left: u64| left.checked_sub(1);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).ok()?;
        self.operation.begin()
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next<Call>> {
        self.operation.answered(reply)
    }
}

impl<Call, Reply> fmt::Debug for Limited<Call, Reply> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Limited").field("left", &self.left).finish_non_exhaustive()
    }
}
