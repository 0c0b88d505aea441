//! The header of every message (MS-SMB2 2.2.1).

use std::ops::Range;

use crate::codec::{Decode, DecodeError, Decoder, Encode, Encoder, Fault, Fixed, flags};
use crate::{Command, Status};

/// Size of the header; offsets in the body of a message count from its first byte.
pub const HEADER_BYTES: usize = 64;

/// Where `Signature` stands in the header.
pub const SIGNATURE_AT: Range<usize> = 48..64;

const PROTOCOL_ID: [u8; 4] = *b"\xfeSMB";
const STRUCTURE_SIZE: u16 = 64;

/// What a frame begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `0xFF 'S' 'M' 'B'`: SMB1, of which only NEGOTIATE is answered.
    Smb1,
    /// `0xFE 'S' 'M' 'B'`: [`Header`].
    Smb2,
    /// `0xFD 'S' 'M' 'B'`: [`crate::transform::TransformHeader`].
    Transform,
    /// `0xFC 'S' 'M' 'B'`: a compressed message (MS-SMB2 2.2.42), which nobody may send who did not negotiate it.
    Compressed,
}

impl Protocol {
    /// `None`: no SMB at all, the connection is to be dropped.
    #[must_use]
    pub fn of(frame: &[u8]) -> Option<Self> {
        match frame.first_chunk()? {
            b"\xffSMB" => Some(Self::Smb1),
            b"\xfeSMB" => Some(Self::Smb2),
            b"\xfdSMB" => Some(Self::Transform),
            b"\xfcSMB" => Some(Self::Compressed),
            _ => None,
        }
    }
}

flags! {
    /// `Flags` (MS-SMB2 2.2.1.1).
    pub struct HeaderFlags(u32) {
        /// It is a response.
        SERVER_TO_REDIR = 0x0000_0001 "SMB2_FLAGS_SERVER_TO_REDIR",
        /// The header is the asynchronous one: [`Recipient::Async`].
        ASYNC_COMMAND = 0x0000_0002 "SMB2_FLAGS_ASYNC_COMMAND",
        /// It goes on with the session, tree connect and open of the element in front of it.
        RELATED_OPERATIONS = 0x0000_0004 "SMB2_FLAGS_RELATED_OPERATIONS",
        SIGNED = 0x0000_0008 "SMB2_FLAGS_SIGNED",
        PRIORITY_MASK = 0x0000_0070 "SMB2_FLAGS_PRIORITY_MASK",
        DFS_OPERATIONS = 0x1000_0000 "SMB2_FLAGS_DFS_OPERATIONS",
        REPLAY_OPERATION = 0x2000_0000 "SMB2_FLAGS_REPLAY_OPERATION",
    }
}

/// The eight bytes in which the two headers differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient {
    /// `SMB2 Packet Header - SYNC` (MS-SMB2 2.2.1.2).
    Sync {
        /// `Reserved`, which clients use as a process id; servers send it back.
        process_id: u32,
        /// `TreeId`.
        tree_id: u32,
    },
    /// `SMB2 Packet Header - ASYNC` (MS-SMB2 2.2.1.1).
    Async {
        /// `AsyncId`.
        async_id: u64,
    },
}

/// `SMB2 Packet Header`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// `CreditCharge`; zero in SMB 2.0.2.
    pub credit_charge: u16,
    /// `Status` of a response; in requests of SMB 3 see [`Header::channel_sequence`].
    pub status: Status,
    /// `Command`.
    pub command: Command,
    /// `CreditRequest` or `CreditResponse`.
    pub credits: u16,
    /// `Flags`; [`HeaderFlags::ASYNC_COMMAND`] is there exactly with [`Recipient::Async`].
    pub flags: HeaderFlags,
    /// `NextCommand`: from this header to the next one of the compound in bytes, or 0.
    pub next_command: u32,
    /// `MessageId`.
    pub message_id: u64,
    /// `TreeId` or `AsyncId`.
    pub recipient: Recipient,
    /// `SessionId`.
    pub session_id: u64,
    /// `Signature`.
    pub signature: [u8; 16],
}

