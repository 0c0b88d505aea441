//! What a PUT wishes a zone to be.

use admin_api::{Mistake, Problem, TOML_TYPE};
use axum::body::Body;
use axum::http::{HeaderMap, header};
use http_body_util::LengthLimitError;
use serde_json::{Map, Value};
use zones::document::{DocumentError, merge, to_json};

use super::fault::{from_document, wrong};

/// What a PUT wishes a zone to be.
pub(super) enum Wish {
    /// These keys and values, whatever else stands in the file.
    Keys(Map<String, Value>),
    /// Exactly this text.
    Text(String),
}

impl Wish {
    /// Errors, in order: 415 (neither JSON nor TOML), 413 (above [`BODY_BYTES_MAX`]), 400 (broken off, no JSON, no text).
    pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Self, Problem> {
        let is_toml = match media_type(headers).as_deref() {
            Some("application/json") => false,
            Some(TOML_TYPE) => true,
            _ => {
                let detail = "send the zone as application/json or application/toml, and say which in Content-Type";
                return Err(Problem::new(415, "Unsupported Media Type", detail));
            }
        };
        let bytes = axum::body::to_bytes(body, BODY_BYTES_MAX).await.map_err(|error| refuse_body(&error))?;
        if is_toml {
            return String::from_utf8(bytes.into()).map(Self::Text).map_err(|_| bad("no UTF-8 text"));
        }
        let keys = serde_json::from_slice(&bytes).map_err(|error| bad(format!("no JSON object: {error}")))?;
        Ok(Self::Keys(keys))
    }

    /// The text of a file that was `current`.
    ///
    /// Errors: 422 (what a zone file cannot hold, another name than that of the path).
    pub(super) fn text(self, current: Option<&str>, name: &str) -> Result<String, Problem> {
        let text = match self {
            Self::Keys(keys) => merge(current.unwrap_or_default(), &keys).map_err(refuse_keys)?,
            Self::Text(text) => text,
        };
        // What is no TOML has no name either, and is told better when all zones are read.
        let written = to_json(&text).ok().and_then(|keys| keys.get("name").cloned());
        if written.as_ref().is_some_and(|written| written != name) {
            let reason = format!("the path says \"{}\": a zone keeps its name", name.escape_default());
            return Err(wrong(vec![Mistake { file: String::new(), line: None, key: "name".to_owned(), reason }]));
        }
        Ok(text)
    }
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

fn refuse_body(error: &axum::Error) -> Problem {
    if std::error::Error::source(error).is_some_and(|source| source.is::<LengthLimitError>()) {
        let detail = format!("a zone file has at most {BODY_BYTES_MAX} bytes");
        return Problem::new(413, "Content Too Large", detail);
    }
    bad("the body broke off")
}

fn refuse_keys(error: DocumentError) -> Problem {
    wrong(vec![from_document(error)])
}

fn bad(detail: impl Into<String>) -> Problem {
    Problem::new(400, "Bad Request", detail)
}

/// Largest document.
const BODY_BYTES_MAX: usize = 1 << 20;
