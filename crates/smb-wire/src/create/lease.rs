//! `SMB2_CREATE_REQUEST_LEASE` and `SMB2_CREATE_RESPONSE_LEASE`, which are the same.

use crate::codec::{Decoder, Encoder, flags};

/// Data of the first version.
pub(super) const V1_BYTES: usize = 32;
/// Data of the second.
pub(super) const V2_BYTES: usize = 52;

flags! {
    /// `LeaseState` (MS-SMB2 2.2.13.2.8).
    pub struct LeaseState(u32) {
        READ = 1 "SMB2_LEASE_READ_CACHING",
        HANDLE = 2 "SMB2_LEASE_HANDLE_CACHING",
        WRITE = 4 "SMB2_LEASE_WRITE_CACHING",
    }
}

flags! {
    /// `LeaseFlags` (MS-SMB2 2.2.14.2.10, 2.2.13.2.10).
    pub struct LeaseFlags(u32) {
        BREAK_IN_PROGRESS = 2 "SMB2_LEASE_FLAG_BREAK_IN_PROGRESS",
        PARENT_LEASE_KEY_SET = 4 "SMB2_LEASE_FLAG_PARENT_LEASE_KEY_SET",
    }
}

/// `SMB2_CREATE_REQUEST_LEASE` (MS-SMB2 2.2.13.2.8), or with `v2` `SMB2_CREATE_REQUEST_LEASE_V2` (2.2.13.2.10); in
/// responses 2.2.14.2.10 and 2.2.14.2.11.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseContext {
    /// `LeaseKey`.
    pub key: [u8; 16],
    /// `LeaseState`.
    pub state: LeaseState,
    /// `LeaseFlags` or `Flags`.
    pub flags: LeaseFlags,
    /// What the second version has more.
    pub v2: Option<ParentLease>,
}

/// What a lease of the second version has more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ParentLease {
    /// `ParentLeaseKey`; it counts with [`LeaseFlags::PARENT_LEASE_KEY_SET`] only.
    pub parent_key: [u8; 16],
    /// `Epoch`.
    pub epoch: u16,
}

impl LeaseContext {
    /// `None` if the data is of neither version.
    pub(super) fn of(data: &[u8]) -> Option<Self> {
        if ![V1_BYTES, V2_BYTES].contains(&data.len()) {
            return None;
        }
        let mut decoder = Decoder::new(data);
        let key = decoder.array("LeaseKey").ok()?;
        let state = decoder.read("LeaseState").ok()?;
        let flags = decoder.read("LeaseFlags").ok()?;
        decoder.skip(8).ok()?;
        let v2 = match data.len() {
            V1_BYTES => None,
            _ => Some(ParentLease {
                parent_key: decoder.array("ParentLeaseKey").ok()?,
                epoch: decoder.read("Epoch").ok()?,
            }),
        };
        Some(Self { key, state, flags, v2 })
    }

    pub(super) fn encode_data(&self, encoder: &mut Encoder<'_>) {
        encoder.put(self.key);
        encoder.put(self.state);
        encoder.put(self.flags);
        encoder.put_zeros(8);
        if let Some(ParentLease { parent_key, epoch }) = self.v2 {
            encoder.put(parent_key);
            encoder.put(epoch);
            encoder.put_zeros(2);
        }
    }
}
