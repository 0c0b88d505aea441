//! What went wrong with a request (RFC 9457).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Problem details of an answer that is no success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `about:blank`: the status says what kind of problem it is (RFC 9457 4.2.1).
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this request, and what would be right.
    #[serde(default)]
    pub detail: String,
    /// Everything that is wrong in the configuration as it was asked for; empty for other kinds of problems.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Mistake>,
}

/// One thing that is wrong in a zone file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Mistake {
    /// The file; empty for what was sent and is no file yet.
    #[serde(default)]
    pub file: String,
    /// Line in it, from 1, when known. Of a document sent as JSON it is that of the file that would be written.
    #[serde(default)]
    pub line: Option<u64>,
    /// The key, as `export[0].clients`; empty for the file as a whole.
    #[serde(default)]
    pub key: String,
    /// What is wrong and what is allowed.
    pub reason: String,
}

impl Problem {
    /// A problem that its status tells.
    #[must_use]
    pub fn new(status: u16, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank".to_owned(),
            title: title.to_owned(),
            status,
            detail: detail.into(),
            errors: Vec::new(),
        }
    }
}

/// The media type of [`Problem`].
pub const PROBLEM_TYPE: &str = "application/problem+json";
