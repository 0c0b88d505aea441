//! Replies that wait to be written, gathered into one vectored write.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use pages::Payload;
use tokio::io::AsyncWrite;

/// Replies in the order in which they became ready. Heads are copied together, payloads go out from where they lie.
#[derive(Debug, Default)]
pub struct Output {
    chunks: VecDeque<Bytes>,
    tail: BytesMut,
    bytes: usize,
}

impl Output {
    /// Bytes not written yet.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Whether everything was written.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Appends bytes; they are copied.
    pub fn push(&mut self, head: &[u8]) {
        self.bytes += head.len();
        self.tail.extend_from_slice(head);
    }

    /// Appends a payload, which goes out from where it lies unless it is small.
    pub fn push_payload(&mut self, payload: &Payload) {
        self.bytes += payload.len();
        if payload.len() <= COPIED_BYTES_MAX {
            payload.slices().iter().for_each(|slice| self.tail.extend_from_slice(slice));
        } else {
            self.close_tail();
            self.chunks.extend(payload.slices().iter().cloned());
        }
    }

    /// Takes out everything, copied together.
    pub fn take_all(&mut self) -> Vec<u8> {
        self.close_tail();
        std::mem::take(self).chunks.iter().flat_map(|chunk| chunk.iter().copied()).collect()
    }

    /// Forgets everything: nobody will read it.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Writes what the stream takes, of about so many bytes, and returns how many.
    pub fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        bytes_max: usize,
        cx: &mut Context<'_>,
    ) -> Poll<std::io::Result<usize>> {
        self.close_tail();
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let mut gathered_bytes = 0;
        let mut is_wanted = |chunk: &&Bytes| {
            let before = gathered_bytes;
            gathered_bytes += chunk.len();
            before < bytes_max
        };
        let wanted = self.chunks.iter().take_while(|chunk| is_wanted(chunk));
        let used = wanted.zip(&mut slices).map(|(chunk, slice)| *slice = IoSlice::new(chunk)).count();
        let gathered = slices.get(..used).unwrap_or_default();
        let written = std::task::ready!(Pin::new(stream).poll_write_vectored(cx, gathered))?;
        if written == 0 {
            return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
        }
        self.advance(written);
        Poll::Ready(Ok(written))
    }

    fn close_tail(&mut self) {
        if !self.tail.is_empty() {
            self.chunks.push_back(self.tail.split().freeze());
        }
    }

    fn advance(&mut self, mut written: usize) {
        self.bytes = self.bytes.saturating_sub(written);
        while let Some(first) = self.chunks.front_mut() {
            if first.len() > written {
                first.advance(written);
                return;
            }
            written -= first.len();
            self.chunks.pop_front();
        }
    }
}

/// Slices of one write: a READ of 1 MiB in blocks of 4 KiB fits.
const SLICES_MAX: usize = 264;
/// A payload of so few bytes is copied: that costs less than a slice of its own.
const COPIED_BYTES_MAX: usize = 512;
