//! The log: text or JSON lines on standard error, with priorities where the journal reads them.

use std::io::{self, Stderr, Write};

use anyhow::{Context, Result};
use serde::Deserialize;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// `[log]` of the settings.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogSettings {
    /// What is logged, as `tracing` filters are written: `info`, or `warn,nfs_server=debug`.
    pub(crate) filter: String,
    /// How lines look.
    pub(crate) format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { filter: "info,lsm_tree=warn".to_owned(), format: LogFormat::Text }
    }
}

impl LogSettings {
    /// Whether the filter can be understood.
    pub(crate) fn check(&self) -> Result<(), String> {
        EnvFilter::try_new(&self.filter).map(|_| ()).map_err(|error| error.to_string())
    }
}

/// Begins to log. The environment variable `BERTH_LOG` goes before the filter of the settings.
pub(crate) fn start(settings: &LogSettings) -> Result<()> {
    let filter = match std::env::var(FILTER_VARIABLE) {
        Ok(filter) => EnvFilter::try_new(&filter).with_context(|| format!("{FILTER_VARIABLE}={filter}"))?,
        Err(_) => EnvFilter::try_new(&settings.filter).context("log.filter")?,
    };
    let is_journal = std::env::var_os("JOURNAL_STREAM").is_some();
    let writer = LogWriter { is_journal };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(false);
    let begun = match (settings.format, is_journal) {
        (LogFormat::Json, _) => lines.json().flatten_event(true).try_init(),
        // The journal has its own time.
        (LogFormat::Text, true) => lines.without_time().with_level(false).try_init(),
        (LogFormat::Text, false) => lines.try_init(),
    };
    begun.map_err(|error| anyhow::anyhow!("cannot begin to log: {error}"))
}

#[derive(Clone, Copy, Debug)]
struct LogWriter {
    is_journal: bool,
}

/// Standard error with the priority of one line in front (sd-daemon(3)).
#[derive(Debug)]
struct Line {
    priority: Option<u8>,
    output: Stderr,
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { priority: None, output: io::stderr() }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line {
        Line { priority: self.is_journal.then(|| priority(*metadata.level())), output: io::stderr() }
    }
}

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.priority {
            // In one piece: lines of other threads must not come between.
            Some(priority) => self.output.write_all(&[format!("<{priority}>").as_bytes(), line].concat())?,
            None => self.output.write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

const FILTER_VARIABLE: &str = "BERTH_LOG";
