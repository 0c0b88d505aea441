//! Limits of one connection, each with its default beside it.

use std::time::Duration;

/// Limits of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// Longest record in bytes, all fragments together.
    pub record_bytes_max: usize,
    /// Most fragments of one record, where a protocol has them.
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
    /// A connection on which no call was made yet, or nobody logged on where that comes first, is closed after this time.
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
