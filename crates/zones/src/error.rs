//! What is wrong in a zone file, said so that it can be put right.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One thing that is wrong: where, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// Line in it, from 1, when known.
    pub line: Option<usize>,
    /// The key, as `export[0].clients`; empty for the file as a whole.
    pub key: String,
    /// What is wrong and what is allowed.
    pub reason: String,
}

/// Everything that is wrong in a set of zone files; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors(pub Vec<ConfigError>);

/// Gathers what is wrong in one file while it is read.
pub(crate) struct Findings<'a> {
    file: &'a Path,
    text: &'a str,
    found: Vec<ConfigError>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(formatter, ": {}", self.key)?;
        }
        write!(formatter, ": {}", self.reason)
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl<'a> Findings<'a> {
    pub(crate) fn new(file: &'a Path, text: &'a str) -> Self {
        Self { file, text, found: Vec::new() }
    }

    /// Notes what is wrong with `key`, whose value stands at `span` of the text.
    pub(crate) fn add(&mut self, span: Range<usize>, key: impl Into<String>, reason: impl Into<String>) {
        let line = Some(self.line_of(span.start));
        self.found.push(ConfigError { file: self.file.to_owned(), line, key: key.into(), reason: reason.into() });
    }

    /// Notes what the TOML parser says. It names unknown keys itself; the key of a bad value is read from its line.
    pub(crate) fn add_syntax(&mut self, error: &toml::de::Error) {
        let line = error.span().map(|span| self.line_of(span.start));
        let is_named = error.message().starts_with("unknown field") || error.message().starts_with("missing field");
        let key = line.filter(|_| !is_named).and_then(|line| self.key_on(line)).unwrap_or_default();
        let reason = error.message().trim().replace('\n', "; ");
        self.found.push(ConfigError { file: self.file.to_owned(), line, key, reason });
    }

    /// What was found; `value` when that is nothing.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, ConfigErrors> {
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            _ => Err(ConfigErrors(self.found)),
        }
    }

    fn line_of(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        before.iter().filter(|&&byte| byte == b'\n').count() + 1
    }

    fn key_on(&self, line: usize) -> Option<String> {
        let (key, _) = self.text.lines().nth(line - 1)?.split_once('=')?;
        Some(key.trim().to_owned())
    }
}
