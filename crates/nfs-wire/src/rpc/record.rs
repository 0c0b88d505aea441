//! Record marking on a stream (RFC 5531 11): cutting received bytes into records, and marking what is sent.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Size of a fragment header.
pub const RECORD_MARKER_BYTES: usize = 4;
/// The bit of the header that marks the last fragment of a record.
const LAST_FRAGMENT: u32 = 0x8000_0000;
/// What a reader reserves for a fragment of which nothing has come yet.
const FIRST_RESERVE_BYTES: usize = 64 * 1024;

/// What a peer may announce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordLimits {
    /// Limit of a whole record in bytes, markers not counted; the server's wsize + 8 KiB is enough.
    pub record_max_bytes: usize,
    /// Limit of fragments in one record, empty ones included.
    pub fragments_max: usize,
}

/// Why a stream cannot be read on; the connection is to be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Announced, or together with earlier fragments, above the limit; found before anything is buffered for it.
    #[error("a record of {length} bytes is above the limit {maximum}")]
    TooLong {
        /// Length of the record with this fragment.
        length: usize,
        /// The limit.
        maximum: usize,
    },
    /// More fragments than allowed in one record.
    #[error("a record of more than {maximum} fragments")]
    TooManyFragments {
        /// The limit.
        maximum: usize,
    },
}

/// Cuts a byte stream into records, without I/O.
///
/// The owner reads from its socket into one `BytesMut` and calls [`RecordReader::next_record`] until it yields `None`.
/// A record of one fragment is split off the buffer without a copy; fragments of a longer chain are joined by one copy.
#[derive(Debug)]
pub struct RecordReader {
    limits: RecordLimits,
    /// Header of the fragment in the making, already taken out of the input.
    fragment: Option<Fragment>,
    /// Earlier fragments of the record in the making.
    joined: BytesMut,
    fragments: usize,
}

#[derive(Debug, Clone, Copy)]
struct Fragment {
    length: usize,
    last: bool,
}

impl RecordReader {
    /// A reader at the start of a stream.
    #[must_use]
    pub fn new(limits: RecordLimits) -> Self {
        Self { limits, fragment: None, joined: BytesMut::new(), fragments: 0 }
    }

