//! `berth snapshot list|show|take|expire|rename|lock|unlock|delete`; what differs is told by `changes`.

use std::process::ExitCode;

use admin_api::{List, SNAPSHOTS_BELOW, Snapshot, SnapshotSettings, ZONES_PATH, rfc3339};
use anyhow::{Result, ensure};
use hyper::Request;
use hyper::body::Bytes;
use vfs::Clock;

use super::gateway::Gateway;
use super::quotas::encoded;
use super::table::{Column, Table, or_dash};
use super::watch::{self, Shown};
use super::zone_files::is_zone_name;
use super::{changes, could_not, say, schedules};
use crate::arguments::{
    ClientArguments, QuotaListArguments, SnapshotArguments, SnapshotExpireArguments, SnapshotRenameArguments,
    SnapshotTakeArguments, SnapshotVerb,
};
use crate::clock::SystemClock;
use crate::runtime::on_this_thread;

/// Ends with 0, or 2 (could not ask, or was refused).
pub(crate) fn snapshot(verb: &SnapshotVerb) -> ExitCode {
    if let SnapshotVerb::List(arguments) = verb {
        return list(arguments);
    }
    if let SnapshotVerb::Schedules(arguments) = verb {
        return schedules::list(arguments);
    }
    let done = on_this_thread().map_err(Into::into).and_then(|runtime| runtime.block_on(one(verb)));
    done.map_or_else(|error| could_not(&error), |()| ExitCode::SUCCESS)
}

async fn one(verb: &SnapshotVerb) -> Result<()> {
    match verb {
        SnapshotVerb::List(_) | SnapshotVerb::Schedules(_) => Ok(()),
        SnapshotVerb::Show(arguments) => {
            let snapshot = Gateway::find(&arguments.client)?.get(&address(arguments)?).await?;
            tell(&arguments.client, &snapshot)
        }
        SnapshotVerb::Changes(arguments) => changes::changes(arguments).await,
        SnapshotVerb::Ranges(arguments) => changes::ranges(arguments).await,
        SnapshotVerb::Take(arguments) => take(arguments).await,
        SnapshotVerb::Expire(SnapshotExpireArguments { snapshot, keep, .. }) => {
            change(snapshot, |settings| settings.expires = keep.map(from_now)).await
        }
        SnapshotVerb::Rename(SnapshotRenameArguments { snapshot, to }) => {
            change(snapshot, |settings| settings.name = Some(to.clone())).await
        }
        SnapshotVerb::Lock(arguments) => change(arguments, |settings| settings.locked = true).await,
        SnapshotVerb::Unlock(arguments) => change(arguments, |settings| settings.locked = false).await,
        SnapshotVerb::Delete(arguments) => {
            let path = address(arguments)?;
            Gateway::find(&arguments.client)?.ask(Request::delete(&path), Bytes::new()).await?.check(&path)?;
            say(arguments.client.json, &serde_json::json!({ "deleted": true }), || {
                "the snapshot is gone, and its space comes back in the background\n".to_owned()
            })
        }
    }
}

fn list(QuotaListArguments { client, zone, watch }: &QuotaListArguments) -> ExitCode {
    watch::show(watch, client.json, async || {
        let all = all(client, zone).await?;
        let listed = List { total: Some(all.len() as u64), items: all, next: None };
        Shown::new(client.json, &listed, || match listed.items.is_empty() {
            true => "no snapshots\n".to_owned(),
            false => table(&listed.items).text(),
        })
    })
}

async fn take(SnapshotTakeArguments { snapshot, path, keep, locked }: &SnapshotTakeArguments) -> Result<()> {
    let settings = SnapshotSettings { path: path.clone(), expires: keep.map(from_now), locked: *locked, name: None };
    put(snapshot, &settings, ("if-none-match", "*")).await
}

/// Changes what is said and leaves the rest as it is, if nobody else changes it meanwhile.
async fn change(arguments: &SnapshotArguments, change: impl FnOnce(&mut SnapshotSettings)) -> Result<()> {
    let path = address(arguments)?;
    let now = Gateway::find(&arguments.client)?.ask(Request::get(&path), Bytes::new()).await?;
    now.check(&path)?;
    let tag = now.etag.clone().unwrap_or_default();
    let mut settings = now.read::<Snapshot>()?.settings();
    change(&mut settings);
    put(arguments, &settings, ("if-match", &tag)).await
}

async fn put(arguments: &SnapshotArguments, settings: &SnapshotSettings, meant: (&str, &str)) -> Result<()> {
    let path = address(arguments)?;
    let request = Request::put(&path).header("content-type", "application/json").header(meant.0, meant.1);
    let answer = Gateway::find(&arguments.client)?.ask(request, serde_json::to_vec(settings)?.into()).await?;
    answer.check(&path)?;
    tell(&arguments.client, &answer.read()?)
}

fn tell(client: &ClientArguments, snapshot: &Snapshot) -> Result<()> {
    say(client.json, snapshot, || table(std::slice::from_ref(snapshot)).text())
}

async fn all(client: &ClientArguments, zone: &str) -> Result<Vec<Snapshot>> {
    Gateway::find(client)?.all(&below(zone)?).await
}

fn below(zone: &str) -> Result<String> {
    ensure!(is_zone_name(zone), "\"{}\" is no zone name", zone.escape_default());
    Ok(format!("{ZONES_PATH}/{zone}{SNAPSHOTS_BELOW}"))
}

pub(super) fn address(arguments: &SnapshotArguments) -> Result<String> {
    ensure!(!arguments.name.contains('/'), "the name of a snapshot holds no \"/\"");
    Ok(format!("{}/{}", below(&arguments.zone)?, encoded(&arguments.name)))
}

fn from_now(seconds: u64) -> String {
    rfc3339(SystemClock::new().now().seconds.saturating_add_unsigned(seconds))
}

fn table(snapshots: &[Snapshot]) -> Table {
    let mut table = Table::new(&[
        Column::Text("SNAPSHOT"),
        Column::Text("DIRECTORY"),
        Column::Text("TAKEN"),
        Column::Text("GOES"),
        Column::Text("NOTES"),
    ]);
    for Snapshot { name, path, created, expires, locked, deleting, .. } in snapshots {
        let notes = [locked.then_some("locked"), deleting.then_some("being deleted")];
        let notes: Vec<_> = notes.into_iter().flatten().collect();
        let notes = Some(notes.join(", ")).filter(|notes| !notes.is_empty());
        table.row([name.clone(), path.clone(), created.clone(), or_dash(expires.clone()), or_dash(notes)]);
    }
    table
}
