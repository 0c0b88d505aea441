//! Quotas of users.

use super::Entry;
use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder};
use crate::dtyp::{FileTime, Sid};

/// `FILE_QUOTA_INFORMATION` (MS-FSCC 2.4.41), in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileQuota {
    /// `ChangeTime`.
    pub change_time: FileTime,
    /// `QuotaUsed`.
    pub used: u64,
    /// `QuotaThreshold`; all ones: none.
    pub threshold: u64,
    /// `QuotaLimit`; all ones: none.
    pub limit: u64,
    /// `Sid`.
    pub sid: Sid,
}

impl<'a> Entry<'a> for FileQuota {
    const ALIGNMENT: usize = 8;

    fn decode_entry(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        decoder.skip(4)?;
        Ok(Self {
            change_time: decoder.read("ChangeTime")?,
            used: decoder.read("QuotaUsed")?,
            threshold: decoder.read("QuotaThreshold")?,
            limit: decoder.read("QuotaLimit")?,
            sid: Sid::decode(decoder)?,
        })
    }
}

impl Encode for FileQuota {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put_count_32(self.sid.size());
        encoder.put(self.change_time);
        encoder.put(self.used);
        encoder.put(self.threshold);
        encoder.put(self.limit);
        self.sid.encode(encoder);
    }
}

/// `FILE_GET_QUOTA_INFORMATION` (MS-FSCC 2.4.41.1): a user in a list of those that QUERY_INFO asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetQuota {
    /// `Sid`.
    pub sid: Sid,
}

impl<'a> Entry<'a> for GetQuota {
    const ALIGNMENT: usize = 4;

    fn decode_entry(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        decoder.skip(4)?;
        Ok(Self { sid: Sid::decode(decoder)? })
    }
}

impl Encode for GetQuota {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put_count_32(self.sid.size());
        self.sid.encode(encoder);
    }
}

/// `SMB2_QUERY_QUOTA_INFO` (MS-SMB2 2.2.37.1): which users are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryQuota<'a> {
    /// `ReturnSingle`.
    pub return_single: bool,
    /// `RestartScan`.
    pub restart_scan: bool,
    /// `SidListLength`: bytes of `FILE_GET_QUOTA_INFORMATION` entries in the buffer.
    pub sid_list_length: u32,
    /// `StartSidLength` in bytes.
    pub start_sid_length: u32,
    /// `StartSidOffset` in the buffer.
    pub start_sid_offset: u32,
    /// `SidBuffer`.
    pub sids: &'a [u8],
}

impl<'a> Decode<'a> for QueryQuota<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        let return_single = decoder.read("ReturnSingle")?;
        let restart_scan = decoder.read("RestartScan")?;
        decoder.skip(2)?;
        let sid_list_length = decoder.read("SidListLength")?;
        let start_sid_length = decoder.read("StartSidLength")?;
        let start_sid_offset = decoder.read("StartSidOffset")?;
        let sids = decoder.rest();
        Ok(Self { return_single, restart_scan, sid_list_length, start_sid_length, start_sid_offset, sids })
    }
}

impl Encode for QueryQuota<'_> {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.return_single);
        encoder.put(self.restart_scan);
        encoder.put_zeros(2);
        encoder.put(self.sid_list_length);
        encoder.put(self.start_sid_length);
        encoder.put(self.start_sid_offset);
        encoder.put_bytes(self.sids);
    }
}
