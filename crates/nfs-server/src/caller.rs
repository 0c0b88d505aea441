//! Who is at the other end of a connection, and what was already found out about them.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use admission::client_id;
use nfs_wire::rpc::OpaqueAuth;
use vfs::{ClientId, Clock, Credentials, InodeId, OperationId, SessionId, Vfs};
use zones::{ExportId, FileIds, Zone};

use crate::door::{Door, ZoneState};
use crate::first_times::FirstTimes;
use crate::sessions::Traffic;

/// What the connection arrived at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The port of NFS, MOUNT, NLM, NSM and rquota.
    Nfs,
    /// The port of portmap and rpcbind.
    Portmap,
}

/// The other end of a connection, or of one datagram.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) role: Role,
    /// The address that the client came to; picks the zone.
    pub(crate) local: SocketAddr,
    /// The client.
    pub(crate) client: IpAddr,
    pub(crate) client_id: ClientId,
    pub(crate) session: SessionId,
    /// It sent a datagram, so its address may be another's.
    pub(crate) is_datagram: bool,
    /// It sends from a port that only the machine's superuser may use: it is the kernel or a system service.
    pub(crate) has_reserved_port: bool,
    pub(crate) traffic: Arc<Traffic>,
    /// What was recorded of its reading and writing.
    pub(crate) data_told: FirstTimes,
    operations: AtomicU64,
    known: Mutex<Known>,
}

/// Someone who was let in to an export: found out once, used for every further call.
#[derive(Clone, Debug)]
pub(crate) struct Admitted {
    pub(crate) root: InodeId,
    pub(crate) read_only: bool,
    pub(crate) credentials: Arc<Credentials>,
    pub(crate) file_ids: FileIds,
    /// Until when the zone's provider of groups stands by it (monotonic time).
    pub(crate) until: Option<Duration>,
}

/// The zone of a connection and what belongs to it: one for each connection, so that its references are counted where no
/// other thread counts.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) zone: Arc<Zone>,
    pub(crate) state: Arc<ZoneState>,
    /// Version of the registry that it was found in.
    version: u64,
}

#[derive(Debug, Default)]
struct Known {
    home: Option<Arc<Home>>,
    /// Let in last, last.
    admitted: Vec<Remembered>,
}

#[derive(Debug)]
struct Remembered {
    export: ExportId,
    /// Version of the roots of exports; a root that moved makes it void.
    roots_version: u64,
    flavor: u32,
    body: Box<[u8]>,
    admitted: Admitted,
}

impl Caller {
    pub(crate) fn new(role: Role, local: SocketAddr, peer: SocketAddr, session: SessionId) -> Self {
        let client = peer.ip().to_canonical();
        let (traffic, operations, known) = (Arc::default(), AtomicU64::new(0), Mutex::default());
        let (client_id, has_reserved_port) = (client_id(client), peer.port() < RESERVED_PORTS);
        let (is_datagram, data_told) = (false, FirstTimes::default());
        Self {
            role,
            local,
            client,
            client_id,
            session,
            is_datagram,
            has_reserved_port,
            traffic,
            data_told,
            operations,
            known,
        }
    }

    /// The sender of one datagram.
    pub(crate) fn of_datagram(role: Role, local: SocketAddr, peer: SocketAddr, session: SessionId) -> Self {
        Self { is_datagram: true, ..Self::new(role, local, peer, session) }
    }

    /// A number for the next operation.
    pub(crate) fn next_operation(&self) -> OperationId {
        let number = self.operations.fetch_add(1, Ordering::Relaxed);
        OperationId(self.session.0.wrapping_shl(32).wrapping_add(number))
    }

