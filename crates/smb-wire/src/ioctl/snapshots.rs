//! `FSCTL_SRV_ENUMERATE_SNAPSHOTS`.

use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, Utf16};

/// `SRV_SNAPSHOT_ARRAY` (MS-SMB2 2.2.32.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotArray<'a> {
    /// `NumberOfSnapShots`: how many there are.
    pub snapshots: u32,
    /// `NumberOfSnapShotsReturned`: how many are in the array.
    pub returned: u32,
    /// `SnapShotArraySize` in bytes: of the array, or if it does not fit, what it would take.
    pub array_size: u32,
    /// `SnapShots`: `@GMT-YYYY.MM.DD-HH.MM.SS` with a zero behind each, and one more at the end.
    pub array: Utf16<'a>,
}

impl<'a> Decode<'a> for SnapshotArray<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let snapshots = decoder.read("NumberOfSnapShots")?;
        let returned = decoder.read("NumberOfSnapShotsReturned")?;
        let array_size = decoder.read("SnapShotArraySize")?;
        let array = if returned == 0 { Utf16::default() } else { decoder.take_text(array_size, "SnapShots")? };
        Ok(Self { snapshots, returned, array_size, array })
    }
}

impl Encode for SnapshotArray<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.snapshots);
        encoder.put(self.returned);
        encoder.put(self.array_size);
        self.array.encode(encoder);
    }
}
