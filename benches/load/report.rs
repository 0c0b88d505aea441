//! What a run showed.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::pace::Pace;
use crate::tally::{Tally, new_histogram};
use crate::window::Window;

/// What a run showed; times in microseconds.
#[derive(Debug, Serialize)]
pub struct Report {
    operation: String,
    connections: usize,
    depth: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    protection: Option<String>,
    congestion: String,
    seconds: f64,
    operations: u64,
    operations_per_second: f64,
    megabytes_per_second: f64,
    p50_us: f64,
    p99_us: f64,
    p999_us: f64,
    longest_us: f64,
    errors: u64,
    first_error: Option<String>,
    retries: u64,
    server_cpu_seconds: Option<f64>,
    server_cpu_us_per_operation: Option<f64>,
    server_cpu_seconds_per_gibibyte: Option<f64>,
    server_bytes_per_idle_connection: Option<f64>,
}

/// What was done, in the words of the command line.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The operation.
    pub operation: String,
    /// How messages are protected, in a protocol that has a choice.
    pub protection: Option<String>,
}

impl Report {
    /// Sums up what all connections did.
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    #[must_use]
    pub fn new(subject: Subject, pace: &Pace, measured: &Measured) -> Self {
        let Measured { window, tallies, cpu, bytes_per_idle_connection } = measured;
        let seconds = seconds(window, tallies);
        let sum = |count: fn(&Tally) -> u64| tallies.iter().map(count).sum::<u64>();
        let (operations, bytes) = (sum(|tally| tally.operations), sum(|tally| tally.bytes));
        let latency = joined(tallies);
        let at = |quantile: f64| latency.as_ref().map_or(0.0, |all| all.value_at_quantile(quantile) as f64 / 1000.0);
        let cpu_seconds = cpu.map(|cpu| cpu.as_secs_f64());
        Self {
            operation: subject.operation,
            connections: pace.connections,
            depth: pace.depth,
            protection: subject.protection,
            congestion: tallies.first().map_or_else(String::new, |tally| tally.congestion.clone()),
            seconds,
            operations,
            operations_per_second: operations as f64 / seconds,
            megabytes_per_second: bytes as f64 / seconds / 1e6,
            p50_us: at(0.5),
            p99_us: at(0.99),
            p999_us: at(0.999),
            longest_us: at(1.0),
            errors: sum(|tally| tally.errors),
            first_error: tallies.iter().find_map(|tally| tally.first_error.clone()),
            retries: sum(|tally| tally.retries),
            server_cpu_seconds: cpu_seconds,
            server_cpu_us_per_operation: cpu_seconds.map(|cpu| cpu * 1e6 / operations.max(1) as f64),
            server_cpu_seconds_per_gibibyte: cpu_seconds
                .filter(|_| bytes > 0)
                .map(|cpu| cpu * f64::from(1 << 30) / bytes as f64),
            server_bytes_per_idle_connection: *bytes_per_idle_connection,
        }
    }
}

/// What was found out.
#[derive(Debug)]
pub struct Measured {
    /// When.
    pub window: Window,
    /// What each connection counted.
    pub tallies: Vec<Tally>,
    /// CPU time of the server.
    pub cpu: Option<Duration>,
    /// What its memory grew by for each connection at rest, in bytes.
    pub bytes_per_idle_connection: Option<f64>,
}

/// Of the window, or until the last connection had nothing more to do.
fn seconds(window: &Window, tallies: &[Tally]) -> f64 {
    let ends: Option<Vec<_>> = tallies.iter().map(|tally| tally.exhausted).collect();
    let end = ends.and_then(|ends| ends.into_iter().max()).unwrap_or(window.end);
    (end - window.begin).as_secs_f64().max(1e-6)
}

fn joined(tallies: &[Tally]) -> Option<Histogram<u64>> {
    let mut all = new_histogram().ok()?;
    for tally in tallies {
        all.add(&tally.latency_ns).ok()?;
    }
    Some(all)
}

impl Report {
    /// Says it on standard output, for people or as one JSON object.
    ///
    /// # Errors
    /// It cannot be said in JSON.
    #[expect(clippy::print_stdout, reason = "the report is what load generators are for")]
    pub fn print(&self, json: bool) -> serde_json::Result<()> {
        if json {
            println!("{}", serde_json::to_string(self)?);
        } else {
            println!("{self}");
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}{} {}x{}: {:.0} ops/s, {:.1} MB/s, p50 {:.0} us, p99 {:.0} us, p99.9 {:.0} us, longest {:.0} us, {} errors",
            self.operation,
            self.protection.as_ref().map_or_else(String::new, |protection| format!(" {protection}")),
            self.connections,
            self.depth,
            self.operations_per_second,
            self.megabytes_per_second,
            self.p50_us,
            self.p99_us,
            self.p999_us,
            self.longest_us,
            self.errors
        )?;
        if let Some(error) = &self.first_error {
            write!(formatter, " (first: {error})")?;
        }
        if let Some(cpu) = self.server_cpu_us_per_operation {
            write!(formatter, ", server {cpu:.2} us/op")?;
        }
        if let Some(cpu) = self.server_cpu_seconds_per_gibibyte {
            write!(formatter, ", {cpu:.3} s/GiB")?;
        }
        if let Some(bytes) = self.server_bytes_per_idle_connection {
            write!(formatter, ", {bytes:.0} bytes for an idle connection")?;
        }
        Ok(())
    }
}
