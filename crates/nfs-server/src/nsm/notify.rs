//! NOTIFY: a client restarted, and holds nothing any more.

use nfs_wire::nsm::NotifyArgs;
use vfs::{LockClient, Vfs};

use super::Call;
use crate::nlm4::free_clients;

/// Frees what the clients of this name at the caller's address hold. Hosts do not always call themselves the same: names
/// are compared without case and domain, and when none fits and there is one client at the address, it is that one; not
/// so for a datagram, whose address may be forged by one who does not know the name. A state number that is known
/// already tells of nothing new: the notice is a copy.
pub(super) async fn answer<V: Vfs>(call: &Call<'_, V>, args: &NotifyArgs) {
    let (zone, address) = (call.zone.id(), call.caller.client);
    let is_there = |client: &LockClient| client.id == call.door.locks.client_id(zone, address, &client.name);
    let mut meant: Vec<_> = call.door.vfs.lock_clients_at(address).into_iter().filter(is_there).collect();
    let is_named = |client: &LockClient| host(&client.name).eq_ignore_ascii_case(host(&args.name));
    if call.caller.is_datagram || meant.len() > 1 || meant.iter().any(is_named) {
        meant.retain(is_named);
    }
    meant.retain(|client| client.state == 0 || client.state != args.state);
    if !meant.is_empty() {
        tracing::info!(client = %address, clients = meant.len(), "a client restarted; its locks are free");
    }
    free_clients(call.door, &call.internal(), meant).await;
}

/// A name up to its first dot; addresses are compared as a whole.
fn host(name: &[u8]) -> &[u8] {
    let is_address = std::str::from_utf8(name).is_ok_and(|text| text.parse::<std::net::IpAddr>().is_ok());
    if is_address { name } else { name.split(|byte| *byte == b'.').next().unwrap_or(name) }
}
