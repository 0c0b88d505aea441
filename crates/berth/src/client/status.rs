//! `berth status` for people: what wants attention, each zone, the house.

use admin_api::{Fill, HealthStatus, Severity, Status};

use super::table::{Column, Table, or_dash, printable};
use super::units::{byte_rate, bytes, microseconds, percent, rate, seconds};

/// All of it.
pub(super) fn text(status: &Status) -> String {
    let mut text = head(status);
    for concern in &status.concerns {
        let severity = match concern.severity {
            Severity::Critical => "CRITICAL",
            Severity::Warning => "WARNING ",
            Severity::Note => "note    ",
        };
        text += &format!("\n{severity}  {}\n          {}\n", printable(&concern.what), printable(&concern.advice));
    }
    text += "\n";
    text += &zones(status).text();
    let untold = status.zones_total.saturating_sub(status.zones.len() as u64);
    if untold > 0 {
        text += &format!("and {untold} zones more\n");
    }
    text += "\n";
    text + &house(status)
}

fn head(status: &Status) -> String {
    let health = match status.status {
        HealthStatus::Ok => "serves everything",
        HealthStatus::Failing => "DOES NOT SERVE EVERYTHING",
    };
    let process = &status.process;
    let log = status.log_folder.as_ref().map_or_else(String::new, |folder| format!(", log in {}", printable(folder)));
    format!(
        "berth {} {health}, up {}, store in {}{log}\nprocess {}: {} of memory, {} cores busy, {} of {} files open\n",
        printable(&status.version),
        seconds(status.uptime_s),
        printable(&status.data),
        process.id,
        bytes(process.memory_bytes),
        process.cores,
        process.open_files,
        process.open_files_max
    )
}

fn zones(status: &Status) -> Table {
    let mut table = Table::new(&[
        Column::Text("ZONE"),
        Column::Text("ADDRESSES"),
        Column::Number("EXPORTS"),
        Column::Number("CONNECTIONS"),
        Column::Number("RUNNING"),
        Column::Number("CALLS/S"),
        Column::Number("ERRORS/S"),
        Column::Number("FAULTS/S"),
        Column::Number("IN"),
        Column::Number("OUT"),
        Column::Number("P50"),
        Column::Number("P99"),
    ]);
    for zone in &status.zones {
        table.row([
            zone.name.clone(),
            zone.addresses.join(" "),
            zone.exports.to_string(),
            zone.connections.to_string(),
            zone.in_flight.to_string(),
            rate(zone.requests_per_s),
            rate(zone.errors_per_s),
            rate(zone.faults_per_s),
            byte_rate(zone.bytes_in_per_s),
            byte_rate(zone.bytes_out_per_s),
            or_dash(zone.latency_p50_us.map(microseconds)),
            or_dash(zone.latency_p99_us.map(microseconds)),
        ]);
    }
    table
}

fn house(status: &Status) -> String {
    let (connections, log, space, locks) = (status.connections, status.log, status.space, status.locks);
    let mut lines = vec![
        format!(
            "connections  {} of {} open; {} accepted, {} refused since the start",
            connections.open, connections.max, connections.accepted, connections.refused
        ),
        format!("to write     {}", fill(status.dirty)),
        format!(
            "log          {}, {} commits/s with {} changes/s",
            fill(log.used),
            rate(log.groups_per_s),
            rate(log.changes_per_s)
        ),
    ];
    lines.push(match percent(space.free_bytes, space.total_bytes) {
        Some(free) => format!(
            "space        {} of {} free ({free}), {} segments, {} sparse, {} emptied",
            bytes(space.free_bytes),
            bytes(space.total_bytes),
            space.segments,
            space.sparse_segments,
            space.evacuated_segments
        ),
        None => "space        not known".to_owned(),
    });
    lines.push(format!(
        "locks        {} held, {} waiting, {} shares, {} clients",
        locks.held, locks.waiting, locks.shares, locks.clients
    ));
    for cache in &status.caches {
        let held = if cache.bytes_max > 0 {
            fill(Fill { bytes: cache.bytes, bytes_max: cache.bytes_max })
        } else {
            format!("{} of {} entries", cache.entries, cache.entries_max)
        };
        let hits = cache.hit_ratio.map(|ratio| format!(", hits {:.0} %", ratio * 100.0)).unwrap_or_default();
        lines.push(format!("cache        {}: {held}{hits}", printable(&cache.name)));
    }
    lines.push(format!("(rates and latencies of the last {} s)", status.window_ms / 1000));
    lines.join("\n") + "\n"
}

