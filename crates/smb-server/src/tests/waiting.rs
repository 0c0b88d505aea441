//! LOCK, and answers that come later (MS-SMB2 3.3.4.2, 3.3.5.14, 3.3.5.16).

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use admission::Output;
use bytes::{Bytes, BytesMut};
use smb_wire::close::{CloseFlags, CloseRequest};
use smb_wire::codec::{List, encode_body};
use smb_wire::compound::Chain;
use smb_wire::create::CreateDisposition;
use smb_wire::lock::{LockElement, LockFlags, LockRequest};
use smb_wire::negotiate::Dialect;
use smb_wire::transform::TRANSFORM_HEADER_BYTES;
use smb_wire::{
    CancelRequest, Command, EchoRequest, FileId, HEADER_BYTES, Header, HeaderFlags, LogoffRequest, Protocol, Status,
    TreeDisconnectRequest,
};

use super::files::{at_home, open, reading, writing};
use super::harness::{Client, EVERY_DIALECT, House, Response, body, responses};
use crate::connection::Replies;
use crate::dispatch;

/// A frame that is being done.
pub(super) type UnderWay = Pin<Box<dyn Future<Output = Option<Replies>> + Send>>;

impl Client<'_> {
    /// Sends a frame without waiting for what comes of it.
    pub(super) fn send(&mut self, frame: &[u8]) {
        let batch = self.machine.feed(BytesMut::from(frame).into()).expect("a connection that stays");
        let begin = |batch| dispatch::run(self.house.door.clone(), self.peer.clone(), batch);
        let begun = batch.map(|batch| -> UnderWay { Box::pin(begin(batch)) });
        self.under_way.extend(begun);
    }

    /// What has come by now, frame by frame, decrypted.
    pub(super) fn hear(&mut self) -> Vec<Vec<Response>> {
        let mut done = Vec::new();
        self.under_way.retain_mut(|call| match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(replies) => {
                done.push(replies.expect("a connection that stays"));
                false
            }
            Poll::Pending => true,
        });
        let due = self.peer.outbox.take().unwrap_or_default();
        due.into_iter().chain(done).map(|replies| self.finished(replies)).collect()
    }

    pub(super) fn finished(&mut self, replies: Replies) -> Vec<Response> {
        let mut output = Output::default();
        self.machine.finish(replies, &mut output).expect("a connection that stays");
        let frame = Bytes::from(output.take_all()).slice(4..);
        let is_sealed = Protocol::of(&frame) == Some(Protocol::Transform);
        responses(&if is_sealed { self.unseal(&frame) } else { frame })
    }

    fn ask_to_lock(&mut self, file_id: FileId, lock: LockElement) -> Header {
        let header = self.header(Command::LOCK);
        let message = self.message(header, &locking(file_id, &[lock]));
        self.send(&message);
        header
    }

    /// The answer to a lock that nobody waits for.
    pub(super) fn lock(&mut self, file_id: FileId, locks: &[LockElement]) -> Status {
        self.ask(Command::LOCK, &locking(file_id, locks)).status()
    }

    pub(super) fn cancel(&mut self, header: Header) {
        let message = self.message(Header { credits: 0, command: Command::CANCEL, ..header }, &CancelRequest {});
        self.send(&message);
    }
}

fn locking<'a>(file_id: FileId, locks: &'a [LockElement]) -> LockRequest<'a> {
    LockRequest { lock_sequence: 0, file_id, locks: List::Items(locks) }
}

fn range(offset: u64, length: u64, flags: LockFlags) -> LockElement {
    LockElement { offset, length, flags }
}

const AT_ONCE: LockFlags = LockFlags::FAIL_IMMEDIATELY;
const EXCLUSIVE: LockFlags = LockFlags::EXCLUSIVE;
const SHARED: LockFlags = LockFlags::SHARED;
const UNLOCK: LockFlags = LockFlags::UNLOCK;

