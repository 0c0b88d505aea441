//! Limits and rules of the door, each with its default beside it.

use admission::{ConnectionSettings, Limits};
use std::time::Duration;

/// Limits and rules of the SMB door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Largest READ and WRITE in bytes, a multiple of 64 KiB up to 8 MiB; clients of SMB 2.0.2 have 64 KiB.
    pub io_bytes_max: u32,
    /// Whether sessions of users are signed.
    pub signing: Protection,
    /// Whether sessions are encrypted. `Required` refuses clients that cannot.
    pub encryption: Protection,
    /// Whether `FSCTL_SMBTORTURE` is answered, by which a conformance suite has the server hold back what it sends. For
    /// tests only.
    pub torture: bool,
    /// Connections served at once.
    pub connections_max: usize,
    /// Of them at the addresses of one zone.
    pub connections_per_zone_max: usize,
    /// Of them from one client of a zone.
    pub connections_per_client_max: usize,
    /// Bytes of requests begun, their answers and frames in the making, over all connections.
    pub bytes_in_flight_max: usize,
    /// Limits of one connection; its time for the first call is that until somebody logged on.
    pub connection: ConnectionSettings,
}

/// What the door says of signing or encrypting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// As the client likes.
    Offered,
    /// Always.
    Required,
}

impl Settings {
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
        let connection = ConnectionSettings {
            record_bytes_max: (8 << 20) + (64 << 10),
            bytes_in_flight_max: 32 << 20,
            first_call_timeout: Duration::from_secs(10),
            ..ConnectionSettings::default()
        };
        Self {
            io_bytes_max: 8 << 20,
            signing: Protection::Required,
            encryption: Protection::Offered,
            torture: false,
            connections_max: 16_384,
            connections_per_zone_max: 8192,
            connections_per_client_max: 4096,
            bytes_in_flight_max: 1 << 30,
            connection,
        }
    }
}

/// Largest frame before somebody logged on.
pub(crate) const STRANGER_BYTES_MAX: usize = 64 << 10;
/// Largest answer of what is no READ (`MaxTransactSize`).
pub(crate) const TRANSACT_BYTES_MAX: u32 = 8 << 20;
/// Most of it that a list takes: what does not fit is asked for again.
pub(crate) const LIST_BYTES_MAX: usize = 1 << 20;
