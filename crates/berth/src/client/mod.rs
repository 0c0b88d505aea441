//! The verbs that ask a running gateway.

mod changes;
mod clones;
mod events;
mod exports;
mod gateway;
mod jobs;
mod locks;
mod notifications;
mod quota_report;
mod quotas;
mod reverts;
mod schedules;
mod sessions;
mod shares;
mod snapshots;
mod status;
mod table;
mod units;
mod watch;
mod zone_files;
mod zones;

use std::io::{self, Write};
use std::process::ExitCode;

use admin_api::{HealthStatus, Job, LIMIT_MAX, List, STATUS_PATH, Status};
use anyhow::{Result, ensure};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use self::clones::clone;
use self::gateway::Gateway;
pub(crate) use self::notifications::notification;
pub(crate) use self::quotas::quota;
pub(crate) use self::reverts::revert;
pub(crate) use self::snapshots::snapshot;
pub(crate) use self::table::{Column, Table};
use self::watch::Shown;
use self::zone_files::is_zone_name;
pub(crate) use self::zone_files::zone;
use crate::arguments::{ClientArguments, JobListArguments, ListArguments, StatusArguments, WatchArguments};
use crate::complain;

/// Something that gateways list.
pub(crate) trait Listed: Serialize + DeserializeOwned {
    /// Where.
    const PATH: &'static str;
    /// Several of them, in words.
    const NAME: &'static str;

    /// All of them, for people.
    fn table(items: &[Self]) -> Table;
}

/// `berth status`; ends with 0 (all well), 1 (something is not served) or 2 (could not ask).
pub(crate) fn status(StatusArguments { client, watch }: &StatusArguments) -> ExitCode {
    watch::show(watch, client.json, async || {
        let status: Status = Gateway::find(client)?.get(STATUS_PATH).await?;
        let code = if status.status == HealthStatus::Ok { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        Ok(Shown::new(client.json, &status, || status::text(&status))?.ending_with(code))
    })
}

/// `berth session list` and the like; ends with 0, or 2 (could not ask).
pub(crate) fn list<T: Listed>(arguments: &ListArguments) -> ExitCode {
    let ListArguments { client, zone, limit, watch } = arguments;
    listed::<T>((client, watch), (zone.as_deref(), *limit))
}

/// `berth job list`; ends as the others.
pub(crate) fn jobs(JobListArguments { client, watch }: &JobListArguments) -> ExitCode {
    listed::<Job>((client, watch), (None, LIMIT_MAX))
}

fn listed<T: Listed>(
    (client, watch): (&ClientArguments, &WatchArguments),
    (zone, limit): (Option<&str>, usize),
) -> ExitCode {
    watch::show(watch, client.json, async || {
        let listed: List<T> = pages(&Gateway::find(client)?, zone, limit).await?;
        Shown::new(client.json, &listed, || list_text(&listed))
    })
}

/// Pages of a list, one after the other, until it ends or there are `limit` items.
async fn pages<T: Listed>(gateway: &Gateway, zone: Option<&str>, limit: usize) -> Result<List<T>> {
    if let Some(zone) = zone {
        ensure!(is_zone_name(zone), "\"{}\" is no zone name", zone.escape_default());
    }
    let zone = zone.map(|zone| format!("&zone={zone}")).unwrap_or_default();
    let mut listed = List { items: Vec::new(), next: None, total: None };
    loop {
        let wanted = limit.saturating_sub(listed.items.len()).min(LIMIT_MAX);
        if wanted == 0 {
            return Ok(listed);
        }
        let cursor = listed.next.take().map(|next| format!("&cursor={next}")).unwrap_or_default();
        let page: List<T> = gateway.get(&format!("{}?limit={wanted}{cursor}{zone}", T::PATH)).await?;
        listed.items.extend(page.items);
        (listed.next, listed.total) = (page.next, page.total);
        if listed.next.is_none() {
            return Ok(listed);
        }
    }
}

fn list_text<T: Listed>(listed: &List<T>) -> String {
    let mut text = if listed.items.is_empty() { format!("no {}\n", T::NAME) } else { T::table(&listed.items).text() };
    if listed.next.is_some() {
        let total = listed.total.map(|total| format!(" of {total}")).unwrap_or_default();
        text += &format!("cut: there are more{total}; ask for more of them by --limit\n");
    }
    text
}

fn say(json: bool, answer: &impl Serialize, text: impl FnOnce() -> String) -> Result<()> {
    let text = if json { serde_json::to_string(answer)? + "\n" } else { text() };
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    Ok(output.flush()?)
}

fn could_not(error: &anyhow::Error) -> ExitCode {
    complain(error);
    ExitCode::from(COULD_NOT)
}

const COULD_NOT: u8 = 2;

#[cfg(test)]
mod tests {
    use admin_api::Zone;

    use super::*;

    fn zone(name: &str) -> Zone {
        Zone {
            name: name.to_owned(),
            served: true,
            reasons: Vec::new(),
            base: "/t".to_owned(),
            addresses: vec!["127.0.0.1".to_owned()],
            exports: 1,
            connections: 2,
            file: "a.toml".to_owned(),
        }
    }

    #[test]
    fn a_list_that_is_cut_says_so() {
        let list = |items, next: Option<&str>| List { items, next: next.map(str::to_owned), total: Some(9) };
        assert_eq!(list_text(&list(Vec::<Zone>::new(), None)), "no zones\n");
        let text = list_text(&list(vec![zone("a")], Some("1")));
        assert!(text.ends_with("cut: there are more of 9; ask for more of them by --limit\n"), "{text}");
        assert!(!list_text(&list(vec![zone("a")], None)).contains("cut"));
    }
}