/// Two clients with a file open, of which the first holds its first ten bytes.
fn two_at<'a>(house: &'a House, dialect: Dialect) -> ((Client<'a>, FileId), (Client<'a>, FileId)) {
    let (mut one, mut two) = (at_home(house, dialect), at_home(house, dialect));
    let first = open(&mut one, "file", CreateDisposition::OPEN_IF).unwrap();
    let second = open(&mut two, "file", CreateDisposition::OPEN).unwrap();
    assert_eq!(one.lock(first, &[range(0, 10, EXCLUSIVE)]), Status::SUCCESS);
    ((one, first), (two, second))
}

fn statuses(frames: &[Vec<Response>]) -> Vec<Vec<Status>> {
    frames.iter().map(|frame| frame.iter().map(Response::status).collect()).collect()
}

#[test]
fn a_lock_is_waited_for_over_every_dialect() {
    for dialect in EVERY_DIALECT {
        let house = House::new();
        let ((mut one, first), (mut two, second)) = two_at(&house, dialect);
        let asked = two.ask_to_lock(second, range(5, 10, EXCLUSIVE));
        let frames = two.hear();
        assert_eq!(statuses(&frames), [[Status::PENDING]], "{dialect:?}");
        let interim = frames[0][0].header;
        let async_id = interim.async_id().expect("an async id");
        assert_eq!((interim.message_id, interim.command), (asked.message_id, Command::LOCK));
        assert!(interim.credits > 0 && !interim.flags.contains(HeaderFlags::SIGNED), "{interim:?}");
        assert_eq!(two.ask(Command::ECHO, &EchoRequest {}).status(), Status::SUCCESS, "others go on");
        assert!(two.hear().is_empty());
        assert_eq!(one.lock(first, &[range(0, 10, UNLOCK)]), Status::SUCCESS);
        let frames = two.hear();
        assert_eq!(statuses(&frames), [[Status::SUCCESS]]);
        let last = &frames[0][0];
        assert_eq!((last.header.async_id(), last.header.message_id), (Some(async_id), asked.message_id));
        assert_eq!(last.header.credits, 0, "the interim answer gave them");
        assert!(two.is_signed(last));
        let taken = one.lock(first, &[range(14, 1, SHARED | AT_ONCE)]);
        assert_eq!(taken, Status::LOCK_NOT_GRANTED, "it is held");
    }
}

#[test]
fn answers_that_come_later_are_encrypted_as_their_requests_were() {
    let house = House::new();
    let ((mut one, first), (mut two, second)) = two_at(&house, Dialect::SMB_3_1_1);
    let header = two.header(Command::LOCK);
    let mut message = BytesMut::new();
    let lock = [range(0, 1, SHARED)];
    encode_body(&locking(second, &lock), Chain::new(&mut message).begin(&header));
    let frame = two.seal(message);
    assert!(frame.len() > TRANSFORM_HEADER_BYTES + HEADER_BYTES);
    two.send(&frame);
    assert_eq!(statuses(&two.hear()), [[Status::PENDING]]);
    assert_eq!(one.lock(first, &[range(0, 10, UNLOCK)]), Status::SUCCESS);
    let frames = two.hear();
    assert_eq!(statuses(&frames), [[Status::SUCCESS]]);
    assert!(!frames[0][0].header.flags.contains(HeaderFlags::SIGNED));
}

#[test]
fn a_wait_is_cancelled_by_either_id() {
    let house = House::new();
    let ((_one, _), (mut two, second)) = two_at(&house, Dialect::SMB_3_1_1);
    let asked = two.ask_to_lock(second, range(0, 1, SHARED));
    assert_eq!(statuses(&two.hear()), [[Status::PENDING]]);
    two.cancel(Header { message_id: asked.message_id + 100, ..asked });
    assert!(two.hear().is_empty(), "that is another one");
    two.cancel(asked);
    assert_eq!(statuses(&two.hear()), [[Status::CANCELLED]], "and CANCEL itself is not answered");
    let asked = two.ask_to_lock(second, range(0, 1, SHARED));
    let id = two.hear()[0][0].header.async_id().unwrap();
    two.cancel(Header { message_id: 0, ..asked }.with_async_id(id));
    assert_eq!(statuses(&two.hear()), [[Status::CANCELLED]]);
}

