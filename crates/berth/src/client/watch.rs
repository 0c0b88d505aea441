//! `--watch`: asking again and again.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::could_not;
use crate::arguments::WatchArguments;
use crate::runtime::on_this_thread;

/// What is shown of one answer, and how the process ends if it was the only one.
pub(super) struct Shown {
    text: String,
    code: ExitCode,
}

impl Shown {
    /// An answer as one line of JSON, or as text for people.
    pub(super) fn new(json: bool, answer: &impl Serialize, text: impl FnOnce() -> String) -> Result<Self> {
        let text = if json { serde_json::to_string(answer)? + "\n" } else { text() };
        Ok(Self { text, code: ExitCode::SUCCESS })
    }

    /// What is text already.
    pub(super) fn text(text: String) -> Self {
        Self { text, code: ExitCode::SUCCESS }
    }

    pub(super) fn ending_with(self, code: ExitCode) -> Self {
        Self { code, ..self }
    }
}

/// Shows an answer once, or with `--watch` until nobody looks any more; ends with 2 if the first could not be had.
/// A gateway that does not answer later on is asked again.
pub(super) fn show(watch: &WatchArguments, json: bool, ask: impl AsyncFn() -> Result<Shown>) -> ExitCode {
    let shown = on_this_thread().map_err(Into::into).and_then(|runtime| runtime.block_on(rounds(watch, json, ask)));
    shown.unwrap_or_else(|error| could_not(&error))
}

async fn rounds(watch: &WatchArguments, json: bool, ask: impl AsyncFn() -> Result<Shown>) -> Result<ExitCode> {
    let first = ask().await?;
    let Some(seconds) = watch.watch else {
        return print(&first.text).map(|_| first.code);
    };
    let on_screen = !json && io::stdout().is_terminal();
    let frame = |text: &str| if on_screen { frame(text) } else { text.to_owned() };
    let mut is_seen = print(&frame(&first.text))?;
    while is_seen {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        is_seen = match ask().await {
            Ok(shown) => print(&frame(&shown.text))?,
            Err(error) => {
                // Standard output has answers only.
                could_not(&error);
                true
            }
        };
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether somebody reads it.
pub(super) fn print(text: &str) -> Result<bool> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => Ok(written.map(|()| true)?),
    }
}

/// In place of what the terminal shows, without a moment at which it shows nothing.
fn frame(text: &str) -> String {
    format!("{HOME}{}{CLEAR_BELOW}", text.replace('\n', CLEAR_TO_END))
}

/// Control sequences of ECMA-48: CUP, ED, and EL before each end of line.
const HOME: &str = "\u{1b}[H";
const CLEAR_BELOW: &str = "\u{1b}[J";
const CLEAR_TO_END: &str = "\u{1b}[K\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_covers_the_one_before() {
        assert_eq!(frame("a\nb\n"), "\u{1b}[Ha\u{1b}[K\nb\u{1b}[K\n\u{1b}[J");
    }
}
