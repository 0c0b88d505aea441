//! What a slot does again and again: each operation is one or more calls, one after the other.

mod fixed;
mod io;
mod limited;
mod listing;
mod names;
mod random;

use std::sync::Arc;

use anyhow::{Result, bail};
use nfs_wire::nfs3::StableHow;

use crate::arguments::{Arguments, OperationKind};
use crate::prepare::Ground;
use crate::rpc::{Call, Reply};

pub(crate) use io::FileFill;
pub(crate) use names::{CreateNames, Names};
pub(crate) use random::Random;

/// What a slot does.
pub(crate) trait Operation {
    /// The first call of the next operation; `None` when there is nothing more to do.
    fn begin(&mut self) -> Option<Call>;

    /// What comes after a reply.
    fn answered(&mut self, reply: &Reply) -> Result<Next>;

    /// Whether results begin with a status.
    fn has_status(&self) -> bool {
        true
    }
}

/// What comes after a reply.
pub(crate) enum Next {
    /// The next call of the same operation.
    Call(Call),
    /// It is done: so many operations, and bytes moved.
    Done { operations: u64, bytes: u64 },
}

/// The operation of one slot of one connection.
pub(crate) fn operation(
    arguments: &Arguments,
    ground: &Arc<Ground>,
    (connection, slot): (usize, usize),
) -> Box<dyn Operation> {
    let plain = unlimited(arguments, ground, connection * arguments.depth + slot);
    match &ground.left {
        Some(left) => Box::new(limited::Limited::new(plain, left)),
        None => plain,
    }
}

fn unlimited(arguments: &Arguments, ground: &Arc<Ground>, number: usize) -> Box<dyn Operation> {
    match arguments.operation {
        OperationKind::Null => Box::new(fixed::null()),
        OperationKind::Getattr => Box::new(fixed::getattr(ground)),
        OperationKind::Access => Box::new(fixed::access(ground)),
        OperationKind::Lookup => Box::new(fixed::Lookups::new(ground, number)),
        OperationKind::LookupAny => Box::new(fixed::LookupsAny::new(ground, number)),
        OperationKind::Read4k => Box::new(io::ReadRandom::new(ground, number)),
        OperationKind::Read1m => Box::new(io::ReadInOrder::new(ground)),
        OperationKind::Write1m => Box::new(io::WriteInOrder::new(ground)),
        OperationKind::Write4k => Box::new(io::WriteRandom::new(ground, number, StableHow::Unstable)),
        OperationKind::WriteEvery2nd => Box::new(io::WriteEvery2nd::new(ground)),
        OperationKind::Write4kSync => Box::new(io::WriteRandom::new(ground, number, StableHow::FileSync)),
        OperationKind::SmallFile => Box::new(names::SmallFiles::new(ground)),
        OperationKind::Create => Box::new(CreateNames::endless(ground)),
        OperationKind::Remove => Box::new(names::Removes::new(ground)),
        OperationKind::Rename => Box::new(names::Renames::new(ground, number)),
        OperationKind::Mkdir => Box::new(names::Mkdirs::new(ground)),
        OperationKind::Readdirplus => Box::new(listing::Listings::new(ground)),
    }
}

/// One operation is done, if the status is OK.
fn done(reply: &Reply, bytes: u64) -> Result<Next> {
    check(reply)?;
    Ok(Next::Done { operations: 1, bytes })
}

fn check(reply: &Reply) -> Result<()> {
    match reply.status() {
        0 => Ok(()),
        status => bail!("status {status}"),
    }
}
