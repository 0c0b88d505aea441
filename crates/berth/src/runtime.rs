//! The threads that serve connections: one per core, each with a runtime of its own, so that a connection and its file
//! I/O never change threads.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nfs_server::Spawner;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::watch;

/// A runtime that stays on the thread that polls it.
pub(crate) fn on_this_thread() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// The serving threads. Dropping it ends them; what they serve then is cut off.
pub(crate) struct Workers {
    seats: LeastLoaded,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

/// Hands a connection to the thread with the fewest. Clones see the same threads.
#[derive(Clone)]
pub(crate) struct LeastLoaded(Arc<[Seat]>);

struct Seat {
    runtime: Handle,
    load: Arc<AtomicUsize>,
}

/// One connection more on a thread, until dropped.
struct Load(Arc<AtomicUsize>);

impl Workers {
    /// Starts this many threads, at least one.
    pub(crate) fn start(count: usize) -> io::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let mut seats = Vec::new();
        let mut threads = Vec::new();
        for index in 0..count.max(1) {
            let runtime = on_this_thread()?;
            seats.push(Seat { runtime: runtime.handle().clone(), load: Arc::default() });
            let mut stopped = stopped.clone();
            let work = move || {
                // An error means that the sender is gone, which ends the thread as well.
                drop(runtime.block_on(stopped.wait_for(|is_stopped| *is_stopped)));
            };
            threads.push(thread::Builder::new().name(format!("serve-{index}")).spawn(work)?);
        }
        Ok(Self { seats: LeastLoaded(seats.into()), stop, threads })
    }

    /// Where connections are handed over.
    pub(crate) fn seats(&self) -> LeastLoaded {
        self.seats.clone()
    }

    /// Waits until every connection has ended; says how many had not when the time was over.
    pub(crate) async fn drain(&self, time: Duration) -> usize {
        let ended = async {
            while self.seats.load() > 0 {
                tokio::time::sleep(DRAIN_STEP).await;
            }
        };
        match tokio::time::timeout(time, ended).await {
            Ok(()) => 0,
            Err(_) => self.seats.load(),
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a serving thread had panicked");
            }
        }
    }
}

impl LeastLoaded {
    /// Connections on all threads.
    fn load(&self) -> usize {
        self.0.iter().map(|seat| seat.load.load(Ordering::Relaxed)).sum()
    }
}

impl Spawner for LeastLoaded {
    fn spawn(&self, connection: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let Some(seat) = self.0.iter().min_by_key(|seat| seat.load.load(Ordering::Relaxed)) else { return };
        seat.load.fetch_add(1, Ordering::Relaxed);
        let load = Load(Arc::clone(&seat.load));
        seat.runtime.spawn(async move {
            let _load = load;
            connection.await;
        });
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Workers").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for LeastLoaded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LeastLoaded").field("threads", &self.0.len()).field("load", &self.load()).finish()
    }
}

const DRAIN_STEP: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn connections_spread_over_threads_and_stay_there() {
        let workers = Workers::start(3).unwrap();
        let seats = workers.seats();
        let (names, seen) = mpsc::channel();
        let (release, released) = watch::channel(false);
        for _ in 0..6 {
            let (names, mut released) = (names.clone(), released.clone());
            seats.spawn(Box::pin(async move {
                names.send(thread::current().name().map(str::to_owned)).unwrap();
                released.wait_for(|is_released| *is_released).await.unwrap();
            }));
        }
        let mut threads: Vec<_> = (0..6).map(|_| seen.recv().unwrap().unwrap()).collect();
        threads.sort();
        assert_eq!(threads, ["serve-0", "serve-0", "serve-1", "serve-1", "serve-2", "serve-2"]);

        let control = on_this_thread().unwrap();
        assert_eq!(control.block_on(workers.drain(Duration::from_millis(1))), 6);
        release.send(true).unwrap();
        assert_eq!(control.block_on(workers.drain(Duration::from_secs(60))), 0);
    }

    #[test]
    fn ending_the_threads_cuts_off_what_is_left() {
        struct Dropped(mpsc::Sender<()>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                self.0.send(()).unwrap();
            }
        }
        let workers = Workers::start(1).unwrap();
        let (sender, dropped) = mpsc::channel();
        let held = Dropped(sender);
        workers.seats().spawn(Box::pin(async move {
            let _held = held;
            std::future::pending::<()>().await;
        }));
        drop(workers);
        dropped.recv().unwrap();
    }
}
