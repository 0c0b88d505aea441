//! Answers into a frame (MS-SMB2 3.3.4.1): chained, with credits, signed or encrypted.

use std::sync::atomic::Ordering;

use admission::{Distrusted, Output};
use bytes::{BufMut, BytesMut};
use pages::Payload;
use smallvec::SmallVec;
use smb_wire::codec::{Encode, Encoder};
use smb_wire::compound::Chain;
use smb_wire::frame::{FRAME_HEADER_BYTES, frame_header};
use smb_wire::negotiate::Dialect;
use smb_wire::transform::{TRANSFORM_HEADER_BYTES, TransformHeader};
use smb_wire::{Command, HEADER_BYTES, Header, HeaderFlags, Recipient};

use super::machine::Machine;
use super::request::{Delay, Hashed, Replies, Reply};
use crate::session::Session;

impl Machine {
    /// Writes the answers of a batch as one frame. Payloads go out from where they lie, unless they are encrypted or
    /// stand in a chain. All messages of a chain are padded, as Windows does it, the last one too.
    ///
    /// Errors: a session has encrypted as much as it may.
    pub(crate) fn finish(&mut self, replies: Replies, output: &mut Output) -> Result<(), Distrusted> {
        let opened = replies.opened();
        let Replies { mut replies, sealed } = replies;
        let lead = FRAME_HEADER_BYTES + if sealed.is_some() { TRANSFORM_HEADER_BYTES } else { 0 };
        let mut buffer = BytesMut::with_capacity(lead + replies.iter().map(bytes_of).sum::<usize>());
        buffer.put_bytes(0, lead);
        let is_chain = replies.len() > 1;
        let payload = match replies.last_mut() {
            Some(last) if sealed.is_none() && !is_chain => std::mem::take(&mut last.answer.payload),
            _ => Payload::new(),
        };
        let starts = self.chain(&replies, &mut buffer);
        if is_chain {
            let length = buffer.len() - lead;
            buffer.put_bytes(0, length.next_multiple_of(MESSAGE_ALIGNMENT) - length);
        }
        if sealed.is_none() {
            sign(&replies, &starts, (&mut buffer, &payload));
        }
        for reply in &replies {
            self.add_to_hash(reply, buffer.get(lead..).unwrap_or_default());
        }
        if let Some(session) = &sealed {
            seal(session, &mut buffer)?;
        }
        let length = buffer.len() - FRAME_HEADER_BYTES + payload.len();
        let header = frame_header(length).ok_or(Distrusted)?;
        if let Some(place) = buffer.first_chunk_mut() {
            *place = header;
        }
        output.push_payload(&Payload::from(buffer.freeze()));
        output.push_payload(&payload);
        opened.iter().for_each(|open| open.is_told.store(true, Ordering::Relaxed));
        Ok(())
    }

    /// Appends all answers and returns where their headers are.
    fn chain(&mut self, replies: &[Reply], buffer: &mut BytesMut) -> SmallVec<[usize; 4]> {
        let mut starts = SmallVec::new();
        let mut chain = Chain::new(buffer);
        for reply in replies {
            let header = self.header(reply);
            let buffer = chain.begin(&header);
            starts.push(buffer.len() - HEADER_BYTES);
            buffer.extend_from_slice(&reply.answer.body);
            for slice in reply.answer.payload.slices() {
                buffer.extend_from_slice(slice);
            }
        }
        starts
    }

    fn header(&mut self, reply: &Reply) -> Header {
        let answer = &reply.answer;
        let mut header = reply.header.response(answer.status);
        match reply.delay {
            Delay::None => header.credits = self.credits.grant(reply.header.credits),
            Delay::Interim(id) => {
                header = apart(header, id);
                header.credits = self.credits.grant(reply.header.credits);
            }
            Delay::Last(id) => header = apart(header, id),
            Delay::Unasked => {}
        }
        header.session_id = answer.session_id.unwrap_or_else(|| match &reply.channel {
            Some(channel) => channel.session.id,
            None => reply.header.session_id,
        });
        if let (Some(tree), Recipient::Sync { process_id, .. }) = (answer.tree_id, header.recipient) {
            header.recipient = Recipient::Sync { process_id, tree_id: tree };
        }
        if reply.must_sign {
            header.flags |= HeaderFlags::SIGNED;
        }
        header
    }

    /// NEGOTIATE and SESSION_SETUP stand alone in their frames wherever hashes matter.
    fn add_to_hash(&mut self, reply: &Reply, message: &[u8]) {
        if self.terms().is_none_or(|terms| terms.dialect != Dialect::SMB_3_1_1) {
            return;
        }
        match reply.hashed {
            Some(Hashed::Connection) => self.preauth.add([message]),
            Some(Hashed::Setup(id)) => {
                if let Some(setup) = self.setups.get_mut(&id) {
                    setup.hash.add([message]);
                }
            }
            None => {}
        }
    }
}

/// Each answer is signed by itself, with its padding; the payload belongs to the last.
fn sign(replies: &[Reply], starts: &[usize], (buffer, payload): (&mut BytesMut, &Payload)) {
    for (index, reply) in replies.iter().enumerate() {
        let signer = reply.channel.as_ref().and_then(|channel| channel.signer.as_ref()).filter(|_| reply.must_sign);
        let (Some(signer), Some(start)) = (signer, starts.get(index)) else { continue };
        let (end, slices) = match starts.get(index + 1) {
            Some(next) => (*next, &[][..]),
            None => (buffer.len(), payload.slices()),
        };
        let Some((header, rest)) = buffer.get_mut(*start..end).and_then(|message| message.split_first_chunk_mut())
        else {
            continue;
        };
        signer.sign(header, std::iter::once(&*rest).chain(slices.iter().map(AsRef::as_ref)));
    }
}

/// An answer that stands alone in its frame, whatever its request stood behind.
fn apart(mut header: Header, async_id: u64) -> Header {
    header.flags.remove(HeaderFlags::RELATED_OPERATIONS);
    header.with_async_id(async_id)
}

fn seal(session: &Session, buffer: &mut BytesMut) -> Result<(), Distrusted> {
    let keys = session.keys.as_ref().and_then(|keys| keys.encryption.as_ref());
    let (encryptor, _) = keys.ok_or(Distrusted)?;
    let sealed = buffer.get_mut(FRAME_HEADER_BYTES..).ok_or(Distrusted)?;
    let (place, message) = sealed.split_first_chunk_mut::<TRANSFORM_HEADER_BYTES>().ok_or(Distrusted)?;
    let original_message_size = u32::try_from(message.len()).map_err(|_| Distrusted)?;
    let header = TransformHeader { original_message_size, session_id: session.id, ..TransformHeader::default() };
    let mut encoded = BytesMut::with_capacity(TRANSFORM_HEADER_BYTES);
    header.encode(&mut Encoder::new(&mut encoded));
    place.copy_from_slice(encoded.get(..TRANSFORM_HEADER_BYTES).ok_or(Distrusted)?);
    encryptor.encrypt(place, message).map_err(|_| Distrusted)
}

fn bytes_of(reply: &Reply) -> usize {
    HEADER_BYTES
        + reply.answer.body.len()
        + 8
        + if reply.header.command == Command::READ { 0 } else { reply.answer.payload.len() }
}

const MESSAGE_ALIGNMENT: usize = 8;
