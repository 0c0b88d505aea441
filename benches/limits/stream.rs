//! Bytes over loopback: a thread that writes, a thread that reads.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use crate::cpu::{now, per_gibibyte, pin, rate, used};
use crate::figure::{Figure, MEGABYTES};

/// One connection in pieces of 1 MiB, the two ends on two cores.
pub(crate) fn measure(time: Duration) -> Result<Vec<Figure>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut sender = cubic(TcpStream::connect(listener.local_addr()?)?);
    let mut receiver = cubic(listener.accept()?.0);
    let reader = thread::spawn(move || {
        pin(0);
        receive(&mut receiver)
    });
    let writer = thread::spawn(move || {
        pin(1);
        send(&mut sender, time)
    });
    let sent = writer.join().map_err(|_| anyhow!("the writer panicked"))?.context("loopback, sending")?;
    let received = reader.join().map_err(|_| anyhow!("the reader panicked"))?.context("loopback, receiving")?;
    let figure = |key: &str, what: &str, end: End| {
        let value = rate(end.bytes, end.took) / 1e6;
        Figure::new(key, what, (value, MEGABYTES)).with_cpu(per_gibibyte(end.cpu, end.bytes))
    };
    Ok(vec![
        figure("loopback_send", "loopback, sending 1 MiB pieces", sent),
        figure("loopback_receive", "loopback, receiving", received),
    ])
}

/// What one end saw.
struct End {
    bytes: u64,
    took: Duration,
    cpu: Duration,
}

fn send(stream: &mut TcpStream, time: Duration) -> Result<End> {
    let piece = vec![0x5a; PIECE];
    let (begin, before, mut bytes) = (now(), used(), 0);
    while begin.elapsed() < time {
        stream.write_all(&piece)?;
        bytes += PIECE as u64;
    }
    Ok(End { bytes, took: begin.elapsed(), cpu: used().saturating_sub(before) })
}

fn receive(stream: &mut TcpStream) -> Result<End> {
    let mut piece = vec![0; PIECE];
    let (begin, before, mut bytes) = (now(), used(), 0);
    loop {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(received) => bytes += received as u64,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(End { bytes, took: begin.elapsed(), cpu: used().saturating_sub(before) })
}

/// As the loads and servers of the comparison have it; only root may choose it everywhere.
fn cubic(stream: TcpStream) -> TcpStream {
    socket2::SockRef::from(&stream).set_tcp_congestion(b"cubic").ok();
    stream
}

const PIECE: usize = 1 << 20;
