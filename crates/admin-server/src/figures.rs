//! What the roof shows through the window.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use vfs::{HouseFigures, LockEntry, LockRecovery, SessionId, Timestamp, ZoneId};
use zones::{Zone, ZoneDefinition};

/// Where everything that is shown comes from. Cheap enough to be asked every second.
pub trait Sources: Send + Sync + 'static {
    /// What does not change while the process runs.
    fn about(&self) -> About;

    /// The time of day, and on the monotonic clock.
    fn now(&self) -> (Timestamp, Duration);

    /// How everything is doing.
    fn figures(&self) -> Figures;

    /// What was done for a zone by share.
    fn shares(&self, zone: &Zone) -> Vec<ShareFigures>;

    /// What is not as configured, worst first.
    fn conditions(&self) -> Vec<Condition>;

    /// Open connections behind this one, oldest first, at most `max`.
    fn sessions(&self, after: SessionId, max: usize) -> Vec<SessionFigures>;

    /// Entries of the lock table, those of one inode together, at most `max`.
    fn locks(&self, max: usize) -> Vec<LockEntry>;

    /// What a restart left to do for locks.
    fn lock_recovery(&self) -> LockRecovery;
}

/// What does not change while the process runs.
#[derive(Clone, Debug)]
pub struct About {
    /// Version of the gateway.
    pub version: &'static str,
    /// The folder of its store.
    pub data: PathBuf,
    /// The folder of the metadata log, when that is another.
    pub log_folder: Option<PathBuf>,
    /// When the process started.
    pub started: Timestamp,
    /// Number of the process.
    pub process: u32,
}

/// How everything is doing. Counters rise from the start of the process.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Each zone served.
    pub zones: Vec<ZoneFigures>,
    /// Connections of all zones.
    pub connections: ConnectionFigures,
    /// The house below the doors.
    pub house: HouseFigures,
    /// The process.
    pub process: ProcessFigures,
    /// What was told of quotas.
    pub notifications: NotificationFigures,
}

/// Notifications to webhooks and mail relays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotificationFigures {
    /// Those that arrived.
    pub sent: u64,
    /// Those that did not, after all tries.
    pub failed: u64,
    /// Those that were not tried: too many waited for the same place.
    pub dropped: u64,
}

/// One zone.
#[derive(Clone, Debug)]
pub struct ZoneFigures {
    /// The zone.
    pub zone: Arc<Zone>,
    /// By protocol and operation, those that were called.
    pub operations: Vec<OperationFigures>,
    /// The reply cache.
    pub replies: ReplyFigures,
    /// Connections open now.
    pub connections: u64,
    /// Mounts that clients told of.
    pub mounts: u64,
    /// What was recorded of what its clients do; `None`: nothing is.
    pub events: Option<EventFigures>,
}

/// What was recorded of a zone since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventFigures {
    /// Events written.
    pub written: u64,
    /// Events lost: there was no room, or they could not be written.
    pub lost: u64,
}

/// One operation of one zone.
#[derive(Clone, Debug)]
pub struct OperationFigures {
    /// `nfs`, `mount`, `portmap`.
    pub protocol: &'static str,
    /// `GETATTR`.
    pub operation: &'static str,
    /// Calls.
    pub traffic: Traffic,
    /// How long they took.
    pub latency: Latency,
    /// Calls being done now.
    pub in_flight: u64,
}

/// One operation on one share.
#[derive(Clone, Debug)]
pub struct ShareFigures {
    /// The exported path; empty for calls that name none, `(others)` for those that are not counted apart.
    pub share: String,
    /// `nfs`, `mount`, `portmap`.
    pub protocol: &'static str,
    /// `GETATTR`.
    pub operation: &'static str,
    /// Calls.
    pub traffic: Traffic,
}

/// Calls that were answered, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Calls answered.
    pub calls: u64,
    /// Of them with any error.
    pub errors: u64,
    /// Of these because the gateway could not.
    pub faults: u64,
    /// Bytes of the calls.
    pub bytes_in: u64,
    /// Bytes of the replies.
    pub bytes_out: u64,
}

/// How long calls took, as a histogram.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// Upper bounds of the buckets in microseconds, rising; one more bucket follows the last.
    pub bounds_us: &'static [u64],
    /// Calls by bucket, not cumulative.
    pub counts: Vec<u64>,
    /// All of them together.
    pub sum: Duration,
}

/// The reply cache of one zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplyFigures {
    /// Bytes of stored replies.
    pub bytes: u64,
    /// Most of them.
    pub bytes_max: u64,
    /// Calls that came again and got the stored reply.
    pub hits: u64,
    /// Calls that were new.
    pub misses: u64,
}

