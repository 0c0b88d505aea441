//! NULL calls: a loop that answers records in line on one thread, as the cheapest server of records could be.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

use crate::cpu::{now, per_operation, pin, rate, used};
use crate::figure::{Figure, PER_SECOND};

/// One connection with `depth` calls in flight.
pub(crate) fn measure(depth: usize, time: Duration) -> Result<Vec<Figure>> {
    let (tell, address) = mpsc::channel();
    let server = thread::spawn(move || {
        pin(0);
        runtime()?.block_on(serve(&tell))
    });
    let address = address.recv().context("the echo loop did not start")?;
    let client = thread::spawn(move || {
        pin(1);
        runtime()?.block_on(call(address, depth, time))
    });
    let took = client.join().map_err(|_| anyhow!("the caller panicked"))??;
    let (calls, cpu) = server.join().map_err(|_| anyhow!("the echo loop panicked"))??;
    let what = format!("NULL echo loop, 1 connection, depth {depth}");
    let figure = Figure::new(&format!("null_echo_d{depth}"), &what, (rate(calls, took), PER_SECOND));
    Ok(vec![figure.with_cpu(per_operation(cpu, calls))])
}

/// Answers until the connection ends: calls, CPU time.
async fn serve(tell: &mpsc::Sender<SocketAddr>) -> Result<(u64, Duration)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    tell.send(listener.local_addr()?)?;
    let (mut stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    let (mut input, mut held, mut output) = (vec![0; BUFFER], 0, Vec::with_capacity(BUFFER));
    let (before, mut calls) = (used(), 0);
    loop {
        let received = stream.read(input.get_mut(held..).unwrap_or_default()).await?;
        if received == 0 {
            return Ok((calls, used().saturating_sub(before)));
        }
        held += received;
        let whole = held - held % CALL_BYTES;
        for record in input.get(..whole).unwrap_or_default().chunks_exact(CALL_BYTES) {
            output.extend_from_slice(&reply(record));
            calls += 1;
        }
        input.copy_within(whole..held, 0);
        held -= whole;
        stream.write_all(&output).await?;
        output.clear();
    }
}

/// Keeps `depth` calls in flight: the time it took.
async fn call(address: SocketAddr, depth: usize, time: Duration) -> Result<Duration> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let calls = vec![0x11; CALL_BYTES * depth];
    let (mut input, mut held, begin) = (vec![0; BUFFER], 0, now());
    stream.write_all(&calls).await?;
    while begin.elapsed() < time {
        held += stream.read(&mut input).await?;
        let answered = held / REPLY_BYTES;
        held %= REPLY_BYTES;
        stream.write_all(calls.get(..answered * CALL_BYTES).unwrap_or_default()).await?;
    }
    let took = begin.elapsed();
    // The last ones are read too: a connection that ends with bytes unread is reset.
    while held < depth * REPLY_BYTES {
        held += stream.read(&mut input).await?;
    }
    Ok(took)
}

/// Accepted, without a verifier, success.
fn reply(call: &[u8]) -> [u8; REPLY_BYTES] {
    let mut reply = [0; REPLY_BYTES];
    reply[..4].copy_from_slice(&(0x8000_0000_u32 | 24).to_be_bytes());
    if let Some(xid) = call.get(4..8) {
        reply[4..8].copy_from_slice(xid);
    }
    reply[11] = 1;
    reply
}

fn runtime() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// A NULL call with its record marker and AUTH_NONE.
const CALL_BYTES: usize = 44;
const REPLY_BYTES: usize = 28;
const BUFFER: usize = 64 << 10;