impl Header {
    /// A request without flags, ids and signature.
    #[must_use]
    pub const fn request(command: Command, message_id: u64) -> Self {
        Self {
            credit_charge: 1,
            status: Status::SUCCESS,
            command,
            credits: 1,
            flags: HeaderFlags::empty(),
            next_command: 0,
            message_id,
            recipient: Recipient::Sync { process_id: 0, tree_id: 0 },
            session_id: 0,
            signature: [0; 16],
        }
    }

    /// The response to this request: its ids and the flags that a response keeps, not signed, no credits, no compound.
    #[must_use]
    pub const fn response(&self, status: Status) -> Self {
        let kept = HeaderFlags::RELATED_OPERATIONS.union(HeaderFlags::ASYNC_COMMAND).union(HeaderFlags::PRIORITY_MASK);
        Self {
            status,
            credits: 0,
            flags: self.flags.intersection(kept).union(HeaderFlags::SERVER_TO_REDIR),
            next_command: 0,
            signature: [0; 16],
            ..*self
        }
    }

    /// `ChannelSequence` of a request in SMB 3: the low half of what is `Status` in a response.
    #[must_use]
    pub const fn channel_sequence(&self) -> u16 {
        let [low, high, ..] = self.status.0.to_le_bytes();
        u16::from_le_bytes([low, high])
    }

    /// `TreeId`; `None` in an asynchronous header.
    #[must_use]
    pub const fn tree_id(&self) -> Option<u32> {
        match self.recipient {
            Recipient::Sync { tree_id, .. } => Some(tree_id),
            Recipient::Async { .. } => None,
        }
    }

    /// `AsyncId`; `None` in a synchronous header.
    #[must_use]
    pub const fn async_id(&self) -> Option<u64> {
        match self.recipient {
            Recipient::Sync { .. } => None,
            Recipient::Async { async_id } => Some(async_id),
        }
    }

    /// Turns it into the asynchronous header with this id.
    #[must_use]
    pub const fn with_async_id(self, async_id: u64) -> Self {
        let flags = self.flags.union(HeaderFlags::ASYNC_COMMAND);
        Self { flags, recipient: Recipient::Async { async_id }, ..self }
    }
}

impl<'a> Decode<'a> for Header {
    /// Errors: `ProtocolId`, `StructureSize`, then whatever is cut off.
    #[inline]
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError> {
        if decoder.array("ProtocolId")? != PROTOCOL_ID {
            return Err(DecodeError::new("ProtocolId", Fault::Value));
        }
        decoder.structure_size(STRUCTURE_SIZE)?;
        let credit_charge = decoder.read("CreditCharge")?;
        let status = decoder.read("Status")?;
        let command = decoder.read("Command")?;
        let credits = decoder.read("CreditRequest")?;
        let flags: HeaderFlags = decoder.read("Flags")?;
        let next_command = decoder.read("NextCommand")?;
        let message_id = decoder.read("MessageId")?;
        let recipient = if flags.contains(HeaderFlags::ASYNC_COMMAND) {
            Recipient::Async { async_id: decoder.read("AsyncId")? }
        } else {
            Recipient::Sync { process_id: decoder.read("Reserved")?, tree_id: decoder.read("TreeId")? }
        };
        let session_id = decoder.read("SessionId")?;
        let signature = decoder.array("Signature")?;
        Ok(Self {
            credit_charge,
            status,
            command,
            credits,
            flags,
            next_command,
            message_id,
            recipient,
            session_id,
            signature,
        })
    }
}

impl Encode for Header {
    #[inline]
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.put(PROTOCOL_ID);
        encoder.put(STRUCTURE_SIZE);
        encoder.put(self.credit_charge);
        encoder.put(self.status);
        encoder.put(self.command);
        encoder.put(self.credits);
        encoder.put(self.flags);
        encoder.put(self.next_command);
        encoder.put(self.message_id);
        match self.recipient {
            Recipient::Sync { process_id, tree_id } => {
                process_id.write(encoder);
                tree_id.write(encoder);
            }
            Recipient::Async { async_id } => async_id.write(encoder),
        }
        encoder.put(self.session_id);
        encoder.put(self.signature);
    }
}
