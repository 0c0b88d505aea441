//! Tells the clients of the last life that the house restarted, so that they take their locks again in time.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use admission::client_network;
use futures_util::future::join_all;
use nfs_wire::nsm::{MonitorName, Notify, NotifyArgs};
use tokio::sync::Semaphore;
use vfs::{LockClient, Vfs};

use crate::callback::{Line, Network, Peers, Transport};
use crate::door::Door;

/// The notices that go out from one address of the house.
struct Notices<'a, N> {
    peers: &'a Peers<'a, N>,
    from: IpAddr,
    state: u32,
    /// When clients are sought no more, as the network tells the time.
    until: Duration,
    /// Calls at once.
    places: Semaphore,
}

/// Addresses of what counts as one client. They are told one by one.
type OfNetwork = BTreeSet<IpAddr>;

/// Sends NOTIFY to every client of the last life that came to an address served now, until each has answered or the
/// time is over. Each address of the house has notices of its own: no tenant waits for the clients of another.
pub(crate) async fn run<V: Vfs, N: Network>(door: &Door<V>, peers: &Peers<'_, N>) {
    let recovery = door.vfs.lock_recovery();
    let is_ours = |client: &LockClient| door.registry.zone_for(client.server).is_some();
    // What clients of one address would be told is the same: it is told once.
    let mut homes: BTreeMap<IpAddr, BTreeMap<IpAddr, OfNetwork>> = BTreeMap::new();
    for client in recovery.clients.into_iter().filter(is_ours) {
        let networks = homes.entry(client.server.to_canonical()).or_default();
        let of_network = networks.entry(client_network(client.address)).or_default();
        of_network.insert(client.address.to_canonical());
    }
    let until = peers.network.now().saturating_add(NOTICE_TIME);
    let notices = homes.into_iter().map(|(from, networks)| {
        let places = Semaphore::new(NOTICES_AT_ONCE);
        let notices = Notices { peers, from, state: recovery.state, until, places };
        async move { notices.send(networks.into_values()).await }
    });
    let untold: usize = join_all(notices).await.into_iter().sum();
    if untold > 0 {
        tracing::warn!(clients = untold, "clients with locks could not be told of the restart");
    }
}

impl<N: Network> Notices<'_, N> {
    /// Tells those who are there before it waits for those who may be gone: the grace period is short. Returns how many
    /// could not be told.
    async fn send(&self, networks: impl Iterator<Item = OfNetwork>) -> usize {
        let missed = join_all(networks.map(|clients| self.try_all(clients))).await;
        join_all(missed.into_iter().map(|clients| self.insist(clients))).await.into_iter().sum()
    }

    /// Tries each client for a moment; returns those that did not answer. A network with very many that are gone keeps
    /// the others of its tenant waiting for so long only.
    async fn try_all(&self, clients: OfNetwork) -> OfNetwork {
        let (mut missed, mut began) = (OfNetwork::new(), None);
        for client in clients {
            let _place = self.places.acquire().await;
            let now = self.peers.network.now();
            let is_late = now.saturating_sub(*began.get_or_insert(now)) >= QUICK_TIME;
            if is_late || self.peers.call_quickly::<Notify>(self.line(client), &self.args()).await.is_err() {
                missed.insert(client);
            }
        }
        missed
    }

    /// Calls clients until all have answered or the time is over; returns how many have not.
    async fn insist(&self, mut clients: OfNetwork) -> usize {
        let mut pause = PAUSE_FIRST;
        loop {
            clients = self.call_all(clients).await;
            if clients.is_empty() || self.peers.network.now().saturating_add(pause) >= self.until {
                return clients.len();
            }
            self.peers.network.pause(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn call_all(&self, clients: OfNetwork) -> OfNetwork {
        let (mut missed, order) = (OfNetwork::new(), [Transport::Udp, Transport::Tcp]);
        for client in clients {
            let _place = self.places.acquire().await;
            let is_over = self.peers.network.now() >= self.until;
            if is_over || self.peers.call::<Notify>(self.line(client), order, &self.args()).await.is_err() {
                missed.insert(client);
            }
        }
        missed
    }

    fn line(&self, client: IpAddr) -> Line {
        Line { from: self.from, to: client }
    }

    fn args(&self) -> NotifyArgs {
        let name = MonitorName::new(self.from.to_string().into_bytes()).unwrap_or_default();
        NotifyArgs { name, state: self.state }
    }
}

/// Notices under way at once from one address of the house: half of what may be, the rest is for grants.
const NOTICES_AT_ONCE: usize = 16;
/// How long the clients of one network are tried before others go on.
const QUICK_TIME: Duration = Duration::from_secs(15);
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// How long clients are sought.
const NOTICE_TIME: Duration = Duration::from_secs(15 * 60);
