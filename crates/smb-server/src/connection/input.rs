//! What was received and is no frame yet (MS-SMB2 2.1). The buffer grows with what comes, never by what a frame announces.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, BytesMut};
use smb_wire::frame::{FRAME_HEADER_BYTES, FrameError, frame_length};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Received bytes of one connection.
#[derive(Debug)]
pub(super) struct Input {
    bytes: BytesMut,
    read_bytes: usize,
}

impl Default for Input {
    fn default() -> Self {
        Self { bytes: BytesMut::new(), read_bytes: READ_BYTES_MIN }
    }
}

impl Input {
    /// Bytes held.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The next complete frame, without its header, if it is no longer than `bytes_max`. An empty one is a keep-alive and
    /// is left out.
    ///
    /// Errors: the stream cannot be read on.
    pub(super) fn next_frame(&mut self, bytes_max: usize) -> Result<Option<BytesMut>, FrameError> {
        while let Some(header) = self.bytes.first_chunk() {
            if *header == KEEP_ALIVE || *header == [0; FRAME_HEADER_BYTES] {
                self.bytes.advance(FRAME_HEADER_BYTES);
                continue;
            }
            let length = frame_length(*header, bytes_max)?;
            if self.bytes.len() - FRAME_HEADER_BYTES < length {
                return Ok(None);
            }
            self.bytes.advance(FRAME_HEADER_BYTES);
            return Ok(Some(self.bytes.split_to(length)));
        }
        Ok(None)
    }

    /// Receives once what the stream has.
    pub(super) fn poll_receive<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if self.bytes.capacity() == 0 {
            return self.receive_at_rest(stream, cx);
        }
        if self.bytes.capacity() - self.bytes.len() < self.read_bytes / 2 {
            self.bytes.reserve(self.read_bytes);
        }
        let room = self.read_bytes.min(self.bytes.capacity() - self.bytes.len());
        let mut target = (&mut self.bytes).limit(room);
        let count = ready!(pin!(stream.read_buf(&mut target)).poll(cx))?;
        // As much again as came last, so that a long frame needs few reads and a short one little memory.
        let next = if count == room { self.read_bytes * 4 } else { self.read_bytes };
        self.read_bytes = if count < READ_BYTES_MIN { READ_BYTES_MIN } else { next.min(READ_BYTES_MAX) };
        Poll::Ready(Ok(count))
    }

    /// Gives back what only a busy connection needs; nothing of a frame has come.
    pub(super) fn slim(&mut self) {
        *self = Self::default();
    }

    /// Makes a buffer only when something has come.
    fn receive_at_rest<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut first = [0; FIRST_BYTES];
        let mut target = first.as_mut_slice();
        let count = ready!(pin!(stream.read_buf(&mut target)).poll(cx))?;
        self.bytes.reserve(READ_BYTES_MIN);
        self.bytes.extend_from_slice(first.get(..count).unwrap_or_default());
        Poll::Ready(Ok(count))
    }
}

/// A session packet of NetBIOS that only keeps connections alive (RFC 1002 4.3.7).
const KEEP_ALIVE: [u8; FRAME_HEADER_BYTES] = [0x85, 0, 0, 0];
const FIRST_BYTES: usize = 1024;
const READ_BYTES_MIN: usize = 16 << 10;
const READ_BYTES_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn input(bytes: &[u8]) -> Input {
        Input { bytes: BytesMut::from(bytes), ..Input::default() }
    }

    #[test]
    fn frames_are_cut_and_keep_alives_left_out() {
        let mut input = input(&[0x85, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 0, 0, 0, 1]);
        assert_eq!(input.next_frame(10).unwrap().unwrap()[..], [1, 2]);
        assert!(input.next_frame(10).unwrap().is_none());
        input.bytes.extend_from_slice(&[7]);
        assert_eq!(input.next_frame(10).unwrap().unwrap()[..], [7]);
        assert_eq!(input.len(), 0);
    }

    #[test]
    fn what_is_announced_is_not_believed() {
        assert!(matches!(input(&[0, 0, 1, 0]).next_frame(255), Err(FrameError::TooLong { length: 256, maximum: 255 })));
        assert!(matches!(input(b"GET /").next_frame(255), Err(FrameError::Type(b'G'))));
    }
}
