//! `berth snapshot schedules`.

use std::process::ExitCode;

use admin_api::{List, SCHEDULES_BELOW, Schedule, ZONES_PATH};
use anyhow::ensure;

use super::gateway::Gateway;
use super::table::{Column, Table, or_dash};
use super::watch::{self, Shown};
use super::zone_files::is_zone_name;
use crate::arguments::QuotaListArguments;

/// Ends with 0, or 2 (could not ask).
pub(super) fn list(QuotaListArguments { client, zone, watch }: &QuotaListArguments) -> ExitCode {
    watch::show(watch, client.json, async || {
        ensure!(is_zone_name(zone), "\"{}\" is no zone name", zone.escape_default());
        let path = format!("{ZONES_PATH}/{zone}{SCHEDULES_BELOW}");
        let all: Vec<Schedule> = Gateway::find(client)?.all(&path).await?;
        let listed = List { total: Some(all.len() as u64), items: all, next: None };
        Shown::new(client.json, &listed, || match listed.items.is_empty() {
            true => "no schedules\n".to_owned(),
            false => table(&listed.items).text(),
        })
    })
}

fn table(schedules: &[Schedule]) -> Table {
    let mut table = Table::new(&[
        Column::Text("DIRECTORY"),
        Column::Text("EVERY"),
        Column::Text("KEPT"),
        Column::Text("LAST"),
        Column::Text("THERE"),
        Column::Text("NEXT"),
        Column::Text("ITS NAME"),
    ]);
    for Schedule { path, every_seconds, keep_seconds, last, last_is_there, next, next_name, .. } in schedules {
        table.row([
            path.clone(),
            period(*every_seconds),
            or_dash(keep_seconds.map(period)),
            last.clone(),
            if *last_is_there { "yes" } else { "no" }.to_owned(),
            next.clone(),
            or_dash(next_name.clone()),
        ]);
    }
    table
}

/// As it is written in the zone file.
fn period(seconds: u64) -> String {
    let units = [(7 * 86_400, "w"), (86_400, "d"), (3600, "h"), (60, "m")];
    let whole = units.iter().find(|(unit, _)| seconds.is_multiple_of(*unit) && seconds > 0);
    whole.map_or_else(|| format!("{seconds}s"), |(unit, name)| format!("{}{name}", seconds / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_written_as_in_the_file() {
        for (seconds, text) in [(604_800, "1w"), (172_800, "2d"), (3600, "1h"), (5400, "90m"), (61, "61s"), (0, "0s")] {
            assert_eq!(period(seconds), text);
        }
    }
}
