//! What went wrong with a request (RFC 9457).

use serde::{Deserialize, Serialize};

/// Problem details of an answer that is no success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl Problem {
    /// A problem that its status tells.
    #[must_use]
    pub fn new(status: u16, title: &str, detail: impl Into<String>) -> Self {
        Self { kind: "about:blank".to_owned(), title: title.to_owned(), status, detail: detail.into() }
    }
}

/// The media type of [`Problem`].
pub const PROBLEM_TYPE: &str = "application/problem+json";
