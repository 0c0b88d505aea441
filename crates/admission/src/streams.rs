//! Streams as they are accepted, and the order to stop.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Sets what every connection of a door has: replies go out at once, and a peer that is gone is noticed.
///
/// # Errors
/// The stream is broken already.
pub fn prepare_stream(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_TIME).with_interval(KEEPALIVE_INTERVAL);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

/// Resolves when the house stops; a sender that is gone means that it never will.
pub async fn stopped(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|is_stopping| *is_stopping).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// How long a door waits when a connection could not be accepted: files may have run out.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const KEEPALIVE_TIME: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
