//! An operation that all slots together do so often and no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;

use super::{Next, Operation};
use crate::rpc::{Call, Reply};

/// Takes one of what is left for each operation that it begins.
pub(crate) struct Limited {
    operation: Box<dyn Operation>,
    left: Arc<AtomicU64>,
}

impl Limited {
    pub(crate) fn new(operation: Box<dyn Operation>, left: &Arc<AtomicU64>) -> Self {
        Self { operation, left: Arc::clone(left) }
    }
}

impl Operation for Limited {
    fn begin(&mut self) -> Option<Call> {
        let one_less = |left: u64| left.checked_sub(1);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).ok()?;
        self.operation.begin()
    }

    fn answered(&mut self, reply: &Reply) -> Result<Next> {
        self.operation.answered(reply)
    }

    fn has_status(&self) -> bool {
        self.operation.has_status()
    }
}