    /// Takes the next whole record off `input`, or `None` if more must be received first. A record may be empty.
    ///
    /// # Errors
    /// [`RecordError::TooManyFragments`], then [`RecordError::TooLong`]; the stream is lost then.
    pub fn next_record(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, RecordError> {
        loop {
            let Some(fragment) = self.current_fragment(input)? else { return Ok(None) };
            if input.len() < fragment.length {
                return Ok(None);
            }
            self.fragment = None;
            let body = input.split_to(fragment.length);
            if fragment.last {
                self.fragments = 0;
                return Ok(Some(self.complete(body)));
            }
            self.joined.extend_from_slice(&body);
        }
    }

    /// How many bytes to make room for before the next receive, when `buffered` bytes are already in the input.
    /// At most what is missing, and never more than has already come (or 64 KiB), so memory follows real data.
    #[must_use]
    pub fn reserve_hint(&self, buffered: usize) -> usize {
        let wanted = self.fragment.map_or(RECORD_MARKER_BYTES, |fragment| fragment.length);
        let missing = wanted.saturating_sub(buffered).max(RECORD_MARKER_BYTES);
        missing.min(buffered.max(FIRST_RESERVE_BYTES))
    }

    /// The length of the record in the making, if it has one fragment only and its marker has been taken: the input then
    /// begins with the record. Its owner may receive it elsewhere and tell by [`RecordReader::skip_fragment`].
    #[must_use]
    pub fn only_fragment(&self) -> Option<usize> {
        self.fragment.filter(|fragment| fragment.last && self.fragments == 1).map(|fragment| fragment.length)
    }

    /// The record of [`RecordReader::only_fragment`] was taken as a whole: the input begins with the next one.
    pub fn skip_fragment(&mut self) {
        self.fragment = None;
        self.fragments = 0;
    }

    /// Whether the stream stands between two records, provided the input is empty: the only clean place to end.
    #[must_use]
    pub const fn is_between_records(&self) -> bool {
        self.fragment.is_none() && self.fragments == 0
    }

    fn current_fragment(&mut self, input: &mut BytesMut) -> Result<Option<Fragment>, RecordError> {
        if self.fragment.is_none() && input.len() >= RECORD_MARKER_BYTES {
            self.fragment = Some(self.accept_marker(input.get_u32())?);
        }
        Ok(self.fragment)
    }

    fn accept_marker(&mut self, marker: u32) -> Result<Fragment, RecordError> {
        self.fragments += 1;
        if self.fragments > self.limits.fragments_max {
            return Err(RecordError::TooManyFragments { maximum: self.limits.fragments_max });
        }
        let length = usize::try_from(marker & !LAST_FRAGMENT).unwrap_or(usize::MAX);
        let whole = self.joined.len().saturating_add(length);
        if whole > self.limits.record_max_bytes {
            return Err(RecordError::TooLong { length: whole, maximum: self.limits.record_max_bytes });
        }
        Ok(Fragment { length, last: marker & LAST_FRAGMENT != 0 })
    }

    fn complete(&mut self, last: BytesMut) -> Bytes {
        if self.joined.is_empty() {
            return last.freeze();
        }
        self.joined.extend_from_slice(&last);
        std::mem::take(&mut self.joined).freeze()
    }
}

/// The header of a record of one fragment of `length` bytes. Records here are far below 2 GiB; above it saturates.
#[must_use]
pub fn record_marker(length: usize) -> [u8; RECORD_MARKER_BYTES] {
    let length = u32::try_from(length).unwrap_or(u32::MAX).min(!LAST_FRAGMENT);
    (length | LAST_FRAGMENT).to_be_bytes()
}

/// Leaves room for the marker at the end of `buffer` and says where; append the record's head, then
/// [`finish_record`].
pub fn begin_record(buffer: &mut BytesMut) -> usize {
    let start = buffer.len();
    buffer.put_u32(LAST_FRAGMENT);
    start
}

/// Fills in the marker that [`begin_record`] left room for at `start`. `payload_bytes` is what will be sent after the
/// buffer as part of the same record: payload slices with their padding, or 0.
pub fn finish_record(buffer: &mut BytesMut, start: usize, payload_bytes: usize) {
    let head = buffer.len().saturating_sub(start).saturating_sub(RECORD_MARKER_BYTES);
    let marker = record_marker(head.saturating_add(payload_bytes));
    if let Some(place) = buffer.get_mut(start..start.saturating_add(RECORD_MARKER_BYTES)) {
        place.copy_from_slice(&marker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: RecordLimits = RecordLimits { record_max_bytes: 1024, fragments_max: 8 };

    fn fragment(body: &[u8], last: bool) -> Vec<u8> {
        let flag = if last { LAST_FRAGMENT } else { 0 };
        let mut bytes = (u32::try_from(body.len()).unwrap() | flag).to_be_bytes().to_vec();
        bytes.extend_from_slice(body);
        bytes
    }

    fn records(reader: &mut RecordReader, input: &mut BytesMut) -> Vec<Bytes> {
        std::iter::from_fn(|| reader.next_record(input).unwrap()).collect()
    }

    #[test]
    fn one_fragment_is_not_copied() {
        let mut input = BytesMut::from(&fragment(b"hello", true)[..]);
        let place = input[RECORD_MARKER_BYTES..].as_ptr();
        let record = RecordReader::new(LIMITS).next_record(&mut input).unwrap().unwrap();
        assert_eq!(record, "hello");
        assert_eq!(record.as_ptr(), place);
    }

    #[test]
    fn every_split_of_the_stream_gives_the_same_records() {
        let mut stream = fragment(b"first", true);
        stream.extend(fragment(b"sec", false));
        stream.extend(fragment(b"", false));
        stream.extend(fragment(b"ond", true));
        stream.extend(fragment(b"", true));
        for cut in 0..=stream.len() {
            let mut reader = RecordReader::new(LIMITS);
            let mut input = BytesMut::from(&stream[..cut]);
            let mut found = records(&mut reader, &mut input);
            input.extend_from_slice(&stream[cut..]);
            found.extend(records(&mut reader, &mut input));
            assert_eq!(found, ["first", "second", ""], "cut at {cut}");
            assert!(reader.is_between_records());
        }
    }

    #[test]
    fn byte_by_byte() {
        let mut reader = RecordReader::new(LIMITS);
        let mut input = BytesMut::new();
        let mut found = Vec::new();
        for byte in [fragment(b"ab", false), fragment(b"cd", true)].concat() {
            input.put_u8(byte);
            found.extend(records(&mut reader, &mut input));
        }
        assert_eq!(found, ["abcd"]);
    }

    #[test]
    fn an_announced_length_is_refused_before_its_bytes_come() {
        let mut input = BytesMut::from(&0xffff_ffff_u32.to_be_bytes()[..]);
        let result = RecordReader::new(LIMITS).next_record(&mut input);
        assert_eq!(result, Err(RecordError::TooLong { length: 0x7fff_ffff, maximum: 1024 }));
    }

    #[test]
    fn the_limit_counts_all_fragments() {
        let mut stream = fragment(&[1; 1000], false);
        stream.extend(25_u32.to_be_bytes());
        let result = RecordReader::new(LIMITS).next_record(&mut BytesMut::from(&stream[..]));
        assert_eq!(result, Err(RecordError::TooLong { length: 1025, maximum: 1024 }));
        let mut exact = fragment(&[1; 1000], false);
        exact.extend(fragment(&[2; 24], true));
        let record = RecordReader::new(LIMITS).next_record(&mut BytesMut::from(&exact[..])).unwrap().unwrap();
        assert_eq!(record.len(), 1024);
    }

    #[test]
    fn empty_fragments_are_bounded_in_a_record_and_not_across_records() {
        let mut input = BytesMut::from(&fragment(b"", false).repeat(9)[..]);
        let result = RecordReader::new(LIMITS).next_record(&mut input);
        assert_eq!(result, Err(RecordError::TooManyFragments { maximum: 8 }));
        let mut input = BytesMut::from(&fragment(b"x", true).repeat(100)[..]);
        assert_eq!(records(&mut RecordReader::new(LIMITS), &mut input).len(), 100);
    }

    #[test]
    fn reserve_hint_follows_what_has_come() {
        let limits = RecordLimits { record_max_bytes: 8 << 20, fragments_max: 8 };
        let mut reader = RecordReader::new(limits);
        let mut input = BytesMut::from(&record_marker(4 << 20)[..]);
        assert_eq!(reader.next_record(&mut input), Ok(None));
        assert_eq!(reader.reserve_hint(input.len()), FIRST_RESERVE_BYTES);
        assert_eq!(reader.reserve_hint(1 << 20), 1 << 20);
        assert_eq!(reader.reserve_hint((4 << 20) - 10), 10);
    }

    #[test]
    fn a_record_of_one_fragment_may_be_received_elsewhere() {
        let mut reader = RecordReader::new(LIMITS);
        let mut input = BytesMut::from(&fragment(b"to be continued", true)[..6]);
        assert_eq!(reader.only_fragment(), None);
        assert_eq!((reader.next_record(&mut input), reader.only_fragment()), (Ok(None), Some(15)));
        assert_eq!(input, "to");
        reader.skip_fragment();
        assert!(reader.is_between_records());
        let mut input = BytesMut::from(&[fragment(b"ab", false), fragment(b"cd", true)[..5].to_vec()].concat()[..]);
        assert_eq!((reader.next_record(&mut input), reader.only_fragment()), (Ok(None), None), "it is the second");
        input.extend_from_slice(b"d");
        assert_eq!(records(&mut reader, &mut input), ["abcd"]);
    }

    #[test]
    fn a_marked_record_reads_back() {
        let mut output = BytesMut::from(&b"before"[..]);
        let start = begin_record(&mut output);
        output.extend_from_slice(b"head");
        finish_record(&mut output, start, 7);
        output.extend_from_slice(b"payload");
        let mut stream = output.split_off(6);
        let record = RecordReader::new(LIMITS).next_record(&mut stream).unwrap().unwrap();
        assert_eq!(record, "headpayload");
        assert!(stream.is_empty());
    }
}
