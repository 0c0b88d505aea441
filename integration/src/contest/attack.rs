//! Clients as they should not be. Each costs the machine itself as little as it can: what is measured is what it costs
//! the others through the gateway.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Result, anyhow};
use nfs_wire::nfs3::{Getattr, GetattrArgs, Read as ReadFile, ReadArgs, Write as WriteFile, WriteArgs};

use super::cores::step_back;
use super::sockets::connect_from;
use crate::client::Client;

/// Ways to hurt others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hostile {
    /// None: one connection, GETATTR after GETATTR. What a good client costs the others.
    Nothing,
    /// READs of 1 MiB on four connections, and no answer is taken.
    ReadsNothing,
    /// A thousand connections, one byte a second on each.
    SlowLoris,
    /// Opens so many connections and keeps them; those that are refused it opens again.
    HoldsConnections(usize),
    /// Opens connections and closes them, as fast as it can.
    Reopens,
    /// A hundred thousand GETATTRs in advance on each of so many connections.
    Pipelines(usize),
    /// Announces records of 2 GiB, and of 1 MiB that never come.
    AnnouncesGiants,
    /// Sends random records.
    SendsGarbage,
}

/// A hostile client at work, in a thread of its own.
#[derive(Debug)]
pub struct Attack {
    shared: Arc<Shared>,
    thread: JoinHandle<Result<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    /// Bytes of answers taken.
    taken: AtomicU64,
    /// Connections made.
    connections: AtomicU64,
}

/// One hostile connection that never blocks.
#[derive(Debug)]
struct Wire {
    stream: TcpStream,
    /// What is sent over and over.
    calls: Arc<[u8]>,
    sent: usize,
}

struct Attacker {
    shared: Arc<Shared>,
    source: IpAddr,
    address: SocketAddr,
}

impl Attack {
    /// Begins, from this address.
    pub fn start(hostile: Hostile, source: IpAddr, address: SocketAddr) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let attacker = Attacker { shared: Arc::clone(&shared), source, address };
        let calls = attacker.calls(hostile)?;
        let thread =
            thread::spawn(move || step_back().map_err(Into::into).and_then(|()| attacker.run(hostile, &calls)));
        Ok(Self { shared, thread })
    }

    /// GETATTRs answered so far to a client that pipelines them.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.shared.taken.load(Ordering::Relaxed) / GETATTR_REPLY_BYTES
    }

    /// Connections made so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Stops.
    pub fn stop(self) -> Result<()> {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("a hostile client panicked"))?
    }
}

impl Attacker {
    fn run(&self, hostile: Hostile, calls: &Arc<[u8]>) -> Result<()> {
        match hostile {
            Hostile::Nothing => self.ask(calls),
            Hostile::ReadsNothing => self.pump(4, calls, false),
            Hostile::SlowLoris => self.trickle(calls),
            Hostile::HoldsConnections(count) => self.hold(count, calls),
            Hostile::Reopens => self.reopen(&[&[]]),
            Hostile::Pipelines(count) => self.pump(count, calls, true),
            Hostile::AnnouncesGiants => self.reopen(&[&[0xff; 64], &[0x80, 0x0f, 0xff, 0xff, 1, 2, 3]]),
            Hostile::SendsGarbage => self.reopen(&[calls]),
        }
    }

    /// What it sends.
    fn calls(&self, hostile: Hostile) -> Result<Arc<[u8]>> {
        let mut client = Client::connect_from(self.source, self.address)?;
        let object = client.mount("/projects")?;
        let getattr = client.record::<Getattr>(&GetattrArgs { object: object.clone() });
        Ok(match hostile {
            Hostile::ReadsNothing => {
                let name = format!("large-{}", self.source);
                // It may have come before.
                let file = match client.lookup(&object, &name) {
                    Ok(file) => file,
                    Err(_) => client.create(&object, &name, 0o644)?,
                };
                let data = bytes::Bytes::from(vec![5; READ_BYTES as usize]);
                let stable = nfs_wire::nfs3::StableHow::FileSync;
                let args = WriteArgs { file: file.clone(), offset: 0, count: READ_BYTES, stable, data };
                client.call::<WriteFile>(&args)?;
                client.record::<ReadFile>(&ReadArgs { file, offset: 0, count: READ_BYTES }).to_vec().into()
            }
            Hostile::Pipelines(_) => getattr.repeat(CALLS_AT_ONCE).into(),
            // A call that is cut off at both ends.
            Hostile::SendsGarbage => {
                [0x80, 0, 0, 100].into_iter().chain(getattr.iter().copied().cycle().skip(7).take(100)).collect()
            }
            _ => getattr.to_vec().into(),
        })
    }

    fn goes_on(&self) -> bool {
        !self.shared.stop.load(Ordering::Relaxed)
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let stream = connect_from(self.source, self.address)?;
        self.shared.connections.fetch_add(1, Ordering::Relaxed);
        Ok(stream)
    }

