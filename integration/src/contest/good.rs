//! Clients as they should be: one call at a time, the next when the answer is there.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use nfs_wire::nfs3::{FileHandle, StableHow, WriteArgs};

use crate::client::Client;

/// What a good client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// GETATTR of the root.
    Look,
    /// Eight UNSTABLE writes of 32 KiB, then a COMMIT.
    Write,
}

/// A good client at work, in a thread of its own.
#[derive(Debug)]
pub struct Good {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    thread: JoinHandle<Result<()>>,
}

impl Good {
    /// Begins to work, from this address.
    pub fn start(work: Work, source: IpAddr, address: SocketAddr) -> Result<Self> {
        let mut client = Client::connect_from(source, address)?;
        let root = client.mount("/projects")?;
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&answered));
        let name = format!("good-{source}");
        let thread = thread::spawn(move || -> Result<()> {
            let file = match work {
                Work::Look => None,
                Work::Write => Some(client.lookup(&root, &name).or_else(|_| client.create(&root, &name, 0o644))?),
            };
            while !stopped.load(Ordering::Relaxed) {
                match &file {
                    None => drop(client.getattr(&root)?),
                    Some(file) => write(&mut client, file, &counted)?,
                }
                counted.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
        Ok(Self { stop, answered, thread })
    }

    /// Calls answered so far.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Stops, and says how many calls were answered. An error when any of them failed.
    pub fn stop(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("a good client panicked"))?.context("a good client was refused")?;
        Ok(self.answered.load(Ordering::Relaxed))
    }
}

fn write(client: &mut Client, file: &FileHandle, answered: &AtomicU64) -> Result<()> {
    let data = Bytes::from_static(&[7; PIECE_BYTES]);
    let count = u32::try_from(PIECE_BYTES)?;
    for piece in 0..PIECES {
        let args = WriteArgs {
            file: file.clone(),
            offset: piece * u64::from(count),
            count,
            stable: StableHow::Unstable,
            data: data.clone(),
        };
        client.write(&args)?;
        answered.fetch_add(1, Ordering::Relaxed);
    }
    client.commit(file)?;
    Ok(())
}

const PIECES: u64 = 8;
const PIECE_BYTES: usize = 32 << 10;
