//! Limits of the door, each with its default beside it.

use std::time::Duration;

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

/// Limits of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// Longest record in bytes, all fragments together.
    pub record_bytes_max: usize,
    /// Most fragments of one record.
    pub fragments_max: usize,
    /// Calls begun or answered in one turn of a client that is alone on its thread; when others want their turn, a
    /// quarter of it.
    pub calls_per_turn_max: usize,
    /// Calls begun and not answered; reading stops until there are fewer.
    pub calls_in_flight_max: usize,
    /// Bytes of calls begun and of their replies; reading stops until there are fewer. One call may overshoot it.
    pub bytes_in_flight_max: usize,
    /// A connection without calls is closed after this time.
    pub idle_timeout: Duration,
    /// A connection on which no call was made yet is closed after this time.
    pub first_call_timeout: Duration,
    /// A record must be complete within this time of its first byte.
    pub record_timeout: Duration,
    /// A client must take some bytes of a waiting reply within this time.
    pub write_timeout: Duration,
    /// Calls begun are finished for at most this long after their client has gone, or can no longer be understood.
    pub abandoned_timeout: Duration,
    /// Calls begun are finished and answered for at most this long after the order to stop.
    pub stop_timeout: Duration,
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

impl Default for ConnectionSettings {
    fn default() -> Self {
        Self {
            record_bytes_max: (1 << 20) + (8 << 10),
            fragments_max: 64,
            calls_per_turn_max: 64,
            calls_in_flight_max: 1024,
            bytes_in_flight_max: 16 << 20,
            idle_timeout: Duration::from_secs(30 * 60),
            first_call_timeout: Duration::from_secs(30),
            record_timeout: Duration::from_secs(120),
            write_timeout: Duration::from_secs(60),
            abandoned_timeout: Duration::from_secs(60),
            stop_timeout: Duration::from_secs(4),
        }
    }
}
