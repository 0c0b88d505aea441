//! Messages on a TCP stream (MS-SMB2 2.1): one zero byte and a length of 24 bits in front of each.

/// Size of the `Direct TCP transport packet header`.
pub const FRAME_HEADER_BYTES: usize = 4;
/// What 24 bits can say.
pub const FRAME_MAX_BYTES: usize = 0x00ff_ffff;

/// Why a stream cannot be read on; the connection is to be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// `Zero` is not zero: another type of a NetBIOS session packet, or no SMB at all.
    #[error("a frame of type {0:#x}")]
    Type(u8),
    /// `StreamProtocolLength` is above the limit; found before anything is received for it.
    #[error("a frame of {length} bytes is above the limit {maximum}")]
    TooLong {
        /// The announced length.
        length: usize,
        /// The limit.
        maximum: usize,
    },
}

/// The length of the frame behind this header.
///
/// # Errors
/// [`FrameError::Type`], then [`FrameError::TooLong`].
pub fn frame_length(header: [u8; FRAME_HEADER_BYTES], maximum: usize) -> Result<usize, FrameError> {
    let [kind, high, middle, low] = header;
    if kind != 0 {
        return Err(FrameError::Type(kind));
    }
    let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
    if length > maximum {
        return Err(FrameError::TooLong { length, maximum });
    }
    Ok(length)
}

/// The header in front of a frame of `length` bytes; `None` above [`FRAME_MAX_BYTES`].
#[must_use]
pub fn frame_header(length: usize) -> Option<[u8; FRAME_HEADER_BYTES]> {
    if length > FRAME_MAX_BYTES {
        return None;
    }
    u32::try_from(length).ok().map(u32::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_come_back_up_to_24_bits() {
        for length in [0, 1, 0x1_0203, FRAME_MAX_BYTES] {
            assert_eq!(frame_length(frame_header(length).unwrap(), FRAME_MAX_BYTES), Ok(length));
        }
        assert_eq!(frame_header(0x1_0203), Some([0, 1, 2, 3]));
        assert_eq!(frame_header(FRAME_MAX_BYTES + 1), None);
    }

    #[test]
    fn other_types_and_long_frames_are_refused() {
        assert_eq!(frame_length([0x81, 0, 0, 68], 100), Err(FrameError::Type(0x81)));
        assert_eq!(frame_length([0, 0, 0, 101], 100), Err(FrameError::TooLong { length: 101, maximum: 100 }));
    }
}
