//! The doors: calls by zone, share, protocol and operation, latencies, connections; the reply cache of NFS.

use std::collections::BTreeMap;

use super::text::{Family, Kind, Text, family};
use crate::figures::{Figures, Latency, OperationFigures, Traffic, ZoneFigures};
use crate::window::Desk;

pub(super) fn write(text: &mut Text, desk: &Desk, figures: &Figures) {
    write_traffic(text, &by_share(desk, figures));
    write_latencies(text, &figures.zones);
    write_connections(text, figures);
    for (kind, family, value) in OF_ZONES {
        text.begin(kind, family);
        for zone in &figures.zones {
            text.sample(family.name, &[("zone", zone.zone.name())], value(zone));
        }
    }
}

/// Zone, share, protocol, operation.
type Labels = (String, String, &'static str, &'static str);

/// Traffic by labels: what looks the same as text is one series.
fn by_share(desk: &Desk, figures: &Figures) -> BTreeMap<Labels, Traffic> {
    let mut traffic: BTreeMap<Labels, Traffic> = BTreeMap::new();
    for zone in figures.zones.iter().map(|figures| &figures.zone) {
        for share in desk.sources.shares(zone) {
            let labels = (zone.name().to_owned(), share.share, share.protocol, share.operation);
            traffic.entry(labels).or_default().add(&share.traffic);
        }
    }
    traffic
}

fn write_traffic(text: &mut Text, traffic: &BTreeMap<Labels, Traffic>) {
    for (family, value) in OF_SHARES {
        text.begin(Kind::Counter, family);
        for ((zone, share, protocol, operation), traffic) in traffic {
            let labels = [("zone", &**zone), ("share", share), ("protocol", protocol), ("operation", operation)];
            text.sample(family.name, &labels, value(traffic));
        }
    }
}

fn write_latencies(text: &mut Text, zones: &[ZoneFigures]) {
    let operations = || zones.iter().flat_map(|zone| zone.operations.iter().map(|one| (zone.zone.name(), one)));
    text.begin(Kind::Gauge, IN_FLIGHT);
    for (zone, operation) in operations() {
        text.sample(IN_FLIGHT.name, &labels(zone, operation), operation.in_flight);
    }
    text.begin(Kind::Histogram, DURATION);
    for (zone, operation) in operations() {
        write_latency(text, &labels(zone, operation), &operation.latency);
    }
}

fn labels<'a>(zone: &'a str, operation: &OperationFigures) -> [(&'static str, &'a str); 3] {
    [("zone", zone), ("protocol", operation.protocol), ("operation", operation.operation)]
}

fn write_latency(text: &mut Text, labels: &[(&str, &str); 3], latency: &Latency) {
    let [zone, protocol, operation] = *labels;
    let mut below = 0;
    let bounds = latency.bounds_us.iter().map(|bound| (*bound as f64 / 1e6).to_string());
    for (count, bound) in latency.counts.iter().zip(bounds.chain(["+Inf".to_owned()])) {
        below += count;
        text.sample(format_args!("{}_bucket", DURATION.name), &[zone, protocol, operation, ("le", &bound)], below);
    }
    text.sample(format_args!("{}_sum", DURATION.name), labels, latency.sum.as_secs_f64());
    text.sample(format_args!("{}_count", DURATION.name), labels, below);
}

fn write_connections(text: &mut Text, figures: &Figures) {
    let connections = figures.connections;
    text.gauge(family("berth_connections_max", "Most connections at once, of all zones."), connections.max);
    text.counter(
        family("berth_connections_accepted_total", "Connections accepted, of all zones."),
        connections.accepted,
    );
    text.counter(
        family("berth_connections_refused_total", "Connections refused: too many, or no zone at their address."),
        connections.refused,
    );
}

const IN_FLIGHT: Family = family("berth_requests_in_flight", "Calls begun and not answered.");
const DURATION: Family =
    family("berth_request_duration_seconds", "From the decoded record of a call to its reply, in the gateway.");

type OfShare = (Family, fn(&Traffic) -> u64);
const OF_SHARES: [OfShare; 5] = [
    (family("berth_requests_total", "Calls answered."), |traffic| traffic.calls),
    (family("berth_errors_total", "Calls answered with any error; a file that is not there is one."), |traffic| {
        traffic.errors
    }),
    (family("berth_faults_total", "Calls that the gateway could not do: I/O errors, no space, overload."), |traffic| {
        traffic.faults
    }),
    (family("berth_received_bytes_total", "Bytes of calls that were answered."), |traffic| traffic.bytes_in),
    (family("berth_sent_bytes_total", "Bytes of replies."), |traffic| traffic.bytes_out),
];

type OfZone = (Kind, Family, fn(&ZoneFigures) -> u64);
const OF_ZONES: [OfZone; 9] = [
    (Kind::Gauge, family("berth_connections", "Connections open."), |zone| zone.connections),
    (Kind::Gauge, family("berth_exports", "Exported paths served."), |zone| zone.zone.exports().len() as u64),
    (Kind::Gauge, family("berth_nfs_mounts", "Mounts that clients told of."), |zone| zone.mounts),
    (Kind::Gauge, family("berth_nfs_reply_cache_bytes", "Bytes of stored replies."), |zone| zone.replies.bytes),
    (Kind::Gauge, family("berth_nfs_reply_cache_max_bytes", "Most of them."), |zone| zone.replies.bytes_max),
    (
        Kind::Counter,
        family("berth_nfs_reply_cache_hits_total", "Calls that came again and got the stored reply."),
        |zone| zone.replies.hits,
    ),
    (
        Kind::Counter,
        family("berth_nfs_reply_cache_misses_total", "Calls that must not be done twice and were new."),
        |zone| zone.replies.misses,
    ),
    (Kind::Counter, family("berth_events_written_total", "Events of clients that were recorded."), |zone| {
        zone.events.unwrap_or_default().written
    }),
    (
        Kind::Counter,
        family("berth_events_lost_total", "Events of clients that were to be recorded and were not."),
        |zone| zone.events.unwrap_or_default().lost,
    ),
];
