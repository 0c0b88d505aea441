//! FREE_ALL (C702 14, RFC 1813 6.3.23), and what it has in common with a client's restart.

use nfs_wire::nlm4::NotifyArgs;
use vfs::{LockClient, OpContext, Vfs};

use super::call::Call;
use crate::door::Door;

/// Frees all that the client of this name at the caller's address holds, shares and waits for.
pub(super) async fn answer<V: Vfs>(call: &Call<'_, V>, args: NotifyArgs) {
    let (zone, address) = (call.nfs.zone.id(), call.nfs.caller.client);
    let is_meant = |client: &LockClient| {
        let id = call.desk().client_id(zone, address, &client.name);
        client.id == id && client.name.eq_ignore_ascii_case(&args.name)
    };
    let meant = call.vfs().lock_clients_at(address).into_iter().filter(is_meant).collect();
    free_clients(call.nfs.door, &call.internal(), meant).await;
}

/// Frees all that these clients hold, share and wait for.
pub(crate) async fn free_clients<V: Vfs>(door: &Door<V>, ctx: &OpContext, clients: Vec<LockClient>) {
    for client in clients {
        // First: from the moment on that the house forgot it, it may ask anew and wait.
        door.locks.waits.remove_client(client.id);
        door.locks.names.forget(ctx.zone, client.address, client.id);
        let freed = door.vfs.free_lock_client(ctx, client.id).await;
        if let Err(failure) = freed {
            // Its locks are free all the same; it is told of the next restart in vain.
            tracing::warn!(client = %client.address, error = ?failure.error, "a client with locks could not be forgotten");
        }
    }
}
