//! `berth quota list|show|set|delete|report`.

use std::process::ExitCode;

use admin_api::{List, QUOTAS_BELOW, Quota, QuotaKind, QuotaLimits, QuotaSettings, ZONES_PATH};
use anyhow::{Result, ensure};
use hyper::Request;
use hyper::body::Bytes;

use super::gateway::Gateway;
use super::table::{Column, Table, or_dash};
use super::units::{self, percent};
use super::watch::{self, Shown};
use super::zone_files::is_zone_name;
use super::{could_not, quota_report, say};
use crate::arguments::{
    ClientArguments, QuotaArguments, QuotaDeleteArguments, QuotaListArguments, QuotaSetArguments, QuotaVerb,
    WhoseArguments,
};
use crate::runtime::on_this_thread;

/// Ends with 0, or 2 (could not ask, or was refused).
pub(crate) fn quota(verb: &QuotaVerb) -> ExitCode {
    let done = on_this_thread().map_err(Into::into).and_then(|runtime| match verb {
        QuotaVerb::List(arguments) => Ok(list(arguments)),
        QuotaVerb::Report(arguments) => Ok(quota_report::report(arguments)),
        QuotaVerb::Show(arguments) => runtime.block_on(show(arguments)).map(|()| ExitCode::SUCCESS),
        QuotaVerb::Set(arguments) => runtime.block_on(set(arguments)).map(|()| ExitCode::SUCCESS),
        QuotaVerb::Delete(arguments) => runtime.block_on(delete(arguments)).map(|()| ExitCode::SUCCESS),
    });
    done.unwrap_or_else(|error| could_not(&error))
}

fn list(QuotaListArguments { client, zone, watch }: &QuotaListArguments) -> ExitCode {
    watch::show(watch, client.json, async || {
        let quotas = all(client, zone).await?;
        let listed = List { total: Some(quotas.len() as u64), items: quotas, next: None };
        Shown::new(client.json, &listed, || match listed.items.is_empty() {
            true => "no quotas\n".to_owned(),
            false => table(&listed.items).text(),
        })
    })
}

async fn show(arguments: &QuotaArguments) -> Result<()> {
    let path = address(arguments)?;
    let quota: Quota = Gateway::find(&arguments.client)?.get(&path).await?;
    say(arguments.client.json, &quota, || table(std::slice::from_ref(&quota)).text())
}

/// Changes what is said and leaves the rest as it is, if nobody else changes it meanwhile.
async fn set(arguments: &QuotaSetArguments) -> Result<()> {
    let (client, mut path) = (&arguments.quota.client, address(&arguments.quota)?);
    let gateway = Gateway::find(client)?;
    let now = gateway.ask(Request::get(&path), Bytes::new()).await?;
    let (current, meant) = match now.etag.clone().filter(|_| now.status == 200) {
        Some(tag) => {
            let quota = now.read::<Quota>()?;
            // Limits for all are where those of one begin.
            let meant = if quota.linked { ("if-none-match", "*".to_owned()) } else { ("if-match", tag) };
            (quota.settings(), meant)
        }
        None => (QuotaSettings::default(), ("if-none-match", "*".to_owned())),
    };
    if arguments.force {
        path += "&force=true";
    }
    let body = serde_json::to_vec(&wished(arguments, current))?;
    let request = Request::put(&path).header("content-type", "application/json").header(meant.0, &meant.1);
    let answer = gateway.ask(request, body.into()).await?;
    answer.check(&path)?;
    let quota: Quota = answer.read()?;
    say(client.json, &quota, || table(std::slice::from_ref(&quota)).text())
}

async fn delete(arguments: &QuotaDeleteArguments) -> Result<()> {
    let path = address(&arguments.quota)?;
    let answer = Gateway::find(&arguments.quota.client)?.ask(Request::delete(&path), Bytes::new()).await?;
    answer.check(&path)?;
    say(arguments.quota.client.json, &serde_json::json!({ "deleted": true }), || "the quota is gone\n".to_owned())
}

async fn all(client: &ClientArguments, zone: &str) -> Result<Vec<Quota>> {
    Gateway::find(client)?.all(&below(zone)?).await
}