    fn ask(&self, call: &[u8]) -> Result<()> {
        let mut stream = self.connect()?;
        let mut reply = vec![0; usize::try_from(GETATTR_REPLY_BYTES)?];
        while self.goes_on() {
            stream.write_all(call)?;
            stream.read_exact(&mut reply)?;
            self.shared.taken.fetch_add(GETATTR_REPLY_BYTES, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Sends without waiting on so many connections, and takes the answers or does not.
    fn pump(&self, count: usize, calls: &Arc<[u8]>, takes: bool) -> Result<()> {
        let mut wires: Vec<Option<Wire>> = (0..count).map(|_| None).collect();
        let mut scratch = vec![0; SCRATCH_BYTES];
        while self.goes_on() {
            let mut moved = 0;
            for wire in &mut wires {
                moved += self.pump_one(wire, calls, takes.then_some(&mut scratch));
            }
            if moved < MOVED_BYTES_MIN {
                thread::sleep(PUMP_PAUSE);
            }
        }
        Ok(())
    }

    /// Moves what one connection takes; makes it again when it was closed.
    fn pump_one(&self, wire: &mut Option<Wire>, calls: &Arc<[u8]>, scratch: Option<&mut Vec<u8>>) -> usize {
        let made = match wire.take() {
            Some(wire) => Ok(wire),
            None => self.connect().and_then(|stream| Wire::new(stream, calls)),
        };
        let Ok(mut made) = made else { return 0 };
        let moved = made.send().and_then(|sent| {
            let taken = scratch.map_or(Ok(0), |scratch| made.take(scratch))?;
            self.shared.taken.fetch_add(u64::try_from(taken).unwrap_or(0), Ordering::Relaxed);
            Ok(sent + taken)
        });
        if let Ok(moved) = moved {
            *wire = Some(made);
            return moved;
        }
        0
    }

    /// A byte a second on each of many connections, spread over the second.
    fn trickle(&self, call: &[u8]) -> Result<()> {
        let mut streams: Vec<(Option<TcpStream>, usize)> = (0..TRICKLES).map(|_| (None, 0)).collect();
        while self.goes_on() {
            for part in streams.chunks_mut(TRICKLES / 100) {
                for (stream, sent) in part {
                    self.trickle_one(stream, sent, call);
                }
                thread::sleep(Duration::from_millis(10));
            }
        }
        Ok(())
    }

    fn trickle_one(&self, stream: &mut Option<TcpStream>, sent: &mut usize, call: &[u8]) {
        let byte = call.get(*sent % call.len()..).and_then(|rest| rest.get(..1)).unwrap_or_default();
        let is_sent = stream.as_mut().is_some_and(|stream| stream.write_all(byte).is_ok());
        *sent = if is_sent { *sent + 1 } else { 0 };
        if !is_sent {
            *stream = self.connect().ok();
        }
    }

    /// Opens many connections, asks once on each, and keeps them.
    fn hold(&self, count: usize, call: &[u8]) -> Result<()> {
        let mut streams = Vec::new();
        while self.goes_on() {
            if streams.len() < count {
                let Ok(mut stream) = self.connect() else { continue };
                // One that was refused is closed by the other side; it is kept here all the same.
                if stream.write_all(call).is_ok() {
                    streams.push(stream);
                }
            } else {
                thread::sleep(Duration::from_millis(10));
            }
        }
        Ok(())
    }

    /// Opens, sends, closes.
    fn reopen(&self, messages: &[&[u8]]) -> Result<()> {
        while self.goes_on() {
            for message in messages {
                let Ok(mut stream) = self.connect() else { continue };
                // Reset at the end: connections that wait for the peer's last word would use up the ports.
                socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
                if !message.is_empty() && stream.write_all(message).is_ok() {
                    thread::sleep(Duration::from_millis(1));
                }
            }
        }
        Ok(())
    }
}

impl Wire {
    fn new(stream: TcpStream, calls: &Arc<[u8]>) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, calls: Arc::clone(calls), sent: 0 })
    }

    fn send(&mut self) -> io::Result<usize> {
        let rest = self.calls.get(self.sent..).unwrap_or_default();
        let sent = not_now(self.stream.write(rest))?.unwrap_or(0);
        self.sent = (self.sent + sent) % self.calls.len();
        Ok(sent)
    }

    fn take(&mut self, scratch: &mut [u8]) -> io::Result<usize> {
        match not_now(self.stream.read(scratch))? {
            Some(0) => Err(ErrorKind::UnexpectedEof.into()),
            taken => Ok(taken.unwrap_or(0)),
        }
    }
}

fn not_now(moved: io::Result<usize>) -> io::Result<Option<usize>> {
    match moved {
        Ok(moved) => Ok(Some(moved)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// Record marker, reply header, status, attributes.
const GETATTR_REPLY_BYTES: u64 = 4 + 24 + 4 + 84;
const READ_BYTES: u32 = 1 << 20;
/// Calls that are sent with one write, as far as the socket takes them: together with what the sockets hold they never
/// end, which is more than 100,000.
const CALLS_AT_ONCE: usize = 1000;
const TRICKLES: usize = 1000;
const SCRATCH_BYTES: usize = 1 << 20;
const MOVED_BYTES_MIN: usize = 64 << 10;
const PUMP_PAUSE: Duration = Duration::from_millis(1);
