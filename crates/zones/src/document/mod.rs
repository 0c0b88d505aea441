//! A zone file as a document: shown as JSON with the keys of the file, changed to a state that is wished for while
//! comments and order stay where values do not change, and compared key by key.

mod changes;
mod merge;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde_json::{Map, Value};

pub use self::changes::{Change, changes};
pub use self::merge::merge;

/// A zone file as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The file.
    pub file: PathBuf,
    /// What stands in it.
    pub text: String,
}

/// What cannot be written to a zone file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct DocumentError {
    /// The key, as `export[0].clients`; empty for the document as a whole.
    pub key: String,
    /// What is wrong.
    pub reason: String,
}

impl Document {
    /// The name that it gives its zone, when it can be understood so far.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        to_json(&self.text).ok()?.get("name")?.as_str().map(str::to_owned)
    }
}

/// The keys and values of a zone file's text, right or not.
///
/// Errors: no TOML, a date, a number that JSON does not have.
pub fn to_json(text: &str) -> Result<Map<String, Value>, DocumentError> {
    let table: toml::Table = toml::from_str(text)
        .map_err(|error| DocumentError { key: String::new(), reason: error.message().trim().replace('\n', "; ") })?;
    table.into_iter().map(|(key, value)| Ok((key.clone(), value_of(key, value)?))).collect()
}

fn value_of(key: String, value: toml::Value) -> Result<Value, DocumentError> {
    let refuse = |reason: &str| DocumentError { key: key.clone(), reason: reason.to_owned() };
    Ok(match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Boolean(is_set) => is_set.into(),
        toml::Value::Float(number) => {
            serde_json::Number::from_f64(number).map(Value::Number).ok_or_else(|| refuse("no number"))?
        }
        toml::Value::Datetime(_) => return Err(refuse("a date, which no key of a zone file takes")),
        toml::Value::Array(items) => {
            let items = items.into_iter().enumerate().map(|(index, item)| value_of(format!("{key}[{index}]"), item));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        toml::Value::Table(table) => {
            let members = table.into_iter().map(|(name, value)| {
                let value = value_of(format!("{key}.{name}"), value)?;
                Ok((name, value))
            });
            Value::Object(members.collect::<Result<_, _>>()?)
        }
    })
}
