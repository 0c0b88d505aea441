//! Which clients are remembered, as memory and as the store have it.

use std::net::IpAddr;

use bytes::Bytes;
use meta::keys::Key;
use meta::records::NlmClientRecord;
use meta::{Version, keys};
use vfs::{ClientId, LockClient, ShardId};

use super::grace::Graces;
use super::roster::Roster;

/// The clients that may hold locks. A client is here if and only if its records were submitted.
#[derive(Debug, Default)]
pub(super) struct Register {
    pub(super) clients: Roster,
    pub(super) graces: Graces,
    /// What must be durable before a lock is granted: nobody may take back, after the next restart, what another took
    /// meanwhile.
    pub(super) forgotten: Version,
}

/// A client as its record has it.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) shard: ShardId,
    pub(super) id: ClientId,
    /// `None` when its addresses make no sense.
    pub(super) client: Option<LockClient>,
}

impl Stored {
    pub(super) fn key(&self) -> Key {
        keys::nlm_client(self.shard, self.id)
    }

    pub(super) fn new(shard: ShardId, id: ClientId, record: NlmClientRecord) -> Self {
        let client = address(&record.address).zip(address(&record.server_name)).map(|(address, server)| LockClient {
            id,
            name: record.name,
            address,
            server,
            state: record.state,
            since: record.since,
        });
        if client.is_none() {
            tracing::warn!(?id, "a client with locks has no address that can be read and is forgotten");
        }
        Self { shard, id, client }
    }
}

pub(super) fn record_of(client: &LockClient) -> NlmClientRecord {
    NlmClientRecord {
        name: client.name.clone(),
        address: Bytes::from(client.address.to_string()),
        server_name: Bytes::from(client.server.to_string()),
        state: client.state,
        since: client.since,
    }
}

fn address(text: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
