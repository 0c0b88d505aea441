//! What a slot does again and again: each operation is one or more calls, one after the other.

mod fixed;
mod io;
mod listing;
mod names;

use std::sync::Arc;

use anyhow::{Result, bail};
use load::{Limited, Next, Operation};
use nfs_wire::nfs3::StableHow;

use crate::arguments::{Arguments, OperationKind};
use crate::prepare::Ground;
use crate::rpc::{Call, Reply};

pub(crate) use io::FileFill;
pub(crate) use names::{CreateNames, Names};

/// The operation of one slot of one connection.
pub(crate) fn operation(
    arguments: &Arguments,
    ground: &Arc<Ground>,
    (connection, slot): (usize, usize),
) -> Box<dyn Operation<Call, Reply>> {
    let plain = unlimited(arguments, ground, connection * arguments.pace.depth + slot);
    match &ground.left {
        Some(left) => Box::new(Limited::new(plain, left)),
        None => plain,
    }
}

fn unlimited(arguments: &Arguments, ground: &Arc<Ground>, number: usize) -> Box<dyn Operation<Call, Reply>> {
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
fn done(reply: &Reply, bytes: u64) -> Result<Next<Call>> {
    check(reply)?;
    Ok(Next::Done { operations: 1, bytes })
}

fn check(reply: &Reply) -> Result<()> {
    match reply.status() {
        0 => Ok(()),
        status => bail!("status {status}"),
    }
}
