//! Two small loads beside a large one: the longest that they waited.

use std::fmt;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::super::load::{Load, Sample};
use super::super::servers::Running;
use super::super::site::Site;
use crate::report::now;

/// The longest waits, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Watched {
    pub(super) seconds: f64,
    /// Of the large load itself, where it tells.
    pub(super) own_ms: Option<f64>,
    pub(super) getattr_ms: f64,
    pub(super) small_file_ms: f64,
}

impl Watched {
    pub(super) fn longest_ms(&self) -> f64 {
        self.own_ms.unwrap_or(0.0).max(self.getattr_ms).max(self.small_file_ms)
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds, own_ms, getattr_ms, small_file_ms } = self;
        let own = own_ms.unwrap_or(0.0);
        write!(
            formatter,
            "{seconds:.0} s, longest: itself {own:.0} ms, GETATTR {getattr_ms:.0} ms, small file {small_file_ms:.0} ms"
        )
    }
}

/// Runs the load to its end, and the small ones in windows beside it, again and again.
pub(super) fn watch(site: &Site, server: &Running, load: &Load) -> Result<Watched> {
    let mut large = load.command(site, server)?.spawn().context("cannot start the load")?;
    let (begin, mut watched) = (now(), Watched::default());
    while large.try_wait()?.is_none() {
        let small = |operation| Load { seconds: WINDOW_SECONDS, warmup: 0.0, ..Load::new(operation, 1, site) };
        let creates = small("small-file").command(site, server)?.spawn().context("cannot start the load")?;
        let getattrs = small("getattr").run(site, server)?;
        let creates = told(&creates.wait_with_output()?)?;
        watched.getattr_ms = watched.getattr_ms.max(getattrs.longest_us / 1e3);
        watched.small_file_ms = watched.small_file_ms.max(creates.longest_us / 1e3);
    }
    watched.seconds = begin.elapsed().as_secs_f64();
    let output = large.wait_with_output()?;
    // Preparing tells nothing.
    let own = if output.status.success() && output.stdout.is_empty() { None } else { Some(told(&output)?) };
    watched.own_ms = own.map(|sample| sample.longest_us / 1e3);
    Ok(watched)
}

fn told(output: &std::process::Output) -> Result<Sample> {
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    let sample: Sample = serde_json::from_slice(&output.stdout).context("what the load tells")?;
    ensure!(sample.errors == 0, "{} calls failed, first: {:?}", sample.errors, sample.first_error);
    Ok(sample)
}

/// Between two windows a wait may go unseen, so they are long.
const WINDOW_SECONDS: f64 = 5.0;

#[cfg(test)]
mod tests {
    use super::Watched;

    #[test]
    fn the_longest_is_anybodys() {
        let watched = Watched { seconds: 1.0, own_ms: Some(3.0), getattr_ms: 1.0, small_file_ms: 2.0 };
        assert_eq!(watched.longest_ms(), 3.0);
        assert_eq!(Watched { own_ms: None, ..watched }.longest_ms(), 2.0);
    }
}
