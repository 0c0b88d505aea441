//! What is told of a quota.

use admin_api::{Quota, QuotaKind};
use serde::Serialize;

/// An event, as webhooks get it in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Event {
    /// The same when it is sent again; no other has it.
    pub(super) id: String,
    /// When it was seen.
    pub(super) time: String,
    /// `advisory`, `soft` or `hard`.
    pub(super) limit: &'static str,
    /// `exceeded`, `denied`, `violated` or `expired`.
    pub(super) when: &'static str,
    /// `bytes` or `inodes`; absent where something was denied.
    pub(super) counter: Option<&'static str>,
    /// How often something was denied since the last time this was told.
    pub(super) times: Option<u64>,
    /// The quota as it was then.
    pub(super) quota: Quota,
}

impl Event {
    /// One line for people.
    pub(super) fn line(&self) -> String {
        let quota = &self.quota;
        let what = match self.when {
            "exceeded" if self.limit == "hard" => "is full".to_owned(),
            "exceeded" => format!("has exceeded its {} limit", self.limit),
            "denied" => format!("has denied {} requests", self.times.unwrap_or(1)),
            "expired" => "has no time of grace left".to_owned(),
            _ => format!("exceeds its {} limit still", self.limit),
        };
        plain(&format!("quota of {} in zone {}{} {what}", quota.path, quota.zone, whose(quota)))
    }

    /// All of it for people.
    pub(super) fn text(&self) -> String {
        let quota = &self.quota;
        let limits = |limits: &admin_api::QuotaLimits| {
            let told = [("hard", limits.hard), ("soft", limits.soft), ("advisory", limits.advisory)];
            let told: Vec<_> = told.iter().filter_map(|(name, limit)| Some(format!("{name} {}", (*limit)?))).collect();
            if told.is_empty() { "no limits".to_owned() } else { told.join(", ") }
        };
        let since = quota.bytes_exceeded_since.as_ref().or(quota.inodes_exceeded_since.as_ref());
        let since = since.map(|since| format!("Soft limit exceeded since {since}, grace {} s\n", quota.grace_seconds));
        format!(
            "The {}.\n\nBytes used: {} ({})\nFiles and directories: {} ({})\n{}Seen: {}\nId: {}\n",
            self.line(),
            quota.usage.bytes,
            limits(&quota.bytes),
            quota.usage.inodes,
            limits(&quota.inodes),
            since.unwrap_or_default(),
            self.time,
            self.id,
        )
    }
}

fn whose(quota: &Quota) -> String {
    let owner = quota.owner_name.as_deref().or(quota.owner.as_deref()).unwrap_or_default();
    match quota.kind {
        QuotaKind::Directory | QuotaKind::EveryUser | QuotaKind::EveryGroup => String::new(),
        QuotaKind::User => format!(" for user {owner}"),
        QuotaKind::Group => format!(" for group {owner}"),
    }
}

/// Names come from tenants: nothing in them ends a line.
fn plain(text: &str) -> String {
    text.chars().map(|one| if one.is_control() { char::REPLACEMENT_CHARACTER } else { one }).collect()
}
