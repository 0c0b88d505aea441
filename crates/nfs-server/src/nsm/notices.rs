//! Tells the clients of the last life that the house restarted, so that they take their locks again in time.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self};
use nfs_wire::nsm::{MonitorName, Notify, NotifyArgs};
use vfs::{LockClient, Vfs};

use crate::callback::{Line, Network, Peers, Transport};
use crate::door::Door;

/// Sends NOTIFY to every client of the last life that came to an address served now, until each has answered or the
/// time is over.
pub(crate) async fn run<V: Vfs, N: Network>(door: &Door<V>, peers: &Peers<'_, N>) {
    let recovery = door.vfs.lock_recovery();
    let is_ours = |client: &LockClient| door.registry.zone_for(client.server).is_some();
    let mut left: Vec<_> = recovery.clients.into_iter().filter(is_ours).collect();
    let (mut waited, mut pause) = (Duration::ZERO, PAUSE_FIRST);
    while !left.is_empty() && waited < NOTICE_TIME {
        let told = stream::iter(left).map(|client| async move {
            let is_told = tell(peers, &client, recovery.state).await;
            (!is_told).then_some(client)
        });
        left = told.buffer_unordered(NOTICES_AT_ONCE).filter_map(std::future::ready).collect().await;
        if left.is_empty() {
            return;
        }
        peers.network.pause(pause).await;
        waited += pause;
        pause = (pause * 2).min(PAUSE_MAX);
    }
    if !left.is_empty() {
        tracing::warn!(clients = left.len(), "clients with locks could not be told of the restart");
    }
}

/// Whether the client's status monitor was told.
async fn tell<N: Network>(peers: &Peers<'_, N>, client: &LockClient, state: u32) -> bool {
    let line = Line { from: client.server.to_canonical(), to: client.address.to_canonical() };
    let name = MonitorName::new(line.from.to_string().into_bytes()).unwrap_or_default();
    peers.call::<Notify>(line, [Transport::Udp, Transport::Tcp], &NotifyArgs { name, state }).await.is_ok()
}

/// Clients told at once.
const NOTICES_AT_ONCE: usize = 64;
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// How long clients are sought.
const NOTICE_TIME: Duration = Duration::from_secs(15 * 60);
