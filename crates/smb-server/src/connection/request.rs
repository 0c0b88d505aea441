//! Requests as they come out of the machine, and what goes back into it.

use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;
use smb_wire::{Command, Header, HeaderFlags, Status};

use super::negotiate::Terms;
use crate::answer::Answer;
use crate::open_table::Open;
use crate::session::{Channel, Session};

/// The requests of one frame, to be done in this order.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) requests: SmallVec<[Request; 1]>,
    /// Its session, when it was encrypted; the answer is encrypted too.
    pub(crate) sealed: Option<Arc<Session>>,
    /// What the connection speaks; `None` until it was negotiated.
    pub(crate) terms: Option<Arc<Terms>>,
    pub(crate) bytes: usize,
}

/// One request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) header: Header,
    /// From `StructureSize` on.
    pub(crate) body: Bytes,
    pub(crate) channel: Option<Arc<Channel>>,
    pub(crate) verdict: Verdict,
    /// To be done before the answer goes out.
    pub(crate) after: Option<After>,
    pub(super) hashed: Option<Hashed>,
    pub(super) must_sign_answer: bool,
}

/// Whether there is anything left to do for a request.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// All of it.
    Do,
    /// It is answered.
    Answered(Box<Answer>),
}

/// What a request leaves to do.
#[derive(Debug)]
pub(crate) enum After {
    /// A session ends, with all that it holds.
    End(Arc<Session>),
    /// A session ends, and what is durable waits for its client.
    Lose(Arc<Session>),
}

/// Whose pre-authentication hash the answer goes into.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hashed {
    Connection,
    Setup(u64),
}

/// What a batch came to.
#[derive(Debug)]
pub(crate) struct Replies {
    pub(crate) replies: SmallVec<[Reply; 1]>,
    pub(crate) sealed: Option<Arc<Session>>,
}

/// The answer to one request.
#[derive(Debug)]
pub(crate) struct Reply {
    /// Of the request.
    pub(crate) header: Header,
    pub(crate) answer: Answer,
    /// Whether its client was told that it takes time.
    pub(crate) delay: Delay,
    pub(super) channel: Option<Arc<Channel>>,
    pub(super) hashed: Option<Hashed>,
    pub(super) must_sign: bool,
}

/// Whether an answer is one of two (MS-SMB2 3.3.4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Delay {
    /// It is the only one.
    #[default]
    None,
    /// It says that another one comes, under this `AsyncId`; it is not signed, as its message id signs that one.
    Interim(u64),
    /// An interim one said that it comes, and gave the credits.
    Last(u64),
    /// Nobody asked for it.
    Unasked,
}

/// A request as it stands in its frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incoming<'a> {
    pub(super) header: &'a Header,
    /// From the header to the next one.
    pub(super) bytes: &'a [u8],
    pub(super) body: &'a [u8],
    pub(super) frame: &'a Bytes,
    pub(super) is_sealed: bool,
}

impl Incoming<'_> {
    /// The request of a session, to be done.
    pub(super) fn request(&self, channel: Option<Arc<Channel>>) -> Request {
        let is_signed = self.header.flags.contains(HeaderFlags::SIGNED);
        let must_sign = channel.as_ref().is_some_and(|channel| channel.session.must_sign);
        Request {
            header: *self.header,
            body: self.frame.slice_ref(self.body),
            must_sign_answer: channel.as_ref().is_some_and(|channel| channel.signer.is_some())
                && !self.is_sealed
                && (is_signed || must_sign),
            channel,
            verdict: Verdict::Do,
            after: None,
            hashed: None,
        }
    }
}

impl Request {
    /// What goes back into the machine.
    pub(crate) fn reply(self, answer: Answer) -> Reply {
        let Self { header, channel, hashed, must_sign_answer: must_sign, .. } = self;
        Reply { header, answer, delay: Delay::None, channel, hashed, must_sign }
    }

    /// The answer that says that another one comes.
    pub(crate) fn interim(&self, async_id: u64) -> Reply {
        let (header, channel) = (self.header, self.channel.clone());
        let (answer, delay) = (Answer::error(Status::PENDING), Delay::Interim(async_id));
        Reply { header, answer, delay, channel, hashed: None, must_sign: false }
    }
}

impl Replies {
    /// What a client is told without having asked (MS-SMB2 3.3.4.6): it is not signed, and names a session only where it is
    /// encrypted.
    pub(crate) fn unasked(answer: Answer, sealed: Option<Arc<Session>>) -> Self {
        let session_id = sealed.as_ref().map_or(0, |session| session.id);
        let header = Header { credit_charge: 0, session_id, ..Header::request(Command::OPLOCK_BREAK, u64::MAX) };
        let delay = Delay::Unasked;
        let reply = Reply { header, answer, delay, channel: None, hashed: None, must_sign: false };
        Self { replies: SmallVec::from_iter([reply]), sealed }
    }

    /// Whether clients hear of opens by these.
    pub(super) fn has_opens(&self) -> bool {
        self.replies.iter().any(|reply| reply.answer.file_id.is_some())
    }

    /// The opens that clients hear of by these.
    pub(super) fn opened(&self) -> SmallVec<[Arc<Open>; 1]> {
        let found = |reply: &Reply| {
            let (channel, file_id) = (reply.channel.as_ref()?, reply.answer.file_id?);
            channel.session.opens.find_of_any_tree(file_id)
        };
        self.replies.iter().filter_map(found).collect()
    }

    /// Answers behind which no other comes.
    pub(super) fn last_answers(&self) -> usize {
        self.replies.iter().filter(|reply| !matches!(reply.delay, Delay::Interim(_) | Delay::Unasked)).count()
    }
}

impl Batch {
    /// Bytes that the answers may take beyond small ones, as the credits pay for them.
    pub(crate) fn reply_bytes_max(&self) -> usize {
        let paid = self.requests.iter().filter(|request| request.header.command == Command::READ);
        paid.map(|request| usize::from(request.header.credit_charge) << 16).sum()
    }
}
