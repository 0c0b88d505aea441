//! One side of DCE/RPC over a pipe as a value (C706 chapter 12, MS-RPCE 3.3): fragments in, calls done, fragments out.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};
use smb_wire::codec::{DecodeError, List};
use smb_wire::pipe::pdu::{
    Bind, BindAck, BindNak, ContextReason, ContextResult, ContextVerdict, FaultBody, FaultStatus, PDU_HEADER_BYTES,
    Pdu, PduFlags, PduHeader, PduType, RESPONSE_HEAD_BYTES, RejectReason, Request, Response, SyntaxId, put_pdu,
};

use super::service::{Circumstances, Service};

/// A client's connection to a service.
#[derive(Debug)]
pub(super) struct Association {
    service: Service,
    /// Ids under which the client speaks to the interface.
    contexts: Vec<u16>,
    /// Longest fragment that goes out.
    send_bytes_max: usize,
    input: BytesMut,
    call: Option<Unfinished>,
    output: VecDeque<Bytes>,
    is_broken: bool,
}

/// A call of which not all fragments have come.
#[derive(Debug)]
struct Unfinished {
    id: u32,
    context: u16,
    operation: u16,
    stub: BytesMut,
}

/// What became of bytes that were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    All,
    /// Nothing was taken: answers are to be read first.
    TooMuch,
    /// This is no DCE/RPC; nothing is taken any more.
    Broken,
}

/// What is read at once.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) bytes: Bytes,
    /// Nothing of the message is left.
    pub(super) is_whole: bool,
}

/// Where an answer belongs.
type To = (u32, u16);

impl Association {
    pub(super) fn new(service: Service) -> Self {
        Self {
            service,
            contexts: Vec::new(),
            send_bytes_max: FRAGMENT_BYTES_MAX.into(),
            input: BytesMut::new(),
            call: None,
            output: VecDeque::new(),
            is_broken: false,
        }
    }

    /// Takes what was written: parts of units, or several.
    pub(super) fn take(&mut self, bytes: &[u8], circumstances: &Circumstances<'_>) -> Taken {
        if self.is_broken {
            return Taken::Broken;
        }
        if self.unread_bytes() > UNREAD_BYTES_MAX || self.input.len() + bytes.len() > INPUT_BYTES_MAX {
            return Taken::TooMuch;
        }
        self.input.extend_from_slice(bytes);
        while let Some(unit) = self.next_unit() {
            if self.unit(&unit, circumstances).is_err() {
                self.is_broken = true;
                self.call = None;
                self.input = BytesMut::new();
                return Taken::Broken;
            }
        }
        Taken::All
    }

    /// The next message, or a part of it.
    pub(super) fn next_message(&mut self, limit: usize) -> Option<Message> {
        let mut bytes = self.output.pop_front()?;
        let is_whole = bytes.len() <= limit;
        if !is_whole {
            let rest = bytes.split_off(limit);
            self.output.push_front(rest);
        }
        Some(Message { bytes, is_whole })
    }

    /// Bytes of answers that nobody has read.
    pub(super) fn unread_bytes(&self) -> usize {
        self.output.iter().map(Bytes::len).sum()
    }

    pub(super) fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// The first unit of the input, if all of it is there; also one whose length cannot be, to be refused.
    fn next_unit(&mut self) -> Option<Bytes> {
        let header: PduHeader = smb_wire::codec::decode(self.input.get(..PDU_HEADER_BYTES)?).ok()?;
        let length = usize::from(header.fragment_length).max(PDU_HEADER_BYTES);
        (self.input.len() >= length).then(|| self.input.split_to(length).freeze())
    }

    fn unit(&mut self, bytes: &[u8], circumstances: &Circumstances<'_>) -> Result<(), DecodeError> {
        let unit: Pdu<'_> = smb_wire::codec::decode(bytes)?;
        match unit.header.kind {
            PduType::BIND => self.bind(&unit, PduType::BIND_ACK)?,
            PduType::ALTER_CONTEXT => self.bind(&unit, PduType::ALTER_CONTEXT_RESPONSE)?,
            PduType::REQUEST => self.request(&unit, circumstances)?,
            // Calls are done at once: nothing is left to cancel.
            PduType::CO_CANCEL | PduType::ORPHANED => self.call = None,
            _ => self.fault((unit.header.call_id, 0), FaultStatus::PROTOCOL),
        }
        Ok(())
    }