/// Connections of all zones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionFigures {
    /// Open now.
    pub open: u64,
    /// Most at once.
    pub max: u64,
    /// Accepted.
    pub accepted: u64,
    /// Refused.
    pub refused: u64,
}

/// The process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessFigures {
    /// Memory in use.
    pub memory_bytes: u64,
    /// Time spent on processors.
    pub cpu: Duration,
    /// Files, sockets and the like that are open.
    pub open_files: u64,
    /// Most of them.
    pub open_files_max: u64,
}

/// One open connection.
#[derive(Clone, Debug)]
pub struct SessionFigures {
    /// Its number; later ones have higher numbers.
    pub session: SessionId,
    /// The zone; `None` when it is not served any more.
    pub zone: Option<ZoneId>,
    /// What it arrived at.
    pub protocol: &'static str,
    /// The client.
    pub client: SocketAddr,
    /// The address that the client came to.
    pub local: SocketAddr,
    /// When it was opened.
    pub since: Timestamp,
    /// How long ago its last call came.
    pub idle: Duration,
    /// Calls answered.
    pub calls: u64,
    /// Calls begun and not answered.
    pub in_flight: u64,
    /// Bytes of the calls.
    pub bytes_in: u64,
    /// Bytes of the replies.
    pub bytes_out: u64,
    /// Paths that the client has mounted.
    pub mounts: Vec<String>,
    /// Who logged on, where somebody does.
    pub user: Option<String>,
    /// What it has open.
    pub opens: u64,
}

/// Something that is not as configured.
#[derive(Clone, Debug)]
pub enum Condition {
    /// The metadata store failed and is not read again yet: nothing is answered.
    StoreReloading,
    /// A zone is not served.
    ZoneNotServed {
        /// The zone.
        zone: Box<ZoneDefinition>,
        /// Why.
        reason: String,
    },
    /// Nothing listens where it should.
    ListenerLost {
        /// Where.
        at: SocketAddr,
        /// Why.
        reason: String,
    },
    /// An export is not served.
    ExportNotServed {
        /// Its zone.
        zone: String,
        /// Its path.
        export: String,
        /// Why.
        reason: String,
    },
    /// A share is not served.
    ShareNotServed {
        /// Its zone.
        zone: String,
        /// Its name.
        share: String,
        /// Why.
        reason: String,
    },
    /// A snapshot that the zone file asks for was not taken, and none since.
    SnapshotNotTaken {
        /// Its zone.
        zone: String,
        /// The directory that it was to stand on.
        path: String,
        /// Why.
        reason: String,
    },
    /// A report of quotas that the zone file asks for was not made.
    ReportNotMade {
        /// Its zone.
        zone: String,
        /// Why.
        reason: String,
    },
    /// What a zone records of what its clients do is not all written.
    EventsLost {
        /// The zone.
        zone: String,
        /// How many events were lost since the start.
        lost: u64,
        /// Why nothing can be written; `None`: there were too many at once.
        reason: Option<String>,
    },
    /// What is told of quotas does not arrive at a place.
    NotificationFailed {
        /// The zone whose rule it is.
        zone: String,
        /// The URL, or the addresses and their relay.
        to: String,
        /// Why.
        reason: String,
    },
    /// The last reload of the zone files was refused; the zones before it are served.
    ReloadRefused {
        /// Why.
        reason: String,
    },
}

impl Traffic {
    /// Adds the calls of another.
    pub(crate) fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.errors += other.errors;
        self.faults += other.faults;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
    }

    /// What came since an earlier moment.
    pub(crate) fn since(&self, before: &Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(before.calls),
            errors: self.errors.saturating_sub(before.errors),
            faults: self.faults.saturating_sub(before.faults),
            bytes_in: self.bytes_in.saturating_sub(before.bytes_in),
            bytes_out: self.bytes_out.saturating_sub(before.bytes_out),
        }
    }
}

impl Latency {
    /// Adds the calls of another with the same bounds.
    pub(crate) fn add(&mut self, other: &Self) {
        self.bounds_us = other.bounds_us;
        self.counts.resize(self.counts.len().max(other.counts.len()), 0);
        self.counts.iter_mut().zip(&other.counts).for_each(|(sum, count)| *sum += count);
        self.sum += other.sum;
    }

