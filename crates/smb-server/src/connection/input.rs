//! What was received and is no frame yet (MS-SMB2 2.1). The buffer grows with what comes, never by what a frame announces.
//!
//! A large WRITE is received to where its data can stay: as soon as the head of its frame has come, the rest goes into
//! blocks of the pool, so placed that the data lies in memory as it will lie in the file, and nothing copies it between
//! the socket and the device.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use admission::LargeRecord;
use bytes::{Buf, BufMut, BytesMut};
use pages::{BLOCK_SIZE, Pool};
use smb_wire::Protocol;
use smb_wire::frame::{FRAME_HEADER_BYTES, FrameError, frame_length};
use smb_wire::transform::TRANSFORM_HEADER_BYTES;
use smb_wire::write::data_place;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::frame::Frame;

/// Received bytes of one connection.
#[derive(Debug)]
pub(super) struct Input {
    bytes: BytesMut,
    read_bytes: usize,
    large: Option<LargeRecord>,
    /// The frame in the making was looked at and is received like any other.
    is_plain: bool,
    pool: Pool,
}

impl Input {
    /// Nothing has come yet. Blocks come from `pool`.
    pub(super) fn new(pool: Pool) -> Self {
        Self { bytes: BytesMut::new(), read_bytes: READ_BYTES_MIN, large: None, is_plain: false, pool }
    }

    /// Bytes held.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() + self.large.as_ref().map_or(0, LargeRecord::capacity)
    }

    /// Whether a large frame has come whole: it must be taken before more is received.
    pub(super) fn is_large_complete(&self) -> bool {
        self.large.as_ref().is_some_and(LargeRecord::is_complete)
    }

    /// The next complete frame, without its header, if it is no longer than `bytes_max`. An empty one is a keep-alive and
    /// is left out. Blocks are taken only with `may_take_blocks`.
    ///
    /// Errors: the stream cannot be read on.
    pub(super) fn next_frame(&mut self, bytes_max: usize, may_take_blocks: bool) -> Result<Option<Frame>, FrameError> {
        if let Some(large) = self.large.take_if(|large| large.is_complete()) {
            // The head of the next frame is read by itself, as another large one may come.
            self.read_bytes = READ_BYTES_MIN;
            return Ok(Some(Frame::Large(large)));
        }
        if self.large.is_some() {
            return Ok(None);
        }
        while let Some(header) = self.bytes.first_chunk() {
            if *header == KEEP_ALIVE || *header == [0; FRAME_HEADER_BYTES] {
                self.bytes.advance(FRAME_HEADER_BYTES);
                continue;
            }
            let length = frame_length(*header, bytes_max)?;
            if self.bytes.len() - FRAME_HEADER_BYTES < length {
                if may_take_blocks && length >= LARGE_BYTES_MIN {
                    self.begin_large(length);
                }
                return Ok(None);
            }
            self.is_plain = false;
            self.bytes.advance(FRAME_HEADER_BYTES);
            return Ok(Some(Frame::Small(self.bytes.split_to(length))));
        }
        Ok(None)
    }

    /// Goes on in blocks when the frame in the making is a large WRITE, and there are some.
    fn begin_large(&mut self, length: usize) {
        let Some(come) = self.bytes.get(FRAME_HEADER_BYTES..) else { return };
        if self.is_plain || come.len() < HEAD_BYTES_MAX {
            return;
        }
        self.is_plain = true;
        let Some((at, within)) = place_of_data(come) else { return };
        let Some(large) = LargeRecord::begin(&self.pool, (length, come), (at, within)) else { return };
        self.bytes.clear();
        self.is_plain = false;
        self.large = Some(large);
    }

    /// Receives once what the stream has.
    pub(super) fn poll_receive<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if let Some(large) = &mut self.large {
            return large.poll_receive(stream, READ_BYTES_MAX, cx);
        }
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
        self.bytes = BytesMut::new();
        self.read_bytes = READ_BYTES_MIN;
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

