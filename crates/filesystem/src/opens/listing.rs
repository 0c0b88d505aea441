//! Locks and clients, for people.

use std::net::IpAddr;

use vfs::{ClientId, LockClient, LockEntry, LockFigures, LockOwner};

use crate::Filesystem;

impl<K: kv::Engine, C: chunk::Store> Filesystem<K, C> {
    pub(crate) fn do_lock_clients(&self) -> Vec<LockClient> {
        self.locks.register().clients.iter().map(|remembered| remembered.client.clone()).collect()
    }

    pub(crate) fn do_lock_clients_at(&self, address: IpAddr) -> Vec<LockClient> {
        self.locks.register().clients.at(address).map(|remembered| remembered.client.clone()).collect()
    }

    pub(crate) fn do_lock_client(&self, client: ClientId) -> Option<LockClient> {
        self.locks.register().clients.find(client).map(|remembered| remembered.client.clone())
    }

    pub(crate) fn do_lock_entries(&self, max: usize) -> Vec<LockEntry> {
        let mut entries = self.locks.table.entries(max);
        let register = self.locks.register();
        for entry in &mut entries {
            if let LockOwner::Nlm { client, .. } = &entry.owner {
                entry.client = register.clients.find(*client).map(|remembered| remembered.client.clone());
            }
        }
        entries
    }

    pub(crate) fn lock_figures(&self) -> LockFigures {
        let clients = self.locks.register().clients.len() as u64;
        LockFigures { clients, ..self.locks.table.figures() }
    }
}
