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

impl ConfigError {
    /// What the TOML parser says of a file's text: bad syntax, an unknown or missing key, a value of the wrong type. It
    /// names keys that are unknown or missing itself; the key of a bad value is read from its line.
    #[must_use]
    pub fn unreadable(file: &Path, text: &str, error: &toml::de::Error) -> Self {
        let line = error.span().map(|span| line_of(text, span.start));
        let is_named = error.message().starts_with("unknown field") || error.message().starts_with("missing field");
        let key = line.filter(|_| !is_named).and_then(|line| key_on(text, line)).unwrap_or_default();
        Self { file: file.to_owned(), line, key, reason: error.message().trim().replace('\n', "; ") }
    }

    /// What is wrong with a file, or with one of its keys, as a whole.
    #[must_use]
    pub fn about(file: &Path, key: &str, reason: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, key: key.to_owned(), reason: reason.into() }
    }
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
        self.found.push(self.warning(span, key, reason));
    }

    /// Notes what the TOML parser says.
    pub(crate) fn add_syntax(&mut self, error: &toml::de::Error) {
        self.found.push(ConfigError::unreadable(self.file, self.text, error));
    }

    /// Notes what is wrong in another file that this one names.
    pub(crate) fn add_elsewhere(&mut self, errors: impl IntoIterator<Item = ConfigError>) {
        self.found.extend(errors);
    }

    /// A note about `key`, whose value stands at `span` of the text, that refuses nothing.
    pub(crate) fn warning(&self, span: Range<usize>, key: impl Into<String>, reason: impl Into<String>) -> ConfigError {
        let line = Some(self.line_of(span.start));
        ConfigError { file: self.file.to_owned(), line, key: key.into(), reason: reason.into() }
    }

    /// What was found; `value` when that is nothing.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, ConfigErrors> {
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            _ => Err(ConfigErrors(self.found)),
        }
    }

    fn line_of(&self, offset: usize) -> usize {
        line_of(self.text, offset)
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or_default();
    before.iter().filter(|&&byte| byte == b'\n').count() + 1
}

fn key_on(text: &str, line: usize) -> Option<String> {
    let (key, _) = text.lines().nth(line - 1)?.split_once('=')?;
    Some(key.trim().to_owned())
}
