//! `berth notification list`.

use std::process::ExitCode;

use admin_api::{List, NOTIFICATIONS_BELOW, Notification, QuotaKind, ZONES_PATH};
use anyhow::ensure;

use super::gateway::Gateway;
use super::table::{Column, Table};
use super::watch::{self, Shown};
use super::zone_files::is_zone_name;
use crate::arguments::{NotificationVerb, QuotaListArguments};

/// Ends with 0, or 2 (could not ask).
pub(crate) fn notification(verb: &NotificationVerb) -> ExitCode {
    let NotificationVerb::List(QuotaListArguments { client, zone, watch }) = verb;
    watch::show(watch, client.json, async || {
        ensure!(is_zone_name(zone), "\"{}\" is no zone name", zone.escape_default());
        let path = format!("{ZONES_PATH}/{zone}{NOTIFICATIONS_BELOW}");
        let all: Vec<Notification> = Gateway::find(client)?.all(&path).await?;
        let listed = List { total: Some(all.len() as u64), items: all, next: None };
        Shown::new(client.json, &listed, || match listed.items.is_empty() {
            true => "nothing was told\n".to_owned(),
            false => table(&listed.items).text(),
        })
    })
}

fn table(items: &[Notification]) -> Table {
    let mut table = Table::new(&[
        Column::Text("TIME"),
        Column::Text("RULE"),
        Column::Text("DIRECTORY"),
        Column::Text("WHOSE"),
        Column::Text("WAY"),
        Column::Text("ARRIVED"),
    ]);
    for item in items {
        let way = item.to.as_ref().map_or_else(|| item.action.clone(), |to| format!("{} {to}", item.action));
        let reason = item.reason.clone().unwrap_or_default();
        let arrived = if item.is_sent { "yes".to_owned() } else { format!("no: {reason}") };
        let rule = format!("{} {}", item.limit, item.when);
        table.row([item.time.clone(), rule, item.path.clone(), whose(item), way, arrived]);
    }
    table
}

fn whose(item: &Notification) -> String {
    let owner = item.owner.as_deref().unwrap_or_default();
    match item.kind {
        QuotaKind::Directory => "all together".to_owned(),
        QuotaKind::EveryUser => "each user".to_owned(),
        QuotaKind::EveryGroup => "each group".to_owned(),
        QuotaKind::User => format!("user {owner}"),
        QuotaKind::Group => format!("group {owner}"),
    }
}
