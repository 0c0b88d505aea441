//! What an SMB connection speaks: frames in, each a batch of requests, and one frame out for each batch. How it is served is
//! `admission`'s: turns, bounds, times; what is said is the [`Machine`]'s.

mod binding;
mod credits;
mod finish;
mod frame;
mod input;
mod machine;
mod negotiate;
mod outbox;
mod request;
mod setup;
mod traffic;

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use admission::{Distrusted, Output, Protocol};
use pages::Pool;
use smb_wire::frame::FrameError;
use tokio::io::AsyncRead;

pub(crate) use self::frame::Frame;
use self::input::Input;
pub(crate) use self::machine::{Facts, Machine, Peer, tree_id};
pub(crate) use self::negotiate::Terms;
pub(crate) use self::request::{After, Batch, Delay, Replies, Reply, Request, Verdict};
pub(crate) use self::traffic::Traffic;
use crate::session::Session;

/// Frames of one connection, and the requests in them. `begin` does the requests of a batch; `None` closes the connection.
pub(crate) struct Frames<B> {
    machine: Machine,
    input: Input,
    begin: B,
    peer: Arc<Peer>,
}

impl<B> Frames<B> {
    /// Nothing was said yet. Large writes are received into blocks of `pool`.
    pub(crate) fn new(machine: Machine, peer: Arc<Peer>, pool: &Pool, begin: B) -> Self {
        Self { machine, input: Input::new(pool.clone()), begin, peer }
    }

    /// Sends what waits in the outbox.
    fn send_due(&mut self, output: &mut Output) -> Result<bool, Distrusted> {
        let Some(due) = self.peer.outbox.take() else { return Ok(false) };
        due.into_iter().try_for_each(|frame| self.send(frame, output))?;
        self.send_unasked(output)?;
        Ok(true)
    }

    /// Tells the clients what they did not ask for.
    fn send_unasked(&mut self, output: &mut Output) -> Result<(), Distrusted> {
        let unasked = self.machine.unasked(&Waker::from(Arc::clone(&self.peer.outbox)))?;
        unasked.into_iter().try_for_each(|frame| self.send(frame, output))
    }

    fn send(&mut self, frame: Replies, output: &mut Output) -> Result<(), Distrusted> {
        let (count, before) = (frame.last_answers(), output.len());
        self.machine.finish(frame, output)?;
        self.peer.traffic.end((count, output.len() - before));
        Ok(())
    }

    /// The sessions of the connection, which end with it.
    pub(crate) fn take_sessions(&mut self) -> Vec<Arc<Session>> {
        self.machine.take_sessions()
    }
}

impl<B, F> Protocol for Frames<B>
where
    B: Fn(Batch) -> F,
    F: Future<Output = Option<Replies>>,
{
    type Record = Frame;
    type Call = F;
    type Done = Option<Replies>;
    type Error = FrameError;

    fn held_bytes(&self) -> usize {
        self.input.len()
    }

    fn is_between_records(&self) -> bool {
        self.input.len() == 0
    }

    fn is_record_due(&self) -> bool {
        self.input.is_large_complete()
    }

    fn next_record(&mut self, may_take_blocks: bool) -> Result<Option<Frame>, FrameError> {
        self.input.next_frame(self.machine.frame_bytes_max(), may_take_blocks)
    }

    fn poll_receive<S: AsyncRead + Unpin>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.input.poll_receive(stream, cx)
    }

    fn slim(&mut self) {
        self.input.slim();
    }

    fn is_settled(&self) -> bool {
        self.machine.is_known()
    }

    fn begin(&mut self, frame: Frame) -> Result<(Option<F>, usize), Distrusted> {
        let length = frame.bytes().len();
        let Some(batch) = self.machine.feed(frame)? else { return Ok((None, 0)) };
        let cost_bytes = length + batch.reply_bytes_max();
        Ok((Some((self.begin)(batch)), cost_bytes))
    }

    fn answer(&mut self, replies: Option<Replies>, output: Option<&mut Output>) -> Result<(), Distrusted> {
        let replies = replies.ok_or(Distrusted)?;
        let mut unheard = Output::default();
        let output = output.unwrap_or(&mut unheard);
        // An interim answer goes before the last one, and behind that of a CREATE what is told of its open.
        self.send_due(output)?;
        let has_opens = replies.has_opens();
        self.send(replies, output)?;
        if has_opens { self.send_unasked(output) } else { Ok(()) }
    }

    fn tell(&mut self, output: Option<&mut Output>, cx: &Context<'_>) -> Result<bool, Distrusted> {
        self.peer.outbox.attend(cx);
        let mut unheard = Output::default();
        self.send_due(output.unwrap_or(&mut unheard))
    }

    fn hang_up(&mut self) {
        self.peer.waits.end_all();
    }
}