    /// What came since an earlier moment.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let earlier = before.counts.iter().copied().chain(std::iter::repeat(0));
        let counts = self.counts.iter().zip(earlier).map(|(now, then)| now.saturating_sub(then)).collect();
        Self { bounds_us: self.bounds_us, counts, sum: self.sum.saturating_sub(before.sum) }
    }

    /// The time within which this many of a thousand calls were done, as if they lay evenly within their bucket; the
    /// last bound for those beyond it. `None` without calls.
    pub(crate) fn quantile_us(&self, per_mille: u64) -> Option<u64> {
        let calls: u64 = self.counts.iter().sum();
        let wanted = calls.saturating_mul(per_mille).div_ceil(1000).max(1);
        let (mut before, mut lower) = (0, 0);
        for (count, upper) in self.counts.iter().zip(self.bounds_us) {
            if before + count >= wanted {
                return Some(lower + (upper - lower) * (wanted - before) / count);
            }
            (before, lower) = (before + count, *upper);
        }
        (calls > 0).then_some(lower)
    }
}

impl Condition {
    /// Whether something that should be served is not, whatever tenants do.
    pub(crate) fn is_failure(&self) -> bool {
        matches!(self, Self::StoreReloading | Self::ZoneNotServed { .. } | Self::ListenerLost { .. })
    }

    /// What is wrong, in a line.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::StoreReloading => "the metadata store failed and is being read again: nothing is answered".to_owned(),
            Self::ZoneNotServed { zone, reason } => format!("zone {} is not served: {reason}", zone.name()),
            Self::ListenerLost { at, reason } => format!("nothing listens on {at}: {reason}"),
            Self::ExportNotServed { zone, export, reason } => {
                format!("export {export} of zone {zone} is not served: {reason}")
            }
            Self::ShareNotServed { zone, share, reason } => {
                format!("share {share} of zone {zone} is not served: {reason}")
            }
            Self::SnapshotNotTaken { zone, path, reason } => {
                format!("the snapshot of {path} of zone {zone} that was due was not taken: {reason}")
            }
            Self::ReportNotMade { zone, reason } => {
                format!("the report of the quotas of zone {zone} that was due was not made: {reason}")
            }
            Self::EventsLost { zone, lost, reason: None } => {
                format!("{lost} events of zone {zone} were lost: more at once than could be written")
            }
            Self::EventsLost { zone, lost, reason: Some(reason) } => {
                format!("{lost} events of zone {zone} were lost: {reason}")
            }
            Self::NotificationFailed { zone, to, reason } => {
                format!("notifications of zone {zone} do not arrive at {to}: {reason}")
            }
            Self::ReloadRefused { reason } => format!("the zone files were not taken at the last reload: {reason}"),
        }
    }

    /// What to do about it.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::StoreReloading => "look at the device and its space; the gateway goes on by itself",
            Self::ZoneNotServed { .. } | Self::ExportNotServed { .. } | Self::ShareNotServed { .. } => {
                "move away what stands there, or edit the zone file; then SIGHUP"
            }
            Self::SnapshotNotTaken { .. } => {
                "`berth snapshot list` shows what is there; the next is tried when it is due"
            }
            Self::ReportNotMade { .. } => "make room for it in the folder of the data: it is tried again",
            Self::EventsLost { reason: None, .. } => "record fewer events: [audit] in the zone file",
            Self::EventsLost { .. } => {
                "make room in the folder of the data, or switch it off: [audit] in the zone file"
            }
            Self::NotificationFailed { .. } => {
                "look there, or change [[notification]] in the zone file; the log has what was to be told"
            }
            Self::ListenerLost { .. } => "restart the gateway",
            Self::ReloadRefused { .. } => "put the file right (`berth serve --check` says where), then SIGHUP",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: &[u64] = &[100, 1000, 10_000];

    fn latency(counts: [u64; 4]) -> Latency {
        Latency { bounds_us: BOUNDS, counts: counts.to_vec(), sum: Duration::ZERO }
    }

    #[test]
    fn quantiles_lie_within_their_bucket() {
        assert_eq!(latency([0; 4]).quantile_us(500), None);
        assert_eq!(Latency::default().quantile_us(500), None);
        assert_eq!(latency([1, 0, 0, 0]).quantile_us(500), Some(100));
        assert_eq!(latency([0, 10, 0, 0]).quantile_us(500), Some(550));
        assert_eq!(latency([98, 0, 2, 0]).quantile_us(500), Some(51));
        assert_eq!(latency([98, 0, 2, 0]).quantile_us(990), Some(5500));
        assert_eq!(latency([0, 0, 0, 7]).quantile_us(990), Some(10_000), "beyond the last bound");
    }

    #[test]
    fn figures_of_a_window_are_differences() {
        let mut sum = Latency::default();
        sum.add(&latency([1, 2, 3, 4]));
        sum.add(&latency([1, 0, 0, 0]));
        assert_eq!(sum.counts, [2, 2, 3, 4]);
        assert_eq!(sum.since(&latency([1, 1, 9, 0])).counts, [1, 1, 0, 4]);
        assert_eq!(sum.since(&Latency::default()), sum);
    }
}
