//! What an NFS connection speaks: RPC records in, each a call, and replies out as they become ready. How it is served is
//! `admission`'s: turns, bounds, times.

mod input;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;
use std::task::{Context, Poll};

use admission::{ConnectionSettings, Distrusted, Output, Place, Protocol};
use bytes::Bytes;
use nfs_wire::rpc::{RecordError, RecordLimits};
use tokio::io::AsyncRead;

use self::input::Input;
use crate::reply::Outcome;

/// Why a connection ended.
#[cfg(test)]
pub(crate) type Ended = admission::Ended<RecordError>;

/// How the calls of a connection are done.
#[derive(Clone, Copy)]
pub(crate) struct Calls<'a, B> {
    /// Begins the call in a record.
    pub(crate) begin: B,
    /// Bytes that the reply to a record may take beyond a small one: they count as in flight from the start.
    pub(crate) reply_bytes_max: fn(&Bytes) -> usize,
    /// Where it stands among all connections.
    pub(crate) place: &'a Place,
}

/// Records of one connection, and the calls in them.
pub(crate) struct Records<'a, B> {
    calls: Calls<'a, B>,
    input: Input,
}

/// A connection being served; resolves when it has ended.
pub(crate) type Connection<'a, S, B> = admission::Connection<'a, S, Records<'a, B>>;

/// A connection that has just been accepted. `stop` resolves when the house stops. Needs the time driver of the runtime.
pub(crate) fn serve<'a, S, B, F>(
    stream: S,
    calls: Calls<'a, B>,
    settings: &'a ConnectionSettings,
    stop: impl Future<Output = ()> + Send + 'a,
) -> Connection<'a, S, B>
where
    S: AsyncRead + tokio::io::AsyncWrite + Unpin,
    B: Fn(Bytes) -> F,
    F: Future<Output = Outcome>,
{
    let limits = RecordLimits { record_max_bytes: settings.record_bytes_max, fragments_max: settings.fragments_max };
    let (place, input) = (calls.place, Input::new(limits, calls.place.pool().clone()));
    admission::Connection::new((stream, Records { calls, input }), place, settings, stop)
}

impl<B, F> Protocol for Records<'_, B>
where
    B: Fn(Bytes) -> F,
    F: Future<Output = Outcome>,
{
    type Record = Bytes;
    type Call = F;
    type Done = Outcome;
    type Error = RecordError;

    fn held_bytes(&self) -> usize {
        self.input.len()
    }

    fn is_between_records(&self) -> bool {
        self.input.is_between_records()
    }

    fn is_record_due(&self) -> bool {
        self.input.is_large_complete()
    }

    fn next_record(&mut self, may_take_blocks: bool) -> Result<Option<Bytes>, RecordError> {
        self.input.next_record(may_take_blocks)
    }

    fn poll_receive<S: AsyncRead + Unpin>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.input.poll_receive(stream, cx)
    }

    fn slim(&mut self) {
        self.input.slim();
    }

    fn begin(&mut self, record: Bytes) -> Result<(Option<F>, usize), Distrusted> {
        let cost_bytes = record.len() + (self.calls.reply_bytes_max)(&record);
        Ok((Some((self.calls.begin)(record)), cost_bytes))
    }

    fn answer(&mut self, outcome: Outcome, output: Option<&mut Output>) -> Result<(), Distrusted> {
        match (outcome, output) {
            (Outcome::Close, _) => Err(Distrusted),
            (Outcome::Reply(reply), Some(output)) => {
                reply.write_to(output);
                Ok(())
            }
            (Outcome::Reply(_), None) | (Outcome::Silence, _) => Ok(()),
        }
    }
}
