//! A run of a load generator: what is asked of it, and what it tells.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::bytes::MIB;
use super::process::{Cores, command, output_within};
use super::servers::Running;
use super::site::Site;

/// Which load generator, and how messages are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Nfs,
    Smb(Protection),
}

/// How messages of SMB are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    Plain,
    Signed,
    Encrypted,
}

/// What is asked of `nfs-load` or `smb-load`.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) door: Door,
    pub(crate) operation: &'static str,
    pub(crate) connections: u64,
    pub(crate) depth: u64,
    pub(crate) seconds: f64,
    pub(crate) warmup: f64,
    pub(crate) drain: f64,
    pub(crate) file_bytes: u64,
    pub(crate) entries: u64,
    pub(crate) directories: u64,
    pub(crate) threads: u64,
    pub(crate) idle_connections: u64,
    pub(crate) limit: Option<u64>,
    pub(crate) folder: Option<&'static str>,
    pub(crate) phase: &'static str,
    pub(crate) cores: Cores,
}

/// What a run told.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Sample {
    /// Congestion control of the load's sockets.
    #[serde(default)]
    pub(crate) congestion: String,
    pub(crate) operations: u64,
    pub(crate) operations_per_second: f64,
    pub(crate) megabytes_per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    pub(crate) longest_us: f64,
    pub(crate) errors: u64,
    pub(crate) first_error: Option<String>,
    pub(crate) retries: u64,
    pub(crate) server_cpu_us_per_operation: Option<f64>,
    pub(crate) server_cpu_seconds_per_gibibyte: Option<f64>,
    pub(crate) server_bytes_per_idle_connection: Option<f64>,
    /// A figure that only some rows have: a ratio of two runs.
    #[serde(default)]
    pub(crate) ratio: Option<f64>,
    /// The same after the server has put in order what it found out of order.
    #[serde(default)]
    pub(crate) ratio_in_order: Option<f64>,
    /// Tables of metadata, as a part of the data they describe.
    #[serde(default)]
    pub(crate) metadata_part: Option<f64>,
}

impl Load {
    /// One connection, on the second core.
    pub(crate) fn new(operation: &'static str, depth: u64, site: &Site) -> Self {
        Self {
            door: Door::Nfs,
            operation,
            connections: 1,
            depth,
            seconds: 3.0,
            warmup: 0.5,
            drain: 0.0,
            file_bytes: 256 * MIB,
            entries: 10_000,
            directories: 1,
            threads: 1,
            idle_connections: 0,
            limit: None,
            folder: None,
            phase: "all",
            cores: site.load_cores(),
        }
    }

    /// Runs to its end.
    pub(crate) fn run(&self, site: &Site, server: &Running) -> Result<Sample> {
        let child = self.command(site, server)?.spawn().context("cannot start the load")?;
        let output = output_within(child, self.limit()).context("the load")?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        if output.stdout.is_empty() {
            return Ok(Sample::default());
        }
        let sample: Sample = serde_json::from_slice(&output.stdout).context("what the load tells")?;
        match &sample.first_error {
            Some(error) => bail!("{} calls failed, first: {error}", sample.errors),
            None => Ok(sample),
        }
    }

    pub(crate) fn command(&self, site: &Site, server: &Running) -> Result<Command> {
        let program = match self.door {
            Door::Nfs => site.binaries.nfs_load(),
            Door::Smb(_) => site.binaries.smb_load(),
        };
        let mut command = command(&program, self.cores);
        command
            .args(self.place(server)?)
            .args(self.arguments(server))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(command)
    }

    /// When it is no longer waited for. Some servers stop answering; millions of files take a while.
    fn limit(&self) -> Duration {
        let own = Duration::from_secs_f64(self.warmup + self.seconds + 2.0 * self.drain);
        own + if self.phase == "prepare" { PREPARE_LIMIT } else { MEASURE_LIMIT }
    }

    /// Where the server is, and what only one of the generators knows.
    fn place(&self, server: &Running) -> Result<Vec<String>> {
        let option = |name: &str, value: &str| [format!("--{name}"), value.to_owned()];
        let protection = match self.door {
            Door::Nfs => {
                let nfs = server.nfs.as_ref().context("it speaks no NFS")?;
                let options = [
                    option("server", &nfs.address.to_string()),
                    option("mount-port", &nfs.mount_port.to_string()),
                    option("export", &nfs.export),
                    option("directories", &self.directories.to_string()),
                    option("idle-connections", &self.idle_connections.to_string()),
                ];
                return Ok(options.concat());
            }
            Door::Smb(Protection::Plain) => None,
            Door::Smb(Protection::Signed) => Some("--sign".to_owned()),
            Door::Smb(Protection::Encrypted) => Some("--encrypt".to_owned()),
        };
        let smb = server.smb.as_ref().context("it speaks no SMB")?;
        let options = [
            option("server", &smb.address.to_string()),
            option("share", smb.share),
            option("user", smb.user),
            option("password", smb.password),
        ];
        Ok(options.concat().into_iter().chain(protection).collect())
    }

    fn arguments(&self, server: &Running) -> Vec<String> {
        let mut words: Vec<String> = vec!["--json".into()];
        let mut add = |name: &str, value: String| words.extend([format!("--{name}"), value]);
        add("pid", server.pid().to_string());
        add("operation", self.operation.into());
        add("connections", self.connections.to_string());
        add("depth", self.depth.to_string());
        add("seconds", self.seconds.to_string());
        add("warmup-seconds", self.warmup.to_string());
        add("drain-seconds", self.drain.to_string());
        add("file-bytes", self.file_bytes.to_string());
        add("entries", self.entries.to_string());
        add("threads", self.threads.to_string());
        add("phase", self.phase.into());
        for (name, value) in
            [("limit", self.limit.map(|limit| limit.to_string())), ("folder", self.folder.map(str::to_owned))]
        {
            words.extend(value.into_iter().flat_map(|value| [format!("--{name}"), value]));
        }
        words
    }
}

const PREPARE_LIMIT: Duration = Duration::from_secs(3600);
const MEASURE_LIMIT: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_load_tells_is_understood() {
        let text = r#"{"operation":"read4k","connections":1,"depth":16,"seconds":3.0,"operations":30,
            "operations_per_second":10.0,"megabytes_per_second":0.04,"p50_us":1.0,"p99_us":2.0,"p999_us":3.0,
            "longest_us":4.0,"errors":0,"first_error":null,"retries":1,"server_cpu_seconds":0.1,
            "server_cpu_us_per_operation":3.5,"server_cpu_seconds_per_gibibyte":null,
            "server_bytes_per_idle_connection":null}"#;
        let sample: Sample = serde_json::from_str(text).unwrap();
        assert_eq!((sample.operations, sample.retries), (30, 1));
        assert_eq!(sample.server_cpu_us_per_operation, Some(3.5));
        assert_eq!(sample.ratio, None);
    }
}
