//! What the window shows, taken from the house.

use std::sync::Arc;
use std::time::Duration;

use admin_server::{
    Condition, ConnectionFigures, Figures, Latency, OperationFigures, ReplyFigures, SessionFigures, ShareFigures,
    Sources, Traffic, ZoneFigures,
};
use nfs_server::{LATENCY_BOUNDS_US, Role, Server, Share, TrafficFigures};
use vfs::{Clock, LockEntry, LockRecovery, SessionId, Timestamp, Vfs};
use zones::{Registry, Zone};

use super::process;
use crate::conditions::Conditions;
use crate::notify::Tally;
use crate::settings::Settings;
use crate::trail::Trails;

/// What does not change while this process runs.
#[derive(Clone, Debug)]
pub(crate) struct About(admin_server::About);

/// The house, as the window sees it.
pub(crate) struct HouseSources<V> {
    pub(crate) about: About,
    pub(crate) vfs: Arc<V>,
    pub(crate) server: Server<V>,
    pub(crate) smb: smb_server::Server<V>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) conditions: Arc<Conditions>,
    pub(crate) notified: Arc<Tally>,
    pub(crate) trails: Arc<Trails>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) connections_max: u64,
}

impl About {
    /// This process, which was started `started` with these settings.
    pub(crate) fn new(settings: &Settings, started: Timestamp) -> Self {
        let data = std::path::absolute(&settings.data).unwrap_or_else(|_| settings.data.clone());
        let (version, process) = (env!("CARGO_PKG_VERSION"), std::process::id());
        Self(admin_server::About { version, data, log_folder: settings.metadata.log.clone(), started, process })
    }
}

impl<V: Vfs> Sources for HouseSources<V> {
    fn about(&self) -> admin_server::About {
        self.about.0.clone()
    }

    fn now(&self) -> (Timestamp, Duration) {
        (self.clock.now(), self.clock.monotonic())
    }

    fn figures(&self) -> Figures {
        let (connections, smb) = (self.server.connections(), self.smb.connections());
        Figures {
            zones: self.registry.zones().into_iter().map(|zone| self.zone(zone)).collect(),
            connections: ConnectionFigures {
                open: (connections.open + smb.open) as u64,
                max: self.connections_max,
                accepted: connections.accepted + smb.accepted,
                refused: connections.refused + smb.refused,
            },
            house: self.vfs.figures(),
            process: process::figures(),
            notifications: self.notified.figures(),
        }
    }

    fn shares(&self, zone: &Zone) -> Vec<ShareFigures> {
        let shown = |figures: nfs_server::ShareFigures| {
            let share = match figures.share {
                Share::None => String::new(),
                Share::Others => "(others)".to_owned(),
                // One that is no longer exported is not shown any more.
                Share::Export(id) => {
                    let export = zone.exports().iter().find(|export| export.id() == id)?;
                    String::from_utf8_lossy(export.path()).into_owned()
                }
            };
            let (protocol, operation) = (figures.program, figures.operation);
            Some(ShareFigures { share, protocol, operation, traffic: traffic(figures.traffic) })
        };
        let of_smb = self.smb.operations(zone.id()).into_iter().map(|figures| {
            let traffic = smb_traffic(&figures);
            ShareFigures { share: figures.share, protocol: SMB, operation: figures.operation, traffic }
        });
        self.server.shares(zone.id()).into_iter().filter_map(shown).chain(of_smb).collect()
    }

    fn conditions(&self) -> Vec<Condition> {
        let mut conditions = self.conditions.all(self.vfs.is_reloading());
        conditions.extend(self.notified.conditions());
        conditions.extend(self.trails.conditions(self.clock.monotonic()));
        conditions
    }

    fn sessions(&self, after: SessionId, max: usize) -> Vec<SessionFigures> {
        let mut sessions: Vec<_> = self.server.sessions(after, max).into_iter().map(session).collect();
        // Their numbers are above those of all connections of the other door.
        let left = max.saturating_sub(sessions.len());
        sessions.extend(self.smb.sessions(after, left).into_iter().map(smb_session));
        sessions
    }

    fn locks(&self, max: usize) -> Vec<LockEntry> {
        self.vfs.lock_entries(max)
    }

    fn lock_recovery(&self) -> LockRecovery {
        self.vfs.lock_recovery()
    }
}

