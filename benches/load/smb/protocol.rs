//! Message ids, credits, and what protects messages.

use std::collections::{HashMap, VecDeque};

use anyhow::{Context, Result, ensure};
use bytes::{Bytes, BytesMut};
use load::{Output, Protocol, Received};
use smb_wire::codec::{Decode, Decoder, Encode, Encoder};
use smb_wire::frame::FRAME_HEADER_BYTES;
use smb_wire::transform::{TRANSFORM_HEADER_BYTES, TransformHeader};
use smb_wire::{Command, HEADER_BYTES, Header, HeaderFlags, Protocol as Kind, Recipient, Status};

use crate::arguments::Protection;
use crate::log_on::Session;
use crate::message::{Call, HEADER_AT, Reply};

/// SMB on one connection with one session and one tree connect.
#[derive(Debug)]
pub(crate) struct Smb {
    session: Session,
    protection: Protection,
    pub(crate) tree_id: u32,
    /// The slots of messages in flight.
    in_flight: HashMap<u64, usize>,
    /// Calls that wait for credits.
    waiting: VecDeque<(usize, Call)>,
}

impl Smb {
    pub(crate) fn new(session: Session, protection: Protection) -> Self {
        Self { session, protection, tree_id: 0, in_flight: HashMap::new(), waiting: VecDeque::new() }
    }

    /// The header of the next message, which uses its credits.
    fn header(&mut self, slot: usize, call: &Call) -> Header {
        let session = &mut self.session;
        let (charge, message_id) = (call.charge(), session.used);
        session.used += u64::from(charge);
        session.credits = session.credits.saturating_sub(charge.into());
        self.in_flight.insert(message_id, slot);
        let wanted = u16::try_from(CREDITS_WANTED.saturating_sub(session.credits)).unwrap_or(u16::MAX);
        Header {
            credit_charge: charge,
            credits: wanted.max(charge),
            session_id: session.id,
            recipient: Recipient::Sync { process_id: PROCESS_ID, tree_id: self.tree_id },
            ..Header::request(call.command, message_id)
        }
    }

    fn transmit(&mut self, slot: usize, call: Call, output: &mut Output) -> Result<()> {
        let header = self.header(slot, &call);
        let Call { mut head, payload, .. } = call;
        if self.protection == Protection::Encrypted {
            put_header(&mut head, &header)?;
            output.push(self.sealed(&head, &payload)?);
            return Ok(());
        }
        // A TREE_CONNECT of SMB 3.1.1 is always signed (MS-SMB2 3.2.4.1.1).
        let is_signed = self.protection == Protection::Signed || header.command == Command::TREE_CONNECT;
        let flags = if is_signed { HeaderFlags::SIGNED } else { HeaderFlags::empty() };
        put_header(&mut head, &Header { flags, ..header })?;
        put_length(&mut head, payload.len())?;
        if is_signed {
            let message = head.get_mut(HEADER_AT..).and_then(<[u8]>::split_first_chunk_mut);
            let (header, body) = message.context("a request without a header")?;
            self.session.signer.sign(header, [&*body, &payload[..]]);
        }
        output.push(head.freeze());
        output.push(payload);
        Ok(())
    }

    /// The frame of an encrypted message.
    fn sealed(&self, head: &[u8], payload: &[u8]) -> Result<Bytes> {
        let (encryptor, _) = self.session.cipher.as_ref().context("no cipher")?;
        let message = head.get(HEADER_AT..).unwrap_or_default();
        let original_message_size = u32::try_from(message.len() + payload.len())?;
        let transform =
            TransformHeader { original_message_size, session_id: self.session.id, ..TransformHeader::default() };
        let mut frame = BytesMut::with_capacity(HEADER_AT + TRANSFORM_HEADER_BYTES + message.len() + payload.len());
        frame.extend_from_slice(&[0; FRAME_HEADER_BYTES]);
        transform.encode(&mut Encoder::new(&mut frame));
        frame.extend_from_slice(message);
        frame.extend_from_slice(payload);
        put_length(&mut frame, 0)?;
        let parts = frame.get_mut(FRAME_HEADER_BYTES..).and_then(<[u8]>::split_first_chunk_mut);
        let (transform, message) = parts.context("a frame without a header")?;
        encryptor.encrypt(transform, message)?;
        Ok(frame.freeze())
    }

