//! A run: connections shared out over threads, and the server watched meanwhile.

use std::thread;

use anyhow::{Result, anyhow};
use futures_util::future::try_join_all;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::pace::Pace;
use crate::report::Measured;
use crate::server_cpu::ServerCpu;
use crate::tally::Tally;
use crate::window::Window;

/// What a load generator does on one connection.
pub trait Load: Sync {
    /// An open connection.
    type Connection;

    /// Opens the connection with this number.
    fn open(&self, number: usize) -> impl Future<Output = Result<Self::Connection>>;

    /// Keeps it busy until the window ends.
    fn run(&self, connection: Self::Connection, window: Window) -> impl Future<Output = Result<Tally>>;
}

/// Measures the load within a window, and the CPU time of the server from its begin until it rests.
///
/// # Errors
/// The first of a connection.
pub fn measure(load: &impl Load, (pace, server): (&Pace, &ServerCpu), runtime: &Runtime) -> Result<Measured> {
    runtime.block_on(server.settle(pace.drain()));
    let window = Window::new(pace.warmup(), pace.time());
    let (tallies, cpu) = thread::scope(|scope| {
        let (done, all_done) = oneshot::channel::<()>();
        let running = scope.spawn(move || {
            // Dropped at the end, also of a run that fails.
            let _done = done;
            on_all_threads(load, (pace.connections, pace.threads.max(1)), window)
        });
        let all_done = async { drop(all_done.await) };
        let cpu = runtime.block_on(server.measure(&window, pace.drain(), all_done));
        (running.join().map_err(|_| anyhow!("a thread of the load panicked")), cpu)
    });
    Ok(Measured { window, tallies: tallies??, cpu, bytes_per_idle_connection: None })
}

/// Connections shared out over threads, each with a runtime of its own.
fn on_all_threads(load: &impl Load, (connections, threads): (usize, usize), window: Window) -> Result<Vec<Tally>> {
    let of_thread = |number: usize| (number..connections).step_by(threads);
    let work = |number: usize| runtime()?.block_on(run_connections(load, of_thread(number), window));
    let tallies: Result<Vec<Vec<Tally>>> = thread::scope(|scope| {
        let work = &work;
        let others: Vec<_> = (1..threads).map(|number| scope.spawn(move || work(number))).collect();
        let own = work(0);
        let ended = others.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a thread panicked"))?);
        std::iter::once(own).chain(ended).collect()
    });
    Ok(tallies?.into_iter().flatten().collect())
}

async fn run_connections(load: &impl Load, numbers: impl Iterator<Item = usize>, window: Window) -> Result<Vec<Tally>> {
    let mut connections = Vec::new();
    for number in numbers {
        connections.push(load.open(number).await?);
    }
    try_join_all(connections.into_iter().map(|connection| load.run(connection, window))).await
}

/// A runtime of this thread.
///
/// # Errors
/// The machine has none to give.
pub fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
