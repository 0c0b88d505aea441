//! One connection with some operations in flight, without a task or a copy per call.

use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::{Buf, Bytes};
use hdrhistogram::Histogram;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::arguments::Arguments;
use crate::operations::{Next, Operation, operation};
use crate::prepare::Ground;
use crate::rpc::{Call, Reply};
use crate::window::{Window, now};

/// What one connection did within the window.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) operations: u64,
    pub(crate) bytes: u64,
    pub(crate) errors: u64,
    pub(crate) first_error: Option<String>,
    pub(crate) retries: u64,
    pub(crate) latency_ns: Histogram<u64>,
    /// Congestion control of its socket.
    pub(crate) congestion: String,
    /// When it had nothing more to do, if that was before the window's end.
    pub(crate) exhausted: Option<Instant>,
}

/// A connection and its slots.
pub(crate) struct Connection {
    stream: TcpStream,
    slots: Vec<Slot>,
    output: VecDeque<Bytes>,
    input: Vec<u8>,
    records: Records,
    in_flight: usize,
    again: Vec<usize>,
    tally: Tally,
}

struct Slot {
    operation: Box<dyn Operation>,
    /// The call in flight, kept to be sent again.
    call: Option<Call>,
    begun: Instant,
    calls: u32,
}

impl Connection {
    /// Connects, with operations as the arguments say.
    pub(crate) async fn open(arguments: &Arguments, ground: &Arc<Ground>, number: usize) -> Result<Self> {
        let operations = (0..arguments.depth).map(|slot| operation(arguments, ground, (number, slot))).collect();
        Self::with(arguments, operations).await
    }

    /// Connects, with these operations.
    pub(crate) async fn with(arguments: &Arguments, operations: Vec<Box<dyn Operation>>) -> Result<Self> {
        let stream = TcpStream::connect(arguments.server).await.with_context(|| format!("at {}", arguments.server))?;
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        match &arguments.congestion {
            Some(named) => socket.set_tcp_congestion(named.as_bytes()).context("congestion control")?,
            // Only root may choose one that the machine does not allow to all; the report tells what it came to.
            None => socket.set_tcp_congestion(b"cubic").unwrap_or(()),
        }
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(Duration::from_secs(30)))?;
        let begun = now();
        let slots: Vec<_> =
            operations.into_iter().map(|operation| Slot { operation, call: None, begun, calls: 0 }).collect();
        let tally = Tally {
            operations: 0,
            bytes: 0,
            errors: 0,
            first_error: None,
            retries: 0,
            latency_ns: new_histogram()?,
            congestion: socket.tcp_congestion().map(|name| text(&name)).unwrap_or_default(),
            exhausted: None,
        };
        Ok(Self {
            stream,
            slots,
            output: VecDeque::new(),
            input: vec![0; INPUT_BYTES],
            records: Records::default(),
            in_flight: 0,
            again: Vec::new(),
            tally,
        })
    }

    /// Keeps every slot busy until the window ends or its operation has nothing more to do.
    pub(crate) async fn run(mut self, window: &Window) -> Result<Tally> {
        for slot in 0..self.slots.len() {
            self.begin(slot, window);
        }
        loop {
            self.write()?;
            if self.in_flight == 0 {
                self.tally.exhausted = Some(now()).filter(|time| *time < window.end);
                return Ok(self.tally);
            }
            let wanted =
                if self.output.is_empty() { Interest::READABLE } else { Interest::READABLE | Interest::WRITABLE };
            self.stream.ready(wanted).await?;
            self.read(window)?;
            self.repeat().await;
        }
    }

    fn begin(&mut self, index: usize, window: &Window) {
        let time = now();
        let Some(slot) = self.slots.get_mut(index) else { return };
        let next = if time < window.end { slot.operation.begin() } else { None };
        slot.begun = time;
        if let Some(call) = next {
            self.in_flight += 1;
            self.send(index, call);
        }
    }

    fn send(&mut self, index: usize, call: Call) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        // The slot's number stands in the xid; its count of calls makes the xid unique.
        let xid = u32::try_from(index).unwrap_or(0) | (slot.calls & 0xfffff) << SLOT_BITS;
        slot.calls = slot.calls.wrapping_add(1);
        let Call { head, payload } = call.stamped(xid);
        slot.call = Some(call);
        self.output.push_back(head.freeze());
        if !payload.is_empty() {
            self.output.push_back(payload);
        }
    }

    fn write(&mut self) -> Result<()> {
        while !self.output.is_empty() {
            let slices: Vec<_> = self.output.iter().take(SLICES_MAX).map(|bytes| IoSlice::new(bytes)).collect();
            match self.stream.try_write_vectored(&slices) {
                Ok(written) => self.advance(written),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn advance(&mut self, mut written: usize) {
        while let Some(first) = self.output.front_mut() {
            if first.len() > written {
                first.advance(written);
                return;
            }
            written -= first.len();
            self.output.pop_front();
        }
    }

    fn read(&mut self, window: &Window) -> Result<()> {
        let received = match self.stream.try_read(&mut self.input) {
            Ok(0) => bail!("the server closed the connection"),
            Ok(received) => received,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let input = std::mem::take(&mut self.input);
        let mut records = std::mem::take(&mut self.records);
        let mut rest = input.get(..received).unwrap_or_default();
        while let Some(record) = records.next(&mut rest) {
            self.answered(&record, window)?;
        }
        self.records = records;
        self.input = input;
        Ok(())
    }

    fn answered(&mut self, record: &[u8], window: &Window) -> Result<()> {
        let reply = Reply::parse(record)?;
        let index = usize::try_from(reply.xid & ((1 << SLOT_BITS) - 1))?;
        let slot = self.slots.get_mut(index).context("a reply to no call")?;
        if slot.operation.has_status() && reply.status() == JUKEBOX {
            self.tally.retries += 1;
            self.again.push(index);
            return Ok(());
        }
        match slot.operation.answered(&reply) {
            Ok(Next::Call(call)) => self.send(index, call),
            Ok(Next::Done { operations, bytes }) => {
                self.count(index, window, (operations, bytes));
                self.in_flight -= 1;
                self.begin(index, window);
            }
            Err(error) => {
                self.tally.errors += 1;
                self.tally.first_error.get_or_insert_with(|| format!("{error:#}"));
                self.in_flight -= 1;
                self.begin(index, window);
            }
        }
        Ok(())
    }

    fn count(&mut self, index: usize, window: &Window, (operations, bytes): (u64, u64)) {
        let time = now();
        let Some(slot) = self.slots.get(index) else { return };
        if time < window.begin || time > window.end {
            return;
        }
        self.tally.operations += operations;
        self.tally.bytes += bytes;
        let latency = u64::try_from((time - slot.begun).as_nanos()).unwrap_or(u64::MAX);
        self.tally.latency_ns.saturating_record(latency.max(1));
    }

    /// Sends calls again that the server could not do yet (NFS3ERR_JUKEBOX).
    async fn repeat(&mut self) {
        if self.again.is_empty() {
            return;
        }
        tokio::time::sleep(RETRY_PAUSE).await;
        for index in std::mem::take(&mut self.again) {
            if let Some(call) = self.slots.get_mut(index).and_then(|slot| slot.call.take()) {
                self.send(index, call);
            }
        }
    }
}

/// A name that the kernel pads with zeros.
fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).trim_end_matches('\0').to_owned()
}

/// Latencies from a nanosecond to a minute; what takes longer counts as a minute.
pub(crate) fn new_histogram() -> Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).context("histogram")
}

