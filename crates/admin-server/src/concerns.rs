//! What wants attention, and what to do about it.

use admin_api::{Concern, GraceStatus, Severity, ZoneStatus};

use crate::figures::{Condition, Figures};
use crate::history::Span;

/// What is judged.
pub(crate) struct Seen<'a> {
    pub(crate) conditions: &'a [Condition],
    pub(crate) figures: &'a Figures,
    pub(crate) zones: &'a [ZoneStatus],
    pub(crate) span: &'a Span,
    pub(crate) grace: Option<GraceStatus>,
}

/// What wants attention, worst first, at most [`CONCERNS_MAX`].
pub(crate) fn concerns(seen: &Seen<'_>) -> Vec<Concern> {
    let mut concerns: Vec<_> = seen.conditions.iter().map(not_as_configured).collect();
    concerns.extend(space(seen));
    concerns.extend(store(seen));
    concerns.extend(connections(seen));
    concerns.extend(seen.zones.iter().flat_map(zone));
    concerns.extend(grace(seen));
    // Stable: within a severity they stay in this order.
    concerns.sort_by_key(|concern| concern.severity);
    concerns.truncate(CONCERNS_MAX);
    concerns
}

fn not_as_configured(condition: &Condition) -> Concern {
    let severity = if condition.is_failure() { Severity::Critical } else { Severity::Warning };
    concern(severity, condition.text(), condition.advice())
}

fn space(seen: &Seen<'_>) -> Option<Concern> {
    let space = seen.figures.house.space;
    let what = format!("{} of the store's space is left", percent(space.free_bytes, space.total_bytes)?);
    let is_below = |per_mille| is_at_most(space.free_bytes, space.total_bytes, per_mille);
    let severity = match () {
        () if is_below(SPACE_CRITICAL) => Severity::Critical,
        () if is_below(SPACE_WARNING) => Severity::Warning,
        () => return None,
    };
    Some(concern(severity, what, "free or add space: below its reserve the gateway answers writes with NFS3ERR_NOSPC"))
}

fn store(seen: &Seen<'_>) -> Vec<Concern> {
    let house = &seen.figures.house;
    let mut concerns = Vec::new();
    if is_at_least(house.dirty_bytes, house.dirty_bytes_max, NEARLY_FULL) {
        let what = "data waits to be written back: the memory for it is nearly full, and writes wait";
        concerns.push(concern(Severity::Warning, what, "the data device is slower than its clients: look at its load"));
    }
    if is_at_least(house.log.bytes_used, house.log.bytes_max, NEARLY_FULL) {
        let what = "the metadata log is nearly full, and changes wait";
        concerns.push(concern(Severity::Warning, what, "the metadata device is too slow: look at its load"));
    }
    if house.damaged_blocks > 0 {
        let what =
            format!("stored blocks did not match their checksums {} times since the start", house.damaged_blocks);
        let advice = "the log names files and offsets; reads of them fail: look at the device, restore these files";
        concerns.push(concern(Severity::Critical, what, advice));
    }
    if seen.span.reloads > 0 {
        let what = "the metadata store failed in the last seconds and was read again";
        concerns.push(concern(Severity::Critical, what, "look at the device; the log says what failed"));
    } else if house.reloads > 0 {
        let what = format!("the metadata store failed and was read again {} times since the start", house.reloads);
        concerns.push(concern(Severity::Warning, what, "look at the device; the log says when and what"));
    }
    concerns
}

fn connections(seen: &Seen<'_>) -> Vec<Concern> {
    let (connections, process) = (seen.figures.connections, seen.figures.process);
    let mut concerns = Vec::new();
    if seen.span.refused > 0 {
        let what = format!("{} connections were refused in the last seconds", seen.span.refused);
        let advice = "`berth session list` shows who has them; the limits are in [nfs] of the settings";
        concerns.push(concern(Severity::Warning, what, advice));
    } else if is_at_least(connections.open, connections.max, NEARLY_FULL) {
        let what = format!("{} of {} connections are open", connections.open, connections.max);
        concerns.push(concern(Severity::Warning, what, "raise nfs.connections_max, or look who has them"));
    }
    if is_at_least(process.open_files, process.open_files_max, NEARLY_FULL) {
        let what = format!("{} of {} files and sockets are open", process.open_files, process.open_files_max);
        concerns.push(concern(Severity::Warning, what, "raise LimitNOFILE of the service"));
    }
    concerns
}

fn zone(zone: &ZoneStatus) -> Vec<Concern> {
    let mut concerns = Vec::new();
    if zone.faults_per_s > 0.0 {
        let what = format!(
            "zone {} answers {} calls a second with errors of the gateway (I/O, no space, overload)",
            zone.name, zone.faults_per_s
        );
        concerns.push(concern(Severity::Warning, what, "the log says what failed"));
    }
    if let Some(slow) = zone.latency_p99_us.filter(|slow| *slow >= SLOW_US) {
        let what = format!("zone {} is slow: one call in a hundred takes {} ms or more", zone.name, slow / 1000);
        let advice = "look at the devices; the operations are in berth_request_duration_seconds of /metrics";
        concerns.push(concern(Severity::Warning, what, advice));
    }
    concerns
}

fn grace(seen: &Seen<'_>) -> Option<Concern> {
    let GraceStatus { left_s, clients } = seen.grace?;
    let what = format!("grace period: new locks are refused for {left_s} s, while {clients} clients take theirs again");
    Some(concern(Severity::Note, what, "nothing: it ends by itself"))
}

fn concern(severity: Severity, what: impl Into<String>, advice: &str) -> Concern {
    Concern { severity, what: what.into(), advice: advice.to_owned() }
}

/// `None` when there is no whole.
fn percent(part: u64, whole: u64) -> Option<String> {
    let tenths = u128::from(part) * 1000 / u128::from(Some(whole).filter(|whole| *whole > 0)?);
    Some(format!("{}.{} %", tenths / 10, tenths % 10))
}

/// Whether a part of a whole, which is known, is this many thousandths or more.
fn is_at_least(part: u64, whole: u64, per_mille: u128) -> bool {
    whole > 0 && u128::from(part) * 1000 >= u128::from(whole) * per_mille
}

fn is_at_most(part: u64, whole: u64, per_mille: u128) -> bool {
    whole > 0 && u128::from(part) * 1000 <= u128::from(whole) * per_mille
}

/// Concerns told of in one answer.
const CONCERNS_MAX: usize = 32;
const SPACE_CRITICAL: u128 = 20;
const SPACE_WARNING: u128 = 100;
const NEARLY_FULL: u128 = 900;
const SLOW_US: u64 = 1_000_000;
