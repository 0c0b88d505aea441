//! What every house must do.

use std::sync::Arc;

use testkit::{ManualClock, block_on, vfs_conformance};

use crate::house::Engines;

#[test]
fn the_file_system_conforms() {
    block_on(async {
        let (engines, clock) = (Engines::default(), Arc::new(ManualClock::standing()));
        let house = engines.open(Arc::clone(&clock)).await;
        vfs_conformance::all(&house, &clock).await;
        engines.check().await;
    });
}
