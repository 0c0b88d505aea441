//! A TCP connection that carries frames behind lengths of four bytes, as ONC RPC's records of one fragment and SMB's direct
//! transport do; what is sent is gathered, what is received is not copied out.

use std::collections::VecDeque;
use std::fmt;
use std::io::{ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::{Buf, Bytes, BytesMut};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// The connection.
pub struct Stream {
    socket: TcpStream,
    input: BytesMut,
    /// What waits to be sent.
    pub output: Output,
    congestion: String,
}

/// Pieces that are sent one behind the other.
#[derive(Debug, Default)]
pub struct Output(VecDeque<Bytes>);

impl Stream {
    /// Connects, with this congestion control; `None`: cubic, where that is allowed.
    ///
    /// # Errors
    /// Nobody listens; a congestion control that was named and is not allowed.
    pub async fn connect(address: SocketAddr, congestion: Option<&str>) -> Result<Self> {
        let socket = TcpStream::connect(address).await.with_context(|| format!("at {address}"))?;
        socket.set_nodelay(true)?;
        let options = SockRef::from(&socket);
        match congestion {
            Some(named) => options.set_tcp_congestion(named.as_bytes()).context("congestion control")?,
            // Only root may choose one that the machine does not allow to all; the report tells what it came to.
            None => options.set_tcp_congestion(b"cubic").unwrap_or(()),
        }
        options.set_tcp_keepalive(&TcpKeepalive::new().with_time(Duration::from_secs(30)))?;
        let congestion = options.tcp_congestion().map(|name| text(&name)).unwrap_or_default();
        Ok(Self { socket, input: BytesMut::new(), output: Output::default(), congestion })
    }

    /// Congestion control of its socket.
    #[must_use]
    pub fn congestion(&self) -> &str {
        &self.congestion
    }

    /// Sends what it can without waiting.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn write(&mut self) -> Result<()> {
        while !self.output.0.is_empty() {
            let slices: Vec<_> = self.output.0.iter().take(SLICES_MAX).map(|bytes| IoSlice::new(bytes)).collect();
            match self.socket.try_write_vectored(&slices) {
                Ok(written) => self.output.advance(written),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Waits until something can be received, or sent if something waits, and receives it.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn receive(&mut self) -> Result<()> {
        let wanted =
            if self.output.0.is_empty() { Interest::READABLE } else { Interest::READABLE | Interest::WRITABLE };
        self.socket.ready(wanted).await?;
        if self.input.capacity() - self.input.len() < INPUT_BYTES_MIN {
            self.input.reserve(INPUT_BYTES);
        }
        match self.socket.try_read_buf(&mut self.input) {
            Ok(0) => bail!("the server closed the connection"),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The next frame that is whole, without its length.
    pub fn next_frame(&mut self) -> Option<BytesMut> {
        cut(&mut self.input)
    }

    /// Sends everything, and waits for a frame.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn frame(&mut self) -> Result<BytesMut> {
        loop {
            self.write()?;
            if let Some(frame) = self.next_frame() {
                return Ok(frame);
            }
            self.receive().await?;
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Stream").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl Output {
    /// Appends a piece.
    pub fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.0.push_back(piece);
        }
    }

    fn advance(&mut self, mut written: usize) {
        while let Some(first) = self.0.front_mut() {
            if first.len() > written {
                first.advance(written);
                return;
            }
            written -= first.len();
            self.0.pop_front();
        }
    }
}

fn cut(input: &mut BytesMut) -> Option<BytesMut> {
    // The bit at the top is RPC's: the last fragment of a record.
    let length = usize::try_from(u32::from_be_bytes(*input.first_chunk()?) & !(1 << 31)).ok()?;
    if input.len() - LENGTH_BYTES < length {
        return None;
    }
    input.advance(LENGTH_BYTES);
    Some(input.split_to(length))
}

/// A name that the kernel pads with zeros.
fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).trim_end_matches('\0').to_owned()
}

const LENGTH_BYTES: usize = 4;
const INPUT_BYTES: usize = 2 << 20;
const INPUT_BYTES_MIN: usize = 256 << 10;
const SLICES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_whole_however_they_were_cut() {
        let mut sent = Vec::new();
        for length in [0_usize, 1, 5, 300, 70_000] {
            sent.extend_from_slice(&(u32::try_from(length).unwrap() | 1 << 31).to_be_bytes());
            sent.extend(std::iter::repeat_n(u8::try_from(length % 251).unwrap(), length));
        }
        for step in [1, 3, 7, 1000, 100_000] {
            let mut input = BytesMut::new();
            let mut lengths = Vec::new();
            for piece in sent.chunks(step) {
                input.extend_from_slice(piece);
                while let Some(frame) = cut(&mut input) {
                    lengths.push(frame.len());
                }
            }
            assert_eq!(lengths, [0, 1, 5, 300, 70_000], "in pieces of {step}");
        }
    }
}
