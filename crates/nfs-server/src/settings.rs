//! Limits of the door, each with its default beside it.

use admission::{ConnectionSettings, Limits};

/// Limits and ports of the NFS door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Port told to clients for NFS and MOUNT.
    pub nfs_port: u16,
    /// Port told to clients for portmap and rpcbind.
    pub portmap_port: u16,
    /// Largest READ and WRITE in bytes (`rtmax`, `wtmax`), at most 1 MiB.
    pub io_bytes_max: u32,
    /// READ and WRITE size that clients are advised to use, in bytes (`rtpref`, `wtpref`).
    pub io_bytes_preferred: u32,
    /// READDIR size that clients are advised to use, in bytes (`dtpref`).
    pub readdir_bytes_preferred: u32,
    /// Connections served at once.
    pub connections_max: usize,
    /// Of them at the addresses of one zone.
    pub connections_per_zone_max: usize,
    /// Of them from one client of a zone: an IPv4 address, or a /64 of IPv6. When there are as many, one that has been
    /// idle for 10 s makes room for a new one of the same client.
    pub connections_per_client_max: usize,
    /// Bytes of calls begun, their replies and records in the making, over all connections. When there are more, a
    /// connection does one call at a time: beyond the bound lies at most one call of each connection. The same goes for
    /// the connections of one zone (its equal part of these bytes, at most 1 GiB and at least what four connections may
    /// hold) and of one client (a quarter of its zone's, at least what one connection may hold).
    pub bytes_in_flight_max: usize,
    /// Bytes of stored replies per zone.
    pub reply_cache_bytes_max: usize,
    /// Whether locks are changed by datagrams, and all locks of a client freed over TCP, from ports below 1024 only.
    pub reserved_lock_ports: bool,
    /// Mounts remembered per zone for MOUNT DUMP; the oldest goes first.
    pub mounts_max: usize,
    /// Limits of one connection.
    pub connection: ConnectionSettings,
}

impl Settings {
    /// How many connections are let in, and how much they may hold.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            connections_max: self.connections_max,
            per_zone_max: self.connections_per_zone_max,
            per_client_max: self.connections_per_client_max,
            bytes_max: self.bytes_in_flight_max,
            connection_bytes_max: self.connection.bytes_in_flight_max,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            nfs_port: 2049,
            portmap_port: 111,
            io_bytes_max: 1 << 20,
            io_bytes_preferred: 1 << 20,
            readdir_bytes_preferred: 64 << 10,
            connections_max: 16_384,
            connections_per_zone_max: 8192,
            connections_per_client_max: 4096,
            bytes_in_flight_max: 1 << 30,
            reply_cache_bytes_max: 16 << 20,
            reserved_lock_ports: true,
            mounts_max: 4096,
            connection: ConnectionSettings::default(),
        }
    }
}
