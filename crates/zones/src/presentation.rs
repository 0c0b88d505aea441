//! How an export shows itself: what it says of itself, and the numbers it advises.

/// What an `[[export]]` says of how it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Presentation {
    pub(crate) description: String,
    pub(crate) sizes: Sizes,
    pub(crate) file_ids: FileIds,
    pub(crate) can_set_time: bool,
}

/// Sizes that an export advises its clients to use (RFC 1813 3.3.19, FSINFO), in bytes. What is not set is the gateway's,
/// and no size is above what the gateway serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Of READ.
    pub read: TransferSizes,
    /// Of WRITE.
    pub write: TransferSizes,
    /// READDIR: `dtpref`, 4096 to 1048576.
    pub readdir_preferred: Option<u32>,
}

/// Sizes of READ or WRITE, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransferSizes {
    /// `rtmax`, `wtmax`: 8192 to 1048576.
    pub max: Option<u32>,
    /// `rtpref`, `wtpref`: 4096 to 1048576, at most `max`.
    pub preferred: Option<u32>,
    /// `rtmult`, `wtmult`: a power of two, 512 to 1048576.
    pub multiple: Option<u32>,
}

/// How wide the file numbers are that clients see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileIds {
    /// As the store has them.
    #[default]
    Bits64,
    /// Folded into 32 bits, for clients that cannot take more. Two files may be shown with one number.
    Bits32,
}

impl FileIds {
    /// The number that clients see for a file. Folding leaves numbers below 2^32 as they are and never gives 0.
    #[must_use]
    pub const fn shown(self, number: u64) -> u64 {
        match self {
            Self::Bits64 => number,
            Self::Bits32 => match (number ^ (number >> 32)) & LOW_BITS {
                0 => LOW_BITS,
                folded => folded,
            },
        }
    }
}

const LOW_BITS: u64 = 0xffff_ffff;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_numbers_have_32_bits_and_are_never_0() {
        let fold = |number| FileIds::Bits32.shown(number);
        assert_eq!([fold(1), fold(0xffff_fffe), fold(0x1_0000_0000)], [1, 0xffff_fffe, 1]);
        assert_eq!([fold(0), fold(0x7_0000_0007), fold(u64::MAX)], [0xffff_ffff; 3]);
        assert_eq!(fold(0x1234_5678_9abc_def0), 0x8888_8888);
        assert_eq!(FileIds::Bits64.shown(u64::MAX), u64::MAX);
    }
}
