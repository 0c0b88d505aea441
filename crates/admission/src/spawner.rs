//! Who runs connections.

use std::future::Future;
use std::pin::Pin;

/// Runs a connection to its end, on the thread it picks. The future must be polled on a runtime with I/O and time, and
/// stays on that runtime.
pub trait Spawner: Send + Sync + 'static {
    /// Takes a connection over.
    fn spawn(&self, connection: Pin<Box<dyn Future<Output = ()> + Send>>);
}

impl<T: Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync + 'static> Spawner for T {
    fn spawn(&self, connection: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self(connection);
    }
}
