//! Which clients are remembered, as memory has it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use meta::keys::Key;
use meta::records::NlmClientRecord;
use meta::{Version, keys};
use vfs::{ClientId, LockClient, ShardId};

use super::grace::Grace;

/// The clients that may hold locks. A client is here if and only if its record was submitted.
#[derive(Debug, Default)]
pub(super) struct Register {
    pub(super) clients: BTreeMap<ClientId, Remembered>,
    pub(super) grace: Grace,
    /// What must be durable before a lock is granted: nobody may take back, after the next restart, what another took
    /// meanwhile.
    pub(super) forgotten: Version,
}

/// A client that is remembered.
#[derive(Clone, Debug)]
pub(super) struct Remembered {
    pub(super) client: LockClient,
    /// Where its record stands.
    pub(super) shard: ShardId,
    /// The change that wrote its record.
    pub(super) version: Version,
    /// When it last asked for something in this life, or was seen to hold something, on the monotonic clock.
    pub(super) used: Option<Duration>,
}

/// A client as its record has it.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) shard: ShardId,
    pub(super) id: ClientId,
    /// `None` when its addresses make no sense.
    pub(super) client: Option<LockClient>,
}

impl Remembered {
    pub(super) fn key(&self) -> Key {
        keys::nlm_client(self.shard, self.client.id)
    }

    /// Whether the record says all that is to be said; when it took its first lock is what it said first.
    pub(super) fn is_current(&self, client: &LockClient) -> bool {
        *client == LockClient { since: client.since, ..self.client.clone() }
    }
}

impl Stored {
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
