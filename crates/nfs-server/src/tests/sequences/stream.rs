//! A connection of the door over a stream that the test feeds and polls by hand.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes, BytesMut};
use nfs_wire::rpc::RECORD_MARKER_BYTES;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::caller::{Caller, Role};
use crate::connection::{Calls, Ended, serve};
use crate::dispatch::handle;
use crate::nfs3::reply_bytes_max;
use crate::tests::harness::House;

/// Polls without anything new after which an answer will not come any more.
const QUIET_POLLS: usize = 8;

/// What lies between the client and the door.
#[derive(Default)]
struct Wire {
    /// Pieces that the door has not read yet.
    incoming: VecDeque<Bytes>,
    is_closed: bool,
    outgoing: BytesMut,
    /// What one write takes; 0 while the client does not read.
    write_bytes_max: usize,
}

struct Stream(Rc<RefCell<Wire>>);

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut wire = self.0.borrow_mut();
        let Some(piece) = wire.incoming.front_mut() else {
            return if wire.is_closed { Poll::Ready(Ok(())) } else { Poll::Pending };
        };
        let length = piece.len().min(buffer.remaining());
        buffer.put_slice(&piece.split_to(length));
        if piece.is_empty() {
            wire.incoming.pop_front();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut wire = self.0.borrow_mut();
        let length = bytes.len().min(wire.write_bytes_max);
        if length == 0 {
            return Poll::Pending;
        }
        wire.outgoing.extend_from_slice(&bytes[..length]);
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// One connection being served. Needs the time driver of a runtime around it.
pub(super) struct Session<'a> {
    wire: Rc<RefCell<Wire>>,
    connection: Pin<Box<dyn Future<Output = Ended> + 'a>>,
    ended: Option<Ended>,
}

impl<'a> Session<'a> {
    pub(super) fn open(house: &'a House, caller: &'a Caller) -> Self {
        let wire = Rc::new(RefCell::new(Wire { write_bytes_max: usize::MAX, ..Wire::default() }));
        let reply_bytes_max = if caller.role == Role::Nfs { reply_bytes_max } else { |_: &Bytes| 0 };
        let begin = |record| handle(&house.door, caller, record);
        let calls = Calls { begin, reply_bytes_max, place: &house.place };
        let (stream, settings) = (Stream(Rc::clone(&wire)), &house.door.settings.connection);
        let connection = Box::pin(serve(stream, calls, settings, std::future::pending()));
        Self { wire, connection, ended: None }
    }

    /// What one write of the door takes from now on; 0 is a client that does not read.
    pub(super) fn set_write_bytes_max(&self, bytes: usize) {
        self.wire.borrow_mut().write_bytes_max = bytes;
    }

    /// Sends pieces, one for each time the door reads.
    pub(super) fn send(&mut self, pieces: Vec<Bytes>) {
        self.wire.borrow_mut().incoming.extend(pieces);
        self.poll();
    }

    /// The replies that came, each without its record marker.
    pub(super) fn replies(&mut self) -> Vec<Bytes> {
        let mut wire = self.wire.borrow_mut();
        let mut replies = Vec::new();
        while let Some(marker) = wire.outgoing.first_chunk().map(|marker| u32::from_be_bytes(*marker)) {
            assert_ne!(marker & 0x8000_0000, 0, "a reply in fragments");
            let length = usize::try_from(marker & 0x7fff_ffff).unwrap();
            if wire.outgoing.len() < RECORD_MARKER_BYTES + length {
                break;
            }
            wire.outgoing.advance(RECORD_MARKER_BYTES);
            replies.push(wire.outgoing.split_to(length).freeze());
        }
        replies
    }

    /// How the connection ended, if it did.
    pub(super) fn ended(&self) -> Option<&Ended> {
        self.ended.as_ref()
    }

    /// The client goes, maybe in the middle of a record; the door notices.
    pub(super) fn close(&mut self) {
        self.wire.borrow_mut().is_closed = true;
        self.poll();
        assert!(self.ended.is_some(), "the connection does not end with its client");
    }

    /// Polls until nothing moves any more.
    fn poll(&mut self) {
        let mut quiet = 0;
        while quiet < QUIET_POLLS && self.ended.is_none() {
            let before = self.moved();
            if let Poll::Ready(ended) = self.connection.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                self.ended = Some(ended);
            }
            quiet = if self.moved() == before { quiet + 1 } else { 0 };
        }
    }

    fn moved(&self) -> (usize, usize) {
        let wire = self.wire.borrow();
        (wire.incoming.iter().map(Bytes::len).sum(), wire.outgoing.len())
    }
}