/// Records of one fragment each, cut out of what was received.
#[derive(Debug, Default)]
struct Records {
    /// Of a record that is not complete: the marker first.
    held: Vec<u8>,
}

impl Records {
    fn next<'a>(&mut self, rest: &mut &'a [u8]) -> Option<std::borrow::Cow<'a, [u8]>> {
        if self.held.is_empty()
            && let Some((marker, behind)) = rest.split_first_chunk()
            && let Some((record, behind)) = behind.split_at_checked(length_of(*marker))
        {
            *rest = behind;
            return Some(record.into());
        }
        self.fill(rest, 4);
        let marker = self.held.first_chunk().copied()?;
        let whole = 4 + length_of(marker);
        self.fill(rest, whole);
        if self.held.len() < whole {
            return None;
        }
        let mut record = std::mem::take(&mut self.held);
        record.drain(..4);
        Some(record.into())
    }

    fn fill(&mut self, rest: &mut &[u8], whole: usize) {
        let wanted = whole.saturating_sub(self.held.len()).min(rest.len());
        let (taken, behind) = rest.split_at(wanted);
        self.held.extend_from_slice(taken);
        *rest = behind;
    }
}

fn length_of(marker: [u8; 4]) -> usize {
    usize::try_from(u32::from_be_bytes(marker) & !(1 << 31)).unwrap_or(usize::MAX)
}

const SLOT_BITS: u32 = 12;
const INPUT_BYTES: usize = 1 << 20;
const SLICES_MAX: usize = 256;
const JUKEBOX: u32 = 10008;
const RETRY_PAUSE: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_out_whole_however_they_were_cut() {
        let mut stream = Vec::new();
        for length in [0_usize, 1, 5, 300, 70_000] {
            stream.extend_from_slice(&(u32::try_from(length).unwrap() | 1 << 31).to_be_bytes());
            stream.extend(std::iter::repeat_n(u8::try_from(length % 251).unwrap(), length));
        }
        for step in [1, 3, 7, 1000, 100_000] {
            let mut records = Records::default();
            let mut lengths = Vec::new();
            for piece in stream.chunks(step) {
                let mut rest = piece;
                while let Some(record) = records.next(&mut rest) {
                    lengths.push(record.len());
                }
            }
            assert_eq!(lengths, [0, 1, 5, 300, 70_000], "in pieces of {step}");
        }
    }
}