#[test]
fn nobody_cancels_what_another_session_asked_for() {
    let house = House::new();
    let ((_one, _), (mut two, second)) = two_at(&house, Dialect::SMB_3_1_1);
    let asked = two.ask_to_lock(second, range(0, 1, SHARED));
    assert_eq!(statuses(&two.hear()), [[Status::PENDING]]);
    let mut forged = two.message(Header { command: Command::CANCEL, ..asked }, &CancelRequest {});
    forged[50] ^= 1;
    two.send(&forged);
    assert!(two.hear().is_empty());
}

#[test]
fn a_wait_ends_with_open_tree_session_and_connection() {
    let house = House::new();
    for command in [Command::CLOSE, Command::TREE_DISCONNECT, Command::LOGOFF] {
        let ((mut one, first), (mut two, second)) = two_at(&house, Dialect::SMB_3_1_1);
        two.ask_to_lock(second, range(0, 1, SHARED));
        assert_eq!(statuses(&two.hear()), [[Status::PENDING]]);
        let header = two.header(command);
        let message = match command {
            Command::CLOSE => two.message(header, &CloseRequest { flags: CloseFlags::empty(), file_id: second }),
            Command::LOGOFF => two.message(header, &LogoffRequest {}),
            _ => two.message(header, &TreeDisconnectRequest {}),
        };
        two.send(&message);
        let mut heard = two.hear();
        heard.extend(two.hear());
        let mut heard: Vec<_> = heard.iter().flatten().map(|heard| (heard.header.command, heard.status())).collect();
        heard.sort_unstable_by_key(|(command, _)| command.0);
        let mut expected = [(Command::LOCK, Status::RANGE_NOT_LOCKED), (command, Status::SUCCESS)];
        expected.sort_unstable_by_key(|(command, _)| command.0);
        assert_eq!(heard, expected, "{command:?}");
        one.ask(Command::CLOSE, &CloseRequest { flags: CloseFlags::empty(), file_id: first });
    }
    let ((_one, _), (mut two, second)) = two_at(&house, Dialect::SMB_3_1_1);
    two.ask_to_lock(second, range(0, 1, SHARED));
    assert_eq!(two.hear().len(), 1);
    two.peer.waits.end_all();
    assert_eq!(statuses(&two.hear()), [[Status::RANGE_NOT_LOCKED]]);
}

#[test]
fn in_a_compound_only_the_last_one_waits_and_the_others_are_answered_before() {
    let house = House::new();
    let ((mut one, first), (mut two, second)) = two_at(&house, Dialect::SMB_3_1_1);
    let lock = [range(0, 1, SHARED)];
    let (locks, reads) = (body(&locking(second, &lock)), body(&reading(second, 100, 1)));
    let (read, asked) = (two.header(Command::READ), two.header(Command::LOCK));
    let frame = two.compound(&[(read, reads.clone()), (asked, locks.clone())]);
    two.send(&frame);
    assert_eq!(statuses(&two.hear()), [[Status::END_OF_FILE], [Status::PENDING]]);
    assert_eq!(one.lock(first, &[range(0, 10, UNLOCK)]), Status::SUCCESS);
    assert_eq!(statuses(&two.hear()), [[Status::SUCCESS]]);
    assert_eq!(two.lock(second, &[range(0, 1, UNLOCK)]), Status::SUCCESS);
    assert_eq!(one.lock(first, &[range(0, 10, EXCLUSIVE)]), Status::SUCCESS);
    let (asked, read) = (two.header(Command::LOCK), two.header(Command::READ));
    let frame = two.compound(&[(asked, locks), (read, reads)]);
    two.send(&frame);
    assert_eq!(statuses(&two.hear()), [[Status::INTERNAL_ERROR, Status::END_OF_FILE]]);
}