/// Where the data of a frame that is one WRITE begins, and where that is within a block of the file. Of one that is
/// encrypted neither can be seen: it is taken for what clients send, a WRITE from the begin of a block.
fn place_of_data(head: &[u8]) -> Option<(usize, usize)> {
    match Protocol::of(head)? {
        Protocol::Smb2 => {
            let place = data_place(head)?;
            Some((place.frame_offset, usize::try_from(place.file_offset % BLOCK_SIZE as u64).ok()?))
        }
        Protocol::Transform => Some((TRANSFORM_HEADER_BYTES + WRITE_DATA_AT, 0)),
        Protocol::Smb1 | Protocol::Compressed => None,
    }
}

/// A session packet of NetBIOS that only keeps connections alive (RFC 1002 4.3.7).
const KEEP_ALIVE: [u8; FRAME_HEADER_BYTES] = [0x85, 0, 0, 0];
const FIRST_BYTES: usize = 1024;
const READ_BYTES_MIN: usize = 16 << 10;
const READ_BYTES_MAX: usize = 1 << 20;
/// Frames from this size on are received into blocks: of a smaller one the copy costs little, and a block of the pool
/// that it does not fill would stay in use as long as its data is dirty.
const LARGE_BYTES_MIN: usize = 128 << 10;
/// A header and the fixed part of a WRITE, encrypted or not.
const HEAD_BYTES_MAX: usize = 256;
/// Where clients let the data of a WRITE begin: behind the header and its fixed part of 48 bytes.
const WRITE_DATA_AT: usize = 112;

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use pages::PoolSettings;
    use smb_wire::codec::{Encode, Encoder};
    use smb_wire::write::{WriteFlags, WriteRequest};
    use smb_wire::{Channel, Command, FileId, Header};
    use tokio::io::ReadBuf;

    use super::*;

    fn input(bytes: &[u8]) -> Input {
        Input { bytes: BytesMut::from(bytes), ..Input::new(pool(0)) }
    }

    fn pool(bytes_max: usize) -> Pool {
        Pool::new(PoolSettings { bytes_max, huge_pages: false })
    }

    /// A stream that gives its bytes in pieces of a size.
    struct Pieces<'b>(&'b [u8], usize);

    impl AsyncRead for Pieces<'_> {
        fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            let (now, rest) = self.0.split_at(self.1.min(to.remaining()).min(self.0.len()));
            to.put_slice(now);
            self.0 = rest;
            Poll::Ready(Ok(()))
        }
    }

    /// A request as it goes over the wire.
    fn framed(command: Command, offset: u64, data: &[u8]) -> Vec<u8> {
        let file_id = FileId { persistent: 1, volatile: 2 };
        let (channel, flags) = (Channel::NONE, WriteFlags::default());
        let write = WriteRequest { offset, file_id, channel, flags, data };
        let mut bytes = BytesMut::new();
        let mut encoder = Encoder::new(&mut bytes);
        Header::request(command, 1).encode(&mut encoder);
        write.encode(&mut encoder);
        sealed(&bytes)
    }

    fn sealed(frame: &[u8]) -> Vec<u8> {
        let length = u32::try_from(frame.len()).unwrap();
        [&length.to_be_bytes()[..], frame].concat()
    }

    fn received(input: &mut Input, stream: &[u8], piece: usize, may_take_blocks: bool) -> Vec<Frame> {
        let mut context = Context::from_waker(std::task::Waker::noop());
        let (mut stream, mut frames) = (Pieces(stream, piece), Vec::new());
        loop {
            while let Some(frame) = input.next_frame(FRAME_BYTES_MAX, may_take_blocks).unwrap() {
                frames.push(frame);
            }
            match input.poll_receive(&mut stream, &mut context) {
                Poll::Ready(Ok(0)) => return frames,
                outcome => assert!(matches!(outcome, Poll::Ready(Ok(_)))),
            }
        }
    }

    fn data(length: usize) -> Vec<u8> {
        (0_u8..=250).cycle().take(length).collect()
    }

    fn data_address(frame: &Frame, at: usize) -> usize {
        frame.bytes()[at..].as_ptr().addr() % BLOCK_SIZE
    }

    const FRAME_BYTES_MAX: usize = 9 << 20;

    #[test]
    fn the_data_of_a_large_write_lies_as_in_the_file() {
        let (large, small) = (data(8 << 20), framed(Command::ECHO, 0, &[]));
        let sealed_write = sealed(&[b"\xfdSMB", &large[..1 << 20]].concat());
        let requests = [
            framed(Command::WRITE, 0, &large),
            small.clone(),
            framed(Command::WRITE, 8292, &large[..300_001]),
            framed(Command::WRITE, 0, &large[..4097]),
            small,
            sealed_write,
            framed(Command::WRITE, 4096, &large[..LARGE_BYTES_MIN]),
        ];
        for piece in [1 << 20, 100_000, 4096, 1000, 33] {
            let mut input = Input::new(pool(64 << 20));
            let frames = received(&mut input, &requests.concat(), piece, true);
            assert!(
                frames.iter().zip(&requests).all(|(frame, sent)| *frame.bytes() == sent[4..]),
                "in pieces of {piece}"
            );
            assert_eq!((frames.len(), input.len()), (7, 0));
            let is_large = |frame: &Frame| matches!(frame, Frame::Large(_));
            assert_eq!(frames.iter().map(is_large).collect::<Vec<_>>(), [true, false, true, false, false, true, true]);
            let places = [
                (0, WRITE_DATA_AT),
                (2, WRITE_DATA_AT),
                (5, TRANSFORM_HEADER_BYTES + WRITE_DATA_AT),
                (6, WRITE_DATA_AT),
            ];
            let found = places.map(|(frame, at): (usize, usize)| data_address(&frames[frame], at));
            assert_eq!(found, [0, 100, 0, 0], "in pieces of {piece}");
        }
    }

    #[test]
    fn what_has_come_of_a_large_write_counts_with_its_blocks() {
        let (write, pool) = (framed(Command::WRITE, 0, &data(1 << 20)), pool(64 << 20));
        let mut input = Input::new(pool.clone());
        assert!(received(&mut input, &write[..200], 4096, true).is_empty());
        assert_eq!((input.len(), pool.usage().used_bytes), (200, 0), "its head has not come");
        assert!(received(&mut input, &write[200..5000], 4096, true).is_empty());
        assert_eq!(input.len(), pool.usage().used_bytes);
        assert!(input.len() > 1 << 20);
        drop(input);
        assert_eq!(pool.usage().used_bytes, 0);
    }

    #[test]
    fn without_blocks_frames_come_all_the_same() {
        let (large, pool) = (data(1 << 20), pool(64 << 20));
        let write = framed(Command::WRITE, 0, &large);
        let other = framed(Command::IOCTL, 0, &large);
        for (sent, may_take_blocks, from) in
            [(&write, true, self::pool(0)), (&write, false, pool.clone()), (&other, true, pool.clone())]
        {
            let mut input = Input::new(from);
            let frames = received(&mut input, &[sent.clone(), sent.clone()].concat(), 10_000, may_take_blocks);
            assert!(frames.len() == 2 && frames.iter().all(|frame| *frame.bytes() == sent[4..]));
        }
        assert_eq!(pool.usage().held_bytes, 0);
    }

    #[test]
    fn frames_are_cut_and_keep_alives_left_out() {
        let mut input = input(&[0x85, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 0, 0, 0, 1]);
        assert_eq!(*input.next_frame(10, true).unwrap().unwrap().bytes(), [1, 2]);
        assert!(input.next_frame(10, true).unwrap().is_none());
        input.bytes.extend_from_slice(&[7]);
        assert_eq!(*input.next_frame(10, true).unwrap().unwrap().bytes(), [7]);
        assert_eq!(input.len(), 0);
    }

    #[test]
    fn what_is_announced_is_not_believed() {
        assert!(matches!(
            input(&[0, 0, 1, 0]).next_frame(255, true),
            Err(FrameError::TooLong { length: 256, maximum: 255 })
        ));
        assert!(matches!(input(b"GET /").next_frame(255, true), Err(FrameError::Type(b'G'))));
    }
}
