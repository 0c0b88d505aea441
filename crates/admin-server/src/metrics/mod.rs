//! `/metrics` in the text format of Prometheus, version 0.0.4.
//!
//! Labels are zone, share, protocol and operation, and the name of a cache: their values come from the configuration
//! and the code, never from clients.

mod doors;
mod house;
mod process;
mod text;

use crate::window::Desk;

/// What the text is.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All figures as text.
pub(crate) fn render(desk: &Desk) -> String {
    let figures = desk.sources.figures();
    let mut text = text::Text::default();
    process::write(&mut text, desk, &figures);
    doors::write(&mut text, desk, &figures);
    house::write(&mut text, &figures.house, &desk.sources.lock_recovery());
    text.finish()
}