    /// The zone at the address that the client came to, found again when zones were reloaded since the last call; `None`
    /// when it is gone.
    pub(crate) fn home<V: Vfs>(&self, door: &Door<V>) -> Option<Arc<Home>> {
        // Read first: what is found may be newer, and is then looked for once more.
        let version = door.registry.version();
        let mut known = self.known();
        if let Some(home) = known.home.as_ref().filter(|home| home.version == version) {
            return Some(Arc::clone(home));
        }
        let zone = door.registry.zone_for(self.local.ip())?;
        let state = door.zone_state(zone.id());
        if known.home.as_ref().is_none_or(|home| !Arc::ptr_eq(&home.zone, &zone)) {
            known.admitted.clear();
        }
        let home = Arc::new(Home { zone, state, version });
        known.home = Some(Arc::clone(&home));
        Some(home)
    }

    /// What is known of this credential at an export, in the zone last found by [`Caller::home`].
    pub(crate) fn admitted(
        &self,
        (export, token): (ExportId, &OpaqueAuth),
        roots_version: u64,
        clock: &dyn Clock,
    ) -> Option<Admitted> {
        let known = self.known();
        let found = known.admitted.iter().rev().find(|one| one.is_of(export, token))?;
        let holds = found.admitted.until.is_none_or(|until| clock.monotonic() < until);
        (holds && found.roots_version == roots_version).then(|| found.admitted.clone())
    }

    /// Remembers who was let in, as long as `zone` is still the one of this connection.
    pub(crate) fn remember(
        &self,
        zone: &Arc<Zone>,
        (export, token): (ExportId, &OpaqueAuth),
        (roots_version, admitted): (u64, &Admitted),
    ) {
        let mut known = self.known();
        if !known.home.as_ref().is_some_and(|home| Arc::ptr_eq(&home.zone, zone)) {
            return;
        }
        known.admitted.retain(|one| !one.is_of(export, token));
        // The body is copied: a slice would keep the whole record alive.
        let body = token.body.as_bytes().as_ref().into();
        let flavor = token.flavor.0;
        known.admitted.push(Remembered { export, roots_version, flavor, body, admitted: admitted.clone() });
        while known.is_too_much() {
            known.admitted.remove(0);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn is_too_much(&self) -> bool {
        let groups = self.admitted.iter().map(|one| one.admitted.credentials.groups.len());
        self.admitted.len() > ADMITTED_MAX || groups.sum::<usize>() > GROUPS_REMEMBERED_MAX
    }
}

impl Remembered {
    fn is_of(&self, export: ExportId, token: &OpaqueAuth) -> bool {
        self.export == export && self.flavor == token.flavor.0 && *self.body == **token.body.as_bytes()
    }
}

/// Whether some export of the zone lets a client in.
pub(crate) fn is_client(zone: &Zone, client: IpAddr) -> bool {
    zone.exports().iter().any(|export| export.access(client).is_some())
}

/// Ports below are the superuser's.
const RESERVED_PORTS: u16 = 1024;
/// Credentials remembered per connection: users of one client at its exports.
const ADMITTED_MAX: usize = 32;
/// Groups of all of them: 64 KiB that the cache of the zone may have forgotten. Someone in more is asked for at every
/// call, from that cache.
const GROUPS_REMEMBERED_MAX: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    fn known(groups_each: &[u32]) -> Known {
        let remembered = |(export, count): (u32, &u32)| {
            let credentials = Arc::new(Credentials::unix(1, 1, &(0..*count).collect::<Vec<_>>()));
            let (root, file_ids) = (InodeId::root_of(vfs::ShardId::ROOT), FileIds::Bits64);
            let admitted = Admitted { root, read_only: false, credentials, file_ids, until: None };
            Remembered { export: ExportId(export), roots_version: 0, flavor: 1, body: Box::default(), admitted }
        };
        Known { home: None, admitted: (0..).zip(groups_each).map(remembered).collect() }
    }

    #[test]
    fn what_is_remembered_of_one_connection_is_bounded() {
        assert!(!known(&[16; ADMITTED_MAX]).is_too_much());
        assert!(known(&[16; ADMITTED_MAX + 1]).is_too_much());
        assert!(!known(&[8192, 8192]).is_too_much());
        assert!(known(&[8192, 8192, 1]).is_too_much());
        assert!(known(&[65_536]).is_too_much());
    }
}
