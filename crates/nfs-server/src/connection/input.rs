//! What was received and is no call yet, cut into records.
//!
//! Most records lie in one growing buffer and are split off it. The data of a large WRITE is received to where it can
//! stay: as soon as the head of its record has come, the rest goes into blocks of the pool, so placed that the data
//! lies in memory as it will lie in the file, and nothing copies it between the socket and the device.

use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use admission::LargeRecord;
use bytes::{BufMut, Bytes, BytesMut};
use nfs_wire::nfs3::data_place;
use nfs_wire::rpc::{RecordError, RecordLimits, RecordReader};
use pages::{BLOCK_SIZE, Pool};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

/// Received bytes of one connection.
#[derive(Debug)]
pub(super) struct Input {
    bytes: BytesMut,
    read_bytes: usize,
    records: RecordReader,
    large: Option<LargeRecord>,
    /// The record in the making was looked at and is received like any other.
    is_plain: bool,
    pool: Pool,
}

impl Input {
    /// Nothing has come yet. Blocks come from `pool`.
    pub(super) fn new(limits: RecordLimits, pool: Pool) -> Self {
        let records = RecordReader::new(limits);
        Self { bytes: BytesMut::new(), read_bytes: READ_BYTES_MIN, records, large: None, is_plain: false, pool }
    }

    /// Bytes held.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() + self.large.as_ref().map_or(0, LargeRecord::capacity)
    }

    /// Whether nothing of a record has come.
    pub(super) fn is_between_records(&self) -> bool {
        self.records.is_between_records() && self.bytes.is_empty()
    }

    /// Whether a large record has come whole: it must be taken before more is received.
    pub(super) fn is_large_complete(&self) -> bool {
        self.large.as_ref().is_some_and(LargeRecord::is_complete)
    }

    /// The next complete record; `None` when more has to be received first. Blocks are taken only with `may_take_blocks`.
    ///
    /// Errors: the stream cannot be read on.
    pub(super) fn next_record(&mut self, may_take_blocks: bool) -> Result<Option<Bytes>, RecordError> {
        if let Some(large) = self.large.take_if(|large| large.is_complete()) {
            self.records.skip_fragment();
            // The head of the next record is read by itself, as another large one may come.
            self.read_bytes = READ_BYTES_MIN;
            return Ok(Some(large.freeze()));
        }
        if self.large.is_some() {
            return Ok(None);
        }
        let record = self.records.next_record(&mut self.bytes)?;
        if record.is_some() {
            self.is_plain = false;
        } else if may_take_blocks {
            self.begin_large();
        }
        Ok(record)
    }

    /// Receives once what the stream has, at most so many bytes or a little more.
    pub(super) fn poll_receive<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if let Some(large) = &mut self.large {
            large.poll_receive(stream, READ_BYTES_MAX, cx)
        } else if self.bytes.capacity() == 0 {
            self.receive_at_rest(stream, cx)
        } else {
            self.receive_more(stream, cx)
        }
    }

    /// Gives back what only a busy connection needs; nothing of a record has come.
    pub(super) fn slim(&mut self) {
        self.bytes = BytesMut::new();
        self.read_bytes = READ_BYTES_MIN;
    }

    /// Goes on in blocks when the record in the making is a large WRITE, and there are some.
    fn begin_large(&mut self) {
        let Some(length) = self.records.only_fragment().filter(|length| *length >= LARGE_BYTES_MIN) else { return };
        if self.is_plain || self.bytes.len() < HEAD_BYTES_MAX {
            return;
        }
        self.is_plain = true;
        let Some((at, offset)) = data_place(&Bytes::copy_from_slice(self.bytes.get(..HEAD_BYTES_MAX).unwrap_or(&[])))
        else {
            return;
        };
        let within = usize::try_from(offset % BLOCK_SIZE as u64).unwrap_or(0);
        let Some(large) = LargeRecord::begin(&self.pool, (length, &self.bytes), (at, within)) else { return };
        self.bytes.clear();
        self.is_plain = false;
        self.large = Some(large);
    }

    /// Receives into the buffer, which grows with what comes.
    fn receive_more<S: AsyncRead + Unpin>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let wanted = self.records.reserve_hint(self.bytes.len()).max(self.read_bytes);
        if self.bytes.capacity() - self.bytes.len() < wanted / 2 {
            self.bytes.reserve(wanted);
        }
        let room = wanted.min(self.bytes.capacity() - self.bytes.len());
        let mut target = (&mut self.bytes).limit(room);
        let count = ready!(pin!(stream.read_buf(&mut target)).poll(cx))?;
        self.read_bytes = next_read_bytes(self.read_bytes, count, room);
        Poll::Ready(Ok(count))
    }

    /// Makes a buffer only when something has come, and a large one only when it is much.
    fn receive_at_rest<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut bytes = [const { MaybeUninit::uninit() }; REST_READ_BYTES];
        let mut buffer = ReadBuf::uninit(&mut bytes);
        ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
        let received = buffer.filled();
        if received.len() == REST_READ_BYTES {
            self.bytes.reserve(self.read_bytes);
        }
        self.bytes.extend_from_slice(received);
        Poll::Ready(Ok(received.len()))
    }
}

