//! OPLOCK_BREAK: of oplocks and of leases, told apart by the size of the structure.

use crate::FileId;
use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, Fault, flags, layout};
use crate::create::{LeaseState, OplockLevel};

layout! {
    /// `SMB2 OPLOCK_BREAK Notification`, `Acknowledgment` and `Response` of an oplock (MS-SMB2 2.2.23.1, 2.2.24.1,
    /// 2.2.25.1), which are the same.
    pub struct OplockBreak [size 24] {
        pub level: OplockLevel = "OplockLevel",
        [reserved 5]
        pub file_id: FileId = "FileId",
    }
}

flags! {
    /// `Flags` of a lease break (MS-SMB2 2.2.23.2).
    pub struct LeaseBreakFlags(u32) {
        ACK_REQUIRED = 1 "SMB2_NOTIFY_BREAK_LEASE_FLAG_ACK_REQUIRED",
    }
}

layout! {
    /// `SMB2 Lease Break Notification` (MS-SMB2 2.2.23.2).
    pub struct LeaseBreakNotification [size 44] {
        /// Zero for leases of the first version.
        pub new_epoch: u16 = "NewEpoch",
        pub flags: LeaseBreakFlags = "Flags",
        pub lease_key: [u8; 16] = "LeaseKey",
        pub current_state: LeaseState = "CurrentLeaseState",
        pub new_state: LeaseState = "NewLeaseState",
        // BreakReason, AccessMaskHint and ShareMaskHint.
        [reserved 12]
    }
}

layout! {
    /// `SMB2 Lease Break Acknowledgment` and `Response` (MS-SMB2 2.2.24.2, 2.2.25.2), which are the same.
    pub struct LeaseBreakAcknowledgment [size 36] {
        // Reserved and Flags.
        [reserved 6]
        pub lease_key: [u8; 16] = "LeaseKey",
        pub state: LeaseState = "LeaseState",
        // LeaseDuration.
        [reserved 8]
    }
}

/// What a client sends, and what the server answers (MS-SMB2 2.2.24, 2.2.25).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakAcknowledgment {
    /// Of an oplock.
    Oplock(OplockBreak),
    /// Of a lease.
    Lease(LeaseBreakAcknowledgment),
}

impl<'a> Decode<'a> for BreakAcknowledgment {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        match decoder.clone().read::<u16>("StructureSize")? {
            24 => OplockBreak::decode(decoder).map(Self::Oplock),
            36 => LeaseBreakAcknowledgment::decode(decoder).map(Self::Lease),
            size => Err(DecodeError::new("StructureSize", Fault::StructureSize(size))),
        }
    }
}

impl Encode for BreakAcknowledgment {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        match self {
            Self::Oplock(oplock) => oplock.encode(encoder),
            Self::Lease(lease) => lease.encode(encoder),
        }
    }
}
