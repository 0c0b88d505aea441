//! Which reply belongs to which call.

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::BytesMut;
use load::{Output, Protocol, Received};

use crate::rpc::{Call, Reply};

/// NFSv3 on one connection.
#[derive(Debug, Default)]
pub(crate) struct Nfs {
    slots: Vec<Slot>,
    again: Vec<usize>,
    retries: u64,
}

#[derive(Debug, Default)]
struct Slot {
    /// The call in flight, kept to be sent again.
    call: Option<Call>,
    calls: u32,
}

impl Protocol for Nfs {
    type Call = Call;
    type Reply = Reply;

    fn send(&mut self, index: usize, call: Call, output: &mut Output) -> Result<()> {
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, Slot::default);
        }
        let slot = self.slots.get_mut(index).context("no such slot")?;
        // The slot's number stands in the xid; its count of calls makes the xid unique.
        let xid = u32::try_from(index)? | (slot.calls & 0xfffff) << SLOT_BITS;
        slot.calls = slot.calls.wrapping_add(1);
        let Call { head, payload } = call.stamped(xid);
        slot.call = Some(call);
        output.push(head.freeze());
        output.push(payload);
        Ok(())
    }

    fn receive(&mut self, frame: BytesMut, _: &mut Output) -> Result<Received<Reply>> {
        let reply = Reply::parse(frame.freeze())?;
        let index = usize::try_from(reply.xid & ((1 << SLOT_BITS) - 1))?;
        if reply.status() == JUKEBOX {
            self.retries += 1;
            self.again.push(index);
            return Ok(Received::Other);
        }
        Ok(Received::Reply(index, reply))
    }

    /// Sends calls again that the server could not do yet (NFS3ERR_JUKEBOX).
    async fn repeat(&mut self, output: &mut Output) -> Result<()> {
        if self.again.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(RETRY_PAUSE).await;
        for index in std::mem::take(&mut self.again) {
            if let Some(call) = self.slots.get_mut(index).and_then(|slot| slot.call.take()) {
                self.send(index, call, output)?;
            }
        }
        Ok(())
    }

    fn retries(&self) -> u64 {
        self.retries
    }
}

const SLOT_BITS: u32 = 12;
const JUKEBOX: u32 = 10008;
const RETRY_PAUSE: Duration = Duration::from_millis(1);
