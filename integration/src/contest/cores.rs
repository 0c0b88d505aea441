//! Cores apart for the gateway and for its clients, as on machines of their own.

use std::io;

use anyhow::Result;
use rustix::process::nice;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Does this on the first half of the cores that the thread may use, as do processes that it starts; from then on this
/// thread, and those it starts, are on the other half. With one core all stay there.
///
/// # Errors
/// Those of the work, and of the system.
pub fn on_cores_apart<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let all = sched_getaffinity(None)?;
    let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core)).collect();
    let (first, others) = cores.split_at(cores.len() / 2);
    if first.is_empty() {
        return work();
    }
    sched_setaffinity(None, &set(first))?;
    let done = work();
    sched_setaffinity(None, &set(others))?;
    done
}

/// Gives way to other threads of the machine: what a hostile client itself computes is not what it costs others.
pub(super) fn step_back() -> io::Result<()> {
    Ok(nice(STEP_BACK).map(drop)?)
}

fn set(cores: &[usize]) -> CpuSet {
    let mut set = CpuSet::new();
    cores.iter().for_each(|core| set.set(*core));
    set
}

/// A tenth of another's weight on the same core.
const STEP_BACK: i32 = 10;