fn wished(arguments: &QuotaSetArguments, current: QuotaSettings) -> QuotaSettings {
    // 0 takes a limit away.
    let limit =
        |said: Option<u64>, current: Option<u64>| said.map_or(current, |said| Some(said).filter(|said| *said > 0));
    QuotaSettings {
        basis: arguments.basis.map_or(current.basis, Into::into),
        bytes: QuotaLimits {
            hard: limit(arguments.hard, current.bytes.hard),
            soft: limit(arguments.soft, current.bytes.soft),
            advisory: limit(arguments.advisory, current.bytes.advisory),
        },
        inodes: QuotaLimits {
            hard: limit(arguments.inodes_hard, current.inodes.hard),
            soft: limit(arguments.inodes_soft, current.inodes.soft),
            advisory: limit(arguments.inodes_advisory, current.inodes.advisory),
        },
        grace_seconds: arguments.grace.unwrap_or(current.grace_seconds),
        enforced: arguments.enforced.unwrap_or(current.enforced),
        container: arguments.container.unwrap_or(current.container),
    }
}

pub(super) fn below(zone: &str) -> Result<String> {
    ensure!(is_zone_name(zone), "\"{}\" is no zone name", zone.escape_default());
    Ok(format!("{ZONES_PATH}/{zone}{QUOTAS_BELOW}"))
}

fn address(arguments: &QuotaArguments) -> Result<String> {
    let mut address = format!("{}/directory?path={}", below(&arguments.zone)?, encoded(&arguments.path));
    let WhoseArguments { user, group, default_user, default_group } = &arguments.whose;
    let named = [("user", user.as_deref()), ("group", group.as_deref())];
    let every = [("every", default_user.then_some("user")), ("every", default_group.then_some("group"))];
    for (key, value) in named.into_iter().chain(every) {
        address.extend(value.map(|value| format!("&{key}={}", encoded(value))));
    }
    Ok(address)
}

pub(super) fn encoded(text: &str) -> String {
    text.bytes().map(percent_encoded).collect()
}

fn percent_encoded(byte: u8) -> String {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    }
}

fn shown(limits: &QuotaLimits) -> Option<u64> {
    limits.hard.or(limits.soft)
}

fn table(quotas: &[Quota]) -> Table {
    let mut table = Table::new(&[
        Column::Text("DIRECTORY"),
        Column::Text("WHOSE"),
        Column::Number("USED"),
        Column::Number("HARD"),
        Column::Number("SOFT"),
        Column::Number("FULL"),
        Column::Number("INODES"),
        Column::Number("OF"),
        Column::Text("NOTES"),
    ]);
    let bytes = |limit: Option<u64>| or_dash(limit.map(units::bytes));
    for quota in quotas {
        let Quota { path, usage, bytes_exceeded_since, inodes_exceeded_since, .. } = quota;
        let settings = quota.settings();
        let over =
            |what: &str, since: &Option<String>| since.as_ref().map(|since| format!("{what} over since {since}"));
        let notes = [
            (!quota.ready).then(|| "being counted".to_owned()),
            quota.linked.then(|| "as all".to_owned()),
            (!settings.enforced).then(|| "not enforced".to_owned()),
            settings.container.then(|| "container".to_owned()),
            over("bytes", bytes_exceeded_since),
            over("inodes", inodes_exceeded_since),
        ];
        table.row([
            path.clone(),
            whose(quota),
            units::bytes(usage.bytes),
            bytes(settings.bytes.hard),
            bytes(settings.bytes.soft),
            or_dash(shown(&settings.bytes).and_then(|limit| percent(usage.bytes, limit))),
            usage.inodes.to_string(),
            or_dash(shown(&settings.inodes).map(|limit| limit.to_string())),
            or_dash(Some(notes.into_iter().flatten().collect::<Vec<_>>().join(", "))),
        ]);
    }
    table
}

pub(super) fn whose(quota: &Quota) -> String {
    let owner = || quota.owner_name.as_deref().or(quota.owner.as_deref()).unwrap_or_default();
    match quota.kind {
        QuotaKind::Directory => "all together".to_owned(),
        QuotaKind::User => format!("user {}", owner()),
        QuotaKind::Group => format!("group {}", owner()),
        QuotaKind::EveryUser => "each user".to_owned(),
        QuotaKind::EveryGroup => "each group".to_owned(),
    }
}
