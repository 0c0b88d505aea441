//! What a slot does again and again: each operation is one or more calls, one after the other.

mod fixed;
mod io;
mod listing;
mod names;

use std::sync::Arc;

use anyhow::Result;
use load::{Limited, Next, Operation};
use smb_wire::FileId;
use smb_wire::write::WriteFlags;

use crate::arguments::OperationKind;
use crate::message::{Call, Reply};
use crate::prepare::Ground;

pub(crate) use io::FileFill;
pub(crate) use names::{Makes, Names};

/// Where an operation is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The run's file, as this connection has it open.
    pub(crate) file_id: FileId,
    /// Of the slot, among those of all connections.
    pub(crate) number: usize,
}

/// The operation of one slot.
pub(crate) fn operation(kind: OperationKind, ground: &Arc<Ground>, place: Place) -> Box<dyn Operation<Call, Reply>> {
    let plain = unlimited(kind, ground, place);
    match &ground.left {
        Some(left) => Box::new(Limited::new(plain, left)),
        None => plain,
    }
}

fn unlimited(kind: OperationKind, ground: &Arc<Ground>, place: Place) -> Box<dyn Operation<Call, Reply>> {
    match kind {
        OperationKind::Echo => Box::new(fixed::echo()),
        OperationKind::QueryInfo => Box::new(fixed::query_info(place.file_id)),
        OperationKind::OpenClose => Box::new(names::Opens::new(ground, place.number)),
        OperationKind::Read4k => Box::new(io::ReadRandom::new(ground, place)),
        OperationKind::Read1m => Box::new(io::ReadInOrder::new(ground, place)),
        OperationKind::Write1m => Box::new(io::WriteInOrder::new(ground, place)),
        OperationKind::Write4k => Box::new(io::WriteRandom::new(ground, place, WriteFlags::empty())),
        OperationKind::Write4kThrough => Box::new(io::WriteRandom::new(ground, place, WriteFlags::WRITE_THROUGH)),
        OperationKind::SmallFile => Box::new(names::SmallFiles::new(ground)),
        OperationKind::Unlink => Box::new(names::Unlinks::new(ground)),
        OperationKind::List => Box::new(listing::Listings::new(ground)),
    }
}

/// One operation is done, if the status is success.
fn done(reply: &Reply, bytes: u64) -> Result<Next<Call>> {
    reply.check()?;
    Ok(Next::Done { operations: 1, bytes })
}