    /// MS-RPCE 3.3.1.5.3: who is on the other side is known from the session; nothing more is proved within the pipe.
    fn bind(&mut self, unit: &Pdu<'_>, kind: PduType) -> Result<(), DecodeError> {
        let id = unit.header.call_id;
        if unit.header.auth_length != 0 {
            let reason = RejectReason::AUTHENTICATION_TYPE;
            let nak = BindNak { reason, versions: 1, version: 5, minor_version: 0 };
            self.put(|buffer| put_pdu((PduType::BIND_NAK, WHOLE, id), &nak, buffer));
            return Ok(());
        }
        let bind: Bind<'_> = unit.carried()?;
        let results: Vec<_> = bind.contexts.iter().map(|context| self.context(context)).collect();
        if kind == PduType::BIND_ACK {
            let wanted = bind.receive_bytes_max.clamp(FRAGMENT_BYTES_MIN, FRAGMENT_BYTES_MAX);
            self.send_bytes_max = wanted.into();
        }
        let address = if kind == PduType::BIND_ACK { self.service.address() } else { String::new() };
        let ack = BindAck {
            send_bytes_max: u16::try_from(self.send_bytes_max).unwrap_or(FRAGMENT_BYTES_MAX),
            receive_bytes_max: FRAGMENT_BYTES_MAX,
            group: if bind.group == 0 { GROUP } else { bind.group },
            address: address.as_bytes(),
            results: List::Items(&results),
        };
        self.put(|buffer| put_pdu((kind, WHOLE, id), &ack, buffer));
        Ok(())
    }

    fn context(&mut self, context: &smb_wire::pipe::pdu::ContextElement<'_>) -> ContextResult {
        let refused =
            |reason| ContextResult { verdict: ContextVerdict::PROVIDER_REJECTION, reason, ..ContextResult::default() };
        if context.syntaxes.iter().any(|syntax| syntax.asks_for_features()) {
            // None of the features (MS-RPCE 3.3.1.5.3): its bits are in the place of the reason.
            return ContextResult { verdict: ContextVerdict::NEGOTIATE_ACK, ..ContextResult::default() };
        }
        if context.interface != self.service.interface() {
            return refused(ContextReason::ABSTRACT_SYNTAX);
        }
        if !context.syntaxes.iter().any(|syntax| syntax == SyntaxId::NDR) {
            return refused(ContextReason::TRANSFER_SYNTAXES);
        }
        if !self.contexts.contains(&context.id) {
            if self.contexts.len() >= CONTEXTS_MAX {
                return refused(ContextReason::LIMIT);
            }
            self.contexts.push(context.id);
        }
        ContextResult { syntax: SyntaxId::NDR, ..ContextResult::default() }
    }

    /// A fragment of a call; the last one has it done.
    fn request(&mut self, unit: &Pdu<'_>, circumstances: &Circumstances<'_>) -> Result<(), DecodeError> {
        let request: Request<'_> = unit.carried()?;
        let (id, flags) = (unit.header.call_id, unit.header.flags);
        if flags.contains(PduFlags::FIRST_FRAGMENT) {
            let Request { context, operation, .. } = request;
            self.call = Some(Unfinished { id, context, operation, stub: BytesMut::new() });
        }
        let Some(mut call) = self.call.take().filter(|call| call.id == id) else {
            self.fault((id, request.context), FaultStatus::PROTOCOL);
            return Ok(());
        };
        if call.stub.len() + request.stub.len() > STUB_BYTES_MAX {
            self.fault((id, call.context), FaultStatus::NO_MEMORY);
            return Ok(());
        }
        call.stub.extend_from_slice(request.stub);
        if flags.contains(PduFlags::LAST_FRAGMENT) {
            self.perform(&call, circumstances);
        } else {
            self.call = Some(call);
        }
        Ok(())
    }