impl<V: Vfs> HouseSources<V> {
    fn zone(&self, zone: Arc<Zone>) -> ZoneFigures {
        let figures = self.server.figures(zone.id());
        let replies = figures.replies;
        let of_smb = of_all_shares(self.smb.operations(zone.id()));
        ZoneFigures {
            operations: figures.operations.iter().map(operation).chain(of_smb).collect(),
            replies: ReplyFigures {
                bytes: replies.bytes,
                bytes_max: replies.bytes_max,
                hits: replies.hits,
                misses: replies.misses,
            },
            connections: (figures.connections + self.smb.connections_of(zone.id())) as u64,
            mounts: figures.mounts as u64,
            events: zone.trail().map(|_| self.trails.figures(zone.name()).unwrap_or_default()),
            zone,
        }
    }
}

/// The shares of a zone together.
fn of_all_shares(figures: Vec<smb_server::OperationFigures>) -> Vec<OperationFigures> {
    let mut sums: Vec<OperationFigures> = Vec::new();
    for figures in figures {
        let (one, latency) = (smb_traffic(&figures), figures.latency);
        let Some(sum) = sums.iter_mut().find(|sum| sum.operation == figures.operation) else {
            sums.push(OperationFigures {
                protocol: SMB,
                operation: figures.operation,
                traffic: one,
                latency: Latency { bounds_us: &LATENCY_BOUNDS_US, counts: latency.counts.to_vec(), sum: latency.sum },
                in_flight: figures.in_flight,
            });
            continue;
        };
        sum.traffic.calls += one.calls;
        sum.traffic.errors += one.errors;
        sum.traffic.faults += one.faults;
        sum.traffic.bytes_in += one.bytes_in;
        sum.traffic.bytes_out += one.bytes_out;
        sum.in_flight += figures.in_flight;
        sum.latency.sum += latency.sum;
        sum.latency.counts.iter_mut().zip(latency.counts).for_each(|(sum, count)| *sum += count);
    }
    sums
}

fn smb_traffic(figures: &smb_server::OperationFigures) -> Traffic {
    let smb_server::OperationFigures { calls, errors, faults, bytes_in, bytes_out, .. } = *figures;
    Traffic { calls, errors, faults, bytes_in, bytes_out }
}

fn operation(figures: &nfs_server::OperationFigures) -> OperationFigures {
    let latency = figures.latency;
    OperationFigures {
        protocol: figures.program,
        operation: figures.operation,
        traffic: traffic(figures.traffic),
        latency: Latency { bounds_us: &LATENCY_BOUNDS_US, counts: latency.counts.to_vec(), sum: latency.sum },
        in_flight: figures.in_flight,
    }
}

fn traffic(figures: TrafficFigures) -> Traffic {
    let TrafficFigures { calls, errors, faults, bytes_in, bytes_out } = figures;
    Traffic { calls, errors, faults, bytes_in, bytes_out }
}

fn session(figures: nfs_server::SessionFigures) -> SessionFigures {
    let nfs_server::SessionFigures { session, zone, client, local, since, idle, .. } = figures;
    let nfs_server::SessionFigures { calls, in_flight, bytes_in, bytes_out, .. } = figures;
    let protocol = match figures.role {
        Role::Nfs => "nfs",
        Role::Portmap => "portmap",
    };
    let mounts = figures.mounts.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect();
    SessionFigures {
        session,
        zone,
        protocol,
        client,
        local,
        since,
        idle,
        calls,
        in_flight,
        bytes_in,
        bytes_out,
        mounts,
        user: None,
        opens: 0,
    }
}

fn smb_session(figures: smb_server::SessionFigures) -> SessionFigures {
    let smb_server::SessionFigures { session, zone, user, client, local, since, idle, .. } = figures;
    let smb_server::SessionFigures { calls, in_flight, bytes_in, bytes_out, shares, opens, .. } = figures;
    SessionFigures {
        session,
        zone: Some(zone),
        protocol: "smb",
        client,
        local,
        since,
        idle,
        calls,
        in_flight,
        bytes_in,
        bytes_out,
        mounts: shares,
        user: Some(user).filter(|user| !user.is_empty()),
        opens: opens as u64,
    }
}

const SMB: &str = "smb";