    /// The message of a frame: decrypted, if it is encrypted.
    fn opened(&self, mut frame: BytesMut) -> Result<(BytesMut, bool)> {
        if Kind::of(&frame) != Some(Kind::Transform) {
            return Ok((frame, false));
        }
        let (_, decryptor) = self.session.cipher.as_ref().context("no cipher")?;
        let (transform, message) = frame.split_first_chunk_mut().context("a frame that is cut short")?;
        let told = TransformHeader::decode(&mut Decoder::new(transform))?;
        ensure!(told.session_id == self.session.id, "a message of another session");
        decryptor.decrypt(transform, message)?;
        Ok((frame.split_off(TRANSFORM_HEADER_BYTES), true))
    }

    fn check(&self, header: &Header, (message, was_encrypted): (&[u8], bool)) -> Result<()> {
        match self.protection {
            Protection::Encrypted => ensure!(was_encrypted, "an answer that is not encrypted"),
            Protection::Signed => {
                ensure!(header.flags.contains(HeaderFlags::SIGNED), "an answer that is not signed");
                let (header, body) = message.split_first_chunk().context("an answer that is cut short")?;
                self.session.signer.verify(header, [body])?;
            }
            Protection::Plain => {}
        }
        Ok(())
    }

    fn send_waiting(&mut self, output: &mut Output) -> Result<()> {
        while let Some((_, call)) = self.waiting.front()
            && u64::from(call.charge()) <= self.session.credits
            && let Some((slot, call)) = self.waiting.pop_front()
        {
            self.transmit(slot, call, output)?;
        }
        Ok(())
    }
}

impl Protocol for Smb {
    type Call = Call;
    type Reply = Reply;

    fn send(&mut self, slot: usize, call: Call, output: &mut Output) -> Result<()> {
        self.waiting.push_back((slot, call));
        self.send_waiting(output)
    }

    fn receive(&mut self, frame: BytesMut, output: &mut Output) -> Result<Received<Reply>> {
        let (mut message, was_encrypted) = self.opened(frame)?;
        let header = Header::decode(&mut Decoder::new(&message))?;
        self.session.credits += u64::from(header.credits);
        // An interim response carries credits, and no signature (MS-SMB2 3.3.4.1.1).
        if header.status == Status::PENDING {
            self.send_waiting(output)?;
            return Ok(Received::Other);
        }
        self.check(&header, (&message, was_encrypted))?;
        let Some(slot) = self.in_flight.remove(&header.message_id) else { return Ok(Received::Other) };
        self.send_waiting(output)?;
        let body = message.split_off(HEADER_BYTES).freeze();
        Ok(Received::Reply(slot, Reply { status: header.status, tree_id: header.tree_id().unwrap_or(0), body }))
    }
}

fn put_header(head: &mut BytesMut, header: &Header) -> Result<()> {
    let mut encoded = BytesMut::with_capacity(HEADER_BYTES);
    header.encode(&mut Encoder::new(&mut encoded));
    let place = head.get_mut(HEADER_AT..HEADER_AT + HEADER_BYTES).context("a request without a header")?;
    place.copy_from_slice(&encoded);
    Ok(())
}

/// The length of a frame that goes on with `more` bytes.
fn put_length(frame: &mut BytesMut, more: usize) -> Result<()> {
    let length = u32::try_from(frame.len() - FRAME_HEADER_BYTES + more)?;
    frame.get_mut(..FRAME_HEADER_BYTES).context("a frame without a length")?.copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// What a client keeps in hand.
const CREDITS_WANTED: u64 = 512;
/// As other clients say it.
const PROCESS_ID: u32 = 0xfeff;
