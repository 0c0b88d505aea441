//! `berth zone events`.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use admin_api::{EVENTS_BELOW, LIMIT_MAX, ZONES_PATH, ZoneEvent, ZoneEvents};
use anyhow::{Result, ensure};

use super::gateway::Gateway;
use super::quotas::encoded;
use super::table::printable;
use super::zone_files::is_zone_name;
use crate::arguments::ZoneEventsArguments;

/// Shows the newest, the oldest of them first; with `--follow` those that come too, until nobody looks any more.
pub(super) async fn events(arguments: &ZoneEventsArguments) -> Result<ExitCode> {
    let ZoneEventsArguments { client, name, limit, follow, .. } = arguments;
    ensure!(is_zone_name(name), "\"{}\" is no zone name", name.escape_default());
    let gateway = Gateway::find(client)?;
    let asked = format!("{ZONES_PATH}/{name}{EVENTS_BELOW}?{}", filters(arguments));
    let (items, newest) = last(&gateway, &asked, *limit).await?;
    let mut is_seen = print(&items, client.json)?;
    let mut after = newest;
    while *follow && is_seen {
        tokio::time::sleep(FOLLOW_EVERY).await;
        let page: ZoneEvents = gateway.get(&format!("{asked}&limit={LIMIT_MAX}&after={after}")).await?;
        is_seen = print(&page.items, client.json)?;
        after = page.newest;
    }
    Ok(ExitCode::SUCCESS)
}

/// The newest of them, oldest first, and what they end at.
async fn last(gateway: &Gateway, asked: &str, limit: usize) -> Result<(Vec<ZoneEvent>, String)> {
    let (mut items, mut newest, mut before) = (Vec::new(), None, String::new());
    while items.len() < limit {
        let wanted = (limit - items.len()).min(LIMIT_MAX);
        let page: ZoneEvents = gateway.get(&format!("{asked}&limit={wanted}{before}")).await?;
        newest.get_or_insert(page.newest);
        items.extend(page.items);
        match page.next {
            Some(next) => before = format!("&before={next}"),
            None => break,
        }
    }
    items.reverse();
    Ok((items, newest.unwrap_or_default()))
}

fn filters(ZoneEventsArguments { event, user, path, .. }: &ZoneEventsArguments) -> String {
    let given = [("event", event), ("user", user), ("path", path)];
    let given = given.iter().filter_map(|(key, value)| Some(format!("{key}={}", encoded(value.as_deref()?))));
    given.collect::<Vec<_>>().join("&")
}

/// Whether somebody looks still.
fn print(events: &[ZoneEvent], json: bool) -> Result<bool> {
    let mut output = io::stdout().lock();
    for event in events {
        let line = if json { serde_json::to_string(event)? } else { line(event) };
        match writeln!(output, "{line}") {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(false),
            written => written?,
        }
    }
    output.flush()?;
    Ok(true)
}

/// `2026-11-24T12:00:00.123Z  192.0.2.10  alice  delete  STATUS_SUCCESS  /projects/plan`.
fn line(event: &ZoneEvent) -> String {
    let dash = || "-".to_owned();
    let user = event.user.clone().or_else(|| event.uid.or(event.claimed_uid).map(|uid| uid.to_string()));
    let inode = || event.inode.map(|inode| format!("(file {inode})"));
    let what = event.path.clone().or_else(|| event.name.clone()).or_else(inode).unwrap_or_default();
    let to = event.to.as_ref().map(|to| format!(" -> {to}")).unwrap_or_default();
    let lost = event.count.map(|count| format!("{count} events were lost")).unwrap_or_default();
    let (client, user) = (event.client.clone().unwrap_or_else(dash), user.unwrap_or_else(dash));
    let (name, status) = (&event.event, event.status.clone().unwrap_or_else(dash));
    printable(
        format!("{}  {client:<15}  {user:<12}  {name:<12}  {status:<20}  {what}{to}{lost}", event.time).trim_end(),
    )
}

const FOLLOW_EVERY: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_who_did_what() {
        let event = ZoneEvent {
            time: "2026-11-24T12:00:00.123Z".to_owned(),
            event: "rename".to_owned(),
            client: Some("192.0.2.10".to_owned()),
            user: Some("alice".to_owned()),
            uid: Some(1001),
            status: Some("STATUS_SUCCESS".to_owned()),
            path: Some("/a\n".to_owned()),
            to: Some("/b".to_owned()),
            ..ZoneEvent::default()
        };
        let told = line(&event);
        assert!(told.starts_with("2026-11-24T12:00:00.123Z  192.0.2.10       alice         rename"), "{told}");
        assert!(told.ends_with("-> /b") && !told.contains('\n'), "{told}");
        let lost = ZoneEvent { event: "lost".to_owned(), count: Some(7), ..ZoneEvent::default() };
        assert!(line(&lost).ends_with("7 events were lost"));
        let by_handle = ZoneEvent { inode: Some(42), claimed_uid: Some(0), ..ZoneEvent::default() };
        assert!(line(&by_handle).ends_with("(file 42)"));
    }
}
