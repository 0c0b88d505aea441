//! What whole-house tests need: the real binary with a store and two zones, outside clients, crashes.
//!
//! Nothing here is product code. Every entry that needs root, a tool or a kernel answers with the reason why it cannot run,
//! and the test then calls [`skip()`]: it passes, and the gate lists it.

pub mod client;
mod command;
pub mod conformance;
pub mod contest;
mod durations;
mod gateway;
mod kernel_client;
mod libnfs;
pub mod load;
mod power;
mod site;
mod skip;
mod smbclient;
mod tree;

pub use command::{Finished, Limit, run, run_checked};
pub use durations::Durations;
pub use gateway::{Demo, Gateway, STOP_LIMIT, berth_binary};
pub use kernel_client::{ClientScript, KernelClient};
pub use libnfs::Libnfs;
pub use power::PowerRig;
pub use site::{CONTOSO, FABRIKAM, Site, Zone};
pub use skip::{count_from, skip};
pub use smbclient::Smbclient;
pub use tree::{assert_same_tree, write_sample_tree};

use std::path::{Path, PathBuf};

/// The root folder of the workspace: of the clone cargo runs the tests in, which need not be the one they were compiled in
/// when clones share a target folder.
#[must_use]
pub fn workspace_root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let here = Path::new(&here);
    here.parent().unwrap_or(here).to_owned()
}