#[test]
fn all_ranges_are_locked_or_none() {
    let house = House::new();
    let ((mut one, first), (mut two, second)) = two_at(&house, Dialect::SMB_3_1_1);
    let both = [range(20, 5, EXCLUSIVE | AT_ONCE), range(9, 1, EXCLUSIVE | AT_ONCE)];
    assert_eq!(two.lock(second, &both), Status::LOCK_NOT_GRANTED);
    assert_eq!(one.lock(first, &[range(20, 5, EXCLUSIVE | AT_ONCE)]), Status::SUCCESS, "it was given back");
    let unlocking = [range(20, 5, UNLOCK), range(40, 1, UNLOCK), range(0, 10, UNLOCK)];
    assert_eq!(one.lock(first, &unlocking), Status::RANGE_NOT_LOCKED);
    assert_eq!(one.lock(first, &[range(20, 5, UNLOCK)]), Status::RANGE_NOT_LOCKED, "up to the wrong one");
    assert_eq!(one.lock(first, &[range(0, 10, UNLOCK)]), Status::SUCCESS);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let house = House::new();
    let ((mut one, first), _two) = two_at(&house, Dialect::SMB_3_1_1);
    for (locks, status) in [
        (vec![range(50, 1, LockFlags::empty())], Status::INVALID_PARAMETER),
        (vec![range(50, 1, SHARED | EXCLUSIVE)], Status::INVALID_PARAMETER),
        (vec![range(0, 10, UNLOCK | AT_ONCE)], Status::INVALID_PARAMETER),
        (vec![range(50, 1, EXCLUSIVE), range(60, 1, EXCLUSIVE)], Status::INVALID_PARAMETER),
        (vec![range(50, 1, EXCLUSIVE | AT_ONCE), range(0, 10, UNLOCK)], Status::INVALID_PARAMETER),
        (vec![range(u64::MAX, 2, EXCLUSIVE)], Status::INVALID_LOCK_RANGE),
        (vec![range(u64::MAX, 1, EXCLUSIVE)], Status::SUCCESS),
        (vec![range(10, 0, EXCLUSIVE)], Status::SUCCESS),
        (vec![range(10, 0, UNLOCK)], Status::SUCCESS),
        (vec![range(10, 0, UNLOCK)], Status::RANGE_NOT_LOCKED),
    ] {
        assert_eq!(one.lock(first, &locks), status, "{locks:?}");
    }
}

#[test]
fn locks_bind_reads_and_writes_of_others() {
    let house = House::new();
    let ((mut one, first), (mut two, second)) = two_at(&house, Dialect::SMB_3_1_1);
    assert_eq!(one.ask(Command::WRITE, &writing(first, 0, b"ten bytes.")).status(), Status::SUCCESS);
    let status = two.ask(Command::WRITE, &writing(second, 9, b"no")).status();
    assert_eq!(status, Status::FILE_LOCK_CONFLICT);
    assert_eq!(two.ask(Command::READ, &reading(second, 0, 1)).status(), Status::FILE_LOCK_CONFLICT);
    assert_eq!(one.ask(Command::READ, &reading(first, 0, 1)).status(), Status::SUCCESS);
}

#[test]
fn requests_that_wait_are_bounded() {
    let house = House::new();
    let ((_one, _), (mut two, second)) = two_at(&house, Dialect::SMB_2_1);
    for asked in 0..520 {
        two.ask_to_lock(second, range(0, 1, SHARED));
        let status = two.hear()[0][0].status();
        let expected = if asked < 512 { Status::PENDING } else { Status::INSUFFICIENT_RESOURCES };
        assert_eq!(status, expected, "{asked}");
    }
}
