//! Signals in, states out: how the gateway and its service manager talk.

use std::io;
use std::process;
use std::thread;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What the operator asks by a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// SIGTERM or SIGINT: stop.
    Stop,
    /// SIGHUP: read the zone files again.
    Reload,
}

/// The signals that are orders.
#[derive(Debug)]
pub(crate) struct Orders {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Orders {
    /// Takes the signals over; on a runtime.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The next order. Loses none when it is dropped.
    pub(crate) async fn next(&mut self) -> Order {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Order::Stop,
            _ = self.interrupt.recv() => Order::Stop,
            _ = self.hang_up.recv() => Order::Reload,
        }
    }

    /// Waits for the order to stop; an order to reload waits for [`Orders::next`]. Loses none when it is dropped.
    pub(crate) async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Ends the process when an orderly stop takes too long, whatever still runs: what clients were told is stable is on
/// stable storage already.
pub(crate) fn stop_within(time: Duration) {
    let end = move || {
        thread::sleep(time);
        tracing::warn!("the stop took too long; ending as if power was lost");
        process::exit(0);
    };
    if let Err(error) = thread::Builder::new().name("deadline".to_owned()).spawn(end) {
        tracing::warn!(%error, "no deadline for the stop");
    }
}

/// Tells the service manager that the gateway serves.
pub(crate) fn notify_ready(status: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Tells the service manager that zone files are being read again.
pub(crate) fn notify_reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "the service manager was not told of the reload"),
    }
}

/// Tells the service manager that the gateway stops.
pub(crate) fn notify_stopping() {
    notify(&[NotifyState::Stopping]);
}

/// Without a service manager this does nothing.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager was not told");
    }
}
