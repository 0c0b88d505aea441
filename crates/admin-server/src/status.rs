//! `/v1/status`: how the gateway is doing.

use std::time::Duration;

use admin_api::{
    CacheStatus, ConnectionStatus, Fill, GraceStatus, Health, LockStatus, LogStatus, ProcessStatus, SpaceStatus,
    Status, ZoneStatus, rfc3339,
};
use vfs::{CacheFigures, HouseFigures};

use crate::concerns::{self, Seen};
use crate::figures::{Condition, Figures, ProcessFigures, ZoneFigures};
use crate::history::Span;
use crate::window::Desk;

/// How the gateway is doing now.
pub(crate) fn status(desk: &Desk) -> Status {
    let (mut figures, span) = desk.figures();
    figures.zones.sort_by(|one, other| one.zone.name().cmp(other.zone.name()));
    let (about, now, recovery) = (desk.sources.about(), desk.sources.now().0, desk.sources.lock_recovery());
    let conditions = desk.sources.conditions();
    let zones: Vec<_> = figures.zones.iter().map(|zone| zone_status(zone, &span)).collect();
    let grace = recovery.grace_left.map(|left| grace_status(left, recovery.clients.len()));
    let seen = Seen { conditions: &conditions, figures: &figures, zones: &zones, span: &span, grace };
    let mut status = Status {
        status: Health::new(conditions.iter().filter(|one| one.is_failure()).map(Condition::text).collect()).status,
        concerns: concerns::concerns(&seen),
        version: about.version.to_owned(),
        data: about.data.display().to_string(),
        log_folder: about.log_folder.map(|folder| folder.display().to_string()),
        now: rfc3339(now.seconds),
        started: rfc3339(about.started.seconds),
        uptime_s: u64::try_from(now.seconds.saturating_sub(about.started.seconds)).unwrap_or(0),
        window_ms: u64::try_from(span.time.as_millis()).unwrap_or(u64::MAX),
        zones_total: zones.len() as u64,
        connections: connections(&figures),
        dirty: Fill { bytes: figures.house.dirty_bytes, bytes_max: figures.house.dirty_bytes_max },
        log: log(&figures.house, &span),
        space: space(&figures.house),
        locks: locks(&figures.house, grace),
        caches: figures.house.caches.iter().map(|figures| cache(figures, &span)).collect(),
        reloads: figures.house.reloads,
        process: process(about.process, &figures.process, &span),
        zones,
    };
    status.zones.truncate(ZONES_MAX);
    status
}

fn zone_status(figures: &ZoneFigures, span: &Span) -> ZoneStatus {
    let recent = span.zone(figures.zone.id());
    let definition = figures.zone.definition();
    ZoneStatus {
        name: definition.name().to_owned(),
        addresses: definition.addresses().iter().map(ToString::to_string).collect(),
        exports: definition.exports().len() as u64,
        connections: figures.connections,
        in_flight: figures.operations.iter().map(|operation| operation.in_flight).sum(),
        requests_per_s: span.rate(recent.traffic.calls),
        errors_per_s: span.rate(recent.traffic.errors),
        faults_per_s: span.rate(recent.traffic.faults),
        bytes_in_per_s: span.rate(recent.traffic.bytes_in),
        bytes_out_per_s: span.rate(recent.traffic.bytes_out),
        latency_p50_us: recent.latency.quantile_us(500),
        latency_p99_us: recent.latency.quantile_us(990),
    }
}

fn connections(figures: &Figures) -> ConnectionStatus {
    let of = figures.connections;
    ConnectionStatus { open: of.open, max: of.max, accepted: of.accepted, refused: of.refused }
}

fn log(house: &HouseFigures, span: &Span) -> LogStatus {
    LogStatus {
        used: Fill { bytes: house.log.bytes_used, bytes_max: house.log.bytes_max },
        groups_per_s: span.rate(span.groups),
        changes_per_s: span.rate(span.changes),
    }
}

fn space(house: &HouseFigures) -> SpaceStatus {
    let of = house.space;
    SpaceStatus {
        total_bytes: of.total_bytes,
        free_bytes: of.free_bytes,
        segments: of.segments,
        sparse_segments: house.evacuation.sparse_segments,
        evacuated_segments: house.evacuation.segments,
    }
}

fn locks(house: &HouseFigures, grace: Option<GraceStatus>) -> LockStatus {
    let of = house.locks;
    LockStatus { held: of.held, waiting: of.waiting, shares: of.shares, clients: of.clients, grace }
}

fn grace_status(left: Duration, clients: usize) -> GraceStatus {
    GraceStatus { left_s: left.as_secs(), clients: clients as u64 }
}

fn cache(figures: &CacheFigures, span: &Span) -> CacheStatus {
    CacheStatus {
        name: figures.name.to_owned(),
        entries: figures.entries,
        entries_max: figures.entries_max,
        bytes: figures.bytes,
        bytes_max: figures.bytes_max,
        hit_ratio: span.hit_ratio(figures.name),
    }
}

fn process(id: u32, figures: &ProcessFigures, span: &Span) -> ProcessStatus {
    ProcessStatus {
        id,
        memory_bytes: figures.memory_bytes,
        cores: span.cores(),
        open_files: figures.open_files,
        open_files_max: figures.open_files_max,
    }
}

/// Zones told of in one answer.
const ZONES_MAX: usize = 1000;
