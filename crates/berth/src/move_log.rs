//! `berth store move-log`: the metadata log goes where the settings want it.

use std::io::{self, Write};

use anyhow::{Context, Result};
use kv_local::{LocalEngine, LogMoved};

use crate::arguments::MoveLogArguments;
use crate::data_directory::DataDirectory;
use crate::settings::Settings;
use crate::telemetry::{self, LogSettings};

/// Moves the log and says so.
pub(crate) fn run(arguments: &MoveLogArguments) -> Result<()> {
    let settings = Settings::load(&arguments.config)?;
    telemetry::start(&LogSettings { filter: "warn".to_owned(), ..settings.log.clone() })?;
    let directory = DataDirectory::open(&settings.data)?;
    let LogMoved { from, to } =
        LocalEngine::move_log(&settings.for_metadata(&directory)).context("the log was not moved")?;
    let mut output = io::stdout().lock();
    if from == to {
        writeln!(output, "the log is {} already", to.display())?;
    } else {
        writeln!(output, "the log was moved from {} to {}", from.display(), to.display())?;
    }
    Ok(())
}
