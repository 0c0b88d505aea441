//! One connection with some operations in flight, without a task per call.

use std::fmt;

use anyhow::Result;
use bytes::BytesMut;

use crate::operation::Slots;
use crate::stream::{Output, Stream};
use crate::tally::Tally;

/// How calls become frames, and frames replies.
pub trait Protocol {
    /// What a slot sends.
    type Call;
    /// What comes back.
    type Reply;

    /// Sends a call of a slot, which has no other one in flight, at once or later.
    ///
    /// # Errors
    /// It cannot be sent.
    fn send(&mut self, slot: usize, call: Self::Call, output: &mut Output) -> Result<()>;

    /// What a frame is; it may allow to send what had to wait.
    ///
    /// # Errors
    /// The connection is of no use any more.
    fn receive(&mut self, frame: BytesMut, output: &mut Output) -> Result<Received<Self::Reply>>;

    /// Sends again, after a pause, what the server could not do yet.
    ///
    /// # Errors
    /// It cannot be sent.
    fn repeat(&mut self, _output: &mut Output) -> impl Future<Output = Result<()>> {
        std::future::ready(Ok(()))
    }

    /// How often it did.
    fn retries(&self) -> u64 {
        0
    }
}

/// What a frame is.
#[derive(Debug)]
pub enum Received<Reply> {
    /// The reply to the call of a slot.
    Reply(usize, Reply),
    /// Nothing that a slot waits for.
    Other,
}

/// A connection that speaks a protocol.
pub struct Connection<P> {
    stream: Stream,
    /// What it speaks.
    pub protocol: P,
}

impl<P: Protocol> Connection<P> {
    /// Goes on with a stream on which nothing is in flight.
    pub const fn new(stream: Stream, protocol: P) -> Self {
        Self { stream, protocol }
    }

    /// One call, and its reply; nothing else is in flight.
    ///
    /// # Errors
    /// The connection is gone or of no use any more.
    pub async fn ask(&mut self, call: P::Call) -> Result<P::Reply> {
        self.protocol.send(0, call, &mut self.stream.output)?;
        loop {
            let frame = self.stream.frame().await?;
            if let Received::Reply(_, reply) = self.protocol.receive(frame, &mut self.stream.output)? {
                return Ok(reply);
            }
            self.protocol.repeat(&mut self.stream.output).await?;
        }
    }

    /// Keeps every slot busy until the window ends or its operation has nothing more to do.
    ///
    /// # Errors
    /// The connection is gone or of no use any more. Operations that fail are counted.
    pub async fn run(&mut self, mut slots: Slots<P::Call, P::Reply>) -> Result<Tally> {
        for slot in 0..slots.count() {
            if let Some(call) = slots.begin(slot) {
                self.protocol.send(slot, call, &mut self.stream.output)?;
            }
        }
        loop {
            self.stream.write()?;
            if slots.is_idle() {
                return Ok(slots.end(self.stream.congestion().to_owned(), self.protocol.retries()));
            }
            self.stream.receive().await?;
            self.answer(&mut slots)?;
            self.protocol.repeat(&mut self.stream.output).await?;
        }
    }

    fn answer(&mut self, slots: &mut Slots<P::Call, P::Reply>) -> Result<()> {
        while let Some(frame) = self.stream.next_frame() {
            let Received::Reply(slot, reply) = self.protocol.receive(frame, &mut self.stream.output)? else { continue };
            if let Some(call) = slots.answered(slot, &reply) {
                self.protocol.send(slot, call, &mut self.stream.output)?;
            }
        }
        Ok(())
    }
}

impl<P> fmt::Debug for Connection<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connection").field("stream", &self.stream).finish_non_exhaustive()
    }
}