/// Follows what comes: a connection at rest keeps little memory, a busy one reads much at once.
fn next_read_bytes(current: usize, received: usize, room: usize) -> usize {
    if received >= room {
        (current * 2).min(READ_BYTES_MAX)
    } else if received < current / 4 {
        (current / 2).max(READ_BYTES_MIN)
    } else {
        current
    }
}

const READ_BYTES_MIN: usize = 4 << 10;
const READ_BYTES_MAX: usize = 256 << 10;
/// What a connection at rest receives at first.
const REST_READ_BYTES: usize = 2 << 10;
/// Records from this size on are received into blocks: of a smaller one the copy costs little, and a block of the pool
/// that it does not fill would stay in use as long as its data is dirty.
const LARGE_BYTES_MIN: usize = 128 << 10;
/// The data of a WRITE begins within so many bytes of its record: 24 bytes of call, credential and verifier of 400
/// bytes each with 8 of head, a handle of 64, and 24 bytes around.
const HEAD_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use nfs_wire::rpc::record_marker;
    use pages::PoolSettings;

    use super::*;

    const LIMITS: RecordLimits = RecordLimits { record_max_bytes: (1 << 20) + (8 << 10), fragments_max: 4 };

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

    fn pool(bytes_max: usize) -> Pool {
        Pool::new(PoolSettings { bytes_max, huge_pages: false })
    }

    /// A call as it goes over the wire; the data of a WRITE begins at `DATA_AT`.
    fn framed(procedure: u32, offset: u64, data: &[u8]) -> Vec<u8> {
        let mut body: Vec<u8> =
            [7, 0, 2, 100_003, 3, procedure, 0, 0, 0, 0].iter().flat_map(|word: &u32| word.to_be_bytes()).collect();
        body.extend([0, 0, 0, 32]);
        body.extend([9; 32]);
        body.extend(offset.to_be_bytes());
        let length = u32::try_from(data.len()).unwrap();
        body.extend([length, 0, length].iter().flat_map(|word| word.to_be_bytes()));
        body.extend(data);
        body.resize(body.len().next_multiple_of(4), 0);
        [&record_marker(body.len())[..], &body].concat()
    }

    fn received(input: &mut Input, stream: &[u8], piece: usize, may_take_blocks: bool) -> Vec<Bytes> {
        let mut context = Context::from_waker(std::task::Waker::noop());
        let (mut stream, mut records) = (Pieces(stream, piece), Vec::new());
        loop {
            while let Some(record) = input.next_record(may_take_blocks).unwrap() {
                records.push(record);
            }
            match input.poll_receive(&mut stream, &mut context) {
                Poll::Ready(Ok(0)) => return records,
                outcome => assert!(matches!(outcome, Poll::Ready(Ok(_)))),
            }
        }
    }

    fn address(record: &Bytes) -> usize {
        record[DATA_AT..].as_ptr().addr() % BLOCK_SIZE
    }

    fn data(length: usize) -> Vec<u8> {
        (0_u8..=250).cycle().take(length).collect()
    }

    const DATA_AT: usize = 96;

    #[test]
    fn the_data_of_a_large_write_lies_as_in_the_file() {
        let (large, small) = (data(1 << 20), framed(1, 0, &[]));
        let calls = [
            framed(7, 0, &large),
            small.clone(),
            framed(7, 8292, &large[..300_001]),
            small,
            framed(7, 4096, &large[..LARGE_BYTES_MIN]),
        ];
        for piece in [1 << 20, 100_000, 4096, 1000, 33] {
            let mut input = Input::new(LIMITS, pool(64 << 20));
            let records = received(&mut input, &calls.concat(), piece, true);
            assert!(records.iter().zip(&calls).all(|(record, call)| record[..] == call[4..]), "in pieces of {piece}");
            assert_eq!((records.len(), input.len()), (5, 0));
            assert!(input.is_between_records());
            assert_eq!([0, 2, 4].map(|large: usize| address(&records[large])), [0, 100, 0], "in pieces of {piece}");
        }
    }

    #[test]
    fn what_has_come_of_a_large_write_counts_with_its_blocks() {
        let call = framed(7, 0, &data(1 << 20));
        let pool = pool(64 << 20);
        let mut input = Input::new(LIMITS, pool.clone());
        assert!(received(&mut input, &call[..1000], 4096, true).is_empty());
        assert_eq!((input.len(), pool.usage().used_bytes), (996, 0), "its head has not come");
        assert!(received(&mut input, &call[1000..5000], 4096, true).is_empty());
        assert_eq!(input.len(), pool.usage().used_bytes);
        assert!(input.len() > 1 << 20 && !input.is_between_records());
        drop(input);
        assert_eq!(pool.usage().used_bytes, 0);
    }

    #[test]
    fn without_blocks_records_come_all_the_same() {
        let (large, pool) = (data(1 << 20), pool(64 << 20));
        let write = framed(7, 0, &large);
        let other = framed(10, 0, &large);
        for (call, may_take_blocks, from) in
            [(&write, true, self::pool(0)), (&write, false, pool.clone()), (&other, true, pool.clone())]
        {
            let mut input = Input::new(LIMITS, from);
            let records = received(&mut input, &[call.clone(), call.clone()].concat(), 10_000, may_take_blocks);
            assert!(records.len() == 2 && records.iter().all(|record| record[..] == call[4..]));
        }
        assert_eq!(pool.usage().held_bytes, 0);
    }
}