fn fill(fill: Fill) -> String {
    match percent(fill.bytes, fill.bytes_max) {
        Some(part) => format!("{} of {} ({part})", bytes(fill.bytes), bytes(fill.bytes_max)),
        None => bytes(fill.bytes),
    }
}

#[cfg(test)]
mod tests {
    use admin_api::{
        CacheStatus, Concern, ConnectionStatus, LockStatus, LogStatus, ProcessStatus, SpaceStatus, ZoneStatus,
    };

    use super::*;

    fn zone() -> ZoneStatus {
        ZoneStatus {
            name: "contoso".to_owned(),
            addresses: vec!["192.0.2.10".to_owned()],
            exports: 2,
            connections: 7,
            in_flight: 1,
            requests_per_s: 1234.5,
            errors_per_s: 0.3,
            faults_per_s: 0.0,
            bytes_in_per_s: 3e6,
            bytes_out_per_s: 100.0,
            latency_p50_us: Some(90),
            latency_p99_us: None,
        }
    }

    fn status() -> Status {
        let concern = |severity, what: &str| Concern { severity, what: what.to_owned(), advice: "do it".to_owned() };
        Status {
            status: HealthStatus::Failing,
            concerns: vec![concern(Severity::Critical, "bad"), concern(Severity::Note, "odd\u{7}")],
            version: "0.1.0".to_owned(),
            data: "/d".to_owned(),
            log_folder: None,
            now: String::new(),
            started: String::new(),
            uptime_s: 65,
            window_ms: 10_004,
            zones: vec![zone()],
            zones_total: 3,
            connections: ConnectionStatus { open: 7, max: 4096, accepted: 9, refused: 1 },
            dirty: Fill { bytes: 512, bytes_max: 1024 },
            log: LogStatus { used: Fill { bytes: 5, bytes_max: 0 }, groups_per_s: 2.5, changes_per_s: 10.0 },
            space: SpaceStatus {
                total_bytes: 1 << 40,
                free_bytes: 1 << 39,
                segments: 3,
                sparse_segments: 1,
                evacuated_segments: 7,
            },
            locks: LockStatus { held: 1, waiting: 2, shares: 3, clients: 4, grace: None },
            caches: vec![CacheStatus {
                name: "inode".to_owned(),
                entries: 5,
                entries_max: 10,
                bytes: 0,
                bytes_max: 0,
                hit_ratio: Some(0.755),
            }],
            reloads: 0,
            process: ProcessStatus { id: 42, memory_bytes: 5 << 20, cores: 0.25, open_files: 9, open_files_max: 100 },
        }
    }

    #[test]
    fn the_worst_stands_first() {
        assert_eq!(
            text(&status()),
            "berth 0.1.0 DOES NOT SERVE EVERYTHING, up 1 min, store in /d\n\
             process 42: 5.0 MiB of memory, 0.25 cores busy, 9 of 100 files open\n\
             \nCRITICAL  bad\n          do it\n\
             \nnote      odd\u{fffd}\n          do it\n\n\
             ZONE     ADDRESSES   EXPORTS  CONNECTIONS  RUNNING  CALLS/S  ERRORS/S  FAULTS/S         IN      OUT    P50  P99\n\
             contoso  192.0.2.10        2            7        1     1234       0.3         0  2.9 MiB/s  100 B/s  90 us    -\n\
             and 2 zones more\n\n\
             connections  7 of 4096 open; 9 accepted, 1 refused since the start\n\
             to write     512 B of 1.0 KiB (50 %)\n\
             log          5 B, 2.5 commits/s with 10.0 changes/s\n\
             space        512 GiB of 1.0 TiB free (50 %), 3 segments, 1 sparse, 7 emptied\n\
             locks        1 held, 2 waiting, 3 shares, 4 clients\n\
             cache        inode: 5 of 10 entries, hits 76 %\n\
             (rates and latencies of the last 10 s)\n"
        );
        let apart = Status { log_folder: Some("/fast".to_owned()), ..status() };
        assert!(text(&apart).contains(", store in /d, log in /fast\n"));
    }
}