    fn perform(&mut self, call: &Unfinished, circumstances: &Circumstances<'_>) {
        let to = (call.id, call.context);
        if !self.contexts.contains(&call.context) {
            return self.fault(to, FaultStatus::UNKNOWN_INTERFACE);
        }
        match self.service.call(call.operation, &call.stub, circumstances) {
            Ok(stub) => self.respond(to, stub),
            Err(status) => self.fault(to, status),
        }
    }

    fn respond(&mut self, (id, context): To, mut stub: BytesMut) {
        let room = self.send_bytes_max - RESPONSE_HEAD_BYTES;
        let mut flags = PduFlags::FIRST_FRAGMENT;
        loop {
            let is_last = stub.len() <= room;
            if is_last {
                flags |= PduFlags::LAST_FRAGMENT;
            }
            let hint = u32::try_from(stub.len()).unwrap_or(u32::MAX);
            let part = stub.get(..room.min(stub.len())).unwrap_or_default();
            let response = Response { hint, context, stub: part };
            self.put(|buffer| put_pdu((PduType::RESPONSE, flags, id), &response, buffer));
            if is_last {
                return;
            }
            stub.advance(room);
            flags = PduFlags::empty();
        }
    }

    fn fault(&mut self, (id, context): To, status: FaultStatus) {
        let flags = WHOLE | PduFlags::DID_NOT_EXECUTE;
        let body = FaultBody { context, status, ..FaultBody::default() };
        self.put(|buffer| put_pdu((PduType::FAULT, flags, id), &body, buffer));
    }

    fn put(&mut self, write: impl FnOnce(&mut BytesMut)) {
        let mut buffer = BytesMut::new();
        write(&mut buffer);
        self.output.push_back(buffer.freeze());
    }
}

const WHOLE: PduFlags = PduFlags::FIRST_FRAGMENT.union(PduFlags::LAST_FRAGMENT);
/// Fragments, as Windows has them over pipes.
const FRAGMENT_BYTES_MAX: u16 = 4280;
/// The least that both sides must take (C706 12.6.3.1 `MustRecvFragSize`).
const FRAGMENT_BYTES_MIN: u16 = 1432;
/// Arguments of one call.
const STUB_BYTES_MAX: usize = 128 << 10;
/// What is written at once, with what is left of a unit.
const INPUT_BYTES_MAX: usize = 256 << 10;
/// Answers that wait to be read; those of one write come on top.
const UNREAD_BYTES_MAX: usize = 64 << 10;
const CONTEXTS_MAX: usize = 16;
/// Groups share nothing here: one number is enough.
const GROUP: u32 = 0x5342;

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever comes in pieces comes to the same.
    #[test]
    fn a_unit_comes_in_pieces() {
        let mut whole = Association::new(Service::named("srvsvc").unwrap());
        let header = PduHeader { fragment_length: 20, ..PduHeader::default() };
        let mut unit = BytesMut::new();
        smb_wire::codec::encode(&header, &mut unit);
        unit.extend_from_slice(&[0; 4]);
        whole.input.extend_from_slice(&unit[..15]);
        assert_eq!(whole.next_unit(), None);
        whole.input.extend_from_slice(&unit[15..19]);
        assert_eq!(whole.next_unit(), None);
        whole.input.extend_from_slice(&[0, 5, 0]);
        assert_eq!(whole.next_unit().unwrap().len(), 20);
        assert_eq!(whole.input.len(), 2);
    }

    #[test]
    fn messages_are_read_one_at_a_time_and_in_parts() {
        let mut association = Association::new(Service::named(r"\WKSSVC").unwrap());
        association.send_bytes_max = RESPONSE_HEAD_BYTES + 10;
        association.respond((7, 0), BytesMut::from(&[1; 25][..]));
        let mut flags = Vec::new();
        while let Some(head) = association.next_message(16) {
            assert!(!head.is_whole);
            let header: PduHeader = smb_wire::codec::decode(&head.bytes).unwrap();
            let rest = association.next_message(1000).unwrap();
            assert_eq!((rest.bytes.len() + 16, rest.is_whole), (header.fragment_length.into(), true));
            flags.push(header.flags.bits());
        }
        assert_eq!(flags, [1, 0, 2]);
        assert_eq!(association.unread_bytes(), 0);
    }
}
