//! Whether the gateway serves.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether the gateway serves everything that it is configured to serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// In one word.
    pub status: HealthStatus,
    /// What is not served, and why; empty when all is well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

/// Health in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// Everything is served.
    Ok,
    /// Something is not.
    Failing,
}

impl Health {
    /// Health with these reasons against it.
    #[must_use]
    pub fn new(reasons: Vec<String>) -> Self {
        let status = if reasons.is_empty() { HealthStatus::Ok } else { HealthStatus::Failing };
        Self { status, reasons }
    }

    /// Whether everything is served.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.status == HealthStatus::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_well_gateway_says_so_in_one_word() {
        assert_eq!(serde_json::to_string(&Health::new(Vec::new())).unwrap(), r#"{"status":"ok"}"#);
        let failing = serde_json::to_string(&Health::new(vec!["why".to_owned()])).unwrap();
        assert_eq!(failing, r#"{"status":"failing","reasons":["why"]}"#);
        assert!(serde_json::from_str::<Health>(r#"{"status":"ok"}"#).unwrap().is_ok());
    }
}
